"""The outbox: pushes that are owed, claimed under a lease, every try noted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Insert, Row, insert_rows, new_id, rows_of
from service.store.tables_service import AttemptTable, OutboxTable
from service.store.views import Sight

OUTBOX_CHANNEL = "weiyu_outbox"


@dataclass(frozen=True, slots=True)
class Room:
    """What a pusher can take on: `free` pushes in all, `each` at once per endpoint.

    `busy` names an endpoint once for each of its pushes under way; `held` are the outbox rows of those.
    """

    free: int
    each: int
    busy: Sequence[UUID] = ()
    held: Sequence[UUID] = ()


def owed(rows: Sequence[Row]) -> Insert:
    """Pushes to owe: only to endpoints that are active at this moment. Owing one twice is owing it once."""
    active = "JOIN endpoint ON endpoint.id = given.endpoint_id AND endpoint.state = 'active'"
    return Insert(OutboxTable, rows, "ON CONFLICT (warning_id, revision, endpoint_id) DO NOTHING", active)


async def claim(connection: AsyncConnection, now: datetime, lease: timedelta, room: Room) -> list[Row]:
    """Lease due pushes, the most urgent first, within `room`.

    A claimed row comes due again when the lease ends, so a pusher that dies gives it back by itself. What the pusher
    still holds is left out, so that a clock that jumps ahead does not make it push the same row twice.
    """
    given = {"each": room.each, "free": room.free, "busy": list(room.busy), "held": list(room.held)}
    rows = await connection.execute(text(_CLAIM), {"now": now, "until": now + lease, "token": new_id(), **given})
    return rows_of(rows)


async def finish(connection: AsyncConnection, claimed: Row, attempt: Row, verdict: Row) -> bool:
    """Note one try and what follows from it; False when the lease had been lost to another pusher.

    `verdict` holds state, due_at, last_status, last_error and done_at.
    """
    await insert_rows(connection, AttemptTable, [attempt])
    done = await connection.execute(
        text(
            "UPDATE outbox SET state = :state, due_at = coalesce(:due_at, due_at), last_status = :last_status,"
            " last_error = :last_error, done_at = :done_at, lease_token = NULL"
            " WHERE id = :id AND lease_token = :token AND state = 'pending'"
        ),
        {**verdict, "id": claimed["id"], "token": claimed["lease_token"]},
    )
    return done.rowcount == 1


async def give_back(connection: AsyncConnection, claimed: Sequence[Row], now: datetime) -> None:
    """Return leases of pushes that were not tried (a graceful stop)."""
    await connection.execute(
        text(
            "UPDATE outbox o SET due_at = :now, lease_token = NULL, attempts = attempts - 1"
            " FROM unnest(CAST(:ids AS uuid[]), CAST(:tokens AS uuid[])) AS c(id, token)"
            " WHERE o.id = c.id AND o.lease_token = c.token AND o.state = 'pending'"
        ),
        {"now": now, "ids": [row["id"] for row in claimed], "tokens": [row["lease_token"] for row in claimed]},
    )


async def active_endpoints(connection: AsyncConnection, department_ids: Collection[UUID]) -> list[Row]:
    """Endpoints of these departments that can be pushed to."""
    rows = await connection.execute(
        text("SELECT * FROM endpoint WHERE department_id = ANY(:ids) AND state = 'active' ORDER BY id"),
        {"ids": [*department_ids]},
    )
    return rows_of(rows)


async def disable_endpoint(connection: AsyncConnection, endpoint_id: UUID, reason: str) -> None:
    """Stop an endpoint. Holds it until the transaction ends: call it before any of its pushes is changed."""
    await connection.execute(
        text("UPDATE endpoint SET state = 'disabled', disabled_reason = :reason WHERE id = :id"),
        {"id": endpoint_id, "reason": reason},
    )


async def give_up_owed(connection: AsyncConnection, endpoint_id: UUID, reason: str, now: datetime) -> None:
    """What is still owed to an endpoint is visibly given up."""
    await connection.execute(
        text(
            "UPDATE outbox SET state = 'given_up', last_error = :reason, done_at = :now"
            " WHERE endpoint_id = :id AND state = 'pending'"
        ),
        {"id": endpoint_id, "reason": reason, "now": now},
    )


async def unsettled(connection: AsyncConnection) -> dict[str, int]:
    """How many pushes are still owed and how many were given up, read from partial indexes: what is settled grows
    for years and is not counted."""
    rows = await connection.execute(
        text(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending') AS pending,"
            " (SELECT count(*) FROM outbox WHERE state = 'given_up') AS given_up"
        )
    )
    return dict(rows.mappings().one())


async def of_warning(connection: AsyncConnection, warning_id: UUID) -> list[Row]:
    """Every push owed for a warning with its tries, oldest first."""
    rows = await connection.execute(text(_OF_WARNING), {"id": warning_id})
    return rows_of(rows)


async def given_up(connection: AsyncConnection, limit: int, sight: Sight) -> list[Row]:
    """Pushes of warnings in the viewer's area that were given up, newest first (死信)."""
    rows = await connection.execute(text(_GIVEN_UP), {"limit": limit, "area": sight.parameters["sight_area"]})
    return rows_of(rows)


_GIVEN_UP = """
SELECT o.id, o.warning_id, o.revision, o.endpoint_id, o.message_id, o.attempts, o.last_status, o.last_error, o.done_at,
  e.department_id
FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id LEFT JOIN warning w ON w.id = o.warning_id
WHERE o.state = 'given_up' AND coalesce(w.area, '') LIKE :area ORDER BY o.done_at DESC LIMIT :limit
"""
_CLAIM = """
WITH room AS (
  SELECT e.id, e.url, e.secret, :each - count(b.id) AS free
  FROM endpoint e LEFT JOIN unnest(CAST(:busy AS uuid[])) AS b(id) ON b.id = e.id
  WHERE e.state = 'active' GROUP BY e.id
), due AS (
  SELECT o.id, r.url, r.secret FROM room r CROSS JOIN LATERAL (
    SELECT id, priority, due_at FROM outbox
    WHERE endpoint_id = r.id AND state = 'pending' AND due_at <= :now AND NOT id = ANY(CAST(:held AS uuid[]))
    ORDER BY priority, due_at LIMIT greatest(r.free, 0) FOR UPDATE SKIP LOCKED
  ) o
  ORDER BY o.priority, o.due_at LIMIT :free
)
UPDATE outbox SET due_at = :until, lease_token = :token, attempts = attempts + 1
FROM due WHERE outbox.id = due.id AND outbox.state = 'pending'
RETURNING outbox.*, due.url, due.secret
"""

_OF_WARNING = """
SELECT o.id, o.revision, o.endpoint_id, e.department_id, o.message_id, o.state, o.why, o.attempts, o.due_at,
  o.last_status, o.last_error, o.created_at, o.done_at,
  coalesce((SELECT jsonb_agg(jsonb_build_object('number', a.number, 'started_at', a.started_at,
    'milliseconds', a.milliseconds, 'status', a.status, 'error', a.error) ORDER BY a.started_at)
    FROM attempt a WHERE a.outbox_id = o.id), '[]'::jsonb) AS tries
FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id
WHERE o.warning_id = :id ORDER BY o.created_at, o.id
"""
