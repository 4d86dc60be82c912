from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from service.domain.matters import Matter, PlaceHistory, Weeks
from service.workflows.surroundings import Surroundings, with_coming

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)  # half an hour before midnight in Shanghai
TODAY = date(2026, 11, 23)
PLACE = ("330102", "labour")


def matter(*days_ago: float) -> Matter:
    at = NOW - timedelta(days=1)
    recent = tuple(sorted(NOW - timedelta(days=days) for days in days_ago))
    return replace(Matter(uuid4(), "330102001001", "labour", "labour", "", at, at, at), recent=recent)


def test_weeks_begin_and_end_with_the_local_day() -> None:
    weeks = Weeks.until(NOW, SHANGHAI)
    ends = [each.astimezone(SHANGHAI).isoformat()[:16] for each in (weeks.month, weeks.week, weeks.end)]
    assert ends == ["2026-10-20T00:00", "2026-11-17T00:00", "2026-11-24T00:00"]
    edges = [weeks.month, weeks.week - timedelta(seconds=1), weeks.week, weeks.end - timedelta(seconds=1), weeks.end]
    assert weeks.counts(edges) == (2, 2)


def test_a_place_is_told_without_the_matters_own_reports() -> None:
    among = Surroundings(Weeks.until(NOW, SHANGHAI), {PLACE: PlaceHistory(reports_7d=5, reports_28d_before=9)})
    place = among.snapshot(matter(0, 1, 6.5, 10, 50), NOW).place
    assert (place.reports_7d, place.reports_28d_before) == (2, 8)


def test_more_own_reports_than_the_place_has_leave_none() -> None:
    among = Surroundings(Weeks.until(NOW, SHANGHAI), {PLACE: PlaceHistory(reports_7d=1)})
    assert among.snapshot(matter(0, 1, 2), NOW).place.reports_7d == 0


def test_what_arrives_now_is_counted_on_its_day() -> None:
    coming = {
        (PLACE, TODAY): {"reports": 2, "opened": 1},
        (PLACE, TODAY - timedelta(days=7)): {"reports": 3},
        (PLACE, TODAY - timedelta(days=35)): {"reports": 9},
        (PLACE, TODAY + timedelta(days=1)): {"reports": 4},
    }
    told = with_coming({PLACE: PlaceHistory(reports_7d=1, open_matters=6)}, coming, TODAY)
    assert told == {PLACE: PlaceHistory(reports_7d=3, reports_28d_before=3, open_matters=6)}
