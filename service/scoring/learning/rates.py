"""How often the label was true for each value of a column, told to a row only from rows that were over before it.

In training the rows are cut into blocks of time, and a block learns the rates of the blocks before it, less the days
that a label looks ahead. So rates are as old in training as they are when the future is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.events import Rows

PRIOR_ROWS = 10.0  # a value's rate is drawn towards the base rate as if so many rows more had it
BLOCKS = 8
FEWEST_BEFORE = 50  # rows; with fewer behind it a block is told nothing

Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Blocks:
    """`of` [n] block of each row, `before[b]` the rows whose labels were known when block b began."""

    of: Codes
    before: tuple[Rows, ...]

    def __len__(self) -> int:
        return len(self.before)


def blocks_of(times: Numbers, horizon: float, number: int = BLOCKS) -> Blocks:
    """At most `number` blocks of about equal size; equal moments stay together."""
    edges = np.unique(np.quantile(times, np.linspace(0, 1, number + 1)[1:-1]))
    of = np.searchsorted(edges, times, side="right")
    present, of = np.unique(of, return_inverse=True)
    starts = [times[of == block].min() for block in range(len(present))]
    return Blocks(of, tuple(np.flatnonzero(times < start - horizon) for start in starts))


def log_odds(rate: float | Numbers) -> Numbers:
    """Log-odds; rates are kept 1e-4 off the ends."""
    kept = np.clip(rate, 1e-4, 1 - 1e-4)
    odds: Numbers = np.log(kept / (1 - kept))
    return odds


def learned_rates(codes: Codes, labels: Marks, size: int) -> Numbers:
    """[size]: for each value, log-odds of its smoothed rate less those of the base rate; 0 for what was not there."""
    if not len(labels):
        return np.zeros(size)
    base = labels.mean()
    excess = np.bincount(codes, labels - base, size) / (np.bincount(codes, minlength=size) + PRIOR_ROWS)
    return log_odds(base + excess) - log_odds(base)


def rates_before(codes: Codes, labels: Marks, blocks: Blocks) -> Numbers:
    """[n]: each row's value by what was known before its block."""
    told, size = np.zeros(len(codes)), int(codes.max()) + 1
    for block, known in enumerate(blocks.before):
        if len(known) >= FEWEST_BEFORE:
            rows = blocks.of == block
            told[rows] = learned_rates(codes[known], labels[known], size)[codes[rows]]
    return told


def coded(cells: Sequence[str]) -> tuple[list[str], Codes]:
    """The different cells in order of appearance, and the place of each row's cell among them."""
    places: dict[str, int] = {}
    codes = np.array([places.setdefault(cell, len(places)) for cell in cells], dtype=np.intp)
    return list(places), codes
