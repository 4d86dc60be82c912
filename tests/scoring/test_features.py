from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import log1p
from random import Random
from typing import Any

import holidays
import pytest

from service.domain.catalogue import load_catalogue
from service.domain.matters import MatterSnapshot, PlaceHistory, ProjectSnapshot
from service.domain.projects import ProjectStage
from service.domain.words import Source
from service.scoring.definitions import (
    DISRUPTION,
    FEATURES,
    GROUPS,
    HARM,
    LIVING,
    PAYMENT,
    PROMISE,
)
from service.scoring.features import NAMES, feature_hash, features
from service.scoring.seasons import SPRING_FESTIVALS, in_long_holiday, in_wage_season, near_long_holiday
from tests.scoring.makers import CHINA, NOON, matter, report, snapshot


def test_the_row_has_every_defined_feature_in_order() -> None:
    assert tuple(features(snapshot())) == NAMES


def test_every_feature_belongs_to_a_group_that_has_a_sentence() -> None:
    assert {feature.group for feature in FEATURES} == set(GROUPS)


def test_every_signal_that_counts_is_in_the_catalogue() -> None:
    assert set(load_catalogue().signals) >= HARM | DISRUPTION | PAYMENT | PROMISE | LIVING


def test_reports_that_come_after_the_moment_leave_the_row_unchanged() -> None:
    known = matter().with_report(report(3)).with_report(report(1))
    row = features(known.snapshot(NOON, PlaceHistory()))
    for days in (-0.1, -2, -9):
        future = report(days, people_affected=None)
        assert features(replace(known, recent=known.with_report(future).recent).snapshot(NOON, PlaceHistory())) == row


def test_the_order_in_which_reports_arrive_leaves_the_row_unchanged() -> None:
    reports = [report(days) for days in (8, 5, 2.5, 1, 0.5)]
    rows = []
    for seed in range(5):
        Random(seed).shuffle(reports)
        told = matter()
        for one in reports:
            told = told.with_report(one)
        rows.append(features(told.snapshot(NOON, PlaceHistory())))
    assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize("source", list(Source))
def test_the_source_of_a_report_is_no_feature(source: Source) -> None:
    by_grid, by_other = (matter().with_report(report(source=one)) for one in (Source.GRID, source))
    assert features(by_grid.snapshot(NOON, PlaceHistory())) == features(by_other.snapshot(NOON, PlaceHistory()))


@pytest.mark.parametrize("signal", ["sensitive_place", "media_present", "spreading_online", "self_harm_threatened"])
def test_visits_speech_and_distress_are_no_feature(signal: str) -> None:
    told = snapshot(signals=frozenset({signal}), text_signals=frozenset({signal}))
    assert features(told) == features(snapshot())


def test_a_head_count_that_is_not_known_is_missing_and_not_zero() -> None:
    row = features(snapshot(people_max=None, people_first=None, present_max=None))
    assert row["people_log"] is None
    assert row["people_growth"] is None
    assert features(snapshot(people_max=0))["people_log"] == 0.0


def test_acceleration_is_missing_while_the_matter_is_younger_than_three_days() -> None:
    young = NOON - timedelta(hours=71)
    assert features(snapshot(first_occurred_at=young))["acceleration"] is None
    assert features(snapshot(first_occurred_at=young - timedelta(hours=1)))["acceleration"] is not None


def test_an_answer_ends_the_unanswered_days_until_it_is_reported_again() -> None:
    replied = NOON - timedelta(days=5)
    quiet = features(snapshot(replied_at=replied))
    again = features(snapshot(replied_at=replied, reports_after_reply=1))
    assert (quiet["answered_quiet"], quiet["unanswered_days_log"]) == (1.0, 0.0)
    assert again["answered_quiet"] == 0.0
    assert again["unanswered_days_log"] == pytest.approx(1.791759469228055)  # ln(1 + 5)


def test_a_place_without_history_starts_at_one_in_twenty() -> None:
    assert features(snapshot(place=PlaceHistory()))["history_escalated"] == pytest.approx(-2.9444389791664403)


def test_the_table_of_festivals_is_that_of_the_public_calendar() -> None:
    years = range(2023, 2036)
    calendar = holidays.country_holidays("CN", years=years, language="en_US")
    named = [day for day, name in sorted(calendar.items()) if "Spring Festival" in name]
    first = {day.year: day.isoformat() for day in reversed(named)}
    assert tuple(first[year] for year in years) == SPRING_FESTIVALS


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (datetime(2026, 1, 17, 23, 59, tzinfo=CHINA), False),
        (datetime(2026, 1, 18, tzinfo=CHINA), True),
        (datetime(2026, 2, 16, 23, 59, tzinfo=CHINA), True),
        (datetime(2026, 2, 17, tzinfo=CHINA), False),
        (datetime(2050, 1, 1, tzinfo=CHINA), None),
    ],
)
def test_the_wage_season_is_the_thirty_days_before_spring_festival(day: datetime, season: bool | None) -> None:
    assert in_wage_season(day) is season


def test_the_wage_season_counts_for_labour_matters_only() -> None:
    season = datetime(2026, 2, 1, tzinfo=CHINA)
    assert features(snapshot(at=season))["wage_season"] == 1.0
    assert features(snapshot(at=season, first_level="contract"))["wage_season"] == 0.0


@pytest.mark.parametrize(
    ("day", "inside", "near"),
    [
        (datetime(2026, 2, 8, 23, 59, tzinfo=CHINA), False, False),
        (datetime(2026, 2, 9, tzinfo=CHINA), False, True),
        (datetime(2026, 2, 16, tzinfo=CHINA), True, True),
        (datetime(2026, 2, 24, tzinfo=CHINA), False, False),
        (datetime(2026, 10, 7, 23, tzinfo=CHINA), True, True),
        (datetime(2026, 10, 8, tzinfo=CHINA), False, False),
        (datetime(2050, 1, 1, tzinfo=CHINA), None, None),
    ],
)
def test_a_long_holiday_counts_from_a_week_before_it(day: datetime, inside: bool | None, near: bool | None) -> None:
    assert (in_long_holiday(day), near_long_holiday(day)) == (inside, near)


def test_the_days_of_long_holidays_are_closed_by_the_public_calendar() -> None:
    calendar = holidays.country_holidays("CN", years=[2024, 2025, 2026])
    days = [datetime(2024, 1, 1, 12, tzinfo=CHINA) + timedelta(days=number) for number in range(3 * 365)]
    closed = [day for day in days if in_long_holiday(day)]
    assert len(closed) == 3 * (8 + 7)
    assert sum(calendar.is_working_day(day.date()) for day in closed) <= 1  # an eve that was worked: 2024


def test_the_flood_season_counts_for_land_and_homes_only() -> None:
    june = datetime(2026, 6, 1, tzinfo=CHINA)
    assert features(snapshot(at=june, first_level="urban_rural"))["flood_season"] == 1.0
    assert features(snapshot(at=june, first_level="finance"))["flood_season"] == 0.0
    assert features(snapshot(at=june - timedelta(minutes=1), first_level="urban_rural"))["flood_season"] == 0.0
    assert features(snapshot(at=june.replace(year=2050), first_level="urban_rural"))["flood_season"] is None


def test_a_project_tells_its_stage_and_its_missing_steps_and_what_nobody_checked_is_missing() -> None:
    def told(*project: Any) -> list[float | None]:
        row = features(snapshot(project=ProjectSnapshot(*project) if project else None))
        return [row["project_under_way"], row["project_missing_steps"]]

    assert told() == [0.0, 0.0]
    assert told("construction", ProjectStage.IMPLEMENTING, None) == [1.0, None]
    assert told("construction", ProjectStage.PRE_DECISION, 2) == [0.0, pytest.approx(log1p(2))]


def test_equal_rows_have_equal_hashes_and_a_changed_row_another() -> None:
    row = features(snapshot())
    assert feature_hash(dict(reversed(row.items()))) == feature_hash(row)
    assert feature_hash({**row, "people_log": None}) != feature_hash(row)
    assert len(feature_hash(row)) == 16


def test_the_snapshot_type_has_no_field_for_a_person() -> None:
    words = {"name", "person", "phone", "petitioner", "reporter", "worker", "identity"}
    assert words.isdisjoint(MatterSnapshot.__slots__)
