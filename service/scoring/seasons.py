"""Times of the year that matter, known years ahead: the wage season, long public holidays, the flood season.

China time. Outside the table of years the answer is None: not known is not "no".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))  # no summer time since 1991

# Source: the public `holidays` package (China), compared by a test.
SPRING_FESTIVALS = (
    *("2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13"),
    *("2030-02-03", "2031-01-23", "2032-02-11", "2033-01-31", "2034-02-19", "2035-02-08"),
)
WAGE_SEASON_DAYS = 30  # the product brief's "month before"; wage claims fall due before workers go home [unverified]
# Offices are closed: eve and the seven days of Spring Festival, 1–7 October. Source: 全国年节及纪念日放假办法 with the
# yearly notices of the State Council, which move the ends by a day or two [unverified beyond the published year].
SPRING_FESTIVAL_CLOSED = (-1, 7)  # days from the festival: from its eve to the end of its seventh day
NATIONAL_DAYS = ((10, 1), (10, 8))
BEFORE_HOLIDAY = timedelta(days=7)
# 汛期: the main flood season of northern and eastern rivers, 1 June to 30 September; the south floods from April on
# [unverified for any one county].
FLOOD_MONTHS = ((6, 1), (10, 1))


def _midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=CHINA).astimezone(UTC)


_FESTIVALS = [_midnight(*map(int, day.split("-"))) for day in SPRING_FESTIVALS]
_YEARS = range(int(SPRING_FESTIVALS[0][:4]), int(SPRING_FESTIVALS[-1][:4]) + 1)
_FIRST, _LAST = (_midnight(year, 1, 1).timestamp() for year in (_YEARS[0], _YEARS[-1] + 1))


def _yearly(ends: tuple[tuple[int, int], tuple[int, int]]) -> list[tuple[datetime, datetime]]:
    begin, end = ends
    return [(_midnight(year, *begin), _midnight(year, *end)) for year in _YEARS]


def _flat(spans: Iterable[tuple[datetime, datetime]]) -> list[float]:
    """begin, end, begin, end … in seconds since 1970: an odd place in this list lies inside a span."""
    return [instant.timestamp() for span in sorted(spans) for instant in span]


def _around_festivals(first: int, last: int) -> list[tuple[datetime, datetime]]:
    return [(day + timedelta(days=first), day + timedelta(days=last)) for day in _FESTIVALS]


_CLOSED = [*_around_festivals(*SPRING_FESTIVAL_CLOSED), *_yearly(NATIONAL_DAYS)]
_WAGES = _flat(_around_festivals(-WAGE_SEASON_DAYS, 0))
_HOLIDAYS = _flat(_CLOSED)
_NEAR_HOLIDAYS = _flat((begin - BEFORE_HOLIDAY, end) for begin, end in _CLOSED)
_FLOODS = _flat(_yearly(FLOOD_MONTHS))


def in_wage_season(at: datetime) -> bool | None:
    """Whether `at` lies in the 30 days before Spring Festival; None outside the table of festivals."""
    place = bisect_right(_WAGES, at.timestamp())
    return None if place in (0, len(_WAGES)) else place % 2 == 1


def in_long_holiday(at: datetime) -> bool | None:
    """Whether offices are closed for a week."""
    return _inside(_HOLIDAYS, at)


def near_long_holiday(at: datetime) -> bool | None:
    """Whether `at` lies in a long holiday or in the seven days before it."""
    return _inside(_NEAR_HOLIDAYS, at)


def in_flood_season(at: datetime) -> bool | None:
    """Whether `at` lies in June to September."""
    return _inside(_FLOODS, at)


def _inside(spans: Sequence[float], at: datetime) -> bool | None:
    moment = at.timestamp()  # comparing numbers costs a tenth of comparing moments with offsets
    return bisect_right(spans, moment) % 2 == 1 if _FIRST <= moment < _LAST else None


# Which of them stirs up which first-level categories: claims for wages, and land, homes and roads that water reaches.
SEASONS = {"wage": in_wage_season, "flood": in_flood_season}
SEASON_OF = {"labour": "wage", "land_resources": "flood", "urban_rural": "flood"}
