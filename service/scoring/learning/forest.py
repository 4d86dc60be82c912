"""Boosted trees as plain arrays, evaluated with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.scoring.evaluate import Numbers

FEWEST_IN_LEAF = 40  # rows
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tree:
    """Node by node: `column` asked (-1: a leaf); up to `threshold` go left, missing where `missing_left`."""

    column: Places
    threshold: Numbers
    missing_left: NDArray[np.bool_]
    left: Places
    right: Places
    value: Numbers


@dataclass(frozen=True, slots=True)
class Forest:
    """Log-odds = constant + the sum of one leaf per tree / `bags`."""

    constant: float
    bags: int
    trees: tuple[Tree, ...]

    def log_odds(self, table: Numbers, first: int | None = None) -> Numbers:
        """[n] of the columns [n, p], NaN where missing; by the `first` trees alone when told so."""
        columns = np.asfortranarray(table)
        total = np.zeros(len(columns))
        for tree in self.trees[:first]:
            _add(tree, columns, total)
        odds: Numbers = self.constant + total / self.bags
        return odds


def joined(forests: Sequence[Forest]) -> Forest:
    """The mean, in log-odds, of forests of one bag each."""
    constant = float(np.mean([forest.constant for forest in forests]))
    return Forest(constant, len(forests), tuple(tree for forest in forests for tree in forest.trees))


def _add(tree: Tree, table: Numbers, total: Numbers) -> None:
    """The rows are parted node by node."""
    waiting = [(0, np.arange(len(table)))]
    while waiting:
        node, rows = waiting.pop()
        if tree.column[node] < 0:
            total[rows] += tree.value[node]
        elif len(rows):
            values = table[rows, tree.column[node]]
            left = (values <= tree.threshold[node]) | (np.isnan(values) & tree.missing_left[node])
            waiting += [(int(tree.left[node]), rows[left]), (int(tree.right[node]), rows[~left])]
