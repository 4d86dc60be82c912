"""The tree is matched as Alertmanager matches its own; the index finds what a walk over every child would find."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.delivery.labels import Told
from service.delivery.matchers import parse_matcher
from service.delivery.routes import Match, Route, Tree
from service.domain.areas import contains
from service.domain.levels import Level
from service.domain.words import SubjectKind
from tests.makers import COUNTY, OTHER_COUNTY, OTHER_VILLAGE, STREET, VILLAGE

PLACES = [COUNTY, STREET, VILLAGE, OTHER_VILLAGE, OTHER_COUNTY, "000000000000"]
CATEGORIES = ["labour", "labour.wage_arrears", "health", "urban_rural.demolition"]


def told(level: Level = Level.BLUE, area: str = VILLAGE, category: str = "labour.wage_arrears", **more: Any) -> Told:
    return Told(level, area, category, category.split(".")[0], **more)


def tree(*children: Route, **root: Any) -> Tree:
    return Tree(Route(("root",), children=children, **root))


def route(name: str, *children: Route, continues: bool = False, **match: Any) -> Route:
    return Route((name,), Match(**match), continues=continues, children=children)


def reached(found: Tree, subject: Told) -> list[str]:
    return [one.path[-1] for one in found.reached(subject)]


def test_where_no_child_matches_the_node_itself_is_reached() -> None:
    assert reached(tree(route("a", categories=("health",))), told()) == ["root"]
    assert reached(tree(route("a", route("b", categories=("health",)))), told()) == ["a"]


def test_a_child_of_a_route_that_does_not_match_is_not_asked() -> None:
    assert reached(tree(route("a", route("b"), categories=("health",)), route("c")), told()) == ["c"]


def test_after_continue_the_next_sibling_is_asked_too() -> None:
    found = tree(route("a", continues=True), route("b", categories=("health",)), route("c"), route("d"))
    assert reached(found, told()) == ["a", "c"]


def test_areas_are_subtrees_and_first_levels_take_what_is_below() -> None:
    found = tree(route("here", areas=(STREET,), categories=("labour",)))
    assert reached(found, told()) == ["here"]
    assert reached(found, told(area=OTHER_VILLAGE)) == ["root"]
    assert reached(found, told(area=COUNTY)) == ["root"]


def test_sources_signals_kinds_and_matchers_are_asked() -> None:
    found = tree(
        route("kind", subject_kinds=frozenset({"area"})),
        route("signal", signals=frozenset({"road_blocked"})),
        route("source", sources=frozenset({"hotline"})),
        route("matcher", matchers=(parse_matcher('township="990101002"'),)),
    )
    assert reached(found, told(subject_kind=SubjectKind.AREA)) == ["kind"]
    assert reached(found, told(signals=frozenset({"road_blocked", "x"}))) == ["signal"]
    assert reached(found, told(sources=frozenset({"hotline", "grid"}))) == ["source"]
    assert reached(found, told(area=OTHER_VILLAGE)) == ["matcher"]
    assert reached(found, told()) == ["root"]


def test_a_category_without_levels_above_is_found_once() -> None:
    found = tree(route("a", continues=True, categories=("labour",)), route("b"))
    assert reached(found, told(category="labour")) == ["a", "b"]


matches = st.builds(
    Match,
    st.frozensets(st.sampled_from(Level), min_size=1),
    st.lists(st.sampled_from(PLACES), max_size=2).map(tuple),
    st.lists(st.sampled_from(CATEGORIES), max_size=2).map(tuple),
)
leaves = st.builds(
    lambda match, on, name: Route((name,), match, continues=on), matches, st.booleans(), st.uuids().map(str)
)
routes = st.recursive(
    leaves,
    lambda below: st.builds(
        lambda match, on, name, children: Route((name,), match, continues=on, children=tuple(children)),
        matches, st.booleans(), st.uuids().map(str), st.lists(below, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip
subjects = st.builds(told, st.sampled_from(Level), st.sampled_from(PLACES), st.sampled_from(CATEGORIES))


@given(st.lists(routes, max_size=5), subjects)
def test_the_index_finds_what_a_plain_walk_finds(children: list[Route], subject: Told) -> None:
    root = Route(("root",), children=tuple(children))
    assert [*Tree(root).reached(subject)] == _walk(root, subject)


def _walk(node: Route, subject: Told) -> list[Route]:
    """Alertmanager's own way, word by word."""
    found: list[Route] = []
    for child in node.children:
        if _takes(child.match, subject):
            found += _walk(child, subject)
            if not child.continues:
                break
    return found or [node]


def _takes(match: Match, subject: Told) -> bool:
    in_area = not match.areas or any(contains(area, subject.area) for area in match.areas)
    of_kind = not match.categories or bool({subject.category, subject.first_level} & {*match.categories})
    return subject.level in match.levels and in_area and of_kind
