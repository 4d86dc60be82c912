"""Facts made of other facts: spans between dates, their order, shares of counts. An unknown input stays unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from service.rules.law.schema import FORMULAS, DerivedPart, DuePart, PartOfPart
from service.rules.vocabulary import MISSING, Fact, FactType

IsWorkday = Callable[[date], bool]
"""Whether offices work on a day; the calendar is handed in so that the engine knows no holidays of its own."""

Make = Callable[[tuple[Any, ...], IsWorkday], Any]

MOST_WORKDAYS = (
    60  # longer spans read as this many: every demand is far below, and a mistyped year must not cost a second
)
_DAY = timedelta(days=1)
_MONTHS = 12
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Derived:
    """`make` takes the values of `inputs` in their order and a calendar."""

    fact: Fact
    inputs: tuple[str, ...]
    wants: frozenset[FactType]  # what the inputs may be
    make: Make

    def value(self, values: Mapping[str, Any], is_workday: IsWorkday) -> Any:
        return self.make(tuple([values[name] for name in self.inputs]), is_workday)

    def unknown(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The inputs for whose sake there is no value; the whole, when that is nought."""
        missing = tuple(name for name in self.inputs if values[name] is MISSING)
        return missing or self.inputs[-1:]


@dataclass(frozen=True, slots=True)
class Clock:
    """When something must be done, counted from a date fact."""

    start: str
    done: str | None
    step: Callable[[date, IsWorkday], date]

    def due(self, values: Mapping[str, Any], is_workday: IsWorkday) -> date | None:
        """The last day, or the first possible one for a span that must not be cut short; None: start unknown."""
        start = values[self.start]
        return None if start is MISSING else self.step(start, is_workday)


def derived(part: DerivedPart) -> Derived:
    """The formula of a part as a function. Its fact's question says what it is made of."""
    name = next(name for name in FORMULAS if getattr(part, name) is not None)
    kind, unit, wants = _KINDS[name]
    written = getattr(part, name)
    if isinstance(written, PartOfPart):
        inputs, make = (written.part, written.whole), _majority(Fraction(written.share), strictly=name == "more_than")
    else:
        inputs, make = tuple(written), _SIMPLE[name]
    fact = Fact(part.name, kind, part.label, f"由 {'、'.join(inputs)} 推算", "推算", unit)
    return Derived(fact, inputs, wants, make)


def clock(part: DuePart) -> Clock:
    """The clock of a rule."""
    if part.workdays is not None:
        return Clock(part.from_, part.done, _stepping(part.workdays))
    if part.days is not None:
        length = timedelta(days=part.days)
        return Clock(part.from_, part.done, lambda start, _: start + length)
    months = part.months if part.months is not None else (part.years or 0) * _MONTHS
    return Clock(part.from_, part.done, lambda start, _: months_after(start, months))


def is_weekday(day: date) -> bool:
    """Monday to Friday: the calendar of the checks' own tests, which no holiday may break."""
    return day.weekday() < _SATURDAY


def months_after(start: date, months: int) -> date:
    """The same day so many months later; the month's last day where it has no such day."""
    year, month = divmod(start.year * _MONTHS + start.month - 1 + months, _MONTHS)
    first = date(year, month + 1, 1)
    last = (first.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY
    return min(first + (start.day - 1) * _DAY, last)


def workdays_between(first: date, last: date, is_workday: IsWorkday) -> int:
    """Working days after `first` up to and including `last`, at most MOST_WORKDAYS; none when `last` is not later."""
    count = 0
    while first < last and count < MOST_WORKDAYS:
        first += _DAY
        count += is_workday(first)
    return count


def _days(values: tuple[Any, ...], _: IsWorkday) -> Any:
    return MISSING if MISSING in values else (values[1] - values[0]).days


def _workdays(values: tuple[Any, ...], is_workday: IsWorkday) -> Any:
    return MISSING if MISSING in values else workdays_between(values[0], values[1], is_workday)


def _in_order(values: tuple[Any, ...], _: IsWorkday) -> Any:
    known = [value for value in values if value is not MISSING]
    if any(later < earlier for earlier, later in pairwise(known)):
        return False
    return True if len(known) == len(values) else MISSING


def _share(values: tuple[Any, ...], _: IsWorkday) -> Any:
    return MISSING if MISSING in values or not values[1] else values[0] / values[1]


def _majority(share: Fraction, strictly: bool) -> Make:
    """Counted in whole numbers: two thirds are not a decimal fraction."""
    top, bottom = share.as_integer_ratio()

    def majority(values: tuple[Any, ...], _: IsWorkday) -> Any:
        if MISSING in values or not values[1]:
            return MISSING
        part, wanted = values[0] * bottom, values[1] * top
        return part > wanted if strictly else part >= wanted

    return majority


def _stepping(count: int) -> Callable[[date, IsWorkday], date]:
    way = _DAY if count >= 0 else -_DAY

    def step(start: date, is_workday: IsWorkday) -> date:
        left = abs(count)
        while left:
            start += way
            left -= is_workday(start)
        return start

    return step


_DATES = frozenset({FactType.DATE})
_COUNTS = frozenset({FactType.INT, FactType.FLOAT})
_KINDS: Mapping[str, tuple[FactType, str, frozenset[FactType]]] = {
    "days": (FactType.INT, "天", _DATES),
    "workdays": (FactType.INT, "个工作日", _DATES),
    "in_order": (FactType.BOOL, "", _DATES),
    "share": (FactType.FLOAT, "", _COUNTS),
    "more_than": (FactType.BOOL, "", _COUNTS),
    "at_least": (FactType.BOOL, "", _COUNTS),
}
_SIMPLE: Mapping[str, Make] = {"days": _days, "workdays": _workdays, "in_order": _in_order, "share": _share}
