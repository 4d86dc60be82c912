"""The outbox: pushes that are owed, claimed under a lease, every try noted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Insert, Row, dump_json, insert_rows, new_id, rows_of, run
from service.store.tables_service import AttemptTable, OutboxTable
from service.store.views import Sight

OUTBOX_CHANNEL = "weiyu_outbox"


@dataclass(frozen=True, slots=True)
class Room:
    """What a pusher can take on: `free` pushes in all, `each` at once per endpoint that names no number of its own.

    `busy` names an endpoint once for each of its pushes under way; `held` are the outbox rows of those. An endpoint
    that failed `doubtful` times in a row gets one at a time; a pause of more than `pause` seconds is no pause but a
    clock that was set back.
    """

    free: int
    each: int
    busy: Sequence[UUID] = ()
    held: Sequence[UUID] = ()
    doubtful: int = 3
    pause: float = 60.0


@dataclass(frozen=True, slots=True)
class Tried:
    """One try of a claimed push. `verdict` holds state, due_at, last_status, last_error, done_at and touched_at."""

    claimed: Row
    attempt: Row
    verdict: Row


def owed(rows: Sequence[Row]) -> Insert:
    """Pushes to owe, to endpoints that are active at this moment; a standby only where it was chosen by itself or its
    department has no active first address. Owing one twice is owing it once."""
    return _owed(rows, f"AND (NOT endpoint.standby OR given.chosen OR NOT EXISTS ({_FIRST}))")


def owed_to_standby(rows: Sequence[Row]) -> Insert:
    """Pushes that a standby takes over."""
    return _owed(rows, "")


def _owed(rows: Sequence[Row], narrowed: str) -> Insert:
    active = f"JOIN endpoint ON endpoint.id = given.endpoint_id AND endpoint.state = 'active' {narrowed}"
    once = "ON CONFLICT (warning_id, revision, endpoint_id) DO NOTHING"
    return Insert(OutboxTable, rows, once, active, _COMPUTED)


async def claim(connection: AsyncConnection, now: datetime, lease: timedelta, room: Room) -> list[Row]:
    """Lease due pushes, the most urgent first, within `room` and each endpoint's own pace.

    A claimed row comes due again when the lease ends, so a pusher that dies gives it back by itself. What the pusher
    still holds is left out, so that a clock that jumps ahead does not make it push the same row twice.
    """
    given = {
        "each": room.each, "free": room.free, "busy": list(room.busy), "held": list(room.held),
        "doubtful": room.doubtful, "pause": timedelta(seconds=room.pause),
    }  # fmt: skip
    return await run(connection, _CLAIM, {"now": now, "until": now + lease, "token": new_id(), **given})


async def finish(connection: AsyncConnection, tries: Sequence[Tried]) -> set[UUID]:
    """Note tries and what follows from each; gives the outbox rows noted, without those whose lease had been lost."""
    await insert_rows(connection, AttemptTable, [one.attempt for one in tries])
    verdicts = [
        {**one.verdict, "id": one.claimed["id"], "lease_token": one.claimed["lease_token"]}
        for one in sorted(tries, key=lambda one: str(one.claimed["id"]))
    ]
    return {row["id"] for row in await run(connection, _FINISH, {"tries": Jsonb(verdicts, dumps=dump_json)})}


async def unpark(connection: AsyncConnection, now: datetime, margin: timedelta) -> int:
    """Make due what was owed or claimed at a time that has yet to come: the clock was set back since. Else a warning
    would wait for as long as the clock had been ahead."""
    parked = await connection.execute(text(_UNPARK), {"now": now, "later": now + margin})
    return parked.rowcount


async def give_back(connection: AsyncConnection, claimed: Sequence[Row], now: datetime) -> None:
    """Return leases of pushes that were not tried (a graceful stop)."""
    await connection.execute(
        text(
            "UPDATE outbox o SET due_at = :now, touched_at = :now, lease_token = NULL, attempts = attempts - 1"
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
_COMPUTED = (("touched_at", "given.created_at"), ("chosen", "coalesce(given.chosen, false)"))
_FIRST = (
    "SELECT 1 FROM endpoint f WHERE f.department_id = endpoint.department_id AND f.state = 'active' AND NOT f.standby"
)
# Endpoints with a pace are locked before any push, as everybody locks them; one that another pusher is just claiming
# for is left to that one. What is unused of a pace is kept for ten seconds, or for as long as one push takes.
_CLAIM = """
WITH paced AS MATERIALIZED (
  SELECT id, per_minute, CASE WHEN paced_to <= %(now)s THEN greatest(paced_to, %(now)s - kept) ELSE %(now)s - kept END
    AS used_to
  FROM (SELECT *, greatest(interval '10 seconds', interval '1 minute' / per_minute) AS kept FROM endpoint
        WHERE per_minute IS NOT NULL AND state = 'active' FOR UPDATE SKIP LOCKED) AS locked
), room AS (
  SELECT e.id, least(
    CASE WHEN e.failures >= %(doubtful)s THEN 1 ELSE coalesce(e.at_once, %(each)s) END - count(b.id),
    floor(extract(epoch FROM %(now)s - p.used_to) * p.per_minute / 60)
  )::int AS free
  FROM endpoint e LEFT JOIN unnest(CAST(%(busy)s AS uuid[])) AS b(id) ON b.id = e.id LEFT JOIN paced p ON p.id = e.id
  WHERE e.state = 'active' AND (e.per_minute IS NULL OR p.id IS NOT NULL)
    AND (e.paused_until IS NULL OR e.paused_until <= %(now)s OR e.paused_until > %(now)s + %(pause)s)
  GROUP BY e.id, p.used_to, p.per_minute
), due AS (
  SELECT o.id, o.endpoint_id FROM room r CROSS JOIN LATERAL (
    SELECT id, endpoint_id, priority, due_at FROM outbox
    WHERE endpoint_id = r.id AND state = 'pending' AND due_at <= %(now)s
      AND NOT id = ANY(CAST(%(held)s AS uuid[]))
    ORDER BY priority, due_at LIMIT greatest(r.free, 0) FOR UPDATE SKIP LOCKED
  ) o
  ORDER BY o.priority, o.due_at LIMIT %(free)s
), charged AS (
  UPDATE endpoint e SET paced_to = p.used_to + taken.count * interval '1 minute' / p.per_minute
  FROM paced p JOIN (SELECT endpoint_id, count(*) FROM due GROUP BY endpoint_id) AS taken ON taken.endpoint_id = p.id
  WHERE e.id = p.id
)
UPDATE outbox SET due_at = %(until)s, touched_at = %(now)s, lease_token = %(token)s, attempts = attempts + 1
FROM due JOIN endpoint e ON e.id = due.endpoint_id WHERE outbox.id = due.id AND outbox.state = 'pending'
RETURNING outbox.*, e.department_id, e.kind, e.url, e.secret, e.more_secrets, e.options, e.failures
"""
_FINISH = """
UPDATE outbox o SET state = t.state, due_at = coalesce(t.due_at, o.due_at), last_status = t.last_status,
  last_error = t.last_error, done_at = t.done_at, touched_at = t.touched_at, lease_token = NULL
FROM jsonb_populate_recordset(NULL::outbox, CAST(%(tries)s AS jsonb)) AS t
WHERE o.id = t.id AND o.lease_token = t.lease_token AND o.state = 'pending' RETURNING o.id
"""
_UNPARK = """
UPDATE outbox SET due_at = :now, touched_at = :now WHERE id IN (
  SELECT id FROM outbox WHERE state = 'pending' AND touched_at > :later LIMIT 5000 FOR UPDATE SKIP LOCKED
)
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
