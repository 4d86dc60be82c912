"""Facts made of others: what they say, and when they say nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rules.law.derived import MOST_WORKDAYS, clock, derived, is_weekday, months_after, workdays_between
from service.rules.law.schema import DerivedPart, DuePart
from service.rules.vocabulary import MISSING

MONDAY = date(2026, 7, 6)
FRIDAY, SATURDAY, NEXT_MONDAY = (MONDAY + timedelta(days=days) for days in (4, 5, 7))


def value_of(written: dict[str, Any], *values: Any) -> Any:
    return derived(DerivedPart(name="made", label="推算", **written)).make(values, is_weekday)


VALUES = [
    ({"days": ["a", "b"]}, (MONDAY, NEXT_MONDAY), 7),
    ({"days": ["a", "b"]}, (NEXT_MONDAY, MONDAY), -7),
    ({"workdays": ["a", "b"]}, (MONDAY, NEXT_MONDAY), 5),
    ({"workdays": ["a", "b"]}, (FRIDAY, SATURDAY), 0),
    ({"workdays": ["a", "b"]}, (NEXT_MONDAY, MONDAY), 0),
    ({"workdays": ["a", "b"]}, (MONDAY, date(2199, 1, 1)), MOST_WORKDAYS),
    ({"share": ["a", "b"]}, (19, 20), 0.95),
    ({"share": ["a", "b"]}, (0, 0), MISSING),
    ({"more_than": {"part": "a", "whole": "b", "share": "2/3"}}, (60, 90), False),
    ({"more_than": {"part": "a", "whole": "b", "share": "2/3"}}, (61, 90), True),
    ({"at_least": {"part": "a", "whole": "b", "share": "1/3"}}, (33, 99), True),
    ({"at_least": {"part": "a", "whole": "b", "share": "1/3"}}, (0, 0), MISSING),
    ({"in_order": ["a", "b", "c"]}, (MONDAY, MONDAY, FRIDAY), True),
    ({"in_order": ["a", "b", "c"]}, (MONDAY, FRIDAY, MONDAY), False),
    ({"in_order": ["a", "b", "c"]}, (FRIDAY, MISSING, MONDAY), False),
    ({"in_order": ["a", "b", "c"]}, (MONDAY, MISSING, FRIDAY), MISSING),
]


@pytest.mark.parametrize(("written", "values", "expected"), VALUES)
def test_a_fact_is_made_of_others(written: dict[str, Any], values: tuple[Any, ...], expected: Any) -> None:
    assert value_of(written, *values) == expected


@pytest.mark.parametrize(
    "written",
    [
        {"days": ["a", "b"]},
        {"workdays": ["a", "b"]},
        {"share": ["a", "b"]},
        {"at_least": {"part": "a", "whole": "b", "share": "1/2"}},
    ],
)
def test_one_unknown_input_leaves_it_unknown(written: dict[str, Any]) -> None:
    for values in ((MISSING, 3), (3, MISSING), (MISSING, MISSING)):
        assert value_of(written, *values) is MISSING


def test_the_unknown_inputs_are_named_and_a_whole_of_nought_too() -> None:
    made = derived(DerivedPart(name="made", label="推算", share=["part_count", "whole_count"]))
    assert made.unknown({"part_count": MISSING, "whole_count": 3}) == ("part_count",)
    assert made.unknown({"part_count": 3, "whole_count": 0}) == ("whole_count",)


CLOCKS = [
    ({"days": 3}, FRIDAY, NEXT_MONDAY),
    ({"days": -4}, FRIDAY, MONDAY),
    ({"workdays": 1}, FRIDAY, NEXT_MONDAY),
    ({"workdays": -1}, NEXT_MONDAY, FRIDAY),
    ({"workdays": 1}, SATURDAY, NEXT_MONDAY),
    ({"months": 1}, date(2026, 1, 31), date(2026, 2, 28)),
    ({"months": -1}, date(2028, 3, 31), date(2028, 2, 29)),
    ({"years": 5}, date(2024, 2, 29), date(2029, 2, 28)),
]


@pytest.mark.parametrize(("length", "start", "expected"), CLOCKS)
def test_a_clock_counts_from_its_date(length: dict[str, int], start: date, expected: date) -> None:
    made = clock(DuePart.model_validate({"from": "start_on", **length}))
    assert made.due({"start_on": start}, is_weekday) == expected
    assert made.due({"start_on": MISSING}, is_weekday) is None


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, MOST_WORKDAYS))
def test_so_many_working_days_later_lie_that_many_working_days_between(start: date, count: int) -> None:
    due = clock(DuePart.model_validate({"from": "start_on", "workdays": count})).due({"start_on": start}, is_weekday)
    assert due is not None
    assert workdays_between(start, due, is_weekday) == count


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(-120, 120))
def test_months_later_is_never_another_month(start: date, months: int) -> None:
    later = months_after(start, months)
    assert (later.year * 12 + later.month) - (start.year * 12 + start.month) == months
    assert later.day <= start.day
