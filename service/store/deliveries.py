"""What administrators see and do of pushes: lists, attempts, figures, sending again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_of
from service.store.outbox import OUTBOX_CHANNEL
from service.store.views import Sight

MOST_RECOVERED = 10_000  # pushes in one go


async def listed(connection: AsyncConnection, wanted: Row, sight: Sight) -> list[Row]:
    """Pushes of warnings in the viewer's area, newest first. `wanted`: state, endpoint_id, warning_id, before (a
    push's id), limit; what is None does not narrow. Without endpoint or warning the state is pending or given_up."""
    clauses = [clause for name, clause in _NARROWING.items() if wanted[name] is not None]
    if wanted["state"] is not None:
        clauses.append(_OF_STATE[wanted["state"]])
    where = " AND ".join([*clauses, "coalesce(w.area, '') LIKE :area"])
    given = {**wanted, "area": sight.parameters["sight_area"]}
    return rows_of(await connection.execute(text(f"{_LISTED} WHERE {where} ORDER BY o.id DESC LIMIT :limit"), given))


async def counted(connection: AsyncConnection, sight: Sight) -> dict[str, int]:
    """How many pushes in the viewer's area are owed and how many were given up."""
    rows = await connection.execute(text(_COUNTED), {"area": sight.parameters["sight_area"]})
    return dict(rows.mappings().one())


async def one(connection: AsyncConnection, delivery_id: UUID) -> Row | None:
    """A push with its attempts and the area of the department it is for."""
    found = rows_of(await connection.execute(text(f"{_LISTED} WHERE o.id = :id"), {"id": delivery_id}))
    if not found:
        return None
    tries = await connection.execute(
        text("SELECT * FROM attempt WHERE outbox_id = :id ORDER BY started_at, number"), {"id": delivery_id}
    )
    return found[0] | {"tries": rows_of(tries)}


async def attempts(connection: AsyncConnection, endpoint_id: UUID, before: datetime, limit: int) -> list[Row]:
    """Attempts at an endpoint, newest first."""
    rows = await connection.execute(
        text(
            "SELECT a.*, o.message_id, o.warning_id FROM attempt a LEFT JOIN outbox o ON o.id = a.outbox_id"
            " WHERE a.endpoint_id = :id AND a.started_at < :before ORDER BY a.started_at DESC LIMIT :limit"
        ),
        {"id": endpoint_id, "limit": limit, "before": before},
    )
    return rows_of(rows)


async def stats(connection: AsyncConnection, endpoint_id: UUID, since: datetime) -> Row:
    """Figures of an endpoint: attempts since an instant by what came of them, and what it is owed now."""
    rows = await connection.execute(text(_STATS), {"id": endpoint_id, "since": since})
    return dict(rows.mappings().one())


async def resend(connection: AsyncConnection, delivery_id: UUID, now: datetime) -> bool:
    """Owe one push again, under the same message id and with its whole schedule; False while it is under way."""
    again = await connection.execute(text(f"{_AGAIN} AND id = :id"), {"id": delivery_id, "now": now})
    await _wake(connection)
    return again.rowcount == 1


async def recover(
    connection: AsyncConnection, endpoint_id: UUID, span: tuple[datetime, datetime], now: datetime
) -> int:
    """Owe again what an endpoint was owed in a time and was given up; gives how many."""
    since, until = span
    given = {"endpoint": endpoint_id, "since": since, "until": until, "now": now, "most": MOST_RECOVERED}
    again = await connection.execute(text(_RECOVER), given)
    await _wake(connection)
    return again.rowcount


async def _wake(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": OUTBOX_CHANNEL})


# Spelled out in the statement, so that the partial indexes serve it.
_OF_STATE = {state: f"o.state = '{state}'" for state in ("pending", "delivered", "given_up", "cancelled")}
_NARROWING = {
    "endpoint_id": "o.endpoint_id = :endpoint_id",
    "warning_id": "o.warning_id = :warning_id",
    "before": "o.id < :before",
}
_LISTED = """
SELECT o.id, o.warning_id, o.revision, o.endpoint_id, e.department_id, e.kind, o.message_id, o.state, o.priority, o.why,
  o.attempts, o.due_at, o.last_status, o.last_error, o.created_at, o.done_at, d.area AS department_area,
  e.state AS endpoint_state
FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id JOIN department d ON d.id = e.department_id
LEFT JOIN warning w ON w.id = o.warning_id
"""
_COUNTED = """
SELECT (SELECT count(*) FROM outbox o LEFT JOIN warning w ON w.id = o.warning_id
        WHERE o.state = 'pending' AND coalesce(w.area, '') LIKE :area) AS pending,
  (SELECT count(*) FROM outbox o LEFT JOIN warning w ON w.id = o.warning_id
        WHERE o.state = 'given_up' AND coalesce(w.area, '') LIKE :area) AS given_up
"""
_STATS = """
SELECT count(*) AS attempts,
  count(*) FILTER (WHERE a.status BETWEEN 200 AND 299 AND coalesce(a.error, 'too_large') = 'too_large') AS succeeded,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY a.milliseconds) AS p50_ms,
  percentile_disc(0.95) WITHIN GROUP (ORDER BY a.milliseconds) AS p95_ms,
  (SELECT coalesce(jsonb_object_agg(error, number), '{}') FROM (
    SELECT coalesce(error, 'none') AS error, count(*) AS number FROM attempt
    WHERE endpoint_id = :id AND started_at >= :since GROUP BY 1) AS by_error) AS errors,
  (SELECT count(*) FROM outbox WHERE endpoint_id = :id AND state = 'pending') AS pending,
  (SELECT min(created_at) FROM outbox WHERE endpoint_id = :id AND state = 'pending') AS oldest_pending,
  (SELECT count(*) FROM outbox WHERE endpoint_id = :id AND state = 'given_up' AND done_at >= :since) AS given_up
FROM attempt a WHERE a.endpoint_id = :id AND a.started_at >= :since
"""
_AGAIN = """
UPDATE outbox SET state = 'pending', forgiven = attempts, due_at = :now, touched_at = :now, done_at = NULL,
  lease_token = NULL WHERE (state <> 'pending' OR lease_token IS NULL)
"""
_RECOVER = """
UPDATE outbox SET state = 'pending', forgiven = attempts, due_at = :now, touched_at = :now, done_at = NULL
WHERE id IN (
  SELECT id FROM outbox WHERE endpoint_id = :endpoint AND state = 'given_up' AND done_at >= :since
    AND created_at BETWEEN :since AND :until ORDER BY id LIMIT :most FOR UPDATE
)
"""
