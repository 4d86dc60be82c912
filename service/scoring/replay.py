"""A simulated district lived through again in order of receipt: what the service would have known, and what came of it.

Reports are folded by the same `Matter.with_report` as in service, and the same `labels` say what came of it. Two things
are easier here than there, and the model card says so: reports are linked to their matters without error, and an
escalation is always reported.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from service.domain.incidents import IncidentReport
from service.domain.matters import Matter, MatterSnapshot, PlaceHistory, ReportFacts, Weeks
from service.scoring.features import Row, features
from service.scoring.labels import Label, is_at_risk, is_settled, labels
from service.scoring.seasons import CHINA
from service.scoring.simulate import SimulatedDistrict
from service.scoring.simulation.life import MatterTruth, SimulatedReport
from service.scoring.simulation.process import STEP

HORIZON_DAYS = 30  # of the shipped model: the month in which a matter is to be answered
LATE_AFTER = timedelta(hours=72)
LOOKED_AT_REPORTS = frozenset((1, 2, 3, 5, 8, 13))  # a matter with many reports must not outweigh all others
LOOKED_AT_DAYS = (3, 7, 14, 28)
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Example:
    """An open matter touching enough people at one moment, and what is known of its escalating after it.

    `labels` by horizon in days; `settled` holds the horizons whose window is over, with the time for late reports.
    """

    matter: str
    opened_at: datetime
    snapshot: MatterSnapshot
    labels: Mapping[int, Label]
    settled: frozenset[int]

    @property
    def at(self) -> datetime:
        return self.snapshot.at

    @property
    def place(self) -> str:
        """The 12-digit code of the matter's area."""
        return self.snapshot.area

    @property
    def row(self) -> Row:
        """The features as known at `at`, None where missing."""
        return features(self.snapshot)

    def outcome(self, horizon: int = HORIZON_DAYS) -> bool | None:
        """Whether it escalated; None while that is not settled. A yes that came early waits for its window as well:
        training on it and not on the silent ones beside it would teach too high a risk."""
        known = self.labels[horizon]
        return None if horizon not in self.settled or known is Label.NOT_YET_KNOWN else known is Label.YES


@dataclass(slots=True)
class Replay:
    """Examples in order of time, and how many moments were no row: of matters too small to be predicted."""

    examples: list[Example] = field(default_factory=list)
    small: int = 0


@dataclass(slots=True)
class _Ledger:
    """What happened in one first-level category, instants in order; of reports when they happened, as in service."""

    occurred: list[datetime] = field(default_factory=list)
    closed: list[datetime] = field(default_factory=list)
    escalated: list[datetime] = field(default_factory=list)
    open: int = 0


@dataclass(slots=True)
class _Known:
    """What is known while the stream is read. `named` are matters whose reports said which project they belong to."""

    district: SimulatedDistrict
    ledgers: dict[str, _Ledger] = field(default_factory=dict)
    matters: dict[str, Matter] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    replay: Replay = field(default_factory=Replay)

    def ledger(self, truth: MatterTruth) -> _Ledger:
        return self.ledgers.setdefault(first_level(truth), _Ledger())


def replay(district: SimulatedDistrict) -> Replay:
    """Read the stream once; look at each open matter on the half day after some of its reports, and at some ages.

    Looks fall on half days, where the process can say the true probability of exactly this label.
    """
    known = _Known(district)
    for at, rank, key, thing in _events(district):
        _STEPS[rank](known, district.truth[key], at, thing)
    return known.replay


def examples(district: SimulatedDistrict) -> list[Example]:
    """The rows of a district in order of time: open matters known to touch enough people."""
    return replay(district).examples


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


Event = tuple[datetime, int, str, Any]
_REPORT, _REPLY, _MISSED, _CLOSED, _LOOK = range(5)  # at one instant in this order: a look knows all of its moment


def _events(district: SimulatedDistrict) -> list[Event]:
    """Everything that becomes known, in order."""
    return sorted(_all_events(district), key=lambda event: event[:3])


def _all_events(district: SimulatedDistrict) -> Iterator[Event]:
    received: dict[str, list[datetime]] = {}
    for report in district.stream:
        received.setdefault(report.matter, []).append(report.received_at)
        yield report.received_at, _REPORT, report.matter, report
    for reply in district.replies:
        yield reply.at, _CLOSED if reply.kind == "closed" else _REPLY, reply.matter, None
    for truth in district.truth.values():
        yield from ((at, _MISSED, truth.key, None) for at in truth.missed_at)
    for key, instants in received.items():
        yield from ((at, _LOOK, key, None) for at in _looks(instants, district))


def _looks(received: list[datetime], district: SimulatedDistrict) -> set[datetime]:
    """The half days on which a matter is looked at, if it is still open then."""
    first = _half_day_after(received[0], district.start)
    after = {_half_day_after(at, district.start) for n, at in enumerate(received, 1) if n in LOOKED_AT_REPORTS}
    return {at for at in after | {first + timedelta(days=days) for days in LOOKED_AT_DAYS} if at < district.end}


def _half_day_after(at: datetime, start: datetime) -> datetime:
    return start + -((start - at) // STEP) * STEP


def _on_report(known: _Known, truth: MatterTruth, at: datetime, report: SimulatedReport) -> None:
    facts = facts_of(report)
    insort(known.ledger(truth).occurred, facts.occurred_at)
    if truth.closed_at is not None and truth.closed_at <= at:
        return
    if truth.key not in known.matters:
        known.matters[truth.key] = _opened(truth, at, facts.occurred_at)
        known.ledger(truth).open += 1
    if report.body["project_id"] is not None:
        known.named.add(truth.key)
    known.matters[truth.key] = known.matters[truth.key].with_report(facts)


def _on_look(known: _Known, truth: MatterTruth, at: datetime, _: None) -> None:
    matter, definition = known.matters.get(truth.key), known.district.parameters.label
    if matter is None:
        return
    if not is_at_risk(matter.known_people(), truth.area, at, definition):
        known.replay.small += 1
        return
    project = truth.project.snapshot(at) if truth.project and truth.key in known.named else None
    place = _place(known.ledger(truth), at).apart_from(matter, Weeks.until(at, CHINA))
    snapshot, until = matter.snapshot(at, place, project), known.district.end
    settled = frozenset(days for days in definition.horizons if is_settled(at, days, until, definition))
    came = labels(truth.history, at, until, definition)
    known.replay.examples.append(Example(truth.key, matter.opened_at, snapshot, came, settled))


def _on_reply(known: _Known, truth: MatterTruth, at: datetime, _: None) -> None:
    if truth.key in known.matters:
        known.matters[truth.key] = replace(known.matters[truth.key], replied_at=at, reports_after_reply=0)


def _on_missed(known: _Known, truth: MatterTruth, _at: datetime, _: None) -> None:
    if truth.key in known.matters:
        matter = known.matters[truth.key]
        known.matters[truth.key] = replace(matter, missed_clocks=matter.missed_clocks + 1)


def _on_closed(known: _Known, truth: MatterTruth, at: datetime, _: None) -> None:
    """Whether it had escalated is recorded when it is filed, as in service."""
    if known.matters.pop(truth.key, None) is None:
        return
    ledger = known.ledger(truth)
    ledger.open -= 1
    ledger.closed.append(at)
    if truth.escalated_at is not None and truth.escalated_at <= at:
        ledger.escalated.append(at)


_STEPS: dict[int, Callable[[_Known, MatterTruth, datetime, Any], None]] = {
    _REPORT: _on_report,
    _REPLY: _on_reply,
    _MISSED: _on_missed,
    _CLOSED: _on_closed,
    _LOOK: _on_look,
}


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


def _place(ledger: _Ledger, at: datetime) -> PlaceHistory:
    """The district's history in this first-level category as known at `at`, this matter's reports among it."""
    weeks = Weeks.until(at, CHINA)
    week, month = weeks.counts(ledger.occurred)
    return PlaceHistory(
        reports_7d=week,
        reports_28d_before=month,
        open_matters=ledger.open,
        closed_365d=_since(ledger.closed, weeks.end - YEAR),
        escalated_365d=_since(ledger.escalated, weeks.end - YEAR),
    )


def _since(instants: list[datetime], start: datetime) -> int:
    """How many are not before `start`; `instants` in order, none later than the moment they are read at."""
    return len(instants) - bisect_left(instants, start)
