"""Rows of incident and judgement lie in a partition per month (UTC) of their id, which begins with its instant.

What has no month of its own lies in the default partition, so nothing is ever refused for want of one; when the month
is made, its rows move there.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PARTITIONED = ("incident", "judgement")
MONTHS_AHEAD = 3
MONTHS_BACK = 12  # an id further back is a clock's error: its row stays in the default partition
MAKING_LOCK = 7_306_105_202  # beside alembic's own; any number that nothing else in the database uses
PATIENCE = "1s"  # while a partition is made, reports wait; if others do not let go in time, it is tried again later
_NAME = re.compile(rf"({'|'.join(PARTITIONED)})_(default|\d{{4}}_\d{{2}})")


def is_partition(name: str) -> bool:
    """Whether a table of this name is a partition and not declared by itself."""
    return _NAME.fullmatch(name) is not None


def first_id_at(instant: datetime) -> UUID:
    """No id made at that instant or later is smaller: a UUIDv7 begins with 48 bits of milliseconds since 1970."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


def instant_of(row_id: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=row_id.int >> 80)


def month_of(instant: datetime) -> date:
    """The first day of an instant's month in UTC."""
    return instant.astimezone(UTC).date().replace(day=1)


def later(month: date, count: int) -> date:
    """The month so many months later; earlier when negative."""
    year, index = divmod(month.year * 12 + month.month - 1 + count, 12)
    return date(year, index + 1, 1)


def first_id_of(month: date) -> UUID:
    return first_id_at(datetime(month.year, month.month, 1, tzinfo=UTC))


async def missing_months(connection: AsyncConnection, table: str, now: datetime) -> list[date]:
    """Months without a partition that should have one: those to come, and past ones with rows in the default."""
    this = month_of(now)
    made = await _made(connection, table)
    wanted = {later(this, ahead) for ahead in range(MONTHS_AHEAD + 1)}
    for month in (later(this, -back) for back in range(1, MONTHS_BACK + 1)):
        if _name(table, month) not in made and await _waiting(connection, table, month):
            wanted.add(month)
    return sorted(month for month in wanted if _name(table, month) not in made)


async def make_month(connection: AsyncConnection, table: str, month: date) -> int:
    """Make a month's partition and move its rows there from the default one; gives how many. Harmless when it is there.

    Holds the table alone, so that nobody who has read it can then wait for us while we wait for them, and no row is on
    its way to where it no longer belongs. Raises OperationalError when others do not let go of it in time.
    """
    name, low, high = _name(table, month), first_id_of(month), first_id_of(later(month, 1))
    await connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MAKING_LOCK})
    if name in await _made(connection, table):
        return 0
    await connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    await connection.execute(text(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE"))
    await connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)"))
    gone = f"DELETE FROM {table}_default WHERE id >= :low AND id < :high RETURNING *"  # noqa: S608  (our own names)
    move = text(f"WITH gone AS ({gone}) INSERT INTO {name} SELECT * FROM gone")  # noqa: S608
    moved = await connection.execute(move, {"low": low, "high": high})
    await connection.execute(
        text(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")
    )
    return moved.rowcount


def _name(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


async def _made(connection: AsyncConnection, table: str) -> set[str]:
    rows = await connection.execute(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)"),
        {"table": table},
    )
    return set(rows.scalars())


async def _waiting(connection: AsyncConnection, table: str, month: date) -> bool:
    """Whether rows of this month lie in the default partition."""
    statement = f"SELECT 1 FROM {table}_default WHERE id >= :low AND id < :high LIMIT 1"  # noqa: S608
    rows = await connection.execute(text(statement), {"low": first_id_of(month), "high": first_id_of(later(month, 1))})
    return rows.first() is not None
