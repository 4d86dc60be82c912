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


async def told(connection: AsyncConnection, question: BulletinQuestion, sight: Sight) -> list[Row]:
    """Event rows in sight: of warnings that the viewer may see now, and only what he might have seen then."""
    where = [WARNINGS_IN_SIGHT, _SEEN_THEN if question.every_revision else "true"]
    given: dict[str, Any] = {"limit": question.limit, **sight.parameters}
    told_by = _TOLD_ONCE if question.every_revision else _TOLD_LAST
    if question.after is not None:
        where.append(f"{told_by.seq} > :after")
        given["after"] = question.after
    if question.before is not None:
        where.append(f"{told_by.seq} < :before")
        given["before"] = question.before
    if question.level:
        where.append(told_by.level)
        given["levels"] = [level for level in Level if level.rank >= question.level.rank]
    if question.area:
        where.append(told_by.area)
        given["asked_area"] = prefix_of(question.area) + "%"
    if question.categories:
        where.append(told_by.category)
        given["categories"] = list(question.categories)
    order = "ASC" if question.after is not None else "DESC"
    statement = told_by.statement.format(where=" AND ".join(where), order=order)
    return rows_of(await connection.execute(text(statement), given))


@dataclass(frozen=True, slots=True)
class _By:
    """How changes are picked, and what the question's parts are called there."""

    statement: str
    seq: str
    level: str
    area: str
    category: str


_SEEN_THEN = (
    "(e.area LIKE :sight_area AND (NOT e.restricted OR CAST(:sight_department AS uuid) = ANY(e.department_ids)))"
)
_SHOWN = "e.seq, e.type, e.at, e.note, e.body"
# The last change of each warning: what the warning says is what its event says.
_TOLD_LAST = _By(
    f"""
    WITH picked AS (SELECT w.seq FROM warning w WHERE {{where}} ORDER BY w.seq {{order}} LIMIT :limit)
    SELECT {_SHOWN} FROM picked JOIN warning_event e USING (seq) ORDER BY e.seq {{order}}
    """,  # noqa: S608
    "w.seq",
    "w.level = ANY(:levels)",
    "w.area LIKE :asked_area",
    "(w.category = ANY(:categories) OR split_part(w.category, '.', 1) = ANY(:categories))",
)
# coalesce: what is in a JSON value is thought to be rare, and the table read whole in search of it; of a coalesce
# nothing is thought, and the walk along the numbers ends as soon as the page is full.
_TOLD_ONCE = _By(
    f"""
    SELECT {_SHOWN} FROM warning_event e JOIN warning w ON w.id = e.warning_id
    WHERE {{where}} ORDER BY e.seq {{order}} LIMIT :limit
    """,  # noqa: S608
    "e.seq",
    "coalesce(e.body->>'level' = ANY(:levels), false)",
    "e.area LIKE :asked_area",
    "coalesce(e.body->>'category' = ANY(:categories)"
    " OR split_part(e.body->>'category', '.', 1) = ANY(:categories), false)",
)


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
WITH picked AS (
  SELECT w.seq, w.department_ids, w.restricted, w.subject_kind, w.subject_id FROM warning w
  WHERE w.state NOT IN ('resolved', 'cancelled') AND {WARNINGS_IN_SIGHT} ORDER BY w.seq DESC LIMIT :limit
)
SELECT e.seq, e.type, e.at, e.note, e.body, w.department_ids, w.restricted, w.subject_kind, w.subject_id,
  coalesce(m.sources, '{{}}') AS sources, coalesce(m.signals || m.text_signals, '{{}}') AS signals
FROM picked w JOIN warning_event e USING (seq)
LEFT JOIN matter m ON m.id = CASE WHEN w.subject_kind = 'matter' THEN CAST(w.subject_id AS uuid) END
ORDER BY e.seq DESC
"""  # noqa: S608
