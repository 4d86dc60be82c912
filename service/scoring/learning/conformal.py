"""Split-conformal intervals: how far what came lay from what had been said, on rows judged before they were known.

A single case comes or does not, so an interval of its probability cannot be checked. What can: of CELL like cases (one
class of category, one stretch of time, neighbours in probability) the share that comes lies within the interval in
COVERAGE of all such cells, as long as the future resembles the newest past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.events import Rows
from service.scoring.learning.rates import coded

COVERAGE = 0.9
CELL = 50
FEWEST_CELLS = 10  # with fewer, the quantile of COVERAGE is beyond all that was seen
MOST_CLASSES = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with what was said and what came; `stretches` [n] numbers the stretch of time, `classes` n names."""

    said: Numbers
    came: Marks
    stretches: Rows
    classes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Conformal:
    """`column` tells the class; `widths` class → standard errors of a cell; others have `otherwise` (None: unknown)."""

    column: str | None
    widths: Mapping[str, float]
    otherwise: float | None

    def ends(self, said: Numbers, classes: Sequence[str]) -> tuple[Numbers, Numbers]:
        """[n] low and high; 0 and 1 where too little was judged to say."""
        if self.otherwise is None:
            return np.zeros(len(said)), np.ones(len(said))
        reach = np.array([self.widths.get(each, self.otherwise) for each in classes]) * _error(said)
        return np.clip(said - reach, 0, 1), np.clip(said + reach, 0, 1)


def conform(judged: Judged, column: str | None) -> Conformal:
    """Widths by class where the class has enough cells, and of all classes together."""
    found = cells(judged)
    scores = np.array([abs(judged.came[cell].mean() - mean) / _error(mean) for cell, mean in _means(judged, found)])
    names = [judged.classes[cell[0]] for cell in found]
    by_class = {name: _quantile(scores[[each == name for each in names]]) for name in sorted(set(names))}
    return Conformal(column, {name: width for name, width in by_class.items() if width}, _quantile(scores))


def covered(judged: Judged, low: Numbers, high: Numbers) -> float | None:
    """Share of cells whose share that came lies between the mean ends; None without a cell."""
    inside = [low[c].mean() <= judged.came[c].mean() <= high[c].mean() for c in cells(judged)]
    return float(np.mean(inside)) if inside else None


def cells(judged: Judged) -> list[Rows]:
    """Whole cells of like rows; what is left over at the end of a class and stretch is in none."""
    _, codes = coded(judged.classes)
    order = np.lexsort((judged.said, judged.stretches, codes))
    edges = np.flatnonzero(np.diff(codes[order]) | np.diff(judged.stretches[order])) + 1
    found = []
    for part in np.split(order, edges):
        whole = len(part) // CELL
        found += list(np.array_split(part, whole)) if whole else []
    return found


def class_column(flags: Mapping[str, Sequence[str]], came: Marks) -> str | None:
    """The column that says most about the label, of those with few and frequent values; None without one."""
    gains = {name: _information(cells_, came) for name, cells_ in flags.items() if _few_and_frequent(cells_)}
    return max(gains, key=lambda name: gains[name], default=None)


def _few_and_frequent(values: Sequence[str]) -> bool:
    _, codes = coded(values)
    counts = np.bincount(codes)
    return 1 < len(counts) <= MOST_CLASSES and int((counts >= CELL * FEWEST_CELLS).sum()) > 1


def _information(values: Sequence[str], came: Marks) -> float:
    """Variance of the label that the values explain."""
    _, codes = coded(values)
    counts, hits = np.bincount(codes), np.bincount(codes, came)
    return float((counts * (hits / counts - came.mean()) ** 2).sum())


def _means(judged: Judged, found: Sequence[Rows]) -> list[tuple[Rows, Numbers]]:
    return [(cell, judged.said[cell].mean()) for cell in found]


def _error(share: Numbers) -> Numbers:
    """Standard error of the share in a cell."""
    error: Numbers = np.sqrt(np.clip(share * (1 - share), 1e-4, None) / CELL)
    return error


def _quantile(scores: Numbers) -> float | None:
    place = ceil((len(scores) + 1) * COVERAGE)
    return float(np.sort(scores)[place - 1]) if FEWEST_CELLS <= len(scores) >= place else None
