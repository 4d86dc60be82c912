"""Changes of warnings as they were told, for the formats in which others read the feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import prefix_of
from service.domain.levels import Level
from service.store.engine import Row, rows_of
from service.store.views import WARNINGS_IN_SIGHT, Sight


@dataclass(frozen=True, slots=True)
class BulletinQuestion:
    """Which changes are asked for: before a number the newest first, or after one the oldest first.

    `every_revision`: also those that a later one has replaced. `level` means this level or above.
    """

    limit: int
    before: int | None = None
    after: int | None = None
    every_revision: bool = False
    level: Level | None = None
    area: str | None = None
    categories: tuple[str, ...] = ()  # a first-level code stands for all below it


_SEEN_THEN = (
    "(e.area LIKE :sight_area AND (NOT e.restricted OR CAST(:sight_department AS uuid) = ANY(e.department_ids)))"
)


async def told(connection: AsyncConnection, question: BulletinQuestion, sight: Sight) -> list[Row]:
    """Event rows in sight: of warnings that the viewer may see now, and only what he might have seen then."""
    joined = "w.id = e.warning_id" if question.every_revision else "w.seq = e.seq"
    where = [WARNINGS_IN_SIGHT, _SEEN_THEN]
    given: dict[str, Any] = {"limit": question.limit, **sight.parameters}
    if question.after is not None:
        where.append("e.seq > :after")
        given["after"] = question.after
    if question.before is not None:
        where.append("e.seq < :before")
        given["before"] = question.before
    if question.level:
        where.append("e.body->>'level' = ANY(:levels)")
        given["levels"] = [level for level in Level if level.rank >= question.level.rank]
    if question.area:
        where.append("e.area LIKE :asked_area")
        given["asked_area"] = prefix_of(question.area) + "%"
    if question.categories:
        where.append(
            "ARRAY[e.body->>'category', split_part(e.body->>'category', '.', 1)] && CAST(:categories AS text[])"
        )
        given["categories"] = list(question.categories)
    order = "ASC" if question.after is not None else "DESC"
    statement = (
        f"SELECT e.seq, e.type, e.at, e.note, e.body FROM warning_event e JOIN warning w ON {joined}"  # noqa: S608
        f" WHERE {' AND '.join(where)} ORDER BY e.seq {order} LIMIT :limit"
    )
    return rows_of(await connection.execute(text(statement), given))


async def told_of(connection: AsyncConnection, warning_id: UUID) -> list[Row]:
    """Every change of one warning, oldest first. Whether the viewer may see the warning is asked before."""
    rows = await connection.execute(
        text("SELECT * FROM warning_event WHERE warning_id = :id ORDER BY revision"), {"id": warning_id}
    )
    return rows_of(rows)


async def changed_at(connection: AsyncConnection, seq: int) -> datetime | None:
    """When the change with this number happened; None when there is none or it is not kept."""
    rows = await connection.execute(text("SELECT at FROM warning_event WHERE seq = :seq"), {"seq": seq})
    found: datetime | None = rows.scalar()
    return found


async def standing(connection: AsyncConnection, sight: Sight, limit: int) -> list[Row]:
    """The last change of each open warning in sight, with what routing asks of it; the last changed first."""
    return rows_of(await connection.execute(text(_STANDING), {"limit": limit, **sight.parameters}))


_STANDING = f"""
SELECT e.seq, e.type, e.at, e.note, e.body, w.department_ids, w.restricted, w.subject_kind, w.subject_id,
  coalesce(m.sources, '{{}}') AS sources, coalesce(m.signals || m.text_signals, '{{}}') AS signals
FROM (
  -- OFFSET 0: the open ones by their own index, not all that ever were by their number, in search of a full page.
  SELECT * FROM warning w WHERE w.state NOT IN ('resolved', 'cancelled') AND {WARNINGS_IN_SIGHT} OFFSET 0
) w JOIN warning_event e ON e.seq = w.seq
LEFT JOIN matter m ON m.id = CASE WHEN w.subject_kind = 'matter' THEN CAST(w.subject_id AS uuid) END
ORDER BY w.seq DESC LIMIT :limit
"""  # noqa: S608
