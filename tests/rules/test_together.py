"""What comes together in one place, around one day; a test changes the one thing it is about."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest

from service.domain.catalogue import load_catalogue
from service.domain.levels import Level
from service.domain.projects import ProjectKind
from service.rules.together import (
    COORDINATION_FILE,
    CoordinationFileError,
    Limits,
    Standing,
    Together,
    Undertaking,
    load_coordination,
    place_of,
    together,
)
from tests.makers import STREET, VILLAGE

FIRST_LEVELS = load_catalogue().first_levels
BOOK = load_coordination(FIRST_LEVELS)
LIMITS = Limits(window_days=30, area_digits=9, projects=2, related_rank=2, categories=2, several_rank=3)
TODAY = date(2026, 11, 18)
_numbers = count(1)


def starts(days: int | None = 0, **changes: Any) -> Undertaking:
    """A house expropriation that starts so many days from today."""
    start = None if days is None else TODAY + timedelta(days=days)
    plain = {"id": f"p{next(_numbers)}", "area": VILLAGE, "name": "清河片区", "kind": ProjectKind.HOUSE_EXPROPRIATION,
             "start": start, "implementing": False}  # fmt: skip
    return Undertaking(**(plain | changes))


def matter(first_level: str = "urban_rural", level: Level = Level.ORANGE) -> Standing:
    return Standing(f"m{next(_numbers)}", VILLAGE, first_level, level)


def found(*there: Undertaking | Standing, limits: Limits = LIMITS) -> Together | None:
    projects = [one for one in there if isinstance(one, Undertaking)]
    matters = [one for one in there if isinstance(one, Standing)]
    return together(BOOK, limits, (projects, matters), TODAY, lambda code: code)


def codes(*there: Undertaking | Standing) -> list[str]:
    met = found(*there)
    return [why.code for why in met.reasons] if met else []


@pytest.mark.parametrize(("days", "told"), [(0, True), (30, True), (31, False), (-30, True), (-31, False)])
def test_two_projects_come_together_within_thirty_days(days: int, told: bool) -> None:
    assert codes(starts(), starts(days)) == (["projects"] if told else [])


def test_a_project_under_way_meets_one_that_starts_however_long_ago_it_began() -> None:
    assert codes(starts(-400, implementing=True), starts(5)) == ["projects"]
    assert codes(starts(None, implementing=True), starts(5)) == ["projects"]


def test_a_project_of_which_nobody_said_when_is_not_taken_to_start_now() -> None:
    assert codes(starts(None), starts()) == []
    assert codes(starts(None, asked=True), starts()) == ["projects"], "unless it is the one that is asked about"


def test_one_project_or_one_matter_alone_is_nothing() -> None:
    assert found(starts()) is None
    assert found(matter()) is None
    assert found() is None


@pytest.mark.parametrize(
    ("met", "told"),
    [
        (matter("urban_rural", Level.YELLOW), True),
        (matter("urban_rural", Level.BLUE), False),
        (matter("labour", Level.RED), False),
    ],
)
def test_a_start_meets_matters_of_a_related_category_from_yellow_on(met: Standing, told: bool) -> None:
    assert codes(starts(3), met) == (["related"] if told else [])


def test_a_project_long_under_way_does_not_meet_matters_by_starting() -> None:
    assert codes(starts(-90, implementing=True), matter()) == []
    assert codes(starts(None, implementing=True), matter()) == ["related"], "its start may well be now"


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([matter("labour")], True),
        ([matter("urban_rural")], False),
        ([matter("labour", Level.YELLOW)], False),
    ],
)
def test_matters_of_two_categories_pile_up_from_orange_on(others: list[Standing], told: bool) -> None:
    assert codes(matter(), *others) == (["several"] if told else [])


def test_everything_is_one_finding_that_lists_what_met_and_what_to_do() -> None:
    one, two = starts(3, name="甲项目"), starts(None, implementing=True, name="乙项目", kind=ProjectKind.CONSTRUCTION)
    old, wage, quiet = matter(), matter("labour", Level.RED), matter("finance", Level.BLUE)
    met = found(two, one, quiet, old, wage)
    assert met is not None
    assert met.place == STREET
    assert met.members == {
        f"project/{one.id}", f"project/{two.id}", f"matter/urban_rural/{old.id}", f"matter/labour/{wage.id}",
    }  # fmt: skip
    assert [why.code for why in met.reasons] == ["projects", "related", "related", "several"]
    assert met.reasons[0].text == (
        "30 天之内有 2 个项目在此开工或实施：甲项目（房屋征收（拆迁），2026-11-21 开工）、乙项目（工程施工，实施中）"
    )
    assert met.reasons[-1].text == "同时有 2 类橙级以上的未办结事项：labour 1 件、urban_rural 1 件，最高红级"
    assert {"联合接访，一次听取、分头办理", "统筹开工和搬迁时间，错峰安排施工"} <= set(met.measures)
    assert len(met.measures) == len(set(met.measures))
    assert met.category == "urban_rural.demolition"


def test_without_a_project_whoever_answers_for_the_gravest_matter_hears() -> None:
    met = found(matter(), matter("labour", Level.RED))
    assert met is not None
    assert met.category == "labour"


def test_the_same_things_in_any_order_give_the_same_finding() -> None:
    there = [starts(3), starts(5), matter(), matter("labour")]
    assert found(*there) == found(*reversed(there))


@pytest.mark.parametrize(
    ("area", "digits", "place"),
    [
        (VILLAGE, 9, STREET), (VILLAGE, 12, VILLAGE), (VILLAGE, 6, "990101000000"), (STREET, 12, STREET),
        ("990100000000", 9, "990100000000"),
    ],
)  # fmt: skip
def test_a_place_is_so_many_digits_and_a_larger_area_is_its_own(area: str, digits: int, place: str) -> None:
    assert place_of(area, digits) == place


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("    policy: []", "    polices: []", "polices、policy"),
        ("    restructuring: [labour]\n", "", "restructuring"),
        ("  several: ", "  sevral: ", "不认识的键 ‘sevral’"),
        ("[labour]", "labour", "要写列表"),
        ("[labour]", "[labor]", "没有名为 ‘labor’ 的一级类别"),
    ],
)
def test_a_fault_in_the_file_is_told(written: str, instead: str, said: str) -> None:
    with pytest.raises(CoordinationFileError) as caught:
        load_coordination(FIRST_LEVELS, COORDINATION_FILE.read_text("utf-8").replace(written, instead, 1))
    assert said in str(caught.value)
