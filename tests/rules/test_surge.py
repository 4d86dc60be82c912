"""Many matters at once: in one place, or of one kind in one county."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.domain.levels import Level
from service.rules.surge import MOST_LISTED, Newcomer, SurgeLimits, listed, surges
from tests.makers import COUNTY, OTHER_VILLAGE, STREET, VILLAGE

LIMITS = SurgeLimits(6, 9, 3, 4)


def some(
    number: int, area: str = VILLAGE, kind: str = "labour", level: Level = Level.BLUE, first: int = 0
) -> list[Newcomer]:
    return [Newcomer(f"{area}-{kind}-{first + n}", area, f"{kind}.x", kind, level) for n in range(number)]


def keys(newcomers: list[Newcomer]) -> list[str]:
    return [surge.key for surge in surges(newcomers, lambda _: LIMITS)]


def test_few_matters_are_no_surge() -> None:
    assert keys(some(2) + some(1, OTHER_VILLAGE)) == []


def test_many_in_one_place_are_one_surge_there_whatever_their_kind() -> None:
    assert keys(some(2) + some(1, kind="health")) == [f"{STREET}/surge"]


def test_many_of_one_kind_all_over_a_county_are_one_surge_of_the_county() -> None:
    assert keys(some(2) + some(2, OTHER_VILLAGE)) == [f"{COUNTY}/surge/labour"]


def test_a_kind_all_at_one_place_that_surges_is_not_told_twice() -> None:
    assert keys(some(5)) == [f"{STREET}/surge"]
    assert keys(some(5) + some(1, OTHER_VILLAGE)) == [f"{COUNTY}/surge/labour", f"{STREET}/surge"]


def test_the_gravest_are_listed_first_and_the_rest_counted() -> None:
    [surge] = surges([*some(40), *some(1, level=Level.RED, first=90)], lambda _: LIMITS)
    lines = listed(surge, {"labour.x": "欠薪"}.__getitem__, {VILLAGE: "第一社区"}.__getitem__)
    assert lines[0] == f"欠薪（红），第一社区，事项 {VILLAGE}-labour-90"
    assert lines[-1] == f"另有 {41 - MOST_LISTED} 件，只计数"
    assert surge.category == "labour"


def test_a_matter_of_a_few_people_is_counted_and_not_named() -> None:
    small = [replace(one, is_small=True) for one in some(2, first=50)]
    [surge] = surges([*some(1), *small], lambda _: LIMITS)
    assert len(listed(surge, str, str)) == 2
    assert listed(surge, str, str)[-1] == "另有 2 件，只计数"


places = st.sampled_from([VILLAGE, OTHER_VILLAGE])
newcomers = st.lists(
    st.builds(Newcomer, st.uuids().map(str), places, st.just("x"), st.sampled_from(["a", "b"]), st.sampled_from(Level)),
    unique_by=lambda one: one.id,
)


@given(newcomers)
def test_every_place_with_enough_is_told_and_lists_each_matter_once(found: list[Newcomer]) -> None:
    told = {surge.key: surge for surge in surges(found, lambda _: LIMITS)}
    for town in {one.area[:9] for one in found}:
        there = {f"matter/{one.id}" for one in found if one.area.startswith(town)}
        key = f"{town}000/surge"
        assert (key in told) is (len(there) >= LIMITS.place_matters)
        if key in told:
            assert told[key].members == there
