"""What the learner must beat: the base rate, a plain logistic regression, and the history of the group."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.events import Events
from service.scoring.learning.kinds import FEW_VALUES, Kind, kind_of
from service.scoring.learning.line import sigmoid
from service.scoring.learning.rates import coded, learned_rates, log_odds
from service.scoring.learning.reading import NUMBERS

Rival = Callable[[Events, Marks, Events], Numbers]
COMMON_ROWS = 20  # a value in fewer rows shares one column with the other rare ones


def base_rate(_: Events, labels: Marks, later: Events) -> Numbers:
    """The share of true labels, for everyone."""
    return np.full(len(later), labels.mean())


def history(before: Events, labels: Marks, later: Events) -> Numbers:
    """The group's share of true labels, drawn towards the base rate; the base rate without groups."""
    if before.groups is None or later.groups is None:
        return base_rate(before, labels, later)
    groups, codes = coded(before.groups)
    rates = dict(zip(groups, learned_rates(codes, labels, len(groups)).tolist(), strict=True))
    return sigmoid(log_odds(labels.mean()) + np.array([rates.get(group, 0.0) for group in later.groups]))


def logistic_regression(before: Events, labels: Marks, later: Events) -> Numbers:
    """scikit-learn's defaults: medians and marks for what is missing, standardised numbers, flags of common values."""
    numbers, words = plain_columns(before)
    tables = [plain_table(events, numbers, words) for events in (before, later)]
    impute = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    values = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=COMMON_ROWS)
    places = list(range(len(numbers))), list(range(len(numbers), len(numbers) + len(words)))
    steps = make_column_transformer((impute, places[0]), (values, places[1]))
    model = make_pipeline(steps, LogisticRegression(max_iter=5000)).fit(tables[0], labels)
    said: Numbers = model.predict_proba(tables[1])[:, 1]
    return said


def plain_columns(events: Events) -> tuple[list[tuple[str, Kind]], list[str]]:
    """Columns of numbers and dates, and columns of few words; other columns are beyond a default model."""
    kinds = {name: kind_of(cells).kind for name, cells in events.columns.items()}
    numbers: list[tuple[str, Kind]] = [(name, kind) for name, kind in kinds.items() if kind in (Kind.NUMBER, Kind.DATE)]
    wordy = [name for name, kind in kinds.items() if kind in (Kind.CATEGORY, Kind.TEXT, Kind.LIST)]
    return numbers, [name for name in wordy if len(set(events.columns[name])) <= FEW_VALUES]


def plain_table(events: Events, numbers: list[tuple[str, Kind]], words: list[str]) -> np.ndarray[tuple[int, int]]:
    """[n, numbers + words] of floats and text, as default models take it."""
    table = np.empty((len(events), len(numbers) + len(words)), dtype=object)
    for place, (name, kind) in enumerate(numbers):
        table[:, place] = NUMBERS[kind](events.columns[name], events.times)
    for place, name in enumerate(words):
        table[:, len(numbers) + place] = list(events.columns[name])
    return table


RIVALS: Mapping[str, Rival] = {
    "base_rate": base_rate,
    "logistic_regression": logistic_regression,
    "history": history,
}
