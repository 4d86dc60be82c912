"""How an endpoint stands: well, failing, paused, switched off; and who takes over from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, dump_json, rows_of, run

MOST_TAKEN_OVER = 500  # pushes in one go
TAKEN_OVER_FOR = timedelta(days=1)  # after it was given up; older news comes by `recover`, if anybody wants it


@dataclass(frozen=True, slots=True)
class Breaker:
    """After `opens` failures in a row nothing is pushed for `pause`."""

    opens: int
    pause: timedelta


async def lock(connection: AsyncConnection, endpoint_ids: Collection[UUID]) -> None:
    """Hold endpoints, in one order, until the transaction ends: call it before any of their pushes is changed."""
    await run(
        connection,
        "SELECT id FROM endpoint WHERE id = ANY(CAST(%(ids)s AS uuid[])) ORDER BY id FOR UPDATE",
        {"ids": list(endpoint_ids)},
    )


async def note_well(connection: AsyncConnection, endpoint_ids: Collection[UUID]) -> None:
    """These took a push: whatever was held against them is forgotten."""
    await run(
        connection,
        "UPDATE endpoint SET failures = 0, failing_since = NULL, paused_until = NULL WHERE id IN"
        " (SELECT id FROM endpoint WHERE id = ANY(CAST(%(ids)s AS uuid[])) AND failures > 0 ORDER BY id FOR UPDATE)",
        {"ids": list(endpoint_ids)},
    )


async def note_failing(
    connection: AsyncConnection, failures: Mapping[UUID, int], now: datetime, breaker: Breaker
) -> list[Row]:
    """These failed so many times more; gives how each of them stands now."""
    failed = [{"id": endpoint_id, "failures": number} for endpoint_id, number in failures.items()]
    given = {"failed": Jsonb(failed, dumps=dump_json), "now": now, "opens": breaker.opens, "until": now + breaker.pause}
    return await run(connection, _FAILING, given)


async def switch_off(connection: AsyncConnection, endpoint_id: UUID, reason: str, now: datetime) -> int | None:
    """Stop an endpoint; what it is still owed is visibly given up. Gives how many; None when it was off already."""
    off = await connection.execute(
        text(
            "UPDATE endpoint SET state = 'disabled', disabled_reason = :reason WHERE id = :id AND state <> 'disabled'"
        ),
        {"id": endpoint_id, "reason": reason},
    )
    owed = await connection.execute(
        text(
            "UPDATE outbox SET state = 'given_up', last_error = :reason, done_at = :now"
            " WHERE endpoint_id = :id AND state = 'pending'"
        ),
        {"id": endpoint_id, "reason": reason, "now": now},
    )
    return owed.rowcount if off.rowcount else None


async def others_to_tell(connection: AsyncConnection, endpoint_id: UUID) -> list[Row]:
    """Where it might be said that an endpoint was switched off: other active addresses of its department, and those
    of all coordinating offices (综治中心)."""
    return rows_of(await connection.execute(text(_OTHERS), {"id": endpoint_id}))


async def to_take_over(connection: AsyncConnection, now: datetime, patience: Sequence[timedelta]) -> list[Row]:
    """Pushes that a standby should take over: no first address of the department took them within the patience of
    their level, or they were given up. `patience` by priority, 0 red … 3 blue."""
    given = {
        "before": [now - each for each in patience], "since": now - TAKEN_OVER_FOR, "limit": MOST_TAKEN_OVER,
    }  # fmt: skip
    return await run(connection, _TAKE_OVER, given)


_FAILING = """
UPDATE endpoint e SET failures = e.failures + f.failures, failing_since = least(e.failing_since, %(now)s),
  paused_until = CASE WHEN e.failures + f.failures >= %(opens)s THEN %(until)s END
FROM jsonb_populate_recordset(NULL::endpoint, CAST(%(failed)s AS jsonb)) AS f WHERE e.id = f.id
RETURNING e.id, e.state, e.failures, e.failing_since
"""
_OTHERS = """
SELECT o.id, o.department_id, f.kind, failing.id AS failing_id, failing.name AS failing_name,
  failing.area AS failing_area, d.area
FROM endpoint f JOIN department failing ON failing.id = f.department_id
JOIN endpoint o ON o.id <> f.id AND o.state = 'active'
JOIN department d ON d.id = o.department_id
WHERE f.id = :id AND (d.id = failing.id OR d.is_coordinator) ORDER BY o.id
"""
_TAKE_OVER = """
WITH late AS (
  SELECT s.id AS standby_id, o.* FROM endpoint s
  JOIN endpoint f ON f.department_id = s.department_id AND NOT f.standby
  JOIN outbox o ON o.endpoint_id = f.id AND o.state = 'pending'
    AND o.created_at <= (CAST(%(before)s AS timestamptz[]))[o.priority + 1]
  WHERE s.standby AND s.state = 'active'
  UNION ALL
  SELECT s.id, o.* FROM endpoint s
  JOIN endpoint f ON f.department_id = s.department_id AND NOT f.standby
  JOIN outbox o ON o.endpoint_id = f.id AND o.state = 'given_up' AND o.done_at > %(since)s
  WHERE s.standby AND s.state = 'active'
)
SELECT DISTINCT ON (late.standby_id, late.warning_id, late.revision)
  late.standby_id, late.warning_id, late.revision, late.body, late.priority, late.why, first.kind
FROM late JOIN endpoint first ON first.id = late.endpoint_id
WHERE NOT EXISTS (
  SELECT 1 FROM outbox taken JOIN endpoint t ON t.id = taken.endpoint_id
  WHERE taken.warning_id = late.warning_id AND taken.revision = late.revision
    AND (taken.endpoint_id = late.standby_id
      OR taken.state = 'delivered' AND NOT t.standby AND t.department_id = first.department_id)
)
LIMIT %(limit)s
"""
