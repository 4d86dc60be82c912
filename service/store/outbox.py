"""The outbox: pushes that are owed, claimed under a lease, every try noted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, insert_rows, new_id, rows_of
from service.store.tables_service import AttemptTable, OutboxTable
from service.store.warnings import OUTBOX_CHANNEL


async def add(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Owe these pushes; the pushers wake when the transaction commits. Owing one twice is owing it once."""
    once = "ON CONFLICT (warning_id, revision, endpoint_id) DO NOTHING"
    await insert_rows(connection, OutboxTable, rows, once)
    if rows:
        await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": OUTBOX_CHANNEL})


async def claim(
    connection: AsyncConnection, now: datetime, lease: timedelta, each: int, full: Collection[UUID]
) -> list[Row]:
    """Lease due pushes, at most `each` per endpoint, none of the endpoints in `full`.

    A claimed row comes due again when the lease ends, so a pusher that dies gives it back by itself.
    """
    rows = await connection.execute(
        text(_CLAIM), {"now": now, "until": now + lease, "each": each, "full": list(full), "token": new_id()}
    )
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


async def disable_endpoint(connection: AsyncConnection, endpoint_id: UUID, reason: str, now: datetime) -> None:
    """Stop an endpoint; what was owed to it is visibly given up."""
    await connection.execute(
        text("UPDATE endpoint SET state = 'disabled', disabled_reason = :reason WHERE id = :id"),
        {"id": endpoint_id, "reason": reason},
    )
    await connection.execute(
        text(
            "UPDATE outbox SET state = 'given_up', last_error = :reason, done_at = :now"
            " WHERE endpoint_id = :id AND state = 'pending'"
        ),
        {"id": endpoint_id, "reason": reason, "now": now},
    )


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the earliest pending push comes due."""
    rows = await connection.execute(
        text(
            "SELECT min(o.due_at) FROM endpoint e CROSS JOIN LATERAL (SELECT due_at FROM outbox"
            " WHERE endpoint_id = e.id AND state = 'pending' ORDER BY priority, due_at LIMIT 1) o WHERE e.state = 'active'"
        )
    )
    due: datetime | None = rows.scalar()
    return due


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Pushes by state."""
    rows = await connection.execute(text("SELECT state, count(*) AS number FROM outbox GROUP BY state"))
    return {row.state: row.number for row in rows}


async def of_warning(connection: AsyncConnection, warning_id: UUID) -> list[Row]:
    """Every push owed for a warning with its tries, oldest first."""
    rows = await connection.execute(text(_OF_WARNING), {"id": warning_id})
    return rows_of(rows)


async def given_up(connection: AsyncConnection, limit: int) -> list[Row]:
    """Pushes that were given up, newest first (死信)."""
    rows = await connection.execute(
        text(
            "SELECT o.id, o.warning_id, o.revision, o.endpoint_id, o.message_id, o.attempts, o.last_status,"
            " o.last_error, o.done_at, e.department_id FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id"
            " WHERE o.state = 'given_up' ORDER BY o.done_at DESC LIMIT :limit"
        ),
        {"limit": limit},
    )
    return rows_of(rows)


_CLAIM = """
WITH due AS (
  SELECT o.id, e.url, e.secret FROM endpoint e CROSS JOIN LATERAL (
    SELECT id FROM outbox
    WHERE endpoint_id = e.id AND state = 'pending' AND due_at <= :now
    ORDER BY priority, due_at LIMIT :each FOR UPDATE SKIP LOCKED
  ) o
  WHERE e.state = 'active' AND NOT e.id = ANY(CAST(:full AS uuid[]))
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
