"""Times in which a route speaks or is quiet, by local days and minutes. Pure; who asks brings the calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

DAY = 24 * 60  # minutes
EVERY_DAY = frozenset(range(1, 8))
FARTHEST = 31  # days ahead in which the next free moment is looked for; after that it is looked for again


@dataclass(frozen=True, slots=True)
class Times:
    """Hours of certain days. `hours` are minutes from midnight; an end at or before its beginning is on the next day.

    `workday` None: any day; else only working days, or only days off, by the calendar with holidays.
    """

    name: str
    hours: tuple[tuple[int, int], ...] = ((0, DAY),)
    weekdays: frozenset[int] = EVERY_DAY  # 1 Monday … 7 Sunday
    workday: bool | None = None
    first: date | None = None
    last: date | None = None
    is_workday: Callable[[date], bool] = field(default=lambda day: day.isoweekday() < 6, compare=False, repr=False)

    def covers(self, local: datetime) -> bool:
        """Whether a local moment lies in them; hours past midnight belong to the day on which they began."""
        minute, today = local.hour * 60 + local.minute, local.date()
        return self._on(today, minute) or self._on(today - timedelta(days=1), minute + DAY)

    def _on(self, day: date, minute: int) -> bool:
        if not any(begin <= minute < (end if end > begin else end + DAY) for begin, end in self.hours):
            return False
        if (
            (self.first and day < self.first)
            or (self.last and day > self.last)
            or day.isoweekday() not in self.weekdays
        ):
            return False
        return self.workday is None or self.is_workday(day) is self.workday


def is_free(active: Sequence[Times], muted: Iterable[Times], local: datetime) -> bool:
    """Whether a route speaks at a local moment: within one of its active times, if it has any, and in no muted one."""
    speaks = not active or any(times.covers(local) for times in active)
    return speaks and not any(times.covers(local) for times in muted)


def free_from(active: Sequence[Times], muted: Sequence[Times], local: datetime) -> datetime:
    """The first moment from `local` on at which a route speaks; none within a month: a month on, to look again."""
    if is_free(active, muted, local):
        return local
    minutes = sorted({0} | {end % DAY for times in (*active, *muted) for span in times.hours for end in span})
    for ahead in range(FARTHEST):
        midnight = datetime.combine(local.date() + timedelta(days=ahead), time(), local.tzinfo)
        for minute in minutes:
            moment = midnight + timedelta(minutes=minute)
            if moment > local and is_free(active, muted, moment):
                return moment
    return local + timedelta(days=FARTHEST)
