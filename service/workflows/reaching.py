"""Whom a step of escalation reaches at this moment: which department, by which of its endpoints, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import chain_of
from service.domain.escalation import Rank, Step
from service.domain.rosters import Shift, ShiftRole
from service.store import shifts
from service.store.engine import Row
from service.store.outbox import active_endpoints
from service.store.reference import Reference
from service.workflows.parts import directory_of


@dataclass(frozen=True, slots=True)
class Offices:
    """The silent department and who stands above it for this warning."""

    own: UUID
    supervisor: UUID | None  # 主管单位, else the nearest coordinating office
    coordinator: UUID | None  # the nearest coordinating office, which may be the department itself

    def __iter__(self) -> Iterator[UUID]:
        return iter(dict.fromkeys(one for one in (self.own, self.supervisor, self.coordinator) if one is not None))


@dataclass(frozen=True, slots=True)
class Board:
    """Who is on duty now, and the active endpoints of each department."""

    on_duty: Sequence[Shift]
    endpoints: Mapping[UUID, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Reached:
    """A department that is told, by these endpoints, and how it was found (Chinese)."""

    department_id: UUID
    endpoint_ids: tuple[UUID, ...]
    how: str


def offices_of(reference: Reference, department_id: UUID, area: str) -> Offices:
    """Who stands above a department for a warning in `area` (12 digits)."""
    directory = directory_of(reference)
    nearest = directory.coordinator_of(area)
    above = (directory.coordinator_of(code) for code in [*chain_of(area), "000000000000"])
    other = next((one.id for one in above if one is not None and one.id != department_id), None)
    known = reference.departments.get(department_id)
    supervisor = (known.supervisor_id if known else None) or other
    return Offices(department_id, supervisor, nearest.id if nearest else None)


async def board_of(connection: AsyncConnection, offices: Sequence[Offices], now: datetime) -> Board:
    """Shifts and endpoints of all these offices."""
    involved = {department_id for one in offices for department_id in one}
    endpoints: dict[UUID, list[Row]] = {}
    for row in await active_endpoints(connection, involved):
        endpoints.setdefault(row["department_id"], []).append(row)
    return Board(await shifts.on_duty(connection, involved, now), endpoints)


def reach(step: Step, offices: Offices, board: Board) -> Reached | str:
    """Whom a step reaches, or why it reaches nobody (Chinese). Pure."""
    if step.to is Rank.DUTY:
        return _office(step, offices.own, board, "本单位") or "本单位没有可用的推送地址"
    if step.to is Rank.SECOND:
        return _post(step, offices.own, ShiftRole.SECOND, board) or "值班表上此时没有副班"
    if step.to is Rank.SUPERVISOR:
        if offices.supervisor is None:
            return "没有主管单位，也没有上级协调单位"
        return _office(step, offices.supervisor, board, "主管单位") or "主管单位没有可用的推送地址"
    order = [offices.own, offices.supervisor, offices.coordinator]
    if step.to is Rank.DIRECT_LEADER:
        order.reverse()
    return _leader(step, [one for one in order if one is not None], board)


def _leader(step: Step, order: Sequence[UUID], board: Board) -> Reached | str:
    for office in order:
        found = _post(step, office, ShiftRole.LEADER, board)
        if found:
            return found
    # A roster without a leader must not end in silence: the office highest up passes it on.
    highest = order[0] if step.to is Rank.DIRECT_LEADER else order[-1]
    how = "值班表上此时没有带班领导，请本单位转报"
    return _all_of(step, highest, board, how) or "没有带班领导，也没有可转报的单位"


def _office(step: Step, office: UUID, board: Board, what: str) -> Reached | None:
    return _post(step, office, ShiftRole.DUTY, board) or _all_of(step, office, board, what)


def _post(step: Step, office: UUID, role: ShiftRole, board: Board) -> Reached | None:
    """The posts of a role that are on duty in an office; a post without endpoints of its own is reached by all."""
    here = [shift for shift in board.on_duty if shift.department_id == office and shift.role is role]
    if not here:
        return None
    wanted = {endpoint_id for shift in here for endpoint_id in shift.endpoint_ids}
    how = f"{role.zh}：{'、'.join(dict.fromkeys(shift.post for shift in here))}"
    own = [row for row in board.endpoints.get(office, ()) if row["id"] in wanted]
    return Reached(office, _of_kind(step, own), how) if own else _all_of(step, office, board, how)


def _all_of(step: Step, office: UUID, board: Board, how: str) -> Reached | None:
    known = board.endpoints.get(office, ())
    return Reached(office, _of_kind(step, known), how) if known else None


def _of_kind(step: Step, endpoints: Sequence[Row]) -> tuple[UUID, ...]:
    """Those of the step's channel; all when it asks for none, or when no endpoint is of it: silence would be worse."""
    fitting = [row["id"] for row in endpoints if step.channel is not None and row.get("kind") == step.channel]
    first = [row["id"] for row in endpoints if not row.get("standby")]
    return tuple(fitting or first or [row["id"] for row in endpoints])
