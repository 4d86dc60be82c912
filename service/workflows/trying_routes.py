"""Routes tried out: who would hear of a warning at a time, and who would have heard of all that was told in a month."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.delivery.hearing import HeldBy, Quiet
from service.delivery.inhibition import Loud
from service.delivery.labels import Told
from service.delivery.routes import ROLE_RECEIVERS
from service.delivery.routing import warnings_for
from service.domain.levels import Level
from service.domain.warnings import Department, Responsibility, Routed, Warning, WarningEventType, WarningSubject
from service.domain.words import DutyRole, SubjectKind, WarningState
from service.store import routing as store
from service.store.engine import Row
from service.store.reference import Reference
from service.workflows.deciding import Move
from service.workflows.hearing import Hearer, Switchboard, group_of, hearers, is_heard, next_look, told_in
from service.workflows.parts import Engines, directory_of
from service.workflows.routes_file import Routing, unknown_department

PAGE = 2000
MOST_CHANGES = 200_000  # looked at in one replay; a district has some 10,000 a month
SAMPLE = UUID(int=0)
EVERYWHERE = "000000000000"


@dataclass(frozen=True, slots=True)
class Trial:
    """What routes are tried with: the district, the routes, what keeps quiet. `quiet.now` is the time, local."""

    reference: Reference
    routing: Routing | None
    quiet: Quiet


@dataclass(frozen=True, slots=True)
class Hears:
    """One department that would be told: when, by what, why, and what holds it back."""

    department_id: UUID
    role: DutyRole | None
    hearer: Hearer
    at: datetime
    held_by: HeldBy | None = None
    reason: str | None = None


def who_hears(trial: Trial, told: Told) -> list[Hears]:
    """Who would hear of a warning that left now, in the order in which they were found."""
    subject = WarningSubject(told.area, told.category, told.first_level, told.level, told.restricted)
    return _heard(trial, _sample(told, trial.quiet.now), told, warnings_for(subject, directory_of(trial.reference)))


def anywhere(routing: Routing) -> Reference:
    """A district of which only the names in a file are known: whoever leads, helps or coordinates goes by that word."""
    offices = dict(routing.departments) | {role: unknown_department(role) for role in ROLE_RECEIVERS}
    coordinator = next(name for name, role in ROLE_RECEIVERS.items() if role is DutyRole.COORDINATOR)
    departments = {
        one: Department(one, name, name == coordinator, EVERYWHERE if name == coordinator else None)
        for name, one in offices.items()
    }
    by_role = {role: offices[name] for name, role in ROLE_RECEIVERS.items()}
    duty = Responsibility(EVERYWHERE, None, by_role[DutyRole.LEAD], (by_role[DutyRole.PARTICIPANT],))
    return Reference(0, {}, departments, (duty,), (), (), {})


def _heard(trial: Trial, warning: Warning, told: Told, routed: Routed) -> list[Hears]:
    duties = {duty.department_id: {"role": duty.role, "reason": duty.reason} for duty in routed.duties}
    board = Switchboard(trial.routing, trial.quiet, {warning.id: told})
    move = Move(warning, WarningEventType.ISSUED, "")
    found = hearers(move, routed, duties, (trial.reference, board))
    return [_hears(board, warning, (one, hearer), duties) for one, hearer in found.items()]


def _hears(board: Switchboard, warning: Warning, to: tuple[UUID, Hearer], duties: Mapping[UUID, Row]) -> Hears:
    department_id, hearer = to
    role = duties[department_id]["role"] if department_id in duties else None
    hold, now = board.hold(warning, hearer), board.quiet.now
    if hold is None:
        return Hears(department_id, role, hearer, now)
    waits = hold.by is HeldBy.GROUPING and hearer.route is not None
    at = now + hearer.route.pace.wait if waits and hearer.route else next_look(hold, now)
    return Hears(department_id, role, hearer, at, hold.by, hold.reason)


def _sample(told: Told, now: datetime) -> Warning:
    return Warning(
        SAMPLE, 1, told.level, told.subject_kind, told.subject_id, told.area, told.category, "", (), (),
        WarningState.ISSUED, False, told.restricted, now, now, issued_level=told.level, issued_at=now,
    )  # fmt: skip


@dataclass(slots=True)
class Office:
    """What one department would have heard, beside what it did hear."""

    would_hear: int = 0
    pushes: int = 0
    held_back: int = 0
    heard: int = 0
    newly: int = 0
    no_longer: int = 0


@dataclass(slots=True)
class Replayed:
    """What a draft would have changed in a span. `complete` False: there was more than could be looked at."""

    since: datetime
    until: datetime
    changes: int = 0
    complete: bool = True
    offices: dict[UUID, Office] = field(default_factory=dict)
    routes: dict[str, int] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)  # when each group would have spoken last
    loud: dict[UUID, Loud] = field(default_factory=dict)  # red that was open at that moment of the replay


async def replay(
    connection: AsyncConnection, engines: Engines, trial: Trial, span: tuple[datetime, datetime]
) -> Replayed:
    """Everything that was told in a span, told again by these routes. Nothing is kept and nobody is pushed to.

    Duties are those of today's 责任清单, sources and signals those that the matters have now.
    """
    replayed = Replayed(*span)
    after, last = [await store.first_number(connection, moment) for moment in span]
    while replayed.changes < MOST_CHANGES:
        events = await store.told_between(connection, (after, last), PAGE)
        if not events:
            return replayed
        after = events[-1]["seq"]
        matters = [UUID(one["body"]["subject_id"]) for one in events if one["body"]["subject_kind"] == "matter"]
        said = await store.said_of(connection, matters) if trial.routing and trial.routing.asks_matter else {}
        pushed = await store.pushed_of(connection, [(one["warning_id"], one["revision"]) for one in events])
        await asyncio.to_thread(_page, replayed, (engines, trial), (events, said, pushed))
    replayed.complete = False
    return replayed


def _page(
    replayed: Replayed, by: tuple[Engines, Trial], rows: tuple[Sequence[Row], Mapping[UUID, Row], Sequence[Row]]
) -> None:
    events, said, pushed = rows
    heard: dict[tuple[UUID, int], set[UUID]] = {}
    for row in pushed:
        heard.setdefault((row["warning_id"], row["revision"]), set()).add(row["department_id"])
    for event in events:
        replayed.changes += 1
        warning = _warning(event)
        told = told_in(by[0].catalogue, warning, said)
        _count(replayed, _again(replayed, by, (event, warning, told)), heard.get((warning.id, warning.revision), set()))


def _again(replayed: Replayed, by: tuple[Engines, Trial], of: tuple[Row, Warning, Told]) -> list[Hears]:
    """Who would have heard at that moment; notes which groups spoke."""
    engines, trial = by
    event, warning, told = of
    local = event["at"].astimezone(engines.zone)
    quiet = Quiet(local, (), trial.quiet.rules, [*replayed.loud.values()])
    _note_loud(replayed, warning, told)
    if not is_heard(Move(warning, WarningEventType(event["type"]), "")):
        return []
    subject = WarningSubject(told.area, told.category, told.first_level, told.level, told.restricted)
    routed = warnings_for(subject, directory_of(trial.reference))
    found = _heard(Trial(trial.reference, trial.routing, quiet), warning, told, routed)
    for one in found:
        _note_push(replayed, one, warning, told)
    return found


def _note_loud(replayed: Replayed, warning: Warning, told: Told) -> None:
    if warning.is_open and warning.issued_level is Level.RED:
        replayed.loud[warning.id] = Loud(str(warning.id), warning.headline, told.labels)
    else:
        replayed.loud.pop(warning.id, None)


def _note_push(replayed: Replayed, one: Hears, warning: Warning, told: Told) -> None:
    """A push of its own, or one more of a group's: what comes while a group waits goes out with it."""
    office = replayed.offices.setdefault(one.department_id, Office())
    if one.hearer.route is not None:
        replayed.routes[one.hearer.route.name] = replayed.routes.get(one.hearer.route.name, 0) + 1
    if one.held_by is None:
        office.pushes += 1
        return
    office.held_back += 1
    if one.held_by is HeldBy.INHIBITION:
        return
    group = group_of(one.department_id, one.hearer.route, told.labels, str(warning.id))
    last = replayed.due.get(group["key"])
    if last is None or warning.updated_at > last:
        office.pushes += 1
        again = last + timedelta(seconds=group["interval_s"]) if last else one.at
        replayed.due[group["key"]] = max(one.at, again)


def _count(replayed: Replayed, found: Sequence[Hears], heard: set[UUID]) -> None:
    would = {one.department_id for one in found}
    for department_id in would | heard:
        office = replayed.offices.setdefault(department_id, Office())
        office.would_hear += department_id in would
        office.heard += department_id in heard
        office.newly += department_id in would - heard
        office.no_longer += department_id in heard - would


def _warning(event: Row) -> Warning:
    """A warning as it stood at an event, with what routing asks of it."""
    body: dict[str, Any] = event["body"]
    issued = Level(body["issued_level"]) if body["issued_level"] else None
    return Warning(
        event["warning_id"], event["revision"], Level(body["level"]), SubjectKind(body["subject_kind"]),
        body["subject_id"], body["area"], body["category"], body["headline"], (), (), WarningState(body["state"]),
        False, body["restricted"], event["at"], event["at"], issued_level=issued,
    )  # fmt: skip
