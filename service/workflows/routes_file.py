"""Reads a file of routes: whole or not at all, every fault with file, line, column and the word that was meant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from service.delivery.inhibition import RED_OVER_LOWER, Inhibition
from service.delivery.labels import MEANINGS
from service.delivery.matchers import Matcher, MatcherError, all_match, parse_matcher
from service.delivery.routes import ROLE_RECEIVERS, Match, Pace, Receiver, Route, Tree
from service.delivery.times import DAY, EVERY_DAY, Times
from service.domain.catalogue import Catalogue
from service.domain.levels import Level
from service.domain.words import Source
from service.rules.plain_yaml import Path as At
from service.rules.positions import Document, LoadFailure, hint, read_source
from service.rules.validation import validated
from service.workflows.routes_schema import (
    DEEPEST_ROUTE,
    INSIDE,
    MOST_ROUTES,
    InhibitPart,
    MatchPart,
    RoutePart,
    RoutingPart,
    TimesPart,
    hours_of,
    span_of,
)

T = TypeVar("T")
_BARE = Route(())
LOUD = ({"level": Level.RED.value, "级别": Level.RED.zh}, {"kind": "surge"})  # what may hold others back


class RoutesError(LoadFailure):
    """A file of routes that cannot be used; `errors` holds every fault with its position."""


@dataclass(frozen=True, slots=True)
class Known:
    """What names in a file may name. `departments` or `areas` None: not known here, so any name will do."""

    catalogue: Catalogue
    is_workday: Callable[[date], bool]
    departments: Mapping[str, UUID] | None = None
    areas: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """Routes ready for use, with what they may inhibit; `departments` are those it names, by name."""

    name: str
    version: str
    sha256: str
    tree: Tree
    inhibitions: tuple[Inhibition, ...]
    departments: dict[str, UUID]
    asks_matter: bool  # whether a route asks for sources or signals, which only the matter knows


def load_routes(source: Path | str | bytes, known: Known, name: str | None = None) -> Routing:
    """Read and check a file of routes: a Path is a file, a str or bytes its text. Raises RoutesError."""
    document = read_source(source, name)
    part = None if document.errors else validated(RoutingPart, document, (), INSIDE)
    if part is None or document.errors:
        raise RoutesError(document.errors)
    builder = _Builder(document, known)
    routing = builder.routing(part)
    if document.errors:
        raise RoutesError(document.errors)
    return routing


class _Builder:
    """Turns the parts of one file into routes while noting every name that is not known."""

    def __init__(self, document: Document, known: Known) -> None:
        self._document, self._known = document, known
        self._times: dict[str, Times] = {}
        self._departments: dict[str, UUID] = {}
        self._asks_matter = False
        self._number = 0

    def routing(self, part: RoutingPart) -> Routing:
        for place, times in enumerate(part.times):
            self._add_times(times, ("times", place))
        root = self._root(part.root)
        rules = self._inhibitions(part.inhibit)
        canonical = json.dumps(self._document.data, ensure_ascii=False, sort_keys=True, default=str)
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        found = (self._departments, self._asks_matter)
        return Routing(part.routing, part.version, digest, Tree(root), rules, *found)

    def _root(self, part: RoutePart) -> Route:
        if part.match != MatchPart():
            self._fault(("root", "match"), "根路由接收一切，不能写 match")
        if part.continue_:
            self._fault(("root", "continue"), "根路由没有同级，不能写 continue")
        return self._route(part, ("root",), None)

    def _route(self, part: RoutePart, at: At, above: Route | None) -> Route:
        self._number += 1
        path = (*above.path, part.name) if above else (part.name,)
        if self._number == MOST_ROUTES + 1:
            self._fault(at, f"路由超过 {MOST_ROUTES} 条")
        if len(path) > DEEPEST_ROUTE:
            self._fault((*at, "name"), f"路由嵌套超过 {DEEPEST_ROUTE} 层")
        base = above or _BARE
        route = Route(
            path=path,
            match=self._match(part.match, (*at, "match")),
            receivers=self._inherited(part.receivers, base.receivers, self._receiver, (*at, "receivers")),
            pace=self._pace(part, base.pace, at),
            active=self._inherited(part.active, base.active, self._named_times, (*at, "active")),
            muted=self._inherited(part.muted, base.muted, self._named_times, (*at, "muted")),
            escalation=part.escalation or base.escalation,
            continues=part.continue_,
        )
        return self._with_children(route, part.routes, at)

    def _with_children(self, route: Route, parts: list[RoutePart], at: At) -> Route:
        children = [self._route(part, (*at, "routes", place), route) for place, part in enumerate(parts)]
        self._check_siblings(children, at)
        return replace(route, children=tuple(children))

    def _check_siblings(self, children: list[Route], at: At) -> None:
        """Names are addresses, so they differ; and what an earlier sibling takes whole never reaches a later one."""
        names: dict[str, int] = {}
        for place, child in enumerate(children):
            here = (*at, "routes", place)
            if child.path[-1] in names:
                self._fault((*here, "name"), f"同级路由“{child.path[-1]}”重名")
            names.setdefault(child.path[-1], place)
            for before in children[:place]:
                if not before.continues and before.match in (Match(), child.match):
                    self._fault(here, f"永远到不了：前面的“{before.path[-1]}”已接收同样的预警，且没有 continue: true")
                    break

    def _inherited(
        self, names: list[str] | None, above: tuple[T, ...], make: Callable[[str, At], T | None], at: At
    ) -> tuple[T, ...]:
        if names is None:
            return above
        found = [make(name, (*at, place)) for place, name in enumerate(names)]
        return tuple(one for one in found if one is not None)

    def _receiver(self, name: str, at: At) -> Receiver | None:
        if name in ROLE_RECEIVERS:
            return Receiver(name, role=ROLE_RECEIVERS[name])
        departments = self._known.departments
        if departments is not None and name not in departments:
            self._fault(at, f"没有名为“{name}”的单位{hint(name, [*departments, *ROLE_RECEIVERS])}")
            return None
        found = departments[name] if departments is not None else unknown_department(name)
        self._departments[name] = found
        return Receiver(name, found)

    def _pace(self, part: RoutePart, above: Pace, at: At) -> Pace:
        for place, label in enumerate(part.group_by or ()):
            self._label(label, (*at, "group_by", place))
        by = above.by if part.group_by is None else tuple(part.group_by)
        interval = span_of(part.group_interval) if part.group_interval else above.interval
        if not interval:
            self._fault((*at, "group_interval"), "‘group_interval’ 要大于 0")
        repeat = span_of(part.repeat_interval) if part.repeat_interval else above.repeat
        if repeat is not None and not repeat:
            self._fault((*at, "repeat_interval"), "‘repeat_interval’ 要大于 0；不重复就不要写")
        if by is None and (part.group_wait or part.group_interval or part.repeat_interval):
            self._fault((*at, "name"), "写了等待或间隔，却没有 group_by；不分组的路由逐条立即发送")
        return Pace(by, span_of(part.group_wait) if part.group_wait else above.wait, interval, repeat)

    def _named_times(self, name: str, at: At) -> Times | None:
        found = self._times.get(name)
        if found is None:
            self._fault(at, f"没有名为“{name}”的时段{hint(name, self._times)}；时段写在文件开头的 times 里")
        return found

    def _add_times(self, part: TimesPart, at: At) -> None:
        if part.name in self._times:
            self._fault((*at, "name"), f"时段“{part.name}”重名")
        if part.from_ and part.to and part.to < part.from_:
            self._fault((*at, "to"), f"截止日期 {part.to} 早于起始日期 {part.from_}")
        hours = tuple(hours_of(text) for text in part.hours) if part.hours else ((0, DAY),)
        workday = None if part.days is None else part.days == "工作日"
        days = part.numbers if part.weekdays else EVERY_DAY
        self._times[part.name] = Times(part.name, hours, days, workday, part.from_, part.to, self._known.is_workday)

    def _match(self, part: MatchPart, at: At) -> Match:
        if part.level and part.minimum_level:
            self._fault((*at, "minimum_level"), "‘level’ 与 ‘minimum_level’ 只能写一个")
        self._check_names(part, at)
        self._asks_matter |= bool(part.source or part.signals)
        return Match(
            levels=_levels(part),
            areas=tuple(part.area or ()),
            categories=tuple(part.category or ()),
            subject_kinds=frozenset(part.subject_kind or ()),
            sources=frozenset(part.source or ()),
            signals=frozenset(part.signals or ()),
            matchers=self._matchers(part.matchers or (), (*at, "matchers")),
        )

    def _check_names(self, part: MatchPart, at: At) -> None:
        catalogue = self._known.catalogue
        self._check(part.category, catalogue.categories, (*at, "category"), "事项类别")
        self._check(part.signals, catalogue.signals, (*at, "signals"), "信号")
        self._check(part.source, [source.value for source in Source], (*at, "source"), "来源")
        for place, area in enumerate(part.area or ()):
            if not (len(area) == 12 and area.isascii() and area.isdigit()):
                self._fault((*at, "area", place), f"区划代码应为 12 位数字，得到 ‘{area[:20]}’")
            elif self._known.areas is not None and area not in self._known.areas:
                self._fault((*at, "area", place), f"没有区划代码 {area}{hint(area, self._known.areas)}")

    def _check(self, names: Iterable[str] | None, known: Collection[str], at: At, what: str) -> None:
        for place, name in enumerate(names or ()):
            if name not in known:
                self._fault((*at, place), f"没有{what} ‘{name}’{hint(name, known)}")

    def _matchers(self, written: Iterable[str], at: At) -> tuple[Matcher, ...]:
        found = []
        for place, text in enumerate(written):
            try:
                one = parse_matcher(text)
            except MatcherError as error:
                self._fault((*at, place), f"匹配条件第 {error.column} 个字符：{error}")
                continue
            self._label(one.name, (*at, place))
            self._asks_matter |= one.name in ("source", "signals")
            found.append(one)
        return tuple(found)

    def _label(self, name: str, at: At) -> None:
        if name not in MEANINGS:
            self._fault(at, f"没有标签 ‘{name}’{hint(name, MEANINGS)}")

    def _inhibitions(self, parts: list[InhibitPart] | None) -> tuple[Inhibition, ...]:
        if parts is None:
            return (RED_OVER_LOWER,)
        return tuple(self._inhibition(part, ("inhibit", place)) for place, part in enumerate(parts))

    def _inhibition(self, part: InhibitPart, at: At) -> Inhibition:
        for place, name in enumerate(part.equal):
            self._label(name, (*at, "equal", place))
        if not {"area", "county"} & {*part.equal}:
            self._fault((*at, "equal"), "‘equal’ 至少要有 area 或 county：别处的预警不能压下这里的")
        source = self._matchers(part.source, (*at, "source"))
        names = {one.name for one in source}
        if not any(names & {*loud} and _only_loud(source, loud) for loud in LOUD):
            self._fault((*at, "source"), "‘source’ 只能是红色（level=red）或集中爆发（kind=surge）的预警")
        return Inhibition(source, self._matchers(part.target, (*at, "target")), tuple(part.equal))

    def _fault(self, at: At, message: str) -> None:
        self._document.fault(at, message)


def unknown_department(name: str) -> UUID:
    """An id for a department that is only a name here, the same whenever it is named."""
    return UUID(bytes=hashlib.sha256(name.encode()).digest()[:16])


def _only_loud(source: tuple[Matcher, ...], loud: dict[str, str]) -> bool:
    """Whether these matchers take the loud value of a label and no other."""
    about = [one for one in source if one.name in loud]
    others = [level for level in Level if level is not Level.RED]
    quiet = (
        [{"level": level.value, "级别": level.zh} for level in others]
        if "level" in loud
        else [{"kind": "together"}, {}]
    )
    return all_match(about, loud) and not any(all_match(about, labels) for labels in quiet)


def _levels(part: MatchPart) -> frozenset[Level]:
    if part.level:
        return frozenset(Level(word) for word in part.level)
    lowest = Level(part.minimum_level or Level.BLUE)
    return frozenset(level for level in Level if level.rank >= lowest.rank)
