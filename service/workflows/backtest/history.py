"""A history as a plain value: what reached the service and what offices did, in the order in which it became known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.domain.incidents import IncidentReport
from service.domain.problems import Problem
from service.domain.words import Outcome
from service.store.engine import Row

WARM_UP = timedelta(days=365)  # before the days that are judged: what a place is known by looks back a year


@dataclass(frozen=True, slots=True)
class Received:
    """A report. `matter` is what it was really about, as far as the history says; `named`: it said so itself."""

    at: datetime
    report: IncidentReport
    system: str
    matter: str | None = None
    named: bool = False


@dataclass(frozen=True, slots=True)
class Corrected:
    """A later revision of a report."""

    at: datetime
    report: IncidentReport
    system: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A report was withdrawn."""

    at: datetime
    client_id: str
    system: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A department signed for (签收) the warning of a matter."""

    at: datetime
    matter: str
    department: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A department answered a matter."""

    at: datetime
    matter: str
    department: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A matter was closed with its outcome; `happened_at` is when that is said to have happened."""

    at: datetime
    matter: str
    outcome: Outcome
    happened_at: datetime


Event = Received | Corrected | Withdrawn | Signed | Answered | Ended
_ORDER = (Received, Corrected, Withdrawn, Signed, Answered, Ended)  # at one instant: what is reported comes first


@dataclass(frozen=True, slots=True)
class Furniture:
    """Reference rows of the district: areas, departments and what they answer for."""

    areas: tuple[Row, ...] = ()
    departments: tuple[Row, ...] = ()
    responsibilities: tuple[Row, ...] = ()
    subscriptions: tuple[Row, ...] = ()
    standing_orders: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """`end`: nothing after it is known. `signs`: whether signing is recorded; else whoever leads signs at once.

    `notes` say in Chinese what of the source could not be played.
    """

    source: str
    synthetic: bool
    end: datetime
    events: tuple[Event, ...]
    furniture: Furniture
    outcomes: bool  # whether it says what became of matters
    signs: bool = False
    notes: tuple[str, ...] = ()

    @property
    def start(self) -> datetime:
        return self.events[0].at


@dataclass(frozen=True, slots=True)
class Window:
    """The days that are judged: from `start` to before `end`."""

    start: datetime
    end: datetime


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """As they became known. Reports of one instant keep their order."""
    return tuple(sorted(events, key=lambda event: (event.at, _ORDER.index(type(event)))))


def window_of(history: History, start: datetime | None, end: datetime | None) -> Window:
    """The days asked for, else all there are. Raises Problem when they hold no report."""
    if not any(isinstance(event, Received) for event in history.events):
        raise Problem(422, "no_reports", f"{history.source} 中没有报告，无可回放。")
    window = Window(start or history.start, min(end or history.end, history.end))
    if not any(isinstance(event, Received) and window.start <= event.at < window.end for event in history.events):
        first, last = history.start.date(), history.end.date()
        detail = f"{window.start.date()} 至 {(end or history.end).date()} 没有收到报告；该历史从 {first} 到 {last}。"
        raise Problem(422, "no_reports_in_range", detail)
    return window


def needed_for(history: History, window: Window) -> History:
    """Without what lies more than a year before the window: the rest warms up what places are known by."""
    return replace(history, events=tuple(event for event in history.events if event.at >= window.start - WARM_UP))
