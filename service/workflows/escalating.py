"""Escalation: whoever is silent is told again, then the next one up, until that department signs.

Every step is one transaction under the warning's lock: the chain moves on, the step is recorded, the pushes are owed.
The chain is moved from exactly where it was read and a step has one key, so two ticks, or a tick and a crash, lose none
and double none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.escalation import Chain, Clock, End, Pause, Plan, Situation, Telling, due, ended, passed_over
from service.domain.warnings import Warning, WarningEventType
from service.domain.words import DutyRole, WarningState
from service.store import chains, held, warnings
from service.store.engine import Row
from service.workflows.clocks import AT_ONCE, each
from service.workflows.deciding import Move
from service.workflows.hearing import quiet_until
from service.workflows.parts import Doors, Engines
from service.workflows.reaching import Board, Offices, Reached, board_of, offices_of, reach
from service.workflows.telling import Teller, tell

_WAITS_FOR = {Clock.SIGN: "未签收", Clock.DIRECT: "红级预警直接报送", Clock.CONFIRM: "待核实"}


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of one chain: the record of it, and whom it reached (None: nobody)."""

    row: Row
    reached: Reached | None


@dataclass(frozen=True, slots=True)
class _Quiet:
    """Until when nobody is told of a warning, and the departments whose own push waits (`held.waiting_for`)."""

    everywhere: datetime | None
    waiting: Mapping[UUID, tuple[datetime, datetime | None]]

    def of(self, chain: Chain, plan: Plan | None) -> datetime | None:
        """A department that was told nothing since its clock began is not silent: its time runs from being told."""
        due, told = self.waiting.get(chain.department_id, (None, None))
        if chain.clock is not Clock.SIGN or plan is None or due is None or (told is not None and told >= chain.since):
            return self.everywhere
        heard = due + plan.steps[0].wait
        return heard if self.everywhere is None else max(heard, self.everywhere)


@dataclass(frozen=True, slots=True)
class _Case:
    """One chain with what its next step depends on."""

    chain: Chain
    plan: Plan | None
    situation: Situation
    offices: Offices


async def escalate_overdue(doors: Doors, engines: Engines, now: datetime) -> int:
    """Take every step of escalation that came due; gives how many warnings were looked at."""
    async with doors.transaction() as connection:
        overdue = await chains.due(connection, now, AT_ONCE)
    steps = {warning_id: partial(_escalate, warning_id=warning_id) for warning_id in overdue}
    await each(doors, engines, now, steps)
    return len(overdue)


async def _escalate(connection: AsyncConnection, teller: Teller, warning_id: UUID) -> None:
    """One warning: its lock first, then look again at what is due."""
    warning = await warnings.locked(connection, warning_id)
    if warning is None:
        return
    waiting = await chains.of_warning(connection, warning_id)
    duties = {row["department_id"]: row for row in (await warnings.duties_of(connection, [warning_id]))[warning_id]}
    quiet = _Quiet(await quiet_until(connection, teller, warning), await held.waiting_for(connection, warning_id))
    cases = [
        _case(teller, (warning, quiet), chain, duties.get(chain.department_id))
        for chain in waiting
        if chain.next_at is not None and chain.next_at <= teller.now
    ]
    board = await board_of(connection, [case.offices for case in cases], teller.now)
    taken = [step for case in cases for step in await _walk(connection, teller, case, board)]
    await tell_taken(connection, teller, warning, (taken, duties))


def _case(teller: Teller, about: tuple[Warning, _Quiet], chain: Chain, duty: Row | None) -> _Case:
    warning, quiet = about
    policy, day = teller.engines.escalation.current, teller.engines.day(teller.now)
    plan = policy.plan(chain.clock, warning.level, warning.area, day)
    situation = Situation(
        is_open=warning.is_open,
        waits_for_confirmation=warning.state is WarningState.PENDING_CONFIRMATION,
        owes=duty is not None and duty["next_check_at"] is not None,  # a duty whose clock stopped was taken away
        leads=chain.clock is Clock.CONFIRM or (duty is not None and duty["role"] == DutyRole.LEAD),
        signed=duty is not None and duty["signed_at"] is not None,
        quiet_until=quiet.of(chain, plan),
    )
    return _Case(chain, plan, situation, offices_of(teller.reference, chain.department_id, warning.area))


async def _walk(connection: AsyncConnection, teller: Teller, case: _Case, board: Board) -> list[Taken]:
    """Take steps until somebody was reached or the chain ends; a step that reaches nobody holds up nothing."""
    taken: list[Taken] = []
    chain = case.chain
    while chain.next_at is not None and chain.next_at <= teller.now:
        act = due(chain, case.plan.steps if case.plan else (), case.situation, teller.now)
        if act is None:
            break
        if isinstance(act, End):
            chain = ended(chain, act.reason, teller.now)
            break
        if isinstance(act, Pause):
            chain = act.after
            break
        found = reach(act.step, case.offices, board)
        reached = found if isinstance(found, Reached) else None
        taken.append(Taken(_record(teller, case.chain, act, found), reached))
        chain = act.after if reached else passed_over(act, teller.now)
        if reached:
            break
    await chains.take(connection, case.chain, chain)
    return taken


def _record(teller: Teller, before: Chain, act: Telling, found: Reached | str) -> Row:
    reached = found if isinstance(found, Reached) else None
    silent = teller.reference.department_name(before.department_id) or "?"
    again = f"（第 {act.number + 1} 次）" if act.number else ""
    said = f"报{act.step.to.zh}{again}：{_named(teller, reached)}" if reached else f"跳过{act.step.to.zh}：{found}"
    return {
        "warning_id": before.warning_id,
        "department_id": before.department_id,
        "clock": before.clock,
        "since": before.since,
        "step": act.after.step,
        "told": act.number,
        "due_at": before.next_at,
        "at": teller.now,
        "rank": act.step.to,
        "told_id": reached.department_id if reached else None,
        "endpoint_ids": list(reached.endpoint_ids) if reached else [],
        "revision": None,
        "reason": f"{silent}{_WAITS_FOR[before.clock]}，{said}",
        "policy": teller.engines.escalation.current.sha256,
    }


def _named(teller: Teller, reached: Reached) -> str:
    return f"{teller.reference.department_name(reached.department_id) or '?'}（{reached.how}）"


async def tell_taken(
    connection: AsyncConnection, teller: Teller, warning: Warning, what: tuple[Sequence[Taken], dict[UUID, Row]]
) -> None:
    """Record the steps, and tell in one revision whoever they reached."""
    taken, duties = what
    reached = [one.reached for one in taken if one.reached is not None]
    revision = warning.revision + 1
    rows = [one.row | {"revision": revision if one.reached else None} for one in taken]
    await chains.keep_steps(connection, rows)
    if not reached:
        return
    if warning.state is not WarningState.PENDING_CONFIRMATION:
        await _let_see(connection, warning, reached, duties)
    through: dict[UUID, tuple[UUID, ...]] = {}
    for one in reached:
        through[one.department_id] = tuple(dict.fromkeys((*through.get(one.department_id, ()), *one.endpoint_ids)))
    moved = replace(warning, revision=revision, updated_at=teller.now)
    note = "；".join(one.row["reason"] for one in taken if one.reached is not None)
    move = Move(moved, WarningEventType.ESCALATED, note, only=frozenset(through), through=through)
    await tell(connection, teller, [move])


async def _let_see(
    connection: AsyncConnection, warning: Warning, reached: Sequence[Reached], duties: dict[UUID, Row]
) -> None:
    """Who is told of a silence may see the warning and sign for itself, like a coordinating office; it owes nothing."""
    new = {one.department_id: one for one in reached if one.department_id not in duties}
    rows = [_looks_on(warning.id, one) for one in new.values()]
    if rows:
        await warnings.keep_duties(connection, rows)


def _looks_on(warning_id: UUID, reached: Reached) -> Row:
    return {
        "warning_id": warning_id,
        "department_id": reached.department_id,
        "role": DutyRole.COORDINATOR,
        "reason": f"逐级报送：{reached.how}",
        "sign_due_at": None,
        "signed_at": None,
        "sign_note": None,
        "answer_due_at": None,
        "answered_at": None,
        "next_check_at": None,
        "reminders": 0,
        "missed": 0,
    }
