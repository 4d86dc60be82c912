"""Whether how rules and model combine is better learned: learned on earlier outcomes, measured on later. numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from service.domain.levels import Level
from service.scoring.evaluate import Measured, measure
from service.scoring.pooling import Learned, Stated, log_odds_of
from service.scoring.stacking import Scored, enough, learned_both, learned_rules, pooled, three_ways

EARLIER = 0.6  # of the time outcomes span; the rest measures
SEED = 1


@dataclass(frozen=True, slots=True)
class Settled:
    """A forecast of which it is known what came: the model's probability, which had not seen the outcome."""

    at: datetime
    matter: str
    probability: float
    by_rules: Level | None
    came: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """`learned` from all outcomes. `measured` (rules, model, both, stated → measures) on `later` forecasts, by what was
    learned from `earlier` ones alone."""

    learned: Learned
    measured: Mapping[str, Mapping[str, Measured]]
    earlier: int
    later: int

    @property
    def is_better(self) -> bool:
        """Whether both, learned, foretold the later outcomes better than the model alone."""
        return self.measured["both"]["log_loss"].value < self.measured["model"]["log_loss"].value


def tried(rows: Sequence[Settled], ahead: timedelta, stated: Stated) -> Trial | None:
    """None while outcomes do not suffice. `ahead`: how long a forecast takes to settle; none is learned from whose
    outcome was not known when the later part begins."""
    if not rows:
        return None
    cut = rows[0].at + EARLIER * (rows[-1].at - rows[0].at)
    before = scored([row for row in rows if row.at + ahead <= cut])
    after = scored([row for row in rows if row.at >= cut])
    if not enough(before, stated) or not after.escalated.any() or after.escalated.all():
        return None
    measured = dict(three_ways(after, learned_both(before, stated), learned_rules(before, stated), SEED))
    measured["stated"] = measure(after.escalated, pooled(after, stated.both), list(after.matters), SEED)
    whole = scored(rows)
    learned = Learned(f"{rows[-1].at:%Y-%m-%d}/{len(rows)}", learned_both(whole, stated), learned_rules(whole, stated))
    return Trial(learned, measured, len(before.matters), len(after.matters))


def scored(rows: Sequence[Settled]) -> Scored:
    """As `stacking` takes them."""
    return Scored(
        np.array([log_odds_of(row.probability) for row in rows], dtype=float),
        [row.by_rules for row in rows],
        np.array([row.came for row in rows], dtype=bool),
        [row.matter for row in rows],
    )
