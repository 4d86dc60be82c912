"""Growing boosted trees, in scikit-learn, into plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.forest import FEWEST_IN_LEAF, Forest, Tree

BEYOND_ALL = 1e305  # in place of infinity, which JSON does not know; no cell reads as a number so large
GROWTH: Mapping[str, float] = {
    "learning_rate": 0.05,
    "max_leaf_nodes": 6,
    "min_samples_leaf": FEWEST_IN_LEAF,
    "l2_regularization": 20.0,
    "max_features": 0.3,  # of the columns, drawn anew at each split
}


@dataclass(frozen=True, slots=True)
class Growing:
    """What a forest grows by: how many trees, the dice, and `signs` [p] of the columns."""

    trees: int
    seed: int
    signs: Sequence[int]


def grow(table: Numbers, labels: Marks, row_weights: Numbers, growing: Growing) -> Forest:
    """One boosted sequence of trees."""
    return forest_of(boosted(growing).fit(table, labels, row_weights))


def forest_of(grown: Any) -> Forest:
    """The arrays of a fitted HistGradientBoostingClassifier of two classes."""
    trees = tuple(_tree(stage[0].nodes) for stage in grown._predictors)
    return Forest(float(grown._baseline_prediction.item()), 1, trees)


def boosted(growing: Growing) -> HistGradientBoostingClassifier:
    """What grows the trees, not yet fitted."""
    return HistGradientBoostingClassifier(
        **GROWTH,
        max_iter=growing.trees,
        early_stopping=False,
        monotonic_cst=list(growing.signs) if any(growing.signs) else None,
        random_state=growing.seed,
    )


def _tree(nodes: NDArray[Any]) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        np.where(leaf, -1, nodes["feature_idx"]).astype(np.int64),
        np.minimum(nodes["num_threshold"].astype(float), BEYOND_ALL),
        nodes["missing_go_to_left"].astype(bool),
        nodes["left"].astype(np.int64),
        nodes["right"].astype(np.int64),
        nodes["value"].astype(float),
    )
