"""Forward-chaining: every choice is made by log loss on blocks of time that lie after what was learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from service.scoring.evaluate import Marks, Numbers, log_loss
from service.scoring.learning.choice import Chosen
from service.scoring.learning.events import Rows
from service.scoring.learning.forest import Forest
from service.scoring.learning.line import Line, Sought, fit_line, sigmoid
from service.scoring.learning.rates import Blocks, log_odds
from service.scoring.learning.threads import each_alone
from service.scoring.learning.trees import Growing, grow

STRENGTHS = (0.0001, 0.0003, 0.001, 0.003, 0.01)  # C of the line
HALF_LIVES = (None, 0.5, 0.2)  # of a row's weight, in spans of the training rows
TREES = (100, 200)
SHARES = (0.5, 0.75, 0.25, 1.0, 0.0)  # of the line in the blend; halves are the simplest
SIMPLER_WITHIN = 0.0005  # nats; the simpler choice is kept unless another wins by more
BEYOND_CHANCE = 2.0  # standard errors by which another strength, half-life or calibration must win where cases are told
Choice = TypeVar("Choice")
FEWEST_OF_EACH = 10  # true and false labels a fold must learn from


@dataclass(frozen=True, slots=True)
class Material:
    """What the learner fits on: the columns of the line and of the trees, labels, times, signs, and blocks of time."""

    line_table: Numbers
    line_signs: Sequence[int]
    tree_table: Numbers
    tree_signs: Sequence[int]
    labels: Marks
    times: Numbers
    blocks: Blocks
    seed: int
    strengths: Sequence[float] = STRENGTHS  # where cases are told, the first is kept unless another is surely better
    cases: Rows | None = None  # [n] rows of one case are one piece of evidence; None: each is its own

    def row_weights(self, rows: Rows, half_life: float | None) -> Numbers:
        """Weights by age that sum to the number of rows."""
        if half_life is None:
            return np.ones(len(rows))
        span = max(float(np.ptp(self.times)), 1e-9)
        weights = 0.5 ** ((self.times[rows].max() - self.times[rows]) / (half_life * span))
        kept: Numbers = weights * (len(rows) / weights.sum())
        return kept

    def line(self, rows: Rows, strength: float, half_life: float | None, start: Line | None = None) -> Line:
        weights = self.row_weights(rows, half_life)
        sought = Sought(self.line_table[rows], self.labels[rows], weights, strength, self.line_signs)
        return fit_line(sought, start)

    def forest(self, rows: Rows, half_life: float | None, trees: int, bag: int = 0) -> Forest:
        growing = Growing(trees, 1000 * self.seed + bag, self.tree_signs)
        return grow(self.tree_table[rows], self.labels[rows], self.row_weights(rows, half_life), growing)


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows learned from, and later rows judged on."""

    learned: Rows
    judged: Rows


@dataclass(frozen=True, slots=True)
class Chain:
    """What was chosen, the chosen way's log-odds of the rows judged on, in order of time, and those of every way."""

    chosen: Chosen
    rows: Rows
    odds: Numbers
    ways: Mapping[str, Numbers] = field(default_factory=dict)


def folds_of(labels: Marks, blocks: Blocks) -> list[Fold]:
    """The later half of the blocks, each judged after learning from all before; none where too little is known."""
    folds = []
    for block in range(len(blocks) // 2, len(blocks)):
        known = blocks.before[block]
        if min(labels[known].sum(), (~labels[known]).sum()) >= FEWEST_OF_EACH:
            folds.append(Fold(known, np.flatnonzero(blocks.of == block)))
    return folds


def choose(material: Material, folds: Sequence[Fold], history: Numbers) -> Chain:
    """Line, trees, their blend, history or base rate. `history` [n] is each row's rate before its block, in log-odds
    over the base rate."""
    rows = np.concatenate([fold.judged for fold in folds])
    truth = material.labels[rows]
    line, strength, half_life = _best_line(material, folds, truth)
    forest, trees = _best_forest(material, folds, half_life, truth)
    base = np.concatenate([np.full(len(f.judged), log_odds(material.labels[f.learned].mean())) for f in folds])
    blends = {share: share * line + (1 - share) * forest for share in SHARES}
    share = _simplest(blends, truth)
    ways = {"base": base, "history": base + history[rows], "line": line, "trees": forest, "blend": blends[share]}
    losses = {way: _loss(truth, odds) for way, odds in ways.items()}
    spoken = {1.0: "line", 0.0: "trees"}.get(share, "blend")
    way = min(("base", "history", spoken), key=lambda each: losses[each])
    return Chain(Chosen(way, strength, half_life, trees, share, losses), rows, ways[way], ways)


def _best_line(material: Material, folds: Sequence[Fold], truth: Marks) -> tuple[Numbers, float, float | None]:
    paths = each_alone(lambda fold: _path(material, fold), folds)
    by_strength = {each: _judged(material, folds, [path[each] for path in paths]) for each in material.strengths}
    cases = _cases(material, folds)
    least = min(material.strengths, key=lambda each: _loss(truth, by_strength[each]))
    strength = least if cases is None else _simplest(by_strength, truth, cases)
    starts = [path[strength] for path in paths]
    by_life: dict[float | None, Numbers] = {None: by_strength[strength]}
    for life in HALF_LIVES[1:]:
        again = partial(_again, material, strength, life)
        lines = each_alone(again, zip(folds, starts, strict=True))
        by_life[life] = _judged(material, folds, lines)
    half_life = _simplest(by_life, truth, cases)
    return by_life[half_life], strength, half_life


def _path(material: Material, fold: Fold) -> dict[float, Line]:
    """The line by strength; each fit starts from the one before."""
    lines: dict[float, Line] = {}
    for before, strength in zip((None, *material.strengths), material.strengths, strict=False):
        start = lines[before] if before else None
        lines[strength] = material.line(fold.learned, strength, None, start)
    return lines


def _again(material: Material, strength: float, half_life: float | None, begun: tuple[Fold, Line]) -> Line:
    fold, start = begun
    return material.line(fold.learned, strength, half_life, start)


def _judged(material: Material, folds: Sequence[Fold], lines: Sequence[Line]) -> Numbers:
    """Log-odds of the rows that the folds judge on."""
    told = [line.log_odds(material.line_table[fold.judged]) for fold, line in zip(folds, lines, strict=True)]
    return np.concatenate(told)


def _best_forest(
    material: Material, folds: Sequence[Fold], half_life: float | None, truth: Marks
) -> tuple[Numbers, int]:
    forests = each_alone(lambda fold: material.forest(fold.learned, half_life, max(TREES)), folds, 1)
    grown = list(zip(folds, forests, strict=True))
    by_trees = {
        trees: np.concatenate([forest.log_odds(material.tree_table[fold.judged], trees) for fold, forest in grown])
        for trees in TREES
    }
    trees = _simplest(by_trees, truth)
    return by_trees[trees], trees


def first_as_good(losses: Mapping[Choice, Numbers], cases: Rows, errors: float = 1.0) -> Choice:
    """The first choice whose loss lies within so many standard errors of the best. `losses` [n] row by row, `cases`
    [n]: rows of one case are one piece of evidence."""
    best = min(losses, key=lambda choice: float(losses[choice].mean()))
    apart = {choice: loss - losses[best] for choice, loss in losses.items()}
    return next(choice for choice, off in apart.items() if off.mean() <= errors * _standard_error(off, cases))


def surprise(odds: Numbers, truth: Marks) -> Numbers:
    """[n] log loss row by row."""
    told: Numbers = np.logaddexp(0.0, odds) - truth * odds
    return told


def _standard_error(values: Numbers, cases: Rows) -> float:
    """Of the mean of `values`, rows of one case taken together."""
    sums = np.bincount(cases, values - values.mean())
    return float(np.sqrt((sums**2).sum()) / len(values))


def _cases(material: Material, folds: Sequence[Fold]) -> Rows | None:
    """The cases of the rows that the folds judge on."""
    return None if material.cases is None else np.concatenate([material.cases[fold.judged] for fold in folds])


def _simplest(told: dict[Choice, Numbers], truth: Marks, cases: Rows | None = None) -> Choice:
    """The first choice that is as good as the best."""
    if cases is not None:
        return first_as_good({choice: surprise(odds, truth) for choice, odds in told.items()}, cases, BEYOND_CHANCE)
    losses = {choice: _loss(truth, odds) for choice, odds in told.items()}
    return next(choice for choice, loss in losses.items() if loss <= min(losses.values()) + SIMPLER_WITHIN)


def _loss(truth: Marks, odds: Numbers) -> float:
    return log_loss(truth, sigmoid(odds))
