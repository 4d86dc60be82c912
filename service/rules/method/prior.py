"""A probability from what happened before, to stand beside the expert's own. It never takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from service.rules.method.cuts import MethodError

Z = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True, slots=True)
class Prior:
    """`escalated` of `count` similar matters; `share` None when there was none. `low`, `high`: Wilson, 95 %."""

    count: int
    escalated: int
    share: float | None
    low: float
    high: float


def prior(count: int, escalated: int) -> Prior:
    """Raises MethodError for impossible counts. Without any case the interval says everything is possible: 0 to 1."""
    if not 0 <= escalated <= count:
        raise MethodError("prior", f"件数不合：共 {count} 件，其中激化 {escalated} 件")
    if count == 0:
        return Prior(0, 0, None, 0.0, 1.0)
    share, square = escalated / count, Z * Z / count
    centre = (share + square / 2) / (1 + square)
    half = Z * sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return Prior(count, escalated, share, max(centre - half, 0.0), min(centre + half, 1.0))
