"""必要时直接报送: somebody with a duty lets the leader on duty hear of a red now, past all steps between."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.escalation import Clock, Rank, Step
from service.domain.levels import Level
from service.domain.problems import Problem, not_found
from service.domain.warnings import Warning
from service.domain.words import DutyRole
from service.store import feed, warnings
from service.store.engine import Row
from service.text.redaction import mask
from service.workflows.answering import Actor
from service.workflows.escalating import Taken, tell_taken
from service.workflows.reaching import Reached, board_of, offices_of, reach
from service.workflows.telling import Teller, Work

_STEP = Step(Rank.DIRECT_LEADER, timedelta())


async def report_directly(work: Work, warning_id: UUID, actor: Actor, reason: str) -> None:
    """Tell the leader on duty. Raises Problem 404, or 409 for what is not red, has ended, or when nobody is there."""
    async with work.doors.transaction() as connection:
        seen = await feed.warning_in_sight(connection, warning_id, actor.sight)
        warning = await warnings.locked(connection, warning_id) if seen else None
        if warning is None:
            raise not_found("预警", warning_id)
        if not warning.is_open or warning.level is not Level.RED:
            raise Problem(409, "not_red", "只有未办结的红级预警可以直接报送；其他级别请按逐级报送办理。")
        duties = {row["department_id"]: row for row in (await warnings.duties_of(connection, [warning_id]))[warning_id]}
        teller = await work.teller(connection)
        found = await _leader(connection, teller, warning, _whose(actor, duties))
        said = f"{actor.name}直接报送带班领导：{mask(reason)}"
        row = _row(teller, warning, (_whose(actor, duties), found), said)
        await tell_taken(connection, teller, warning, ([Taken(row, found)], duties))


async def _leader(connection: AsyncConnection, teller: Teller, warning: Warning, whose: UUID) -> Reached:
    offices = offices_of(teller.reference, whose, warning.area)
    found = reach(_STEP, offices, await board_of(connection, [offices], teller.now))
    if isinstance(found, str):
        raise Problem(409, "nobody_to_reach", f"{found}；请在值班表中排带班领导，或为协调单位登记推送地址。")
    return found


def _whose(actor: Actor, duties: dict[UUID, Row]) -> UUID:
    """The department that reports, else the one that leads."""
    leading = next((row["department_id"] for row in duties.values() if row["role"] == DutyRole.LEAD), None)
    whose = actor.department_id or leading
    if whose is None:
        raise Problem(403, "no_department", "本密钥不代表任何单位，不能直接报送；请用绑定单位的密钥。")
    return whose


def _row(teller: Teller, warning: Warning, what: tuple[UUID, Reached], said: str) -> Row:
    whose, reached = what
    return {
        "warning_id": warning.id,
        "department_id": whose,
        "clock": Clock.DIRECT,
        "since": teller.now,  # by hand: a chain of its own that has this one step
        "step": 0,
        "told": 0,
        "due_at": teller.now,
        "at": teller.now,
        "rank": Rank.DIRECT_LEADER,
        "told_id": reached.department_id,
        "endpoint_ids": list(reached.endpoint_ids),
        "revision": None,
        "reason": said,
        "policy": teller.engines.escalation.current.sha256,
    }
