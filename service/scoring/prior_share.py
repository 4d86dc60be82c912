"""How much of a score is prior, in plain Python: no numerical library is imported to tell it.

The weights of a district are known with a precision: that of the prior plus that of its outcomes. The variance of a
score's log-odds falls apart accordingly, xᵀ H⁻¹ x = xᵀ H⁻¹ (prior + outcomes) H⁻¹ x, and the share of the prior is the
first part: 1 without outcomes, falling towards 0 as they come, and higher for a matter of a kind the district has not
seen. In directions that are independent in both, it is a mean of one share per direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from service.scoring.features import NAMES, Row


@dataclass(frozen=True, slots=True)
class PriorShare:
    """`shares` [k] of the prior in each direction (0-1); `directions` [2 · features + 1][k]: how far each column of
    `columns` reaches into it, in standard deviations of log-odds; `usual` and `steps` [features] those of the line."""

    shares: Sequence[float]
    directions: Sequence[Sequence[float]]
    usual: Sequence[float]
    steps: Sequence[float]

    def of(self, row: Row) -> float:
        """The share of the prior in the score of a row, 0-1."""
        reach = [0.0] * len(self.shares)
        for value, direction in zip(columns(row, self.usual, self.steps), self.directions, strict=True):
            if value:
                reach = [so_far + value * far for so_far, far in zip(reach, direction, strict=True)]
        whole = sum(far * far for far in reach)
        return sum(share * far * far for share, far in zip(self.shares, reach, strict=True)) / whole

    def plain(self) -> dict[str, Any]:
        """Lists of numbers for JSON, some 50 kB; `share_from` reads them."""
        return asdict(self)


def share_from(plain: Mapping[str, Any]) -> PriorShare:
    """What `plain` gave; KeyError when something is missing, ValueError when it belongs to other features."""
    told = PriorShare(plain["shares"], plain["directions"], plain["usual"], plain["steps"])
    if not len(told.directions) == 2 * len(told.usual) + 1 == 2 * len(told.steps) + 1 == 2 * len(NAMES) + 1:
        raise ValueError("shares of other features")
    return told


def columns(row: Row, usual: Sequence[float], steps: Sequence[float]) -> list[float]:
    """What the weights are multiplied with: steps from the usual value, marks of missing ones, and 1 for the constant.

    2 · len(NAMES) + 1 numbers, in the order of NAMES.
    """
    known = [(row[name], middle, step) for name, middle, step in zip(NAMES, usual, steps, strict=True)]
    moved = [0.0 if value is None else (value - middle) / step for value, middle, step in known]
    return [*moved, *(float(value is None) for value, _, _ in known), 1.0]


def share_text(share: float) -> str:
    """For people, in Chinese."""
    if share > 0.995:
        return "这个概率完全来自先验：本地还没有已知结果"
    return f"这个概率约 {share:.0%} 来自先验，其余来自本地已知结果"
