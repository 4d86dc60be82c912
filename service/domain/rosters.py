"""Rosters (值班表): which post of a department is on duty when, and where nobody is. Pure.

A post is an office's title. Nothing here counts, ranks or compares who held it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo


class ShiftRole(StrEnum):
    """What a post is on duty as."""

    DUTY = "duty"  # 值班员
    SECOND = "second"  # 副班
    LEADER = "leader"  # 带班领导

    @property
    def zh(self) -> str:
        return {"duty": "值班员", "second": "副班", "leader": "带班领导"}[self]


@dataclass(frozen=True, slots=True)
class Shift:
    """From `starts_at` up to `ends_at`; `endpoint_ids` reach this post (none: all of its department)."""

    id: UUID
    department_id: UUID
    role: ShiftRole
    post: str
    starts_at: datetime
    ends_at: datetime
    endpoint_ids: tuple[UUID, ...] = ()

    def covers(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Cover:
    """A role that somebody must hold round the clock: every day, or on days off only."""

    role: ShiftRole
    only_days_off: bool
    source: str
    unverified: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody holds a role that must be held."""

    role: ShiftRole
    starts_at: datetime
    ends_at: datetime
    day_off: bool  # begins on a holiday or a day of rest


@dataclass(frozen=True, slots=True)
class Days:
    """The days that are looked at (the last included), in which zone, and which of them are worked."""

    first: date
    last: date
    zone: ZoneInfo
    is_workday: Callable[[date], bool]

    def __iter__(self) -> Iterator[date]:
        day = self.first
        while day <= self.last:
            yield day
            day += timedelta(days=1)


def week_of(name: str) -> tuple[date, date]:
    """Monday and Sunday of an ISO week such as 2026-W48. Raises ValueError for anything else."""
    year, found, week = name.partition("-W")
    if not found or len(year) != 4 or len(week) != 2:
        raise ValueError(f"not an ISO week: {name}")
    if not 1 < int(year) < date.max.year:  # a week or a zone further there is no day
        raise ValueError(f"not a year of ours: {name}")
    monday = date.fromisocalendar(int(year), int(week), 1)
    return monday, monday + timedelta(days=6)


def gaps(shifts: Sequence[Shift], cover: Iterable[Cover], days: Days) -> list[Gap]:
    """Every uncovered time of the days, by role and beginning; a gap over several days of one kind is one gap."""
    found = [gap for one in cover for gap in _gaps_of(one, [s for s in shifts if s.role is one.role], days)]
    return sorted(found, key=lambda gap: (gap.starts_at, gap.role))


def _gaps_of(cover: Cover, shifts: Sequence[Shift], days: Days) -> list[Gap]:
    found: list[Gap] = []
    for day in days:
        off = not days.is_workday(day)
        if cover.only_days_off and not off:
            continue
        for starts_at, ends_at in _uncovered(shifts, _midnight(day, days.zone), _midnight(day + _DAY, days.zone)):
            if found and (found[-1].ends_at, found[-1].day_off) == (starts_at, off):
                starts_at = found.pop().starts_at
            found.append(Gap(cover.role, starts_at, ends_at, off))
    return found


_DAY = timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _uncovered(shifts: Sequence[Shift], begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """What of [begin, end) no shift covers."""
    found = []
    for shift in sorted(shifts, key=lambda one: one.starts_at):
        if shift.ends_at <= begin or shift.starts_at >= end:
            continue
        if shift.starts_at > begin:
            found.append((begin, shift.starts_at.astimezone(begin.tzinfo)))
        begin = max(begin, shift.ends_at.astimezone(begin.tzinfo))
    return [*found, (begin, end)] if begin < end else found
