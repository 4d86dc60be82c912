"""Which numbers will mean later what they mean now: one that rises with time all along only tells the date."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.reading import Frame

CYCLES: Mapping[str, float] = {"time:month": 365.0, "time:weekday": 7.0, "time:hour": 1.0}  # days
FEWEST_CYCLES = 3  # before that a season and a trend cannot be told apart
TREND = 0.9  # rank correlation with time
WHY = "随时间一路升降，只能说明早晚"


def lasting(frame: Frame, times: Numbers, kept: Container[str]) -> tuple[str, ...]:
    """Names of the numbers to be used; those in `kept` in any case."""
    span = float(np.ptp(times))
    cyclic = {name for name, days in CYCLES.items() if span >= FEWEST_CYCLES * days}
    named = zip(frame.number_names, frame.numbers.T, strict=True)
    return tuple(
        name
        for name, values in named
        if name in kept or ((name not in CYCLES or name in cyclic) and abs(_with_time(values, times)) <= TREND)
    )


def _with_time(values: Numbers, times: Numbers) -> float:
    """Rank correlation of what is known; 0 where it has none."""
    known = ~np.isnan(values)
    ranks = np.array([_ranks(values[known]), _ranks(times[known])])
    spread = ranks.std(axis=1) if known.any() else np.zeros(2)
    return float(np.asarray(np.corrcoef(ranks))[0, 1]) if spread.all() else 0.0


def _ranks(values: Numbers) -> Numbers:
    """Ranks, equal values sharing theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Numbers = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks
