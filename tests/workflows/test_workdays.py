"""Working days: the State Council's notice for 2026 (国办发明电〔2025〕7号), with its shifted ones."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from service.workflows.workdays import end_of_next_workday, is_workday, next_workday

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("day", "next_one"),
    [
        (date(2026, 11, 18), date(2026, 11, 19)),  # a plain Wednesday
        (date(2026, 11, 20), date(2026, 11, 23)),  # over a weekend
        (date(2026, 9, 30), date(2026, 10, 8)),  # over the National Day week
        (date(2026, 10, 9), date(2026, 10, 10)),  # a Saturday that is worked
        (date(2026, 10, 10), date(2026, 10, 12)),
        (date(2026, 9, 18), date(2026, 9, 20)),  # a Sunday that is worked
        (date(2026, 2, 13), date(2026, 2, 14)),  # a Saturday worked before the Spring Festival
        (date(2026, 2, 14), date(2026, 2, 24)),
        (date(2025, 12, 31), date(2026, 1, 4)),  # New Year, then a Sunday that is worked
        (date(2026, 10, 3), date(2026, 10, 8)),  # from within a holiday
    ],
)
def test_the_next_working_day_follows_the_published_calendar(day: date, next_one: date) -> None:
    assert next_workday(day) == next_one


def test_a_shifted_weekend_is_worked_and_a_bridged_weekday_is_not() -> None:
    assert is_workday(date(2026, 10, 10))
    assert not is_workday(date(2026, 10, 7))
    assert not is_workday(date(2026, 10, 11))


def test_the_day_is_counted_where_the_office_is() -> None:
    late_thursday = datetime.fromisoformat("2026-11-19T17:00:00+00:00")  # already Friday in Shanghai

    assert end_of_next_workday(late_thursday, SHANGHAI) == datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI)
