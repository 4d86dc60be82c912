"""What the model must beat on the same rows: the base rate, history alone, and two models out of the box."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from service.scoring.evaluate import Marks, Numbers
from service.scoring.features import NAMES

Predict = Callable[[Numbers], Numbers]  # rows [n, len(NAMES)], NaN where missing → probabilities [n]


def rivals_of(table: Numbers, labels: Marks) -> Mapping[str, Predict]:
    """Each rival taught from the same rows [n, len(NAMES)]."""
    return {
        "logistic_regression": logistic_regression(table, labels),
        "boosted_trees": boosted_trees(table, labels),
        "history_only": history_only(table, labels),
        "base_rate": base_rate(labels),
    }


def logistic_regression(table: Numbers, labels: Marks) -> Predict:
    """scikit-learn's defaults: medians and marks for what is missing, standardised columns."""
    imputed = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    model = make_pipeline(imputed, StandardScaler(), LogisticRegression(max_iter=5000)).fit(table, labels)
    return lambda rows: _said(model.predict_proba(rows))


def boosted_trees(table: Numbers, labels: Marks) -> Predict:
    """scikit-learn's histogram boosting with all its defaults."""
    model = HistGradientBoostingClassifier(random_state=0).fit(table, labels)
    return lambda rows: _said(model.predict_proba(rows))


def history_only(table: Numbers, labels: Marks) -> Predict:
    """The share of the place's matters that escalated, and nothing else."""
    column = [NAMES.index("history_escalated")]
    model = LogisticRegression(C=1e6).fit(table[:, column], labels)
    return lambda rows: _said(model.predict_proba(rows[:, column]))


def base_rate(labels: Marks) -> Predict:
    """The share that escalated, for everyone."""
    share = float(labels.mean())
    return lambda rows: np.full(len(rows), share)


def _said(both: Numbers) -> Numbers:
    said: Numbers = both[:, 1]
    return said
