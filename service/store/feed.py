"""Reading warnings and matters: by cursor, narrowed to what the viewer may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import prefix_of
from service.domain.levels import Level
from service.store.engine import Row, rows_of
from service.store.views import MATTERS_IN_SIGHT, WARNINGS_IN_SIGHT, Sight


@dataclass(frozen=True, slots=True)
class FeedQuestion:
    """Which warnings are asked for; `level` means this level or above."""

    after: int = 0
    limit: int = 50
    level: Level | None = None
    area: str | None = None
    categories: tuple[str, ...] = ()  # a first-level code stands for all below it


async def head(connection: AsyncConnection) -> int:
    """The newest feed number."""
    return int((await connection.execute(text("SELECT seq FROM feed_counter WHERE id = 1"))).scalar_one())


async def numbers_after(connection: AsyncConnection, question: FeedQuestion, sight: Sight) -> list[int]:
    """The number of each warning in sight that changed after the cursor, in reading order.

    A number names one revision of one warning for good, so it is all that must be asked when that revision is known.
    """
    where = ["w.seq > :after", WARNINGS_IN_SIGHT]
    given: dict[str, Any] = {"after": question.after, "limit": question.limit, **sight.parameters}
    if question.level:
        where.append("w.level = ANY(:levels)")
        given["levels"] = [level for level in Level if level.rank >= question.level.rank]
    if question.area:
        where.append("w.area LIKE :asked_area")
        given["asked_area"] = prefix_of(question.area) + "%"
    if question.categories:
        where.append("(w.category = ANY(:categories) OR split_part(w.category, '.', 1) = ANY(:categories))")
        given["categories"] = list(question.categories)
    statement = f"SELECT w.seq FROM warning w WHERE {' AND '.join(where)} ORDER BY w.seq LIMIT :limit"  # noqa: S608
    return list((await connection.execute(text(statement), given)).scalars())


async def warnings_numbered(connection: AsyncConnection, numbers: Sequence[int], sight: Sight) -> list[Row]:
    """The warnings in sight that still stand at these numbers. One that changed since has a later number."""
    rows = await connection.execute(
        text(f"SELECT w.* FROM warning w WHERE w.seq = ANY(:numbers) AND {WARNINGS_IN_SIGHT}"),  # noqa: S608
        {"numbers": list(numbers), **sight.parameters},
    )
    return rows_of(rows)


async def warning_in_sight(connection: AsyncConnection, warning_id: UUID, sight: Sight) -> Row | None:
    rows = await connection.execute(
        text(f"SELECT w.* FROM warning w WHERE w.id = :id AND {WARNINGS_IN_SIGHT}"),  # noqa: S608
        {"id": warning_id, **sight.parameters},
    )
    return next(iter(rows_of(rows)), None)


async def in_sight(connection: AsyncConnection, warning_ids: Collection[UUID], sight: Sight) -> set[UUID]:
    """Which of these warnings the viewer may see."""
    rows = await connection.execute(
        text(f"SELECT w.id FROM warning w WHERE w.id = ANY(:ids) AND {WARNINGS_IN_SIGHT}"),  # noqa: S608
        {"ids": [*warning_ids], **sight.parameters},
    )
    return set(rows.scalars())


async def events_after(connection: AsyncConnection, after: int, limit: int) -> list[Row]:
    """Events with a number above `after`, in order; who may see which is decided by `seen_by`."""
    rows = await connection.execute(
        text("SELECT * FROM warning_event WHERE seq > :after ORDER BY seq LIMIT :limit"),
        {"after": after, "limit": limit},
    )
    return rows_of(rows)


async def bounds(connection: AsyncConnection) -> tuple[int, int]:
    """The newest feed number and the oldest one whose event is kept; head + 1 when none is."""
    rows = await connection.execute(
        text("SELECT seq, coalesce((SELECT min(seq) FROM warning_event), seq + 1) FROM feed_counter WHERE id = 1")
    )
    head, oldest = rows.one()
    return int(head), int(oldest)


def seen_by(event: Row, sight: Sight) -> bool:
    """The same narrowing as WARNINGS_IN_SIGHT, for events already read."""
    in_area = sight.area is None or event["area"].startswith(prefix_of(sight.area))
    return in_area and (not event["restricted"] or sight.department_id in event["department_ids"])


@dataclass(frozen=True, slots=True)
class MatterQuestion:
    """Which matters are asked for, newest change first; `before` is the cursor of the last page."""

    limit: int = 50
    before: tuple[datetime, UUID] | None = None  # (updated_at, id)
    status: str | None = None
    level: Level | None = None
    area: str | None = None
    category: str | None = None


async def matters(connection: AsyncConnection, question: MatterQuestion, sight: Sight) -> list[Row]:
    where, given = [MATTERS_IN_SIGHT], {"limit": question.limit, **sight.parameters}
    if question.before:
        where.append("(m.updated_at, m.id) < (CAST(:at AS timestamptz), CAST(:before AS uuid))")
        given |= {"at": question.before[0], "before": question.before[1]}
    if question.status:
        where.append("m.status = :status")
        given["status"] = question.status
    if question.level:
        where.append("m.level = ANY(:levels)")
        given["levels"] = [level for level in Level if level.rank >= question.level.rank]
    if question.area:
        where.append("m.area LIKE :asked_area")
        given["asked_area"] = prefix_of(question.area) + "%"
    if question.category:
        where.append("(m.category = :category OR m.first_level = :category)")
        given["category"] = question.category
    order = "ORDER BY m.updated_at DESC, m.id DESC LIMIT :limit"
    statement = f"SELECT m.* FROM matter m WHERE {' AND '.join(where)} {order}"  # noqa: S608
    return rows_of(await connection.execute(text(statement), given))


async def matter_in_sight(connection: AsyncConnection, matter_id: UUID, sight: Sight) -> Row | None:
    rows = await connection.execute(
        text(f"SELECT m.* FROM matter m WHERE m.id = :id AND {MATTERS_IN_SIGHT}"),  # noqa: S608
        {"id": matter_id, **sight.parameters},
    )
    return next(iter(rows_of(rows)), None)


async def entries_of(connection: AsyncConnection, matter_id: UUID) -> list[Row]:
    """What was done on a matter, oldest first."""
    rows = await connection.execute(
        text("SELECT at, kind, department_id, note, data FROM matter_entry WHERE matter_id = :id ORDER BY at, id"),
        {"id": matter_id},
    )
    return rows_of(rows)
