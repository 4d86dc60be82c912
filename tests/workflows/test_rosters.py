"""Rosters: where nobody is on duty, also on days off, and what a post may be called."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from service.domain.rosters import Cover, Days, Gap, Shift, ShiftRole, gaps, week_of
from service.rules.escalation import load_escalation
from service.store.engine import new_id
from service.workflows.workdays import is_workday

ZONE = ZoneInfo("Asia/Shanghai")
OFFICE = new_id()
ALWAYS = [Cover(ShiftRole.DUTY, False, "测试", True)]
DAYS_OFF = [Cover(ShiftRole.SECOND, True, "测试", True)]


def at(day: str, hour: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(hour), ZONE)


def shift(begin: datetime, hours: int, role: ShiftRole = ShiftRole.DUTY) -> Shift:
    return Shift(new_id(), OFFICE, role, "值班室", begin, begin + timedelta(hours=hours))


def days(first: str, last: str) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(last), ZONE, is_workday)


def spans(found: list[Gap]) -> list[tuple[str, str, bool]]:
    return [(f"{gap.starts_at:%m-%d %H}", f"{gap.ends_at:%m-%d %H}", gap.day_off) for gap in found]


def test_a_roster_round_the_clock_has_no_gap() -> None:
    full = [shift(at("2026-11-16", 8) + timedelta(days=day - 1), 24) for day in range(9)]
    assert gaps(full, ALWAYS, days("2026-11-16", "2026-11-22")) == []


def test_a_night_nobody_covers_is_a_gap_over_midnight_told_once() -> None:
    office_hours = [shift(at("2026-11-17", 8), 10), shift(at("2026-11-18", 8), 16)]
    assert spans(gaps(office_hours, ALWAYS, days("2026-11-17", "2026-11-18"))) == [
        ("11-17 00", "11-17 08", False),
        ("11-17 18", "11-18 08", False),
    ]


def test_overlapping_shifts_and_shifts_in_another_zone_cover_what_they_cover() -> None:
    utc = ZoneInfo("UTC")
    some = [
        shift(at("2026-11-17", 0), 12),
        shift(at("2026-11-17", 6), 3),
        shift(at("2026-11-17", 12).astimezone(utc), 12),
    ]
    assert gaps(some, ALWAYS, days("2026-11-17", "2026-11-17")) == []


def test_holidays_and_days_of_rest_want_a_second_officer_and_shifted_working_days_do_not() -> None:
    found = gaps([], DAYS_OFF, days("2026-09-30", "2026-10-11"))  # 1–7 October off, 10 October (Saturday) is worked
    assert spans(found) == [("10-01 00", "10-08 00", True), ("10-11 00", "10-12 00", True)]
    assert {gap.role for gap in found} == {ShiftRole.SECOND}


def test_one_role_does_not_stand_in_for_another() -> None:
    led = [shift(at("2026-11-17"), 24, ShiftRole.LEADER)]
    found = gaps(led, load_escalation().cover, days("2026-11-17", "2026-11-17"))
    assert {gap.role for gap in found} == {ShiftRole.DUTY}


@pytest.mark.parametrize("name", ["2026-48", "2026-W54", "2026-W1", "W48", "26-W48", "2026-Wxx", ""])
def test_what_is_no_iso_week_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        week_of(name)


def test_an_iso_week_may_begin_in_the_year_before() -> None:
    assert week_of("2026-W01") == (date(2025, 12, 29), date(2026, 1, 4))
