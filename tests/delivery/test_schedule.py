from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.schedule import SCHEDULES, Setback, next_attempt, schedule_for
from service.domain.levels import Level

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
DICE = st.floats(0, 1)
STEPS = st.sampled_from([(level, done) for level in Level for done in range(1, len(schedule_for(level).waits) + 1)])


def wait(level: Level, done: int, setback: Setback, random01: float) -> float:
    due = next_attempt(level, done, NOW, setback, random01)
    assert due is not None
    return (due - NOW).total_seconds()


def step(level: Level, done: int) -> int:
    return schedule_for(level).waits[done - 1]


@pytest.mark.parametrize(
    ("level", "waits"),
    [
        (Level.RED, [5, 15, 60, 180, 600, 1800, 3600, 7200]),
        (Level.ORANGE, [5, 15, 60, 180, 600, 1800, 3600, 7200]),
        (Level.YELLOW, [5, 300, 1800, 7200, 18000, 36000, 36000]),
        (Level.BLUE, [5, 300, 1800, 7200, 18000, 36000, 36000]),
    ],
)
def test_each_level_walks_its_schedule_and_then_gives_up(level: Level, waits: list[int]) -> None:
    walked = [wait(level, done, Setback(), 0.5) for done in range(1, len(waits) + 1)]
    assert walked == pytest.approx(waits)
    assert next_attempt(level, len(waits) + 1, NOW, Setback(retry_after=1), 0.5) is None


@pytest.mark.parametrize("level", Level)
def test_the_first_attempt_is_due_at_once(level: Level) -> None:
    assert next_attempt(level, 0, NOW, Setback(), 0.9) == NOW


@given(STEPS, DICE)
def test_a_plain_failure_waits_the_step_give_or_take_a_fifth(at: tuple[Level, int], random01: float) -> None:
    assert 0.8 * step(*at) - 1e-5 <= wait(*at, Setback(), random01) <= 1.2 * step(*at) + 1e-5


@given(STEPS, DICE)
def test_a_throttled_push_waits_a_minute_at_least(at: tuple[Level, int], random01: float) -> None:
    waited = wait(*at, Setback(throttled=True), random01)
    assert 60 <= waited <= 1.2 * max(60, step(*at)) + 1e-5


@given(STEPS, DICE, st.floats(0, 1e12), st.booleans())
def test_a_receiver_can_ask_for_between_once_and_twice_the_step(
    at: tuple[Level, int], random01: float, asked: float, throttled: bool
) -> None:
    base = max(60, step(*at)) if throttled else step(*at)
    assert base <= wait(*at, Setback(throttled, asked), random01) <= 2 * base + 1e-5


@given(STEPS, DICE, st.floats(1, 2))
def test_within_that_reach_it_is_never_disturbed_earlier_than_it_asked(
    at: tuple[Level, int], random01: float, times: float
) -> None:
    asked = times * step(*at)
    assert wait(*at, Setback(retry_after=asked), random01) >= asked - 1e-5


@given(st.sampled_from(Level), st.lists(DICE, min_size=20, max_size=20))
def test_every_push_ends(level: Level, dice: list[float]) -> None:
    due = [next_attempt(level, done, NOW, Setback(), random01) for done, random01 in enumerate(dice)]
    assert due[-1] is None
    assert sum(one is not None for one in due) == len(schedule_for(level).waits) + 1


def test_an_urgent_warning_is_given_up_within_five_hours_at_the_worst() -> None:
    waits = schedule_for(Level.RED).waits
    total = sum(wait(Level.RED, done, Setback(), 1.0) for done in range(1, len(waits) + 1))
    assert timedelta(seconds=total) < timedelta(hours=5)


def test_each_level_has_one_schedule_with_unit_and_source() -> None:
    assert sorted(level for schedule in SCHEDULES for level in schedule.levels) == sorted(Level)
    assert all(schedule.unit == "s" and schedule.source and schedule.version for schedule in SCHEDULES)
