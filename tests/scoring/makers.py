"""Valid snapshots, rows and models by default; a test names only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from service.domain.matters import Matter, MatterSnapshot, PlaceHistory, ReportFacts
from service.domain.words import Handling, Source
from service.scoring.features import NAMES
from service.scoring.scorer import ModelParts, Part, Scorer

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 6, 10, 12, tzinfo=CHINA)


def matter(**changes: Any) -> Matter:
    """A wage matter that opened ten days before NOON and has no report yet."""
    opened = NOON - timedelta(days=10)
    plain = Matter(
        id=UUID(int=1),
        area="990101001001",
        category="labour.wage_arrears",
        first_level="labour",
        title="欠薪",
        opened_at=opened,
        first_occurred_at=opened,
        last_occurred_at=opened,
    )
    return replace(plain, **changes)


def report(days_before_noon: float = 1.0, **changes: Any) -> ReportFacts:
    plain = ReportFacts(NOON - timedelta(days=days_before_noon), Source.GRID, Handling.FORWARDED, people_affected=12)
    return replace(plain, **changes)


def snapshot(**changes: Any) -> MatterSnapshot:
    """Three reports, the last one a day old, as known at NOON."""
    reported = matter()
    for days in (9.0, 4.0, 1.0):
        reported = reported.with_report(report(days))
    return replace(reported.snapshot(NOON, PlaceHistory(4, 12, 3, 30, 2)), **changes)


def scorer(**weights: float) -> Scorer:
    """A model with a weight of 0.3 for everything but the named features, 0.1 when missing, reference 0."""
    named = {name: straight(weights.get(name, 0.3)) for name in NAMES}
    return Scorer(ModelParts("test", 30, True, -2.0, named))


def straight(weight: float, **changes: Any) -> Part:
    """A part that rises evenly between -100 and 100."""
    return replace(Part((-100.0, 100.0), (-100 * weight, 100 * weight), 0.1, 0.0), **changes)
