"""What the learner sees: cells of columns, when each event happened, and which group it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.scoring.evaluate import Numbers

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Events:
    """n events in any order: `columns` name → n cells of text, `times` [n] in days, `groups` n names or None."""

    columns: Mapping[str, Sequence[str]]
    times: Numbers
    groups: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller may say; there is nothing to tune per table.

    `monotone` column → +1 or -1, the direction in which the risk may move; `horizon` days a label looks ahead: so many
    days before a split no label is used; `seed` of the trees' dice.
    """

    monotone: Mapping[str, int] = field(default_factory=dict)
    horizon: float = 0.0
    seed: int = 0
