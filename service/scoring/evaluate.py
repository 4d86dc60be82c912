"""How good a probability is: five measures with intervals, against honest rivals. numpy only.

Intervals resample matters, not snapshots: the snapshots of one matter are one piece of evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Marks = NDArray[np.bool_]

BINS = 10
RESAMPLES = 100  # the ends of a 90 % interval then rest on five draws each: enough for two digits
INTERVAL = (5.0, 95.0)
CHANCE_DRAWS = 400  # the 95 % quantile then rests on twenty draws


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure with its 90 % interval."""

    value: float
    low: float
    high: float


def auc(truth: Marks, probability: Numbers) -> float:
    """The chance that an escalating snapshot ranks above another; ties count half."""
    _, place, counts = np.unique(probability, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives = int(truth.sum())
    negatives = truth.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(truth: Marks, probability: Numbers) -> float:
    """Precision averaged over recall, equal probabilities taken together."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(probability[order])), truth.size - 1)
    recall = hits[last] / hits[-1] if hits[-1] else np.full(last.size, np.nan)
    return float(np.sum(np.diff(recall, prepend=0.0) * hits[last] / (last + 1)))


def brier(truth: Marks, probability: Numbers) -> float:
    """Mean squared error."""
    return float(np.mean((probability - truth) ** 2))


def log_loss(truth: Marks, probability: Numbers) -> float:
    """Mean surprise in nats; probabilities are kept 1e-12 off the ends."""
    kept = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(truth, np.log(kept), np.log1p(-kept))))


def calibration_error(truth: Marks, probability: Numbers) -> float:
    """ECE: over ten bins of equal size, the mean distance between what was said and what came."""
    bins = np.array_split(np.argsort(probability, kind="stable"), BINS)
    gaps = [len(bin_) * abs(probability[bin_].mean() - truth[bin_].mean()) for bin_ in bins if len(bin_)]
    return float(np.sum(gaps) / truth.size)


def calibration_error_equal_widths(truth: Marks, probability: Numbers) -> float:
    """ECE over ten bins of equal width, 0–0.1 … 0.9–1, as most published figures take it."""
    bins = _equal_widths(probability)
    return float(np.abs(np.bincount(bins, probability - truth, BINS)).sum() / truth.size)


def calibration_error_by_chance(probability: Numbers, seed: int, share: float = 0.95) -> float:
    """The quantile of the ECE of equal widths that these probabilities would show if every one of them were right."""
    bins, dice = _equal_widths(probability), np.random.default_rng(seed)
    drawn = [probability - (dice.random(probability.size) < probability) for _ in range(CHANCE_DRAWS)]
    errors = [np.abs(np.bincount(bins, off, BINS)).sum() / probability.size for off in drawn]
    return float(np.quantile(errors, share))


def _equal_widths(probability: Numbers) -> NDArray[np.intp]:
    return np.minimum((probability * BINS).astype(np.intp), BINS - 1)


def caught_in_top(truth: Marks, probability: Numbers, share: float = 0.05) -> float:
    """Recall when only the highest-scored `share` of snapshots can be looked at; ties share the room."""
    room = max(int(truth.size * share), 1)
    last_in = np.partition(probability, -room)[-room]
    above, tied = probability > last_in, probability == last_in
    caught = truth[above].sum() + truth[tied].mean() * (room - above.sum())
    return float(caught / truth.sum()) if truth.any() else float("nan")


MEASURES: Mapping[str, Callable[[Marks, Numbers], float]] = {
    "auc": auc,
    "average_precision": average_precision,
    "brier": brier,
    "log_loss": log_loss,
    "ece": calibration_error,
    "recall_top_5pct": caught_in_top,
}


def measure(truth: Marks, probability: Numbers, matters: list[str], seed: int) -> dict[str, Measured]:
    """All measures with 90 % intervals. Arrays of one length n; `matters` names each snapshot's matter."""
    draws = [
        {name: of(truth[rows], probability[rows]) for name, of in MEASURES.items()} for rows in resampled(matters, seed)
    ]
    return {
        name: Measured(of(truth, probability), *_ends([draw[name] for draw in draws])) for name, of in MEASURES.items()
    }


def resampled(matters: list[str], seed: int) -> list[NDArray[np.intp]]:
    """Rows of RESAMPLES bootstrap draws of whole matters."""
    _, belongs = np.unique(np.array(matters), return_inverse=True)
    rows = np.split(np.argsort(belongs, kind="stable"), np.cumsum(np.bincount(belongs))[:-1])
    dice = np.random.default_rng(seed)
    return [
        np.concatenate([rows[matter] for matter in dice.integers(0, len(rows), len(rows))]) for _ in range(RESAMPLES)
    ]


def _ends(values: list[float]) -> tuple[float, float]:
    """Draws without a single escalation have no AUC and are left out."""
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.percentile(known, INTERVAL)
    return float(low), float(high)
