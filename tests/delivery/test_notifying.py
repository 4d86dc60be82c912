"""The decision whether a group speaks again, row by row as Alertmanager's needsUpdate; inhibition; quiet hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.hearing import HeldBy, Quiet, gathered, held
from service.delivery.inhibition import RED_OVER_LOWER, Inhibition, Loud, inhibited_by
from service.delivery.matchers import parse_matchers
from service.delivery.notifying import SPEAKS, LogEntry, Rule, Standing, Why, needs_update
from service.delivery.routes import Match, Pace, Route
from service.delivery.silences import Silence
from service.delivery.times import Times, free_from, is_free
from tests.delivery.test_silences import silence
from tests.makers import COUNTY, NOON, VILLAGE

LOCAL = NOON.astimezone(ZoneInfo("Asia/Shanghai"))
HOUR = timedelta(hours=1)
FOUR_HOURS = Rule(repeat=4 * HOUR)


def entry(is_open: str, ended: str = "", hours_ago: float = 1) -> LogEntry:
    return LogEntry(NOON - hours_ago * HOUR, frozenset(is_open), frozenset(ended))


DEDUP = [
    ("a group never told speaks when something is open", None, ("a", ""), FOUR_HOURS, Why.FIRST),
    ("a group never told keeps quiet when all has ended", None, ("", "a"), FOUR_HOURS, Why.NOTHING_OPEN),
    ("a group never told keeps quiet when it is empty", None, ("", ""), FOUR_HOURS, Why.NOTHING_OPEN),
    ("something open that was not told is told", entry("a"), ("ab", ""), FOUR_HOURS, Why.NEW_OPEN),
    ("something new is told though as many ended", entry("ab"), ("bc", "a"), FOUR_HOURS, Why.NEW_OPEN),
    ("what had ended and opens again is told", entry("a", "b"), ("ab", ""), FOUR_HOURS, Why.NEW_OPEN),
    ("that all ended is told once", entry("ab"), ("", "ab"), FOUR_HOURS, Why.ALL_ENDED),
    ("that all ended is told though ends are not, to clear the log", entry("a"), ("", "a"), Rule(False), Why.ALL_ENDED),
    ("what opened and ended unheard is not told", entry("", "a"), ("", "ab"), FOUR_HOURS, Why.STILL_ENDED),
    ("one that ended among others is told", entry("ab"), ("b", "a"), FOUR_HOURS, Why.NEW_ENDED),
    ("one that ended waits where ends are not told", entry("ab"), ("b", "a"), Rule(False, HOUR * 4), Why.TOLD),
    ("an end that was told is not told again", entry("b", "a"), ("b", "a"), FOUR_HOURS, Why.TOLD),
    ("nothing new waits for the time to repeat", entry("ab", hours_ago=3.9), ("ab", ""), FOUR_HOURS, Why.TOLD),
    ("fewer open and no end to tell is nothing new", entry("ab"), ("a", ""), FOUR_HOURS, Why.TOLD),
    ("at the very time to repeat it still waits", entry("a", hours_ago=4), ("a", ""), FOUR_HOURS, Why.TOLD),
    ("past the time to repeat it speaks again", entry("a", hours_ago=4.1), ("a", ""), FOUR_HOURS, Why.REPEATED),
    ("nothing is repeated where nobody asked for it", entry("a", hours_ago=900), ("a", ""), Rule(), Why.NO_REPEAT),
    ("all ended is not repeated, however long ago", entry("", "a", 900), ("", "a"), FOUR_HOURS, Why.STILL_ENDED),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "last", "now", "rule", "why"), DEDUP, ids=[row[0] for row in DEDUP])
def test_whether_a_group_speaks_again(
    sentence: str, last: LogEntry | None, now: tuple[str, str], rule: Rule, why: Why
) -> None:
    assert needs_update(last, Standing(frozenset(now[0]), frozenset(now[1])), rule, NOON) is why


members = st.frozensets(st.sampled_from("abcd"))
rules = st.builds(Rule, st.booleans(), st.none() | st.timedeltas(HOUR, 9 * HOUR))
ages = st.timedeltas(timedelta(0), 20 * HOUR)


@given(members, members, rules, ages)
def test_nothing_open_that_was_not_told_is_ever_kept_quiet(
    was: frozenset[str], now: frozenset[str], rule: Rule, ago: timedelta
) -> None:
    why = needs_update(LogEntry(NOON - ago, was, frozenset()), Standing(now, frozenset()), rule, NOON)
    if now - was:
        assert why in SPEAKS
    if now and not now - was and ago < HOUR:
        assert why not in SPEAKS  # a nuisance: nothing new so soon


@given(members, members, rules)
def test_what_was_just_said_is_not_said_again(is_open: frozenset[str], ended: frozenset[str], rule: Rule) -> None:
    last = LogEntry(NOON, is_open, ended)
    if is_open:
        assert needs_update(last, Standing(is_open, ended), rule, NOON) not in SPEAKS


def labels(written: str) -> dict[str, str]:
    return {one.name: one.value for one in parse_matchers(written)}


SURGE = Inhibition(*map(parse_matchers, ("kind=surge", "subject_kind=matter")), ("county", "first_level"))
BOTH = Inhibition(*map(parse_matchers, ('level=~"red|orange"', "level!=blue")), ("area",))
RED_X, LOWER_X = "level=red,area=1,category=x", "level=yellow,area=1,category=x"
OF_SURGE = "subject_kind=matter,county=1,first_level=x,level=blue"
INHIBITION = [
    ("red holds back yellow of its place and kind", RED_OVER_LOWER, RED_X, LOWER_X, True),
    ("red holds back nothing of another place", RED_OVER_LOWER, RED_X, "level=yellow,area=2,category=x", False),
    ("red holds back nothing of another kind", RED_OVER_LOWER, RED_X, "level=yellow,area=1,category=y", False),
    ("red never holds back red", RED_OVER_LOWER, RED_X, RED_X, False),
    ("orange holds back nothing", RED_OVER_LOWER, "level=orange,area=1,category=x", LOWER_X, False),
    ("a label that both lack is one they agree in", RED_OVER_LOWER, "level=red,area=1", "level=blue,area=1", True),
    ("a missing label agrees with an empty one", RED_OVER_LOWER, 'level=red,area=1,category=""', "area=1", True),
    ("a missing label differs from one that is there", RED_OVER_LOWER, "level=red,area=1", LOWER_X, False),
    ("a surge holds back the matters it lists", SURGE, "kind=surge,county=1,first_level=x", OF_SURGE, True),
    ("two that match both sides leave each other be", BOTH, "level=orange,area=1", "level=orange,area=1", False),
    ("what matches one side yields to what matches both", BOTH, "level=orange,area=1", "level=yellow,area=1", True),
]


@pytest.mark.parametrize(
    ("sentence", "rule", "source", "target", "held_back"), INHIBITION, ids=[r[0] for r in INHIBITION]
)
def test_what_inhibits_what(sentence: str, rule: Inhibition, source: str, target: str, held_back: bool) -> None:
    found = inhibited_by(labels(target), [rule], [Loud("1", "堵路", labels(source))], "2")
    assert (found is not None) is held_back


def test_a_warning_does_not_inhibit_itself() -> None:
    one = Inhibition(*map(parse_matchers, ("area=1", "level=blue")), ("area",))
    loud = Loud("1", "", {"area": "1", "level": "blue"})
    assert inhibited_by(loud.labels, [one], [loud], "1") is None


NIGHT = Times("夜间", ((22 * 60, 7 * 60),))
WORK = Times("上班", ((9 * 60, 12 * 60), (14 * 60, 18 * 60)), workday=True, is_workday=lambda day: day.isoweekday() < 6)


@pytest.mark.parametrize(
    ("at", "times", "covered", "why"),
    [
        ("2026-11-18T22:00", NIGHT, True, "from its first minute"),
        ("2026-11-19T06:59", NIGHT, True, "past midnight, to the minute before its end"),
        ("2026-11-19T07:00", NIGHT, False, "at its end it is over"),
        ("2026-11-18T12:00", NIGHT, False, "by day"),
        ("2026-11-21T06:00", Times("周五夜", NIGHT.hours, frozenset({5})), True, "Saturday morning is Friday's night"),
        ("2026-11-20T06:00", Times("周五夜", NIGHT.hours, frozenset({5})), False, "Friday morning is Thursday's night"),
        ("2026-11-18T13:00", WORK, False, "between two spans"),
        ("2026-11-18T14:00", WORK, True, "in the second span"),
        ("2026-11-21T10:00", WORK, False, "on a day off"),
    ],
)
def test_times_cover_a_moment(at: str, times: Times, covered: bool, why: str) -> None:
    assert times.covers(datetime.fromisoformat(at).replace(tzinfo=LOCAL.tzinfo)) is covered, why


@given(st.integers(0, 60 * 24 * 14), st.sampled_from([((WORK,), ()), ((), (NIGHT,)), ((WORK,), (NIGHT,)), ((), ())]))
def test_the_first_free_moment_is_free_and_nothing_before_it_is(
    minutes: int, route: tuple[tuple[Times, ...], tuple[Times, ...]]
) -> None:
    at = LOCAL + timedelta(minutes=minutes)
    found = free_from(*route, at)
    assert is_free(*route, found)
    assert not any(
        is_free(*route, at + timedelta(minutes=n)) for n in range(0, int((found - at).total_seconds() / 60), 7)
    )


def test_a_route_that_never_speaks_is_looked_at_again_in_a_month() -> None:
    always = Times("总是")
    assert free_from((), (always,), LOCAL) == LOCAL + timedelta(days=31)


QUIET_ROUTE = Route(("r",), pace=Pace(by=("area",)), muted=(Times("总是"),))
RED_NOW = {"level": "red", "area": VILLAGE, "category": "x"}


def quiet(silences: tuple[Silence, ...] = ()) -> Quiet:
    loud = Loud("9", "堵路", RED_NOW)
    return Quiet(LOCAL, silences, (RED_OVER_LOWER,), (loud,))


def test_red_is_never_delayed_by_quiet_hours_nor_inhibited_nor_grouped_away() -> None:
    assert held(RED_NOW, "1", QUIET_ROUTE, quiet((silence(area=COUNTY),))) is None
    assert gathered(RED_NOW, QUIET_ROUTE) is None


def test_what_is_held_back_says_nothing_of_a_restricted_warning_but_its_id() -> None:
    for restricted, said in (("", "堵路"), ("true", "9")):
        loud = Loud("9", "堵路", RED_NOW | {"restricted": restricted})
        found = held(RED_NOW | {"level": "yellow"}, "1", None, Quiet(LOCAL, (), (RED_OVER_LOWER,), (loud,)))
        assert found is not None
        assert said in found.reason
        assert ("堵路" in found.reason) == (not restricted)


def test_red_is_held_only_by_a_silence_to_which_a_second_office_agreed() -> None:
    found = held(RED_NOW, "1", QUIET_ROUTE, quiet((silence(second="应急局"),)))
    assert found is not None
    assert found.by is HeldBy.SILENCE


def test_what_holds_a_push_back_is_asked_in_alertmanagers_order() -> None:
    yellow, other = RED_NOW | {"level": "yellow"}, RED_NOW | {"level": "yellow", "category": "y"}
    by = [
        held(each, "1", route, quiet((silence(),)))
        for each, route in [(yellow, QUIET_ROUTE), (other, QUIET_ROUTE), (other, None)]
    ]
    assert [one and one.by for one in by] == [HeldBy.INHIBITION, HeldBy.QUIET_HOURS, HeldBy.SILENCE]
    assert held(other, "1", None, quiet()) is None
    assert gathered(other, QUIET_ROUTE) is not None
    assert gathered(other, Route(("r",), Match())) is None
    for one in by:
        assert one is not None
        assert any("\u4e00" <= char <= "\u9fff" for char in one.reason)
