"""The learner on rows of numbers alone: nothing is read from cells and no clock of its own is told, so that what was
learned depends on the row and on nothing else and can be served wherever the row can be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.calibration import TRUSTS, Calibration, calibrate, partly
from service.scoring.learning.chaining import (
    BEYOND_CHANCE,
    Chain,
    Fold,
    Material,
    choose,
    first_as_good,
    folds_of,
    surprise,
)
from service.scoring.learning.choice import Chosen
from service.scoring.learning.conformal import Conformal, Judged, conform
from service.scoring.learning.events import Rows, Settings
from service.scoring.learning.forest import Forest
from service.scoring.learning.learned import Predicted
from service.scoring.learning.learner import fitted_of
from service.scoring.learning.line import Line, sigmoid
from service.scoring.learning.novelty import MARGIN
from service.scoring.learning.rates import blocks_of, coded, learned_rates, log_odds, rates_before
from service.scoring.learning.reading import Frame
from service.scoring.learning.shapes import Design, design_of

STRENGTHS = (0.05, 0.01, 0.003, 0.001, 0.2, 1.0)  # C of the line, the first kept unless another is surely better
STIFFNESS = 7.0  # of the bends: a straight line first, bent only where many rows ask for it
WAYS = ("base", "history", "line", "trees", "blend")
STRETCHES = 4  # of the judged rows' time, in which like cases are gathered for the interval


@dataclass(frozen=True, slots=True)
class NumberRows:
    """n rows: `table` [n, p] with NaN where missing, `times` [n] in days, `kinds` n classes that intervals are told
    by, `cases` n names of what each row is one look at: rows of one case are one piece of evidence."""

    table: Numbers
    times: Numbers
    kinds: Sequence[str]
    cases: Sequence[str]

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Numbered:
    """What was learned. `history` kind → log-odds over `base`; `ranges` [p, 2] and `gaps` [p] what was seen."""

    names: tuple[str, ...]
    design: Design
    line: Line | None
    forest: Forest | None
    base: float
    history: dict[str, float]
    calibration: Calibration
    chosen: Chosen
    conformal: Conformal
    ranges: Numbers
    gaps: Marks

    def log_odds(self, rows: NumberRows) -> Numbers:
        """[n] calibrated."""
        if self.line is None and self.forest is None:
            known = self.history if self.chosen.way == "history" else {}
            return self.calibration.log_odds(self.base + np.array([known.get(kind, 0.0) for kind in rows.kinds]))
        told = np.zeros(len(rows))
        if self.line:
            told += self.chosen.share * self.line.log_odds(self.design.table(frame_of(self.names, rows.table)))
        if self.forest:
            told += (1 - self.chosen.share) * self.forest.log_odds(rows.table)
        return self.calibration.log_odds(told)

    def predict(self, rows: NumberRows) -> Predicted:
        """Probabilities and ends; `outside` names the columns that lie outside what was seen."""
        said = sigmoid(self.log_odds(rows))
        low, high = self.conformal.ends(said, rows.kinds)
        return Predicted(said, low, high, rows.kinds, self._outside(rows))

    def _outside(self, rows: NumberRows) -> list[tuple[str, ...]]:
        reach = MARGIN * (self.ranges[:, 1] - self.ranges[:, 0])
        beyond = (rows.table < self.ranges[:, 0] - reach) | (rows.table > self.ranges[:, 1] + reach)
        beyond |= np.isnan(rows.table) & ~self.gaps
        return [tuple(name for name, out in zip(self.names, row, strict=True) if out) for row in beyond]


def fit_numbers(
    rows: NumberRows, labels: Marks, names: Sequence[str], settings: Settings, among: Sequence[str] = WAYS
) -> Numbered:
    """Choose by forward-chaining, fit on all rows, calibrate on the newest judged rows. Same input, same result.

    Of the ways in `among` the one of least loss is kept.
    Raises ValueError when the labels are all alike or no block of time can be judged.
    """
    frame = frame_of(names, rows.table)
    design = design_of(frame, settings.monotone, may_log=False, stiffness=STIFFNESS)
    blocks = blocks_of(rows.times, settings.horizon)
    signs = [settings.monotone.get(name, 0) for name in names]
    groups, codes = coded(rows.kinds)
    _, cases = coded(rows.cases)
    table, times = design.table(frame), rows.times
    told = (table, design.signs(), rows.table, signs, labels, times, blocks, settings.seed, STRENGTHS, cases)
    material, folds = Material(*told), folds_of(labels, blocks)
    if not folds:
        raise ValueError("too few labels to judge on")
    chain = choose(material, folds, rates_before(codes, labels, blocks))
    chain = _best_of(chain, among)
    calibration = _calibration(chain, labels, cases, folds)
    line, forest = fitted_of(material, chain.chosen)
    rates = learned_rates(codes, labels, len(groups)).tolist()
    return Numbered(
        tuple(names),
        design,
        line,
        forest,
        float(log_odds(labels.mean())),
        dict(zip(groups, rates, strict=True)),
        calibration,
        chain.chosen,
        _interval(rows, labels, chain, calibration),
        np.column_stack([np.nanmin(rows.table, axis=0), np.nanmax(rows.table, axis=0)]),
        np.asarray(np.isnan(rows.table).any(axis=0)),
    )


def frame_of(names: Sequence[str], table: Numbers) -> Frame:
    """The rows as the shapes read them: numbers and no flags."""
    return Frame(table, tuple(names), np.zeros((len(table), 0), np.uint8), ())


def _best_of(chain: Chain, among: Sequence[str]) -> Chain:
    """The chain of the best of the ways in `among`."""
    way = min(among, key=lambda each: chain.chosen.losses[each])
    share = {"line": 1.0, "trees": 0.0}.get(way, chain.chosen.share)
    return replace(chain, chosen=replace(chain.chosen, way=way, share=share), odds=chain.ways[way])


def _calibration(chain: Chain, labels: Marks, cases: Rows, folds: Sequence[Fold]) -> Calibration:
    """That of the newest part, as far as those of earlier parts have held for the part after them, and none unless
    they held by more than chance: parts differ by a little without lasting."""
    ends = np.cumsum([len(fold.judged) for fold in folds])
    parts = [np.arange(end - len(fold.judged), end) for end, fold in zip(ends, folds, strict=True)]
    found = [calibrate(chain.odds[part], labels[chain.rows[part]]) for part in parts]
    if len(parts) < 2:
        return Calibration()
    after = np.concatenate(parts[1:])
    losses = {
        trust: surprise(_followed(found, chain.odds, parts, trust), labels[chain.rows[after]]) for trust in TRUSTS
    }
    return partly(found[-1], first_as_good(losses, cases[chain.rows[after]], BEYOND_CHANCE))


def _followed(found: Sequence[Calibration], odds: Numbers, parts: Sequence[Rows], trust: float) -> Numbers:
    """Log-odds of all parts but the first, each calibrated by the part before it."""
    told = [partly(was, trust).log_odds(odds[part]) for was, part in zip(found, parts[1:], strict=False)]
    return np.concatenate(told)


def _interval(rows: NumberRows, labels: Marks, chain: Chain, calibration: Calibration) -> Conformal:
    """From the rows that were judged before they were known."""
    ranks = np.argsort(np.argsort(rows.times[chain.rows], kind="stable"), kind="stable")
    said = sigmoid(calibration.log_odds(chain.odds))
    kinds = [rows.kinds[row] for row in chain.rows]
    return conform(Judged(said, labels[chain.rows], ranks * STRETCHES // len(ranks), kinds), "kind")
