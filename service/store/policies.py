"""Texts of escalation policies by hash, and which of them an administrator put in force."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, insert_rows, rows_of
from service.store.tables_escalation import EscalationPolicyTable


async def keep(connection: AsyncConnection, row: Row) -> None:
    """Keep a policy's text; one with the same hash is the same."""
    filled = {**row, "active_since": None, "put_by": None}
    await insert_rows(connection, EscalationPolicyTable, [filled], "ON CONFLICT (hash) DO NOTHING")


async def activate(connection: AsyncConnection, digest: str, by: str, now: datetime) -> None:
    await deactivate(connection)
    await connection.execute(
        text("UPDATE escalation_policy SET active_since = :now, put_by = :by WHERE hash = :hash"),
        {"now": now, "by": by, "hash": digest},
    )


async def deactivate(connection: AsyncConnection) -> None:
    await connection.execute(text("UPDATE escalation_policy SET active_since = NULL WHERE active_since IS NOT NULL"))


async def active(connection: AsyncConnection) -> Row | None:
    """The policy an administrator put in force, if any."""
    rows = await connection.execute(text("SELECT * FROM escalation_policy WHERE active_since IS NOT NULL"))
    return next(iter(rows_of(rows)), None)


async def by_hash(connection: AsyncConnection, digest: str) -> Row | None:
    rows = await connection.execute(text("SELECT * FROM escalation_policy WHERE hash = :hash"), {"hash": digest})
    return next(iter(rows_of(rows)), None)
