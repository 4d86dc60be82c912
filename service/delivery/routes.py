"""The routing tree: which routes a warning reaches. Pure; matched as Alertmanager matches its tree.

A node must match; its children are tried in order and the first that matches takes the warning, further ones only
after a `continue`; where no child matches, the node itself is reached. Children inherit what they do not say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from service.delivery.labels import Told
from service.delivery.matchers import Labels, Matcher
from service.delivery.times import Times
from service.domain.areas import chain_of, prefix_of
from service.domain.levels import Level
from service.domain.words import DutyRole

ROLE_RECEIVERS = {"牵头单位": DutyRole.LEAD, "配合单位": DutyRole.PARTICIPANT, "协调单位": DutyRole.COORDINATOR}
Test = Callable[[Told, Labels], bool]
Key = tuple[str, str | None, Level]


@dataclass(frozen=True, slots=True)
class Match:
    """What a route takes; an empty field takes anything. Areas and first-level categories stand for all below them."""

    levels: frozenset[Level] = frozenset(Level)
    areas: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subject_kinds: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()  # any of them
    signals: frozenset[str] = frozenset()  # any of them
    matchers: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class Receiver:
    """A department, or whoever has a role (牵头、配合、协调) on the warning."""

    name: str
    department_id: UUID | None = None
    role: DutyRole | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How pushes of a route are gathered. `by` None: each on its own and at once."""

    by: tuple[str, ...] | None = None
    wait: timedelta = timedelta(seconds=30)
    interval: timedelta = timedelta(minutes=5)
    repeat: timedelta | None = None  # None: what was told is not told again by the route; duties have their reminders

    @property
    def repeats_every(self) -> timedelta | None:
        """Rounded up to whole intervals: a group is looked at once per interval."""
        if self.repeat is None or not self.interval:
            return self.repeat
        return -(-self.repeat // self.interval) * self.interval


@dataclass(frozen=True, slots=True)
class Route:
    """One node with everything it says or inherits. `path` names it and those above it."""

    path: tuple[str, ...]
    match: Match = Match()
    receivers: tuple[Receiver, ...] = ()
    pace: Pace = Pace()
    active: tuple[Times, ...] = ()
    muted: tuple[Times, ...] = ()
    escalation: str | None = None  # the name of an escalation policy
    continues: bool = False
    children: tuple[Route, ...] = ()

    @property
    def name(self) -> str:
        return " / ".join(self.path)


class Tree:
    """A tree of routes, indexed by area, category and level: a child that cannot match is not even looked at."""

    def __init__(self, root: Route) -> None:
        self.root = root
        self._node = _Node(root)

    def reached(self, told: Told) -> tuple[Route, ...]:
        """The routes that take a warning, in the order of the tree; at least the root."""
        prefixes = [prefix_of(code) for code in chain_of(told.area)] + [""]
        categories = (None, *{told.category, told.first_level})
        keys = [(prefix, category, told.level) for prefix in prefixes for category in categories]
        return tuple(self._node.reach(told, told.labels, keys))

    def everything(self) -> list[Route]:
        """Every route, a parent before its children."""
        return _below(self.root)


class _Node:
    """A route with its children by what they take."""

    __slots__ = ("_children", "_index", "route", "tests")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.tests = _tests(route.match)
        self._children = [_Node(child) for child in route.children]
        self._index: dict[Key, list[int]] = {}
        for place, child in enumerate(route.children):
            for key in _keys(child.match):
                self._index.setdefault(key, []).append(place)

    def reach(self, told: Told, labels: Labels, keys: list[Key]) -> list[Route]:
        found: list[Route] = []
        for place in self._places(keys):
            child = self._children[place]
            if not child.takes(told, labels):
                continue
            found += child.reach(told, labels, keys)
            if not child.route.continues:
                break
        return found or [self.route]

    def takes(self, told: Told, labels: Labels) -> bool:
        for test in self.tests:  # noqa: SIM110  a generator costs more than most tests
            if not test(told, labels):
                return False
        return True

    def _places(self, keys: list[Key]) -> list[int]:
        if not self._children:
            return []
        index = self._index
        fitting = [index[key] for key in keys if key in index]
        if len(fitting) == 1:
            return fitting[0]
        return sorted({place for places in fitting for place in places})


def _keys(match: Match) -> Iterable[Key]:
    prefixes = [prefix_of(area) for area in match.areas] or [""]
    categories: tuple[str | None, ...] = match.categories or (None,)
    return {(prefix, category, level) for prefix in prefixes for category in categories for level in match.levels}


def _tests(match: Match) -> tuple[Test, ...]:
    """What the index does not answer."""
    tests: list[Test] = []
    if match.subject_kinds:
        tests.append(lambda told, _: told.subject_kind in match.subject_kinds)
    if match.sources:
        tests.append(lambda told, _: not told.sources.isdisjoint(match.sources))
    if match.signals:
        tests.append(lambda told, _: not told.signals.isdisjoint(match.signals))
    tests += [_matching(one) for one in match.matchers]
    return tuple(tests)


def _matching(one: Matcher) -> Test:
    return lambda _, labels: one.matches(labels)


def _below(route: Route) -> list[Route]:
    return [route, *(each for child in route.children for each in _below(child))]
