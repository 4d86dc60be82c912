"""Versions of the routes, and what routing asks of open warnings and their matters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, insert_rows, rows_of, run
from service.store.reference import change
from service.store.tables_routing import RoutingVersionTable

_LOUD = """
SELECT id, headline, level, issued_level, area, category, subject_kind, subject_id, restricted FROM warning
WHERE (issued_level = 'red' OR subject_kind = 'area') AND state NOT IN ('resolved', 'cancelled')
  AND area LIKE ANY(CAST(%(areas)s AS text[])) AND NOT id = ANY(CAST(%(besides)s AS uuid[]))
"""
_SAID = """
SELECT id, sources, signals || text_signals AS signals FROM matter WHERE id = ANY(CAST(%(ids)s AS uuid[]))
"""


async def put(connection: AsyncConnection, row: Row) -> int:
    """Put a text of routes in force under the next number; every process goes by it from its next transaction on."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('routing_version'))"))
    newest = await connection.execute(text("SELECT coalesce(max(number), 0) + 1 FROM routing_version"))
    number = int(newest.scalar_one())
    await drop(connection)
    await insert_rows(connection, RoutingVersionTable, [{**row, "number": number, "active_since": row["put_at"]}])
    return number


async def drop(connection: AsyncConnection) -> None:
    """No routes in force: subscriptions and duties alone say who hears."""
    await connection.execute(text("UPDATE routing_version SET active_since = NULL WHERE active_since IS NOT NULL"))
    await change(connection)


async def versions(connection: AsyncConnection, limit: int) -> list[Row]:
    """Every version without its text, newest first."""
    asked = text("SELECT number, hash, put_by, put_at, active_since FROM routing_version ORDER BY number DESC LIMIT :n")
    return rows_of(await connection.execute(asked, {"n": limit}))


async def version(connection: AsyncConnection, number: int) -> Row | None:
    found = await connection.execute(text("SELECT * FROM routing_version WHERE number = :n"), {"n": number})
    return next(iter(rows_of(found)), None)


async def loud(connection: AsyncConnection, counties: Collection[str], besides: Collection[UUID]) -> list[Row]:
    """Open warnings that may hold others back, in these counties: red ones that were told, and those of a place."""
    areas = [f"{county}%" for county in counties]
    return await run(connection, _LOUD, {"areas": areas, "besides": list(besides)})


async def said_of(connection: AsyncConnection, matter_ids: Collection[UUID]) -> dict[UUID, Row]:
    """Sources and signals of matters."""
    return {row["id"]: row for row in await run(connection, _SAID, {"ids": list(matter_ids)})}


async def endpoints_of(connection: AsyncConnection, department_ids: Collection[UUID]) -> list[Row]:
    """Where departments are pushed to."""
    asked = text("SELECT * FROM endpoint WHERE department_id = ANY(:ids) ORDER BY created_at, id")
    return rows_of(await connection.execute(asked, {"ids": list(department_ids)}))


async def told_between(connection: AsyncConnection, numbers: tuple[int, int], limit: int) -> list[Row]:
    """Events that were pushed or might have been, in the order of the feed: after one number, up to another."""
    given: dict[str, Any] = {"after": numbers[0], "last": numbers[1], "limit": limit}
    return rows_of(await connection.execute(text(_TOLD_BETWEEN), given))


async def first_number(connection: AsyncConnection, since: datetime) -> int:
    """The feed number before the first event at or after an instant, found by halving: `at` has no index."""
    head = (await connection.execute(text("SELECT min(seq), max(seq) FROM warning_event"))).one()
    low, high = int(head[0] or 0), int(head[1] or 0) + 1
    asked = text("SELECT at FROM warning_event WHERE seq >= :seq ORDER BY seq LIMIT 1")
    while low < high:
        middle = (low + high) // 2
        at = (await connection.execute(asked, {"seq": middle})).scalar()
        if at is None or at >= since:
            high = middle
        else:
            low = middle + 1
    return low - 1


async def pushed_of(connection: AsyncConnection, warnings: Sequence[tuple[UUID, int]]) -> list[Row]:
    """Which departments were owed a push of these revisions of warnings."""
    given = {"ids": [one[0] for one in warnings], "revisions": [one[1] for one in warnings]}
    return rows_of(await connection.execute(text(_PUSHED_OF), given))


_TOLD_BETWEEN = """
SELECT seq, warning_id, revision, type, at, body FROM warning_event
WHERE seq > :after AND seq <= :last AND type IN ('issued', 'updated', 'resolved', 'cancelled')
ORDER BY seq LIMIT :limit
"""
_PUSHED_OF = """
SELECT DISTINCT o.warning_id, o.revision, e.department_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:revisions AS int[])) AS g(id, revision)
JOIN outbox o ON o.warning_id = g.id AND o.revision = g.revision JOIN endpoint e ON e.id = o.endpoint_id
"""
