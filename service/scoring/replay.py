"""A simulated district lived through again in order of receipt: what the service would have known, and what came of it.

Reports are folded by the same `Matter.with_report` as in service. Two things are easier here than there, and the model
card says so: reports are linked to their matters without error, and every outcome is known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from service.domain.incidents import IncidentReport
from service.domain.matters import Matter, MatterSnapshot, PlaceHistory, ReportFacts
from service.scoring.simulate import SimulatedDistrict
from service.scoring.simulation.life import MatterTruth, SimulatedReport

HORIZON_DAYS = 30  # the product's question: does it escalate within a month
HORIZON = timedelta(days=HORIZON_DAYS)
LATE_AFTER = timedelta(hours=72)
LOOKED_AT_REPORTS = frozenset((1, 2, 3, 5, 8, 13))  # a matter with many reports must not outweigh all others
LOOKED_AT_DAYS = (3, 7, 14, 28)
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Example:
    """One matter at one moment, and whether it escalated within the horizon after it."""

    matter: str
    opened_at: datetime
    snapshot: MatterSnapshot
    escalates: bool


@dataclass(slots=True)
class Replay:
    """Examples in order of time, and how many were left out because their horizon reaches past the end."""

    examples: list[Example] = field(default_factory=list)
    censored: int = 0


@dataclass(slots=True)
class _Ledger:
    """What happened in one first-level category, instants in order."""

    received: list[datetime] = field(default_factory=list)
    closed: list[datetime] = field(default_factory=list)
    escalated: list[datetime] = field(default_factory=list)
    open: int = 0


@dataclass(slots=True)
class _Known:
    """What is known while the stream is read."""

    district: SimulatedDistrict
    ledgers: dict[str, _Ledger] = field(default_factory=dict)
    matters: dict[str, Matter] = field(default_factory=dict)
    received: dict[str, list[datetime]] = field(default_factory=dict)
    replay: Replay = field(default_factory=Replay)

    def ledger(self, truth: MatterTruth) -> _Ledger:
        return self.ledgers.setdefault(first_level(truth), _Ledger())


def replay(district: SimulatedDistrict) -> Replay:
    """Read the stream once; look at each matter at some of its reports and ages until it is closed or escalates."""
    known = _Known(district)
    for at, kind, key, thing in _events(district):
        _STEPS[kind](known, district.truth[key], at, thing)
    return known.replay


def first_level(truth: MatterTruth) -> str:
    return truth.category.split(".")[0]


def facts_of(report: SimulatedReport) -> ReportFacts:
    """What intake keeps of a report."""
    body = IncidentReport.model_validate(report.body)
    return ReportFacts(
        occurred_at=body.occurred_at,
        source=body.source,
        handling=body.handling,
        people_affected=body.people_affected,
        people_present=body.people_present,
        signals=frozenset(body.signals),
        text_signals=report.text_signals,
        late=report.received_at - body.occurred_at > LATE_AFTER,
    )


Event = tuple[datetime, str, str, Any]


def _events(district: SimulatedDistrict) -> list[Event]:
    """Everything that becomes known, in order; at one instant in the order of the words."""
    return sorted(_all_events(district), key=lambda event: event[:3])


def _all_events(district: SimulatedDistrict) -> Iterator[Event]:
    first: dict[str, datetime] = {}
    for report in district.stream:
        first.setdefault(report.matter, report.received_at)
        yield report.received_at, "report", report.matter, report
    for reply in district.replies:
        yield reply.at, reply.kind, reply.matter, None
    for truth in district.truth.values():
        yield from ((at, "missed", truth.key, None) for at in truth.missed_at)
        if truth.escalated_at is not None:
            yield truth.escalated_at, "escalated", truth.key, None
    for key, at in first.items():
        yield from ((at + timedelta(days=days), "look", key, None) for days in LOOKED_AT_DAYS)


def _on_report(known: _Known, truth: MatterTruth, at: datetime, report: SimulatedReport) -> None:
    known.ledger(truth).received.append(at)
    if _ended(truth, at):
        return
    facts = facts_of(report)
    if truth.key not in known.matters:
        known.matters[truth.key] = _opened(truth, at, facts.occurred_at)
        known.ledger(truth).open += 1
    known.received.setdefault(truth.key, []).append(at)
    matter = known.matters[truth.key] = known.matters[truth.key].with_report(facts)
    if matter.report_count in LOOKED_AT_REPORTS:
        _on_look(known, truth, at, None)


def _on_look(known: _Known, truth: MatterTruth, at: datetime, _: None) -> None:
    if truth.key not in known.matters:
        return
    if at + HORIZON > known.district.end:
        known.replay.censored += 1
        return
    matter = known.matters[truth.key]
    snapshot = matter.snapshot(at, _place(known, truth, at))
    escalates = truth.escalated_at is not None and at < truth.escalated_at <= at + HORIZON
    known.replay.examples.append(Example(truth.key, matter.opened_at, snapshot, escalates))


def _on_reply(known: _Known, truth: MatterTruth, at: datetime, _: None) -> None:
    if truth.key in known.matters:
        known.matters[truth.key] = replace(known.matters[truth.key], replied_at=at)


def _on_missed(known: _Known, truth: MatterTruth, _at: datetime, _: None) -> None:
    if truth.key in known.matters:
        matter = known.matters[truth.key]
        known.matters[truth.key] = replace(matter, missed_clocks=matter.missed_clocks + 1)


def _on_closed(known: _Known, truth: MatterTruth, at: datetime, _: None) -> None:
    if known.matters.pop(truth.key, None) is not None:
        known.ledger(truth).open -= 1
        known.ledger(truth).closed.append(at)


def _on_escalated(known: _Known, truth: MatterTruth, at: datetime, _: None) -> None:
    """It counts in its place's history even if nobody had reported it before."""
    known.ledger(truth).escalated.append(at)
    if truth.key in known.matters:
        _on_closed(known, truth, at, None)


_STEPS: dict[str, Callable[[_Known, MatterTruth, datetime, Any], None]] = {
    "report": _on_report,
    "look": _on_look,
    "reply": _on_reply,
    "missed": _on_missed,
    "closed": _on_closed,
    "escalated": _on_escalated,
}


def _ended(truth: MatterTruth, at: datetime) -> bool:
    return any(end is not None and end <= at for end in (truth.escalated_at, truth.closed_at))


def _opened(truth: MatterTruth, at: datetime, occurred_at: datetime) -> Matter:
    return Matter(
        id=uuid5(NAMESPACE_URL, truth.key),
        area=truth.area,
        category=truth.category,
        first_level=first_level(truth),
        title=truth.subject,
        opened_at=at,
        first_occurred_at=occurred_at,
        last_occurred_at=occurred_at,
    )


def _place(known: _Known, truth: MatterTruth, at: datetime) -> PlaceHistory:
    """The district's history in this first-level category as known at `at`, without this matter."""
    ledger, own = known.ledger(truth), known.received.get(truth.key, [])
    week, month = at - timedelta(days=7), at - timedelta(days=35)
    return PlaceHistory(
        reports_7d=_count(ledger.received, week, at) - _count(own, week, at),
        reports_28d_before=_count(ledger.received, month, week) - _count(own, month, week),
        open_matters=ledger.open - 1,
        closed_365d=_count(ledger.closed, at - YEAR, at),
        escalated_365d=_count(ledger.escalated, at - YEAR, at),
    )


def _count(instants: list[datetime], start: datetime, end: datetime) -> int:
    """How many lie in (start, end]; `instants` in order."""
    return bisect_right(instants, end) - bisect_right(instants, start)
