"""Pushes that did not leave at once: their groups, when those are looked at, what went out last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Beside, Insert, Row, insert_all, replacing, rows_of
from service.store.outbox import OUTBOX_CHANNEL, owed
from service.store.tables_routing import HeldPushTable, PushGroupTable

# A new group is due when it says; one that spoke before, an interval after that; never later than it already was.
_SOONER = """ON CONFLICT (key) DO UPDATE SET asked_at = excluded.asked_at, interval_s = excluded.interval_s,
 due_at = least(push_group.due_at, greatest(excluded.due_at,
  CASE WHEN push_group.last_at IS NULL THEN excluded.due_at
  ELSE push_group.last_at + make_interval(secs => excluded.interval_s) END))"""

_WAITING_FOR = """
SELECT h.department_id, max(g.due_at) AS due_at, greatest(
  (SELECT max(o.created_at) FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id
    WHERE o.warning_id = :id AND e.department_id = h.department_id),
  (SELECT max(settled_at) FROM held_push s
    WHERE s.warning_id = :id AND s.department_id = h.department_id AND s.state = 'sent')) AS told_at
FROM held_push h JOIN push_group g ON g.key = h.group_key
WHERE h.warning_id = :id AND h.state = 'waiting' AND g.due_at IS NOT NULL GROUP BY h.department_id
"""
_GROUP = "SELECT * FROM push_group WHERE key = :key"


def groups(rows: Sequence[Row]) -> Insert:
    """Groups to be looked at, each key once."""
    return Insert(PushGroupTable, rows, _SOONER)


def pushes(rows: Sequence[Row]) -> Insert:
    """Pushes that wait. Holding one twice is holding it once."""
    return Insert(HeldPushTable, rows, "ON CONFLICT (warning_id, revision, department_id) DO NOTHING")


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[str]:
    """Groups that came due. Unlocked: whoever acts on one locks it and looks again."""
    asked = text("SELECT key FROM push_group WHERE due_at <= :now ORDER BY due_at LIMIT :limit")
    return list((await connection.execute(asked, {"now": now, "limit": limit})).scalars())


async def group(connection: AsyncConnection, key: str) -> Row | None:
    """A group as it stands, unlocked."""
    return next(iter(rows_of(await connection.execute(text(_GROUP), {"key": key}))), None)


async def locked(connection: AsyncConnection, key: str) -> Row | None:
    """A group, locked until the transaction ends: nothing joins it meanwhile."""
    return next(iter(rows_of(await connection.execute(text(f"{_GROUP} FOR UPDATE"), {"key": key}))), None)


async def waiting(connection: AsyncConnection, key: str) -> list[Row]:
    """What waits in a group, the oldest first."""
    asked = text("SELECT * FROM held_push WHERE group_key = :key AND state = 'waiting' ORDER BY created_at, id")
    return rows_of(await connection.execute(asked, {"key": key}))


async def of_warning(connection: AsyncConnection, warning_id: UUID) -> list[Row]:
    """Every push of a warning that did not leave at once, oldest first."""
    asked = text(
        "SELECT h.*, d.name AS department FROM held_push h LEFT JOIN department d ON d.id = h.department_id"
        " WHERE h.warning_id = :id ORDER BY h.created_at, h.id"
    )
    return rows_of(await connection.execute(asked, {"id": warning_id}))


async def waiting_for(connection: AsyncConnection, warning_id: UUID) -> dict[UUID, tuple[datetime, datetime | None]]:
    """Departments to which a push of a warning still waits: when it is looked at next, and when they were told last,
    also by the push of another warning of a group."""
    rows = rows_of(await connection.execute(text(_WAITING_FOR), {"id": warning_id}))
    return {row["department_id"]: (row["due_at"], row["told_at"]) for row in rows}


async def newest_told(
    connection: AsyncConnection, department_id: UUID, warning_ids: Collection[UUID]
) -> dict[UUID, int]:
    """The newest revision of each warning that a department is owed a push of."""
    asked = text(
        "SELECT o.warning_id, max(o.revision) AS revision FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id"
        " WHERE o.warning_id = ANY(:ids) AND e.department_id = :department GROUP BY o.warning_id"
    )
    found = await connection.execute(asked, {"ids": list(warning_ids), "department": department_id})
    return {row["warning_id"]: row["revision"] for row in rows_of(found)}


async def keep(connection: AsyncConnection, held: Sequence[Row], group: Row, owing: Sequence[Row]) -> None:
    """What became of a group's pushes, the group itself, and what goes out, in one statement."""
    inserts = [
        Insert(HeldPushTable, held, replacing(HeldPushTable, ["id"])),
        Insert(PushGroupTable, [group], replacing(PushGroupTable, ["key"])),
        owed(owing),
    ]
    await insert_all(connection, inserts, Beside(notify=(OUTBOX_CHANNEL,) if owing else ()))


async def forget(connection: AsyncConnection, key: str) -> None:
    """A group of which nothing waits and nothing is open; what was held stays on record."""
    await connection.execute(text("DELETE FROM push_group WHERE key = :key"), {"key": key})


async def look_again(connection: AsyncConnection, silence_id: UUID, now: datetime) -> None:
    """Groups with pushes that a silence held back are looked at now."""
    await connection.execute(
        text(
            "UPDATE push_group SET due_at = :now WHERE key IN (SELECT key FROM push_group WHERE key IN"
            " (SELECT group_key FROM held_push WHERE state = 'waiting' AND silence_id = :id) ORDER BY key FOR UPDATE)"
        ),
        {"now": now, "id": silence_id},
    )
