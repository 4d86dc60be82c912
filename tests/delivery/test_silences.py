"""Silences: states by the clock, editing as Alertmanager does it, and red only with a second office."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.labels import MEANINGS
from service.delivery.matchers import parse_matchers
from service.delivery.silences import Silence, SilenceState, Wish, expired, faults_of, hiding, made, revised
from tests.makers import COUNTY, NOON, OTHER_COUNTY

OLD, NEW = UUID(int=1), UUID(int=2)
HOUR = timedelta(hours=1)


def wish(**changes: object) -> Wish:
    asked = Wish(parse_matchers('area=~"9901.*"'), None, NOON + 2 * HOUR, "综治中心", "演练")
    return replace(asked, **changes)  # type: ignore[arg-type]


def silence(**changes: object) -> Silence:
    return replace(made(wish(), OLD, NOON), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after", "state", "why"),
    [
        (-1, SilenceState.PENDING, "before its beginning it is to come"),
        (0, SilenceState.ACTIVE, "at its beginning it holds"),
        (7199, SilenceState.ACTIVE, "up to its end it holds"),
        (7200, SilenceState.EXPIRED, "at its end it is over"),
    ],
)
def test_the_clock_decides_where_a_silence_stands(after: int, state: SilenceState, why: str) -> None:
    assert silence().state(NOON + timedelta(seconds=after)) is state, why


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"matchers": ()}, "matchers", "missing"),
        ({"matchers": parse_matchers('level!="red"')}, "matchers", "matches_everything"),
        ({"matchers": parse_matchers('level=~".*",area=""')}, "matchers", "matches_everything"),
        ({"matchers": parse_matchers("levle=red")}, "matchers.0", "unknown_label"),
        ({"reason": "  "}, "reason", "missing"),
        ({"ends_at": NOON}, "ends_at", "before_starts_at"),
        ({"starts_at": NOON + 3 * HOUR}, "ends_at", "before_starts_at"),
        ({"starts_at": NOON - 3 * HOUR, "ends_at": NOON - HOUR}, "ends_at", "past"),
        ({"ends_at": NOON + timedelta(days=91)}, "ends_at", "too_long"),
    ],
)
def test_a_wish_that_cannot_be_kept_is_told_its_fault(changes: dict[str, object], field: str, code: str) -> None:
    assert [(fault.field, fault.code) for fault in faults_of(wish(**changes), NOON, MEANINGS)] == [(field, code)]


def test_one_condition_that_needs_a_value_is_enough() -> None:
    assert not faults_of(wish(matchers=parse_matchers('level!="red",area=~"9901.*"')), NOON, MEANINGS)


def test_the_past_was_not_quiet() -> None:
    assert made(wish(starts_at=NOON - HOUR), NEW, NOON).starts_at == NOON


EDITS: list[tuple[str, datetime, dict[str, object], bool, bool]] = [
    ("an active silence may end later", NOON + HOUR, {"ends_at": NOON + 9 * HOUR}, True, False),
    ("an active silence may end earlier", NOON + HOUR, {"ends_at": NOON + HOUR}, True, False),
    ("an active silence cannot begin at another time", NOON + HOUR, {"starts_at": NOON - HOUR}, False, True),
    (
        "fractions of a second are no other time",
        NOON + HOUR,
        {"starts_at": NOON + timedelta(microseconds=9)},
        True,
        False,
    ),
    ("a pending one may begin earlier, not in the past", NOON - HOUR, {"starts_at": NOON - HOUR / 2}, True, False),
    ("a pending one that should have begun is replaced", NOON - HOUR, {"starts_at": NOON - 2 * HOUR}, False, True),
    ("other matchers make another silence", NOON + HOUR, {"matchers": parse_matchers("level=blue")}, False, True),
    ("another area makes another silence", NOON + HOUR, {"area": COUNTY}, False, True),
    ("one that is over is not woken; a new one is made", NOON + 5 * HOUR, {"ends_at": NOON + 9 * HOUR}, False, False),
]


@pytest.mark.parametrize(("sentence", "now", "changes", "stays", "ends_old"), EDITS, ids=[edit[0] for edit in EDITS])
def test_an_edit(sentence: str, now: datetime, changes: dict[str, object], stays: bool, ends_old: bool) -> None:
    change = revised(silence(), wish(**changes), NEW, now)
    assert (change.kept.id == OLD) is stays
    assert (change.ended is not None) is ends_old
    if change.ended:
        assert change.ended.state(now) is SilenceState.EXPIRED
    if not stays:
        assert change.kept.starts_at >= now


def test_who_agreed_to_hide_red_agreed_to_no_more_than_was_there() -> None:
    agreed = silence(second="应急局")
    later = NOON + HOUR
    assert revised(agreed, wish(ends_at=NOON + 3 * HOUR), NEW, later).kept.second is None
    assert revised(agreed, wish(reason="别的事"), NEW, later).kept.second is None
    assert revised(agreed, wish(ends_at=NOON + HOUR * 1.5), NEW, later).kept.second == "应急局"
    assert revised(agreed, wish(area=COUNTY), NEW, later).kept.second is None


def test_ending_what_had_not_begun_leaves_no_time_in_which_it_held() -> None:
    over = expired(silence(), NOON - HOUR)
    assert (over.starts_at, over.ends_at) == (NOON - HOUR, NOON - HOUR)
    assert expired(over, NOON) == over


def test_red_is_hidden_only_when_a_second_office_agreed() -> None:
    red, yellow = {"area": COUNTY, "level": "red"}, {"area": COUNTY, "level": "yellow"}
    assert hiding([silence()], yellow, NOON) is not None
    assert hiding([silence()], red, NOON) is None
    assert hiding([silence(second="应急局")], red, NOON) is not None


def test_a_silence_of_one_area_is_silent_about_no_other() -> None:
    bounded = silence(area=COUNTY, matchers=parse_matchers("level=yellow"))
    assert bounded.hides({"area": "990101001001", "level": "yellow"}, NOON)
    assert not bounded.hides({"area": OTHER_COUNTY, "level": "yellow"}, NOON)


@pytest.mark.parametrize(
    ("written", "meets"),
    [
        ("area=1", True),
        ('level=~"orange|red"', True),
        ("level!=red", False),
        ("level=blue", False),
        ("级别!=红", False),
    ],
)
def test_whether_red_could_be_meant_is_seen_in_the_matchers(written: str, meets: bool) -> None:
    assert silence(matchers=parse_matchers(written)).may_meet_red is meets


levels = st.sampled_from(["blue", "yellow", "orange", "red"])


@given(levels, st.integers(-9, 9), st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 9)), max_size=5))
def test_without_a_second_office_no_silence_ever_hides_red(level: str, hour: int, spans: list[tuple[int, int]]) -> None:
    made_ones = [silence(starts_at=NOON + start * HOUR, ends_at=NOON + (start + long) * HOUR) for start, long in spans]
    found = hiding(made_ones, {"area": COUNTY, "level": level}, NOON + hour * HOUR)
    holds = any(start <= hour < start + long for start, long in spans)
    assert (found is not None) is (holds and level != "red")
