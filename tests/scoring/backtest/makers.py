"""Played matters by default; a test names the one thing it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from service.domain.levels import Level
from service.scoring.backtest.known import Moment, PlayedMatter, Span
from service.scoring.labels import Ending, History, Told

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 16, tzinfo=UTC)  # midnight in Shanghai
SPAN = Span(START, START + 60 * DAY, START + 120 * DAY, ZoneInfo("Asia/Shanghai"), 30)
AREA = "990101001001"


def day(number: float) -> datetime:
    return START + number * DAY


def moment(number: float, level: Level = Level.BLUE, probability: float | None = 0.1, people: int = 20) -> Moment:
    """A judgement on a day; rules and model say what the judge says."""
    return Moment(day(number), level, level, level, probability, 0.0, people, False)


def told(number: float, *signals: str, people: int | None = 20) -> Told:
    return Told(day(number), day(number), frozenset(signals), people=people)


def matter(
    name: str, moments: Sequence[Moment], reports: Sequence[Told] = (), endings: Sequence[Ending] = ()
) -> PlayedMatter:
    """A wage matter; without reports it was told of once, at its first judgement, and nothing came of it."""
    reports = reports or [Told(moments[0].at, moments[0].at, people=20)]
    return PlayedMatter(
        name, AREA, "labour", "人社局", tuple(moments), History(AREA, tuple(reports), (), tuple(endings))
    )
