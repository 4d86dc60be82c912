"""The learner: events and labels in; probabilities with an interval, and what lies outside what was seen, out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.scoring.evaluate import Marks
from service.scoring.learning.calibration import Calibration, calibrated
from service.scoring.learning.chaining import Chain, Fold, Material, choose, folds_of
from service.scoring.learning.choice import Chosen
from service.scoring.learning.conformal import Conformal, Judged, class_column, conform
from service.scoring.learning.events import Events, Settings
from service.scoring.learning.forest import Forest, joined
from service.scoring.learning.kinds import Kind
from service.scoring.learning.lasting import WHY, lasting
from service.scoring.learning.learned import Learned, Model, tree_columns, tree_table
from service.scoring.learning.line import Line, sigmoid
from service.scoring.learning.novelty import seen_in
from service.scoring.learning.rates import Blocks, blocks_of, coded, learned_rates, log_odds, rates_before
from service.scoring.learning.reading import Column, Frame, plan, training_frame, values_of
from service.scoring.learning.shapes import Design, design_of
from service.scoring.learning.threads import each_alone
from service.scoring.learning.windows import past_of

BAGS = 3  # boosted sequences in the final forest
FEWEST_ROWS = 100  # with fewer nothing is chosen: the history of the groups, or the base rate, speaks


def fit(events: Events, labels: Marks, settings: Settings) -> Learned:
    """Choose by forward-chaining, fit on all rows, calibrate on the newest judged rows. Same input, same result.

    `labels` [n]. Raises ValueError when the labels are all alike: the caller says so in its own words. 10,000 events of
    80 columns take about half a minute of processor time.
    """
    if labels.all() or not labels.any():
        raise ValueError("labels of one class")
    columns, left_out = plan(events)
    blocks = blocks_of(events.times, settings.horizon)
    whole, rated = training_frame(columns, events, labels, blocks)
    used = lasting(whole, events.times, settings.monotone)
    frame = whole.only(used)
    design = design_of(frame, settings.monotone)
    material = _material(frame, design, (labels, events.times, blocks), settings)
    folds = folds_of(labels, blocks) if len(labels) >= FEWEST_ROWS else []
    chain = choose(material, folds, _history(events, labels, blocks)) if folds else _untried(events)
    parts = [(chain.odds[part], labels[chain.rows[part]]) for part in _parts(folds)]
    calibration = calibrated(parts) if parts else Calibration()
    line, forest = fitted_of(material, chain.chosen)
    model = Model(used, design, tree_columns(frame), line, forest, *_rates(events, labels))
    judged = _judged(events, labels, chain, calibration, rated)
    return Learned(
        columns=tuple(rated),
        left_out={name: why.why for name, why in left_out.items()} | _trending(columns, used),
        past=past_of(events.times, events.groups),
        model=model,
        calibration=calibration,
        chosen=chain.chosen,
        conformal=judged,
        seen=seen_in(rated, events),
        known_groups=frozenset(events.groups or ()),
    )


def _trending(columns: Sequence[Column], used: Sequence[str]) -> dict[str, str]:
    numbers = [column.name for column in columns if column.kind in (Kind.NUMBER, Kind.DATE)]
    return dict.fromkeys((name for name in numbers if name not in used), WHY)


def _material(frame: Frame, design: Design, told: tuple[Marks, np.ndarray, Blocks], settings: Settings) -> Material:
    labels, times, blocks = told
    used = tree_columns(frame)
    signs = [settings.monotone.get(name, 0) for name in used]
    table = tree_table(frame, used)
    return Material(design.table(frame), design.signs(), table, signs, labels, times, blocks, settings.seed)


def fitted_of(material: Material, chosen: Chosen) -> tuple[Line | None, Forest | None]:
    """Line and forest on all rows; only what speaks is fitted."""
    rows = np.arange(len(material.labels))
    if chosen.way not in ("line", "trees", "blend"):
        return None, None
    line = forest = None
    if chosen.share > 0:
        [line] = each_alone(lambda _: material.line(rows, chosen.strength, chosen.half_life), [0])
    if chosen.share < 1:
        grown = each_alone(lambda bag: material.forest(rows, chosen.half_life, chosen.trees, bag), range(BAGS), 1)
        forest = joined(grown)
    return line, forest


def _history(events: Events, labels: Marks, blocks: Blocks) -> np.ndarray:
    if events.groups is None:
        return np.zeros(len(events))
    return rates_before(coded(events.groups)[1], labels, blocks)


def _rates(events: Events, labels: Marks) -> tuple[float, dict[str, float]]:
    base = float(log_odds(labels.mean()))
    if events.groups is None:
        return base, {}
    groups, codes = coded(events.groups)
    return base, dict(zip(groups, learned_rates(codes, labels, len(groups)).tolist(), strict=True))


def _untried(events: Events) -> Chain:
    chosen = Chosen("history" if events.groups else "base", 0.0, None, 0, 0.0, {})
    return Chain(chosen, np.zeros(0, dtype=np.intp), np.zeros(0))


def _parts(folds: Sequence[Fold]) -> list[np.ndarray]:
    """The places of each fold's rows among all judged rows."""
    ends = np.cumsum([len(fold.judged) for fold in folds])
    return np.split(np.arange(ends[-1]), ends[:-1]) if folds else []


def _judged(
    events: Events, labels: Marks, chain: Chain, calibration: Calibration, columns: Sequence[Column]
) -> Conformal:
    """Intervals from the rows that were judged before they were known."""
    rows = chain.rows
    values = {c.name: _taken(values_of(c, events), rows) for c in columns if c.kind is Kind.CATEGORY}
    name = class_column(values, labels[rows]) if len(rows) else None
    classes = values[name] if name else [""] * len(rows)
    stretches = np.searchsorted(np.unique(events.times[rows]), events.times[rows]) * 4 // max(len(rows), 1)
    said = sigmoid(calibration.log_odds(chain.odds))
    return conform(Judged(said, labels[rows], stretches, classes), name)


def _taken(values: Sequence[str], rows: np.ndarray) -> list[str]:
    return [values[row] for row in rows]
