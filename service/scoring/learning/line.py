"""Logistic regression with a ridge, weights by row, and weights whose sign is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.scoring.evaluate import Marks, Numbers

MOST_STEPS = 30
SOLVED = 3e-7  # expected gain of a step, per row in nats, below which the line stands
CONSTANT_RIDGE = 1e-9  # the constant is free, and the equations stay solvable


@dataclass(frozen=True, slots=True)
class Line:
    """Log-odds = constant + columns @ weights."""

    weights: Numbers
    constant: float

    def log_odds(self, table: Numbers) -> Numbers:
        """[n] of the columns [n, p]."""
        odds: Numbers = table @ self.weights + self.constant
        return odds


@dataclass(frozen=True, slots=True)
class Sought:
    """Weighted log loss plus |weights|² / (2 · strength), constant last; `signs` +1, -1 or 0 bound the weights."""

    table: Numbers
    labels: Marks
    row_weights: Numbers
    strength: float
    signs: Sequence[int]

    def ridge(self) -> Numbers:
        return np.append(np.full(self.table.shape[1], 1.0 / self.strength), CONSTANT_RIDGE)

    def odds(self, at: Numbers) -> Numbers:
        return Line(at[:-1], float(at[-1])).log_odds(self.table)

    def loss(self, at: Numbers) -> float:
        odds = self.odds(at)
        return float(self.row_weights @ (np.logaddexp(0.0, odds) - self.labels * odds) + 0.5 * (self.ridge() @ at**2))

    def within(self, at: Numbers) -> Numbers:
        """The nearest weights of the right signs."""
        signs = np.append(np.asarray(self.signs, dtype=float), 0.0)
        return np.where(at * signs < 0, 0.0, at)

    def slopes(self, at: Numbers) -> tuple[Numbers, Numbers]:
        """Gradient [p + 1] and curvature [p + 1, p + 1]."""
        said = sigmoid(self.odds(at))
        off, bend = self.row_weights * (said - self.labels), self.row_weights * said * (1 - said)
        cross = bend @ self.table
        rough = (self.table * np.sqrt(bend)[:, None]).astype(np.float32)  # a step may be rough, what it leads to is not
        inner = (rough.T @ rough).astype(float)
        curve = np.block([[inner, cross[:, None]], [cross[None, :], np.array([[bend.sum()]])]])
        return np.append(off @ self.table, off.sum()) + self.ridge() * at, curve + np.diag(self.ridge())


def fit_line(sought: Sought, start: Line | None = None) -> Line:
    """The line of least loss: Newton's steps, in which a weight that would turn its sign stays at zero."""
    at = np.append(start.weights, start.constant) if start else np.zeros(sought.table.shape[1] + 1)
    signs = np.append(np.asarray(sought.signs, dtype=float), 0.0)
    loss = sought.loss(at)
    for _ in range(MOST_STEPS):
        gradient, curve = sought.slopes(at)
        free = np.flatnonzero((at != 0) | (signs * gradient <= 0))
        step = np.zeros(len(at))
        step[free] = -np.linalg.solve(curve[np.ix_(free, free)], gradient[free])
        if -(gradient @ step) < SOLVED * len(sought.labels):
            break
        at, loss = _along(sought, at, step, loss)
    return Line(at[:-1], float(at[-1]))


def sigmoid(odds: Numbers) -> Numbers:
    """Probability of log-odds, without overflow."""
    half: Numbers = 0.5 * (1.0 + np.tanh(0.5 * odds))
    return half


def _along(sought: Sought, at: Numbers, step: Numbers, loss: float) -> tuple[Numbers, float]:
    """The longest of ever shorter steps that lowers the loss."""
    for halving in range(12):
        tried = sought.within(at + 0.5**halving * step)
        reached = sought.loss(tried)
        if reached <= loss:
            return tried, reached
    return at, loss
