"""A logistic fit that is drawn towards stated weights, as far as the data do not say otherwise. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.scoring.evaluate import Marks, Numbers

MOST_STEPS = 60
HALVINGS = 20
SOLVED = 1e-9  # expected gain of a step in nats, below which the weights stand


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is minimised: evidence · Σ log loss + ½ (w - centre)ᵀ precision (w - centre), signs of weights kept.

    `table` [n, p] columns (one of ones where a constant is wanted), `labels` [n], `centre` [p], `precision` [p, p],
    `signs` [p] of +1, -1 or 0 for either. `evidence` in (0, 1]: what a row counts; rows of one matter say almost the
    same and count as one together.
    """

    table: Numbers
    labels: Marks
    evidence: float
    centre: Numbers
    precision: Numbers
    signs: Sequence[int]

    def loss(self, at: Numbers) -> float:
        odds, off = self.table @ at, at - self.centre
        data = float(np.sum(np.logaddexp(0.0, odds) - self.labels * odds))
        return self.evidence * data + 0.5 * float(off @ self.precision @ off)

    def gradient(self, at: Numbers) -> Numbers:
        off = (probability(self.table @ at) - self.labels) @ self.table
        told: Numbers = self.evidence * off + self.precision @ (at - self.centre)
        return told

    def information(self, at: Numbers) -> Numbers:
        """[p, p]: what the data alone say about the weights."""
        said = probability(self.table @ at)
        told: Numbers = self.evidence * (self.table * (said * (1 - said))[:, None]).T @ self.table
        return told


def fit_drawn(sought: Drawn) -> Numbers:
    """[p] weights of least loss: Newton's steps, in which a weight that would turn its sign stays at zero."""
    signs = np.asarray(sought.signs, dtype=float)
    at = np.where(sought.centre * signs < 0, 0.0, sought.centre)
    for _ in range(MOST_STEPS):
        gradient, curve = sought.gradient(at), sought.information(at) + sought.precision
        free = np.flatnonzero((at != 0) | (signs * gradient <= 0))
        step = np.zeros(len(at))
        step[free] = -np.linalg.solve(curve[np.ix_(free, free)], gradient[free])
        reached = _along(sought, at, step)
        if -(gradient @ step) < SOLVED or reached is None:
            break
        at = reached
    return at


def probability(odds: Numbers) -> Numbers:
    """Of log-odds, without overflow."""
    half: Numbers = 0.5 * (1.0 + np.tanh(0.5 * odds))
    return half


def _along(sought: Drawn, at: Numbers, step: Numbers) -> Numbers | None:
    """The longest of ever shorter steps that lowers the loss; None when none does."""
    signs, loss = np.asarray(sought.signs, dtype=float), sought.loss(at)
    for halving in range(HALVINGS):
        moved = at + 0.5**halving * step
        tried = np.where(moved * signs < 0, 0.0, moved)
        if sought.loss(tried) < loss:
            return tried
    return None
