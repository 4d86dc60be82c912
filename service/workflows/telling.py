"""Keep moves of warnings and owe what follows from them: duties with clocks, numbered events, pushes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.delivery.message import Companion, Envelope, body
from service.delivery.routing import warnings_for
from service.domain.escalation import Chain
from service.domain.levels import Level
from service.domain.quick import changed
from service.domain.warnings import Duty, Routed, Warning, WarningEventType, WarningSubject
from service.domain.words import DutyRole, WarningState
from service.store import chains, warnings
from service.store.engine import Row, new_id
from service.workflows.chaining import begun
from service.workflows.deciding import Move
from service.workflows.hearing import Switchboard, Waiting, hearers, switchboard
from service.workflows.parts import Doors, Engines, directory_of
from service.workflows.parts import Teller as Teller
from service.workflows.sign_links import SIGN_PATH, Grant, token_of
from service.workflows.workdays import end_of_next_workday

_HIDDEN = ("seq", "department_ids", "reports_told", "people_told")
_SHOWN = tuple(field.name for field in fields(Warning) if field.name not in _HIDDEN)
Duties = dict[UUID, dict[UUID, Row]]  # warning → department → duty row
_ASKS_NOBODY_ANEW = (WarningEventType.ACKNOWLEDGED, WarningEventType.REMINDED, WarningEventType.ESCALATED)
_SAYS_WHY = (WarningEventType.REMINDED, WarningEventType.ESCALATED)


@dataclass(frozen=True, slots=True)
class Work:
    """What somebody's act on warnings and matters needs: the parts, and when it happens."""

    doors: Doors
    engines: Engines
    now: datetime

    async def teller(self, connection: AsyncConnection) -> Teller:
        return Teller(self.engines, self.doors, await self.doors.reference.get(connection), self.now)


@dataclass(frozen=True, slots=True)
class _Owing:
    """What decides who hears of moves: routes of each by warning, duties, and what keeps quiet."""

    routed: Mapping[UUID, Routed]
    duties: Duties
    board: Switchboard | None


async def tell(connection: AsyncConnection, teller: Teller, moves: Sequence[Move]) -> None:
    """Write moves in this transaction. Takes the feed counter, so nothing slow may follow before the commit."""
    if not moves:
        return
    moves = await _ending(connection, teller, moves)
    duties = await _duties(connection, moves)
    routed = {move.warning.id: _route(teller, move) for move in moves}
    clocks: dict[tuple[UUID, UUID, str], Chain] = {}
    for move in moves:
        fresh = _assign(teller, move, routed[move.warning.id], duties[move.warning.id])
        for chain in begun(teller.engines, teller.reference, move, routed[move.warning.id], fresh):
            clocks[chain.warning_id, chain.department_id, chain.clock] = chain
    kept = [
        changed(w, seq=place, department_ids=_in_sight(w, duties[w.id], routed[w.id]))
        for place, w in enumerate((move.warning for move in moves), 1)
    ]
    owing = _Owing(routed, duties, await switchboard(connection, teller, moves))
    pushes, held = _pushes(teller, moves, owing)
    told = warnings.Told(
        warnings=list({warning.id: warning for warning in kept}.values()),
        duties=[row for rows in duties.values() for row in rows.values()],
        events=[_event(warning, move) for warning, move in zip(kept, moves, strict=True)],
        pushes=pushes,
        groups=[held.groups[key] for key in sorted(held.groups)],
        held=held.pushes,
        chains=list(clocks.values()),
    )
    await warnings.tell(connection, told)


def snapshot(warning: Warning) -> dict[str, Any]:
    """A warning as events, feed and answers show it."""
    return {**{name: getattr(warning, name) for name in _SHOWN}, "level_zh": warning.level.zh}


async def _ending(connection: AsyncConnection, teller: Teller, moves: Sequence[Move]) -> Sequence[Move]:
    """Whoever was told hears that it is over: on the way up, or by routes and subscriptions that changed since."""
    over = [move.warning.id for move in moves if not move.warning.is_open]
    if not over:
        return moves
    told = await chains.close(connection, over, teller.now)
    reason = "曾推送至本单位，现已结束"
    besides = {
        warning_id: tuple(Duty(department_id, DutyRole.COORDINATOR, reason) for department_id in sorted(departments))
        for warning_id, departments in told.items()
    }
    return [replace(move, owed=move.owed + besides.get(move.warning.id, ())) for move in moves]


async def _duties(connection: AsyncConnection, moves: Sequence[Move]) -> Duties:
    earlier = {move.warning.id for move in moves if move.warning.revision > 1}
    kept = await warnings.duties_of(connection, earlier) if earlier else {}
    fresh: Duties = {move.warning.id: {} for move in moves}
    return fresh | {warning_id: {row["department_id"]: row for row in rows} for warning_id, rows in kept.items()}


def _route(teller: Teller, move: Move) -> Routed:
    warning = move.warning
    first_level = teller.engines.catalogue.first_level(warning.category)
    subject = WarningSubject(warning.area, warning.category, first_level, warning.level, warning.restricted)
    routed = warnings_for(subject, directory_of(teller.reference))
    if not move.owed:
        return routed
    listed = {duty.department_id for duty in routed.duties}
    besides = {duty.department_id: duty for duty in move.owed if duty.department_id not in listed}
    return Routed((*routed.duties, *besides.values()), routed.pushes)


def _assign(teller: Teller, move: Move, routed: Routed, rows: dict[UUID, Row]) -> list[Row]:
    """Bring a warning's duty rows up to date: new departments, new clocks, clocks that stop; gives the fresh ones."""
    fresh: list[Row] = []
    if not move.warning.is_open:
        for row in rows.values():
            row["next_check_at"] = None
        return fresh
    if move.warning.state is WarningState.PENDING_CONFIRMATION or move.type in _ASKS_NOBODY_ANEW:
        return fresh
    leads = {duty.department_id for duty in routed.duties if duty.role is DutyRole.LEAD}
    for department_id, row in rows.items():
        if leads and row["role"] == DutyRole.LEAD and department_id not in leads:
            row |= {"role": DutyRole.PARTICIPANT, "reason": "已改由其他单位牵头", "next_check_at": None}
    for duty in routed.duties:
        small = move.warning.restricted and duty.role is DutyRole.PARTICIPANT
        old = rows.get(duty.department_id)
        asked_anew = move.new_clocks or old is None or (duty.role is DutyRole.LEAD and old["role"] != DutyRole.LEAD)
        if asked_anew and not small:
            rows[duty.department_id] = _fresh(teller, move.warning, duty)
            fresh.append(rows[duty.department_id])
    return fresh


def _fresh(teller: Teller, warning: Warning, duty: Duty) -> Row:
    """A duty from now; what was missed or reminded at a lower level is on the matter's record, not on this clock."""
    sign, answer = deadlines(teller.engines, warning.level, warning.area, teller.now)
    return {
        "warning_id": warning.id,
        "department_id": duty.department_id,
        "role": duty.role,
        "reason": duty.reason,
        "sign_due_at": sign,
        "signed_at": None,
        "sign_note": None,
        "answer_due_at": answer,
        "answered_at": None,
        # The coordinating office sees every clock of its area; it is not itself reminded.
        "next_check_at": None if duty.role is DutyRole.COORDINATOR else sign,
        "reminders": 0,
        "missed": 0,
    }


def deadlines(engines: Engines, level: Level, area: str, now: datetime) -> tuple[datetime, datetime]:
    """By when a department must sign, and by when it must answer with a plan; § 5.2 of the level definitions."""
    on = engines.day(now)
    answer = now + timedelta(hours=engines.thresholds.value(f"duty.plan_hours.{level}", area, on))
    if level is Level.BLUE:
        return end_of_next_workday(now, engines.zone), max(answer, end_of_next_workday(now, engines.zone))
    return now + timedelta(hours=engines.thresholds.value(f"warning.sign_hours.{level}", area, on)), answer


def _pushes(teller: Teller, moves: Sequence[Move], owing: _Owing) -> tuple[list[Row], Waiting]:
    """For each move and each department that must hear: outbox rows, or a push that waits."""
    rows: list[Row] = []
    waiting = Waiting(teller.now)
    for move in moves:
        duties = owing.duties[move.warning.id]
        heard = hearers(move, owing.routed[move.warning.id], duties, (teller.reference, owing.board))
        for department_id, hearer in heard.items():
            hold = owing.board.hold(move.warning, hearer) if owing.board else None
            if hold is not None and owing.board:
                waiting.add(move, (department_id, hearer), hold, owing.board.told[move.warning.id].labels)
                continue
            envelope = envelope_of(teller, move.warning, duties.get(department_id))
            if move.type in _SAYS_WHY:
                envelope = replace(envelope, note=move.note)
            for endpoint_id in _endpoints(teller, move, department_id):
                rows.append(outbox_row(teller, move, endpoint_id, hearer.why, envelope))
    return rows, waiting


def _endpoints(teller: Teller, move: Move, department_id: UUID) -> Sequence[UUID]:
    chosen: Sequence[UUID] = move.through.get(department_id, ())
    return chosen or teller.reference.endpoints.get(department_id, ())


def envelope_of(
    teller: Teller, warning: Warning, duty: Row | None, also: Sequence[tuple[Warning, Row | None]] = ()
) -> Envelope:
    """The names and links that go with a push, and what its receiver owes; `also`: others in it, each with its duty."""
    name, link = teller.reference.area_name, f"{teller.doors.link_base}/v1/warnings/"
    return Envelope(
        area_name=name(warning.area),
        category_name=teller.engines.catalogue.category_name(warning.category),
        link=f"{link}{warning.id}",
        role=DutyRole(duty["role"]) if duty else None,
        sign_due_at=duty["sign_due_at"].astimezone(teller.engines.zone) if duty and duty["sign_due_at"] else None,
        sign_link=_sign_link(teller, warning, duty),
        together=tuple(
            [Companion(one, name(one.area), f"{link}{one.id}", _sign_link(teller, one, owes)) for one, owes in also]
        ),
    )


def outbox_row(teller: Teller, move: Move, endpoint_id: UUID, why: str, envelope: Envelope) -> Row:
    """One push that is owed, due now."""
    warning = move.warning
    return {
        "id": new_id(),
        "warning_id": warning.id,
        "revision": warning.revision,
        "endpoint_id": endpoint_id,
        "message_id": f"msg_{new_id().hex}",
        "body": body(move.type, teller.now.astimezone(teller.engines.zone), warning, envelope),
        "state": "pending",
        "priority": 4 - warning.level.rank,
        "attempts": 0,
        "due_at": teller.now,
        "lease_token": None,
        "last_status": None,
        "last_error": None,
        "why": why,
        "created_at": teller.now,
        "done_at": None,
        "chosen": any(endpoint_id in chosen for chosen in move.through.values()),
    }


def _sign_link(teller: Teller, warning: Warning, duty: Row | None) -> str | None:
    """A link that signs for the department, while its signature is owed."""
    if duty is None or duty["signed_at"] is not None or duty["sign_due_at"] is None or not warning.is_open:
        return None
    if warning.state is WarningState.PENDING_CONFIRMATION:
        return None
    hours = teller.engines.thresholds.value("warning.sign_link_hours", warning.area, teller.engines.day(teller.now))
    until = teller.now + timedelta(hours=hours)
    grant = Grant(warning.id, duty["department_id"], warning.revision, duty["sign_due_at"], until)
    return f"{teller.doors.link_base}{SIGN_PATH}{token_of(teller.doors.mac_key, grant)}"


def _in_sight(warning: Warning, duties: Mapping[UUID, Row], routed: Routed) -> tuple[UUID, ...]:
    """Departments that see the warning although it is restricted, also while it still waits for confirmation."""
    roles = {duty.department_id: duty.role for duty in routed.duties}
    roles |= {department_id: DutyRole(row["role"]) for department_id, row in duties.items()}
    return tuple(d for d, role in roles.items() if not warning.restricted or role is not DutyRole.PARTICIPANT)


def _event(warning: Warning, move: Move) -> Row:
    return {
        "seq": warning.seq,
        "warning_id": warning.id,
        "revision": warning.revision,
        "type": move.type,
        "at": warning.updated_at,
        "area": warning.area,
        "restricted": warning.restricted,
        "department_ids": list(warning.department_ids),
        "note": move.note,
        "body": snapshot(warning),
    }
