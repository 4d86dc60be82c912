"""What forward-chaining chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chosen:
    """What won. `share` is the line's part of the blend; `losses` the log loss of each way, forward-chained."""

    way: str
    strength: float
    half_life: float | None
    trees: int
    share: float
    losses: Mapping[str, float]
