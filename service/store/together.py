"""What may come together in one place, and what of it was told. Every read is bounded by days, stage and index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import prefix_of
from service.store.engine import Row, insert_rows, replacing, rows_of
from service.store.tables_project import STARTS, ComingTogetherTable
from service.store.views import MATTERS_IN_SIGHT, PROJECTS_IN_SIGHT, Sight

EVERYWHERE = Sight(None, None)


@dataclass(frozen=True, slots=True)
class Known:
    """What was told of a place, and by which warning."""

    members: frozenset[str]
    warning_id: UUID | None


async def undertakings(
    connection: AsyncConnection, days: tuple[date, date], sight: Sight = EVERYWHERE, place: str | None = None
) -> list[Row]:
    """Projects in sight that are under way, or not yet decided and to start within these days; all places or one."""
    below = prefix_of(place) + "%" if place else "%"
    given = {"first": days[0].isoformat(), "last": days[1].isoformat(), "below": below, **sight.parameters}
    return rows_of(await connection.execute(_UNDERTAKINGS, given))


async def touched_counties(connection: AsyncConnection, since: datetime, levels: Collection[str]) -> set[str]:
    """Counties with an open matter of one of these levels that changed since."""
    rows = await connection.execute(_TOUCHED, {"since": since, "levels": list(levels)})
    return set(rows.scalars())


@dataclass(frozen=True, slots=True)
class MatterQuestion:
    """Which open matters are asked for: counties, first-level categories, levels, something happened since."""

    counties: Collection[str]
    first_levels: Collection[str]
    levels: Collection[str]
    since: datetime


async def standing(connection: AsyncConnection, asked: MatterQuestion, sight: Sight = EVERYWHERE) -> list[Row]:
    """Open matters in sight, asked for by county, first-level category and last occurrence, as their index has them."""
    given: dict[str, Any] = {
        "counties": list(asked.counties), "firsts": list(asked.first_levels), "levels": list(asked.levels),
        "since": asked.since, **sight.parameters,
    }  # fmt: skip
    return rows_of(await connection.execute(_STANDING, given))


async def newcomers(connection: AsyncConnection, since: datetime) -> list[Row]:
    """Open matters that were opened, and of which something happened, since: what is imported from years ago is not."""
    return rows_of(await connection.execute(_NEWCOMERS, {"since": since}))


async def known(connection: AsyncConnection, places: Collection[str]) -> dict[str, Known]:
    """What was told of these places; without a lock, so that whoever acts on it looks again."""
    rows = await connection.execute(
        text("SELECT * FROM coming_together WHERE place = ANY(:places)"), {"places": list(places)}
    )
    return {row["place"]: _known(row) for row in rows_of(rows)}


async def locked(connection: AsyncConnection, place: str, now: datetime) -> Known:
    """What was told of a place, locked until the transaction ends; made when it is not there."""
    fresh: Row = {"place": place, "members": [], "warning_id": None, "updated_at": now}
    await insert_rows(connection, ComingTogetherTable, [fresh], "ON CONFLICT (place) DO NOTHING")
    rows = await connection.execute(
        text("SELECT * FROM coming_together WHERE place = :place FOR UPDATE"), {"place": place}
    )
    return _known(rows_of(rows)[0])


async def keep(connection: AsyncConnection, place: str, told: Known, now: datetime) -> None:
    row = {"place": place, "members": sorted(told.members), "warning_id": told.warning_id, "updated_at": now}
    await insert_rows(connection, ComingTogetherTable, [row], replacing(ComingTogetherTable, ["place"]))


def _known(row: Row) -> Known:
    return Known(frozenset(row["members"]), row["warning_id"])


_COLUMNS = f"p.id, p.area, p.name, p.kind, {STARTS} AS start_on, p.stage, p.updated_at"
_UNDERTAKINGS = text(
    f"SELECT {_COLUMNS} FROM project p"  # noqa: S608  columns and conditions of our own
    f" WHERE p.stage = 'implementing' AND p.area LIKE :below AND {PROJECTS_IN_SIGHT}"
    f" UNION ALL SELECT {_COLUMNS} FROM project p WHERE p.stage = 'pre_decision'"
    f" AND {STARTS} BETWEEN :first AND :last AND p.area LIKE :below AND {PROJECTS_IN_SIGHT}"
)
_TOUCHED = text(
    "SELECT DISTINCT m.county FROM matter m"
    " WHERE m.updated_at > :since AND m.status = 'open' AND m.level = ANY(:levels)"
)
_NEWCOMERS = text(
    "SELECT m.id, m.area, m.category, m.first_level, m.level, m.opened_at,"
    " m.people_max, m.present_max, m.report_count FROM matter m"
    " WHERE m.updated_at > :since AND m.opened_at > :since AND m.last_occurred_at > :since"
    " AND m.status = 'open' AND m.level IS NOT NULL"
)
_STANDING = text(
    "SELECT m.id, m.area, m.first_level, m.level, m.last_occurred_at"  # noqa: S608  a condition of our own
    " FROM unnest(CAST(:counties AS text[])) AS c(county)"
    " CROSS JOIN unnest(CAST(:firsts AS text[])) AS f(first_level)"
    " JOIN matter m ON m.county = c.county AND m.first_level = f.first_level"
    " WHERE m.status = 'open' AND m.last_occurred_at >= :since AND m.level = ANY(:levels)"
    f" AND {MATTERS_IN_SIGHT}"
)
