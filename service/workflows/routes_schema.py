"""The shape of a file of routes, before anybody looks whether its names are known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from service.rules.schema import LevelWord, Text
from service.rules.validation import Part

MOST_ROUTES = 2000
DEEPEST_ROUTE = 8
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WEEKDAYS = {name: place for place, name in enumerate("一二三四五六日", 1)}


def _listed(value: Any) -> Any:
    """One word may stand without a list."""
    return value if isinstance(value, list | dict) or value is None else [value]


def seconds_of(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def span_of(text: str) -> timedelta:
    """A length such as 30s, 5m, 4h, 1d."""
    return timedelta(seconds=seconds_of(text))


def hours_of(text: str) -> tuple[int, int]:
    """Minutes from midnight of '22:00-07:00'; the end may be 24:00."""
    begin, end = ([int(part) for part in half.split(":")] for half in text.split("-"))
    return begin[0] * 60 + begin[1], end[0] * 60 + end[1]


Length = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}[smhd]$")]
HOUR = r"([01][0-9]|2[0-3]):[0-5][0-9]"
Hours = Annotated[str, StringConstraints(pattern=f"^{HOUR}-({HOUR}|24:00)$")]
Words = Annotated[list[Text], BeforeValidator(_listed), Field(min_length=1, max_length=200)]
HoursList = Annotated[list[Hours], BeforeValidator(_listed), Field(min_length=1, max_length=20)]
Levels = Annotated[list[LevelWord], BeforeValidator(_listed), Field(min_length=1)]
Kind = Literal["matter", "project", "area"]
Kinds = Annotated[list[Kind], BeforeValidator(_listed), Field(min_length=1)]
Weekday = Literal["一", "二", "三", "四", "五", "六", "日"]
Weekdays = Annotated[list[Weekday], BeforeValidator(_listed), Field(min_length=1)]


class TimesPart(Part):
    """Times with a name: hours, days of the week, working days or days off, from a day to a day."""

    name: Text
    hours: HoursList | None = None
    weekdays: Weekdays | None = None
    days: Literal["工作日", "休息日"] | None = None
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(_WEEKDAYS[day] for day in self.weekdays or _WEEKDAYS)


class MatchPart(Part):
    """What a route takes; what is left out takes anything."""

    level: Levels | None = None
    minimum_level: LevelWord | None = None
    area: Words | None = None
    category: Words | None = None
    subject_kind: Kinds | None = None
    source: Words | None = None
    signals: Words | None = None
    matchers: Words | None = None


class RoutePart(Part):
    """A route. What it does not say it takes from the one above."""

    name: Text
    match: MatchPart = MatchPart()
    receivers: Annotated[list[Text], BeforeValidator(_listed), Field(max_length=50)] | None = None
    group_by: Annotated[list[Text], BeforeValidator(_listed), Field(max_length=10)] | None = None
    group_wait: Length | None = None
    group_interval: Length | None = None
    repeat_interval: Length | None = None
    active: Annotated[list[Text], BeforeValidator(_listed)] | None = None
    muted: Annotated[list[Text], BeforeValidator(_listed)] | None = None
    escalation: Text | None = None
    continue_: bool = Field(default=False, alias="continue")
    routes: list[RoutePart] = Field(default_factory=list, max_length=MOST_ROUTES)


class InhibitPart(Part):
    """While something open matches `source`, what matches `target` and agrees in `equal` is held back."""

    source: Words
    target: Words
    equal: Words


class RoutingPart(Part):
    """A whole file."""

    routing: Text
    version: Text
    times: list[TimesPart] = Field(default_factory=list, max_length=100)
    root: RoutePart
    inhibit: list[InhibitPart] | None = Field(default=None, max_length=50)


INSIDE: Mapping[str, type[BaseModel]] = {
    "times": TimesPart,
    "root": RoutePart,
    "routes": RoutePart,
    "match": MatchPart,
    "inhibit": InhibitPart,
}
