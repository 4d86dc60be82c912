"""Slope and offset of log-odds, from the newest predictions that were made without their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.scoring.evaluate import Marks, Numbers, log_loss
from service.scoring.learning.line import sigmoid

PRIOR = 50.0  # precision of slope 1 and offset 0: blocks of time differ by about 0.14 in log-odds without lasting
STEPS = 12  # far more than two numbers near their prior need
TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of what the newest part says
LEAST_SLOPE, MOST_SLOPE = 0.2, 2.0  # never falling: a given direction of risk must survive


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibrated log-odds = slope · (odds - centre) + centre + offset."""

    slope: float = 1.0
    offset: float = 0.0
    centre: float = 0.0

    def log_odds(self, odds: Numbers) -> Numbers:
        """[n] calibrated."""
        told: Numbers = self.slope * (odds - self.centre) + self.centre + self.offset
        return told


def calibrate(odds: Numbers, labels: Marks) -> Calibration:
    """Least log loss on the rows given, slope and offset drawn towards 1 and 0 (Newton's steps)."""
    centre = float(odds.mean())
    columns = np.column_stack([odds - centre, np.ones(len(odds))])
    at = np.array([1.0, 0.0])
    for _ in range(STEPS):
        said = sigmoid(columns @ at + centre)
        gradient = (said - labels) @ columns + PRIOR * (at - [1.0, 0.0])
        curve = (columns * (said * (1 - said))[:, None]).T @ columns + PRIOR * np.eye(2)
        at = at - np.linalg.solve(curve, gradient)
    return Calibration(float(np.clip(at[0], LEAST_SLOPE, MOST_SLOPE)), float(at[1]), centre)


def calibrated(parts: Sequence[tuple[Numbers, Marks]]) -> Calibration:
    """Slope and offset of the newest part, as far as those of a part have held for the part after it.

    `parts` are log-odds and labels, oldest first. What drifts to and fro is not followed.
    """
    found = [calibrate(odds, labels) for odds, labels in parts]
    pairs = list(zip(found, parts[1:], strict=False))
    losses = {trust: sum(_loss(partly(was, trust), *after) for was, after in pairs) for trust in TRUSTS}
    trust = min(TRUSTS, key=lambda each: losses[each])
    return partly(found[-1], trust)


def partly(whole: Calibration, trust: float) -> Calibration:
    """A share of what it says: 0 is none, 1 all of it."""
    return Calibration(1 + trust * (whole.slope - 1), trust * whole.offset, whole.centre)


def _loss(calibration: Calibration, odds: Numbers, labels: Marks) -> float:
    return log_loss(labels, sigmoid(calibration.log_odds(odds))) * len(labels)
