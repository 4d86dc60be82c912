"""Named leases: of all processes on one database, one runs a tick."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def take(connection: AsyncConnection, name: str, holder: UUID, now: datetime, every: timedelta) -> bool:
    """Whether this holder may run the tick now: nobody else ran it within `every`, by the database's own clock.

    The database's clock decides who ran last, so a process whose clock jumped cannot run a tick twice. A lease that
    ends later than one taken now would was taken by a database clock since set back: it must not stop the tick.
    """
    taken = await connection.execute(
        text(
            "INSERT INTO lease (name, holder, until, last_run_at)"
            " VALUES (:name, :holder, clock_timestamp() + :every, :now)"
            " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until,"
            " last_run_at = excluded.last_run_at"
            " WHERE lease.until <= clock_timestamp() OR lease.until > clock_timestamp() + :every RETURNING name"
        ),
        {"name": name, "holder": holder, "every": every, "now": now},
    )
    return taken.first() is not None
