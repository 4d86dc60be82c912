"""Silences, and the open warnings that one would hide."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Beside, Row, insert_all, insert_rows, replacing, rows_of
from service.store.outbox import OUTBOX_CHANNEL, owed
from service.store.reference import change
from service.store.tables_routing import SilenceTable
from service.store.views import WARNINGS_IN_SIGHT, Sight

MOST_LISTED = 500


async def keep(connection: AsyncConnection, rows: list[Row]) -> None:
    """Insert or change silences; every process goes by them from its next transaction on."""
    await insert_rows(connection, SilenceTable, rows, replacing(SilenceTable, ["id"], keep=("created_at",)))
    await change(connection)


async def one(connection: AsyncConnection, silence_id: UUID, sight: Sight) -> Row | None:
    """One silence of a viewer's area, or of everywhere."""
    asked = text("SELECT * FROM silence WHERE id = :id AND (area IS NULL OR area LIKE :sight_area)")
    found = await connection.execute(asked, {"id": silence_id, **_area(sight)})
    return next(iter(rows_of(found)), None)


async def row(connection: AsyncConnection, silence_id: UUID) -> Row | None:
    """One silence, locked until the transaction ends."""
    found = await connection.execute(text("SELECT * FROM silence WHERE id = :id FOR UPDATE"), {"id": silence_id})
    return next(iter(rows_of(found)), None)


async def listed(connection: AsyncConnection, since: datetime, sight: Sight) -> list[Row]:
    """Silences that end after an instant, the one that ends last first; of a viewer's area, and those of everywhere."""
    found = await connection.execute(text(_LISTED), {"since": since, "limit": MOST_LISTED, **_area(sight)})
    return rows_of(found)


async def ended(connection: AsyncConnection, now: datetime, limit: int) -> list[Row]:
    """Silences that are over and of whose end nobody was told, locked."""
    found = await connection.execute(
        text(
            "SELECT * FROM silence WHERE end_told_at IS NULL AND ends_at <= :now ORDER BY ends_at LIMIT :limit"
            " FOR UPDATE SKIP LOCKED"
        ),
        {"now": now, "limit": limit},
    )
    return rows_of(found)


async def open_warnings(connection: AsyncConnection, sight: Sight, limit: int) -> list[Row]:
    """Open warnings that departments have heard, with sources and signals of their matters, the newest first."""
    found = await connection.execute(text(_OPEN_WARNINGS), {"limit": limit, **sight.parameters})
    return rows_of(found)


async def notify(connection: AsyncConnection, pushes: list[Row]) -> None:
    """Owe notices of a silence."""
    await insert_all(connection, [owed(pushes)], Beside(notify=(OUTBOX_CHANNEL,) if pushes else ()))


def _area(sight: Sight) -> dict[str, Any]:
    return {"sight_area": sight.parameters["sight_area"]}


_LISTED = """
SELECT * FROM silence WHERE ends_at > :since AND (area IS NULL OR area LIKE :sight_area)
ORDER BY ends_at DESC, id LIMIT :limit
"""
_OPEN_WARNINGS = f"""
SELECT w.id, w.level, w.area, w.category, w.subject_kind, w.subject_id, w.restricted, w.headline, w.department_ids,
  coalesce(m.sources, '{{}}') AS sources, coalesce(m.signals || m.text_signals, '{{}}') AS signals
FROM warning w LEFT JOIN matter m ON m.id = CASE WHEN w.subject_kind = 'matter' THEN CAST(w.subject_id AS uuid) END
WHERE w.state NOT IN ('resolved', 'cancelled') AND w.issued_level IS NOT NULL AND {WARNINGS_IN_SIGHT}
ORDER BY w.seq DESC LIMIT :limit
"""  # noqa: S608
