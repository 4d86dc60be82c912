"""What people do with a warning: confirm, sign (签收), answer, settle. Signing is not answering."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.escalation import Clock
from service.domain.matters import Matter
from service.domain.problems import Problem, not_found
from service.domain.warnings import Warning, WarningEventType
from service.domain.words import DutyRole, MatterStatus, Outcome, SubjectKind, WarningState
from service.store import chains, feed, matters, warnings
from service.store.engine import Row, insert_all
from service.store.views import Sight
from service.text.redaction import mask
from service.workflows.deciding import Move, confirm, settle
from service.workflows.telling import Teller, Work, tell


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: what the key may see, and the name of the department (or office) it speaks for."""

    sight: Sight
    name: str

    @property
    def department_id(self) -> UUID | None:
        return self.sight.department_id


@dataclass(frozen=True, slots=True)
class Ending:
    """What really happened, and when."""

    outcome: Outcome
    at: datetime
    note: str | None = None


async def confirm_warning(work: Work, warning_id: UUID, actor: Actor) -> None:
    """Let a waiting warning leave. Confirming again what has left changes nothing."""
    async with work.doors.transaction() as connection:
        warning = await _locked(connection, warning_id, actor)
        if warning.state is WarningState.PENDING_CONFIRMATION:
            await chains.end(connection, (warning_id, None), [Clock.CONFIRM], (f"{actor.name}已核实", work.now))
            await tell(connection, await work.teller(connection), [confirm(warning, actor.name, work.now)])
        elif not warning.is_open:
            raise _ended(warning)
        elif warning.unverified:
            known = replace(
                warning, revision=warning.revision + 1, unverified=False, confirmed_by=actor.name, updated_at=work.now
            )
            move = Move(known, WarningEventType.UPDATED, f"发出后由{actor.name}补充核实")
            await tell(connection, await work.teller(connection), [move])


async def acknowledge_warning(
    work: Work, warning_id: UUID, actor: Actor, note: str | None, asked: datetime | None = None
) -> bool:
    """Sign for a warning (签收), each department for itself. Signing twice is signing once: False then.

    `asked`: the deadline that the signer was told; a clock that began anew since asks for another signature.
    """
    department = _department(actor)
    async with work.doors.transaction() as connection:
        warning = await _locked(connection, warning_id, actor)
        if not warning.is_open:
            raise _ended(warning)
        if warning.state is WarningState.PENDING_CONFIRMATION:
            raise Problem(409, "not_issued", "该预警尚待核实、未发出，不能签收；请先核实（POST …/confirm）。")
        duties = {row["department_id"]: row for row in (await warnings.duties_of(connection, [warning_id]))[warning_id]}
        duty = duties.setdefault(department, _asked_in(warning_id, department))
        if asked is not None and duty["sign_due_at"] != asked:
            raise Problem(409, "link_outdated", "该预警的签收已重新计时；请使用最近一次推送中的链接。")
        if duty["signed_at"] is not None:
            return False
        duty |= {
            "signed_at": work.now,
            "sign_note": _masked(note),
            "next_check_at": _unless_coordinating(duty, _looked_at_next(work, warning, duty)),
        }
        await warnings.keep_duties(connection, [duty])
        await _stop_chains(connection, warning_id, department, work.now)
        leads = duty["role"] == DutyRole.LEAD or not any(row["role"] == DutyRole.LEAD for row in duties.values())
        state = WarningState.ACKNOWLEDGED if leads else warning.state
        signed = replace(warning, revision=warning.revision + 1, state=state, updated_at=work.now)
        move = Move(signed, WarningEventType.ACKNOWLEDGED, f"{actor.name}已签收")
        await tell(connection, await work.teller(connection), [move])
        return True


async def answer_warning(work: Work, warning_id: UUID, actor: Actor, note: str) -> None:
    """Record that a department answered the matter. The matter stays open until it is settled."""
    department = _department(actor)
    async with work.doors.transaction() as connection:
        warning, matter = await _with_matter(connection, warning_id, actor)
        if not warning.is_open:
            raise _ended(warning)
        duties = {row["department_id"]: row for row in (await warnings.duties_of(connection, [warning_id]))[warning_id]}
        duty = duties.get(department)
        if duty is None:
            raise Problem(409, "no_duty", "本单位对该预警没有承办职责，不能代为答复；请由牵头或配合单位答复。")
        day = work.engines.day(work.now)
        hours = work.engines.thresholds.value("duty.unsettled_hours", warning.area, day)
        duty |= {
            "answered_at": work.now,
            "signed_at": duty["signed_at"] or work.now,
            "next_check_at": _unless_coordinating(duty, work.now + timedelta(hours=hours)),
        }
        await warnings.keep_duties(connection, [duty])
        await _stop_chains(connection, warning_id, department, work.now)
        if matter is not None:
            replied = replace(matter, replied_at=work.now, reports_after_reply=0)
            entry = {
                "matter_id": matter.id,
                "at": work.now,
                "kind": "replied",
                "department_id": department,
                "note": mask(note),
            }
            await insert_all(connection, [matters.kept([replied], work.now), matters.entered([entry])])


async def resolve_warning(work: Work, warning_id: UUID, actor: Actor, ending: Ending) -> None:
    """End a warning with its outcome; the matter it is about is closed with it."""
    async with work.doors.transaction() as connection:
        warning, matter = await _with_matter(connection, warning_id, actor)
        if not warning.is_open:
            raise _ended(warning)
        teller = await work.teller(connection)
        await _end(connection, teller, warning, ending, actor)
        if matter is not None and matter.status is MatterStatus.OPEN:
            await close_kept_matter(connection, teller, matter, ending, actor.department_id)


async def close_matter(work: Work, matter_id: UUID, actor: Actor, ending: Ending) -> None:
    """Close a matter with its outcome; its open warning ends with it."""
    async with work.doors.transaction() as connection:
        matter = await locked_matter(connection, matter_id, actor.sight)
        if matter.status is not MatterStatus.OPEN:
            raise Problem(409, "matter_not_open", "该事项已办结或已并入其他事项，无需再次办结。")
        teller = await work.teller(connection)
        await close_kept_matter(connection, teller, matter, ending, actor.department_id)
        for warning in (await warnings.open_of_matters(connection, [matter_id])).values():
            await _end(connection, teller, warning, ending, actor)


async def close_kept_matter(
    connection: AsyncConnection, teller: Teller, matter: Matter, ending: Ending, department_id: UUID | None
) -> None:
    now = teller.now
    closed = replace(matter, status=MatterStatus.CLOSED, closed_at=now, outcome=ending.outcome)
    data = {"outcome": ending.outcome, "outcome_at": ending.at}
    entry = {"matter_id": matter.id, "at": now, "kind": "closed", "department_id": department_id}
    escalated = int(ending.outcome is Outcome.ESCALATED)
    counts = {(matters.place_of(matter), teller.engines.day(now)): {"closed": 1, "escalated": escalated}}
    entered = matters.entered([{**entry, "note": _masked(ending.note), "data": data}])
    await insert_all(connection, [matters.kept([closed], now), entered, matters.counted(counts)])


async def locked_matter(connection: AsyncConnection, matter_id: UUID, sight: Sight) -> Matter:
    """The matter under its place's lock, if the viewer may see it."""
    seen = await feed.matter_in_sight(connection, matter_id, sight)
    if seen is None:
        raise not_found("事项", matter_id)
    return (await matters.locked(connection, [matter_id]))[0][matter_id]


async def _with_matter(connection: AsyncConnection, warning_id: UUID, actor: Actor) -> tuple[Warning, Matter | None]:
    """A warning and its matter. The place is locked before the warning: everybody locks in that order."""
    seen = await _seen(connection, warning_id, actor)
    if seen["subject_kind"] != SubjectKind.MATTER:
        return await _locked(connection, warning_id, actor), None
    matter_id = UUID(seen["subject_id"])
    matter = (await matters.locked(connection, [matter_id]))[0][matter_id]
    return await _locked(connection, warning_id, actor), matter


async def _seen(connection: AsyncConnection, warning_id: UUID, actor: Actor) -> Row:
    seen = await feed.warning_in_sight(connection, warning_id, actor.sight)
    if seen is None:
        raise not_found("预警", warning_id)
    return seen


async def _locked(connection: AsyncConnection, warning_id: UUID, actor: Actor) -> Warning:
    await _seen(connection, warning_id, actor)
    warning = await warnings.locked(connection, warning_id)
    if warning is None:
        raise not_found("预警", warning_id)
    return warning


async def _end(connection: AsyncConnection, teller: Teller, warning: Warning, ending: Ending, actor: Actor) -> None:
    changes: dict[str, Any] = {"outcome": ending.outcome, "outcome_at": ending.at, "outcome_note": _masked(ending.note)}
    await tell(connection, teller, [settle(warning, changes, teller.now, f"{actor.name}办结")])


async def _stop_chains(connection: AsyncConnection, warning_id: UUID, department_id: UUID, now: datetime) -> None:
    """Escalation stops for the department that signed, for no other."""
    ending = ("本单位已签收", now)
    await chains.end(connection, (warning_id, department_id), [Clock.SIGN, Clock.DIRECT], ending)


def _looked_at_next(work: Work, warning: Warning, duty: Row) -> datetime | None:
    """When a signed duty is looked at next: at its deadline for the answer, or before when it should not lie idle."""
    policy, day = work.engines.escalation.current, work.engines.day(work.now)
    plan = policy.plan(Clock.SIGN, warning.level, warning.area, day)
    answer: datetime | None = duty["answer_due_at"]
    if plan is None or plan.idle is None or answer is None:
        return answer
    return min(answer, work.now + plan.idle)


def _unless_coordinating(duty: Row, instant: datetime | None) -> datetime | None:
    """When a duty's clock is next looked at: the coordinating office sees every clock and is not itself reminded."""
    return None if duty["role"] == DutyRole.COORDINATOR else instant


def _masked(note: str | None) -> str | None:
    """What somebody wrote beside an act is kept and shown to others, so it is masked as a report's text is."""
    return mask(note) if note else note


def _department(actor: Actor) -> UUID:
    if actor.department_id is None:
        detail = "本密钥不代表任何单位，不能签收或答复；请用绑定单位的密钥（weiyu keys create --department …）。"
        raise Problem(403, "no_department", detail)
    return actor.department_id


def _ended(warning: Warning) -> Problem:
    return Problem(
        409, "already_ended", f"该预警已{'办结' if warning.state is WarningState.RESOLVED else '撤销'}，不能再变更。"
    )


def _asked_in(warning_id: UUID, department_id: UUID) -> Row:
    """A department that was informed and signs of its own accord takes part from then on."""
    return {
        "warning_id": warning_id,
        "department_id": department_id,
        "role": DutyRole.PARTICIPANT,
        "reason": "订阅单位主动签收",
        "sign_due_at": None,
        "signed_at": None,
        "sign_note": None,
        "answer_due_at": None,
        "answered_at": None,
        "next_check_at": None,
        "reminders": 0,
        "missed": 0,
    }
