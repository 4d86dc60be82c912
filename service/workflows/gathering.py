"""Pushes that waited: gathered, looked at when they come due, and sent, merged or dropped, each with its reason.

What waits are rows, so a crash loses nothing: the rows of a group change together with the outbox rows that they
become, in one transaction, under the group's lock. A warning is locked before a group, as everybody does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.delivery.hearing import Held, HeldBy, held
from service.delivery.notifying import SPEAKS, LogEntry, Rule, Standing, Why, needs_update
from service.delivery.routes import Route
from service.domain.warnings import Warning, WarningEventType
from service.domain.words import WarningState
from service.store import held as store
from service.store import routing, warnings
from service.store.engine import Row
from service.workflows.deciding import Move
from service.workflows.hearing import Switchboard, next_look, switchboard
from service.workflows.parts import Doors, Engines, Teller, routing_of
from service.workflows.telling import envelope_of, outbox_row, tell

LOG = logging.getLogger(__name__)
GROUPS_AT_ONCE = 1000
NO_ADDRESS = "该单位没有可用的推送地址"
AFTER = timedelta(seconds=1)  # past the time to repeat, not at it


@dataclass(slots=True)
class _Group:
    """A group as it stands: its row, its route, what waits in it, and the warnings that it is about."""

    row: Row
    route: Route | None
    waiting: list[Row]
    warnings: Mapping[UUID, Warning]
    board: Switchboard | None
    told: Mapping[UUID, int]  # the newest revision of each warning that the department was owed a push of
    endpoints: Sequence[UUID]  # where the department can be pushed to now
    ready: list[Row] = field(default_factory=list)
    settled: list[Row] = field(default_factory=list)
    looks: list[datetime] = field(default_factory=list)  # when what still waits is looked at again

    @property
    def rule(self) -> Rule:
        return Rule(repeat=self.route.pace.repeats_every if self.route else None)


async def push_gathered(doors: Doors, engines: Engines, now: datetime) -> int:
    """Look at every group that came due; gives how many spoke. One that fails is tried again at the next tick."""
    async with doors.transaction() as connection:
        keys = await store.due(connection, now, GROUPS_AT_ONCE)
    spoke, failed = 0, []
    for key in keys:
        try:
            async with doors.transaction() as connection:
                teller = Teller(engines, doors, await doors.reference.get(connection), now)
                spoke += await _look(connection, teller, key)
        except Exception as error:
            LOG.error("a group of pushes could not be looked at", extra={"group": key})
            failed.append(error)
    if failed:
        raise ExceptionGroup("groups failed; they are tried again at the next tick", failed)
    return spoke


async def _look(connection: AsyncConnection, teller: Teller, key: str) -> bool:
    seen = await store.group(connection, key)
    leader = await _to_repeat(connection, teller, seen) if seen else None
    row = await store.locked(connection, key)
    if row is None or row["due_at"] is None or row["due_at"] > teller.now:
        return False
    group = await _group(connection, teller, row)
    for one in group.waiting:
        _sort(group, one, teller.now)
    if not group.ready and not group.looks and leader is not None:
        return await _repeat(connection, teller, group, leader)
    return await _speak(connection, teller, group)


async def _group(connection: AsyncConnection, teller: Teller, row: Row) -> _Group:
    waiting = await store.waiting(connection, row["key"])
    ids = {one["warning_id"] for one in waiting} | {_id(member) for member in row["told_open"]}
    found = await warnings.by_id(connection, ids)
    told = await store.newest_told(connection, row["department_id"], ids)
    moves = [Move(one, WarningEventType.UPDATED, "") for one in found.values()]
    board = await switchboard(connection, teller, moves)
    addresses = await routing.endpoints_of(connection, [row["department_id"]])
    active = [one["id"] for one in addresses if one["state"] == "active"]
    return _Group(row, await _route(teller, row), waiting, found, board, told, active)


async def _route(teller: Teller, row: Row) -> Route | None:
    """The group's route as it is now; None when it is gone: what waits then goes out as it is."""
    in_force = await routing_of(teller)
    routes = in_force.tree.everything() if in_force else ()
    return next((route for route in routes if route.name == row["route"]), None)


def _sort(group: _Group, row: Row, now: datetime) -> None:
    """What becomes of one push that waited: ready, settled without being sent, or still waiting, and why."""
    warning, later = group.warnings.get(row["warning_id"]), _later(group, row)
    if warning is None or later:
        group.settled.append(_settled(row, "merged", later or "预警已不在库中", now))
        return
    if not warning.is_open and not _was_told(group, warning.id):
        group.settled.append(_settled(row, "hushed", f"未曾发出：等待期间已办结（{row['reason']}）", now))
        return
    hold = _hold(group, warning)
    if hold is None:
        group.ready.append(row)
        return
    group.looks.append(next_look(hold, now))
    if hold.reason != row["reason"]:
        group.settled.append(row | {"held_by": hold.by, "reason": hold.reason, "silence_id": hold.silence_id})


def _later(group: _Group, row: Row) -> str | None:
    """The later revision that tells all that this one would have told."""
    warning_id, revision = row["warning_id"], row["revision"]
    if group.told.get(warning_id, 0) > revision:
        return f"更新的一次（第 {group.told[warning_id]} 版）已直接发出"
    newer = [one["revision"] for one in group.waiting if one["warning_id"] == warning_id and one["revision"] > revision]
    return f"并入同一预警更新的一次（第 {max(newer)} 版）" if newer else None


def _was_told(group: _Group, warning_id: UUID) -> bool:
    return warning_id in group.told or any(_id(member) == warning_id for member in group.row["told_open"])


def _hold(group: _Group, warning: Warning) -> Held | None:
    if warning.state is WarningState.PENDING_CONFIRMATION:
        return Held(HeldBy.GROUPING, "级别已升高，待核实后再发")
    if group.board is None:
        return None
    return held(group.board.told[warning.id].labels, str(warning.id), group.route, group.board.quiet)


def _settled(row: Row, state: str, reason: str, now: datetime) -> Row:
    return row | {"state": state, "reason": reason, "settled_at": now}


async def _speak(connection: AsyncConnection, teller: Teller, group: _Group) -> bool:
    """Say what is new, if it is; keep what was said and when to look again."""
    standing, last = _standing(group, group.ready if group.endpoints else []), _last(group)
    why = needs_update(last, standing, group.rule, teller.now)
    speaks = bool(group.ready and group.endpoints) and why in SPEAKS
    because = why if group.endpoints else NO_ADDRESS
    rows = [_settled(row, "hushed", because, teller.now) for row in group.ready] if not speaks else []
    owing: list[Row] = []
    if speaks:
        leader = max(group.ready, key=lambda row: _urgency(group.warnings[row["warning_id"]], row))
        owing = await _pushes(connection, teller, group, leader)
        carried = {"carried_by": leader["warning_id"], "carried_revision": leader["revision"]}
        rows = [_settled(row, "sent", why, teller.now) | carried for row in group.ready]
    said = {"last_at": teller.now, "told_closed": sorted(standing.ended)} if speaks else {}
    kept = group.row | said | {"told_open": sorted(standing.is_open)}
    await _keep(connection, group, (rows, owing), kept)
    return speaks


async def _keep(connection: AsyncConnection, group: _Group, out: tuple[list[Row], list[Row]], row: Row) -> None:
    rows, owing = out
    repeat = group.rule.repeat
    looks = [*group.looks]
    if repeat is not None and row["told_open"] and row["last_at"]:
        looks.append(row["last_at"] + repeat + AFTER)
    await store.keep(connection, [*group.settled, *rows], row | {"due_at": min(looks, default=None)}, owing)
    if not looks and not row["told_open"]:
        await store.forget(connection, row["key"])


async def _pushes(connection: AsyncConnection, teller: Teller, group: _Group, leader: Row) -> list[Row]:
    """One push per endpoint of the department: the most urgent warning, and the others it stands with."""
    warning, department_id = group.warnings[leader["warning_id"]], group.row["department_id"]
    also = {row["warning_id"]: group.warnings[row["warning_id"]] for row in group.ready if row is not leader}
    also.pop(warning.id, None)
    move = Move(replace(warning, revision=leader["revision"]), WarningEventType(leader["type"]), leader["why"])
    why = f"{leader['why']}（汇总 {len(also) + 1} 件）" if also else leader["why"]
    owed = await _owed(connection, department_id, [warning.id, *also])
    others = [(one, owed.get(one.id)) for one in also.values()]
    envelope = envelope_of(teller, move.warning, owed.get(warning.id), others)
    return [outbox_row(teller, move, endpoint_id, why, envelope) for endpoint_id in group.endpoints]


async def _owed(connection: AsyncConnection, department_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """What the department owes on each of these warnings, where it owes anything."""
    rows = [row for duties in (await warnings.duties_of(connection, ids)).values() for row in duties]
    return {row["warning_id"]: row for row in rows if row["department_id"] == department_id}


def _standing(group: _Group, rows: Sequence[Row]) -> Standing:
    """Members by warning and revision: a warning that moved on is one that was not told."""
    members = {_id(member): member for member in group.row["told_open"]}
    members |= {row["warning_id"]: _member(row["warning_id"], row["revision"]) for row in rows}
    is_open = {member for key, member in members.items() if key in group.warnings and group.warnings[key].is_open}
    ended = {member for key, member in members.items() if member not in is_open and key in group.warnings}
    return Standing(frozenset(is_open), frozenset(ended) | frozenset(group.row["told_closed"]))


def _last(group: _Group) -> LogEntry | None:
    """What was said last; what the department heard directly, outside the group, counts as said."""
    direct = {_member(key, group.told[key]) for key in _ids(group.ready) if key in group.told}
    is_open = frozenset(group.row["told_open"]) | frozenset(direct)
    if group.row["last_at"] is None and not is_open:
        return None
    return LogEntry(group.row["last_at"] or group.row["asked_at"], is_open, frozenset(group.row["told_closed"]))


async def _to_repeat(connection: AsyncConnection, teller: Teller, row: Row) -> Warning | None:
    """The most urgent open warning of a group whose time to repeat has come, locked before the group is."""
    route = await _route(teller, row)
    repeat = route.pace.repeats_every if route else None
    if repeat is None or row["last_at"] is None or not row["told_open"]:
        return None
    found = await warnings.by_id(connection, {_id(member) for member in row["told_open"]})
    standing = Standing(frozenset(m for m in row["told_open"] if _is_open(found, m)), frozenset(row["told_closed"]))
    last = LogEntry(row["last_at"], frozenset(row["told_open"]), frozenset(row["told_closed"]))
    if needs_update(last, standing, Rule(repeat=repeat), teller.now) is not Why.REPEATED:
        return None
    urgent = max((found[_id(member)] for member in standing.is_open), key=lambda one: (one.level.rank, one.opened_at))
    return await warnings.locked(connection, urgent.id)


async def _repeat(connection: AsyncConnection, teller: Teller, group: _Group, leader: Warning) -> bool:
    """Tell again what is still open, as a new revision of the most urgent of it."""
    free = [one for one in group.warnings.values() if one.is_open and _hold(group, one) is None]
    if not leader.is_open or leader.id not in {one.id for one in free}:
        group.looks.append(teller.now + timedelta(seconds=group.row["interval_s"]))
        await _keep(connection, group, ([], []), group.row)
        return False
    note = f"按路由“{group.row['route']}”重复：{len(free)} 件未办结"
    moved = replace(leader, revision=leader.revision + 1, updated_at=teller.now)
    move = Move(moved, WarningEventType.REMINDED, note, only=frozenset())
    owed = await _owed(connection, group.row["department_id"], [one.id for one in free])
    others_open = [(one, owed.get(one.id)) for one in free if one.id != leader.id]
    envelope = replace(envelope_of(teller, moved, owed.get(leader.id), others_open), note=note)
    others = [member for member in group.row["told_open"] if _id(member) != leader.id]
    told = {"last_at": teller.now, "told_open": sorted([*others, _member(leader.id, moved.revision)])}
    owing = [outbox_row(teller, move, endpoint_id, note, envelope) for endpoint_id in group.endpoints]
    await _keep(connection, group, ([], owing), group.row | told)
    await tell(connection, teller, [move])
    return True


def _urgency(warning: Warning, row: Row) -> tuple[bool, int, datetime]:
    return warning.is_open, warning.level.rank, row["created_at"]


def _member(warning_id: UUID, revision: int) -> str:
    return f"{warning_id}:{revision}"


def _id(member: str) -> UUID:
    return UUID(member.partition(":")[0])


def _ids(rows: Iterable[Row]) -> set[UUID]:
    return {row["warning_id"] for row in rows}


def _is_open(found: Mapping[UUID, Warning], member: str) -> bool:
    return _id(member) in found and found[_id(member)].is_open
