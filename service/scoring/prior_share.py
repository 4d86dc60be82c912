"""How much of a score is prior, in plain Python: no numerical library is imported to tell it.

The weights of a district are known with a precision: that of the prior plus that of its outcomes. The variance of a
score's log-odds falls apart accordingly, xᵀ H⁻¹ x = xᵀ H⁻¹ (prior + outcomes) H⁻¹ x, and the share of the prior is the
first part: 1 without outcomes, falling towards 0 as they come, and higher for a matter of a kind the district has not
seen. In directions that are independent in both, it is a mean of one share per direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.scoring.features import NAMES, Row
from service.scoring.prior import PriorLine


@dataclass(frozen=True, slots=True)
class PriorShare:
    """`shares` [k] of the prior in each direction (0-1); `directions` [2 · features + 1][k]: how far each column of
    `columns` reaches into it, in standard deviations of log-odds."""

    shares: Sequence[float]
    directions: Sequence[Sequence[float]]

    def of(self, row: Row, line: PriorLine) -> float:
        """The share of the prior in the score of a row, 0-1; `line` tells the usual values and steps."""
        reach = [0.0] * len(self.shares)
        for value, direction in zip(columns(row, line), self.directions, strict=True):
            if value:
                reach = [so_far + value * far for so_far, far in zip(reach, direction, strict=True)]
        whole = sum(far * far for far in reach)
        return sum(share * far * far for share, far in zip(self.shares, reach, strict=True)) / whole


def columns(row: Row, line: PriorLine) -> list[float]:
    """What the weights are multiplied with: steps from the usual value, marks of missing ones, and 1 for the constant.

    2 · len(NAMES) + 1 numbers, in the order of NAMES.
    """
    known = [(row[name], line.slopes[name]) for name in NAMES]
    steps = [0.0 if value is None else (value - slope.usual) / slope.step for value, slope in known]
    return [*steps, *(float(value is None) for value, _ in known), 1.0]


def share_text(share: float) -> str:
    """For people, in Chinese."""
    if share > 0.995:
        return "这个概率完全来自先验：本地还没有已知结果"
    return f"这个概率约 {share:.0%} 来自先验，其余来自本地已知结果"
