"""Working days of mainland China, with shifted ones; the calendar comes from the `holidays` library."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

OFFICE_CLOSES = time(18, 0)  # local; an office that answers by then has answered that day


@lru_cache(maxsize=16)
def _calendar(year: int) -> holidays.HolidayBase:
    """One year's calendar. A year not yet published by the State Council has only its fixed holidays."""
    return holidays.country_holidays("CN", years=[year])


def is_workday(day: date) -> bool:
    return bool(_calendar(day.year).is_working_day(day))


@lru_cache(maxsize=64)
def next_workday(day: date) -> date:
    """The first working day after `day`."""
    day += timedelta(days=1)
    while not is_workday(day):
        day += timedelta(days=1)
    return day


def end_of_next_workday(now: datetime, zone: ZoneInfo) -> datetime:
    """When offices close on the next working day."""
    return datetime.combine(next_workday(now.astimezone(zone).date()), OFFICE_CLOSES, zone)
