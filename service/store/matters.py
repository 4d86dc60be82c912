"""Matters: read under the place's lock, kept whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import county_of
from service.domain.levels import Level
from service.domain.matters import Matter, PlaceHistory
from service.domain.words import MatterStatus, Outcome
from service.store.engine import Row, insert_rows, new_id, replacing, rows_of, table_of
from service.store.tables import MatterEntryTable, MatterTable, PlaceDayTable

MATTER = table_of(MatterTable)
Place = tuple[str, str]  # (county, first-level category): what is locked together


def place_of(matter: Matter) -> Place:
    return county_of(matter.area), matter.first_level


async def lock_places(connection: AsyncConnection, places: Iterable[Place]) -> None:
    """Take the places' locks until the transaction ends, in one fixed order so that nobody waits in a circle."""
    numbers = sorted({_lock_number(place) for place in places})
    for_all = text(
        "SELECT pg_advisory_xact_lock(n) FROM unnest(CAST(:numbers AS bigint[])) WITH ORDINALITY AS l(n, o) ORDER BY o"
    )
    await connection.execute(for_all, {"numbers": numbers})


async def by_id(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Matter]:
    if not ids:
        return {}
    rows = await connection.execute(select(MATTER).where(MATTER.c.id.in_(ids)))
    return {row["id"]: matter_of(row) for row in rows_of(rows)}


async def open_in_places(connection: AsyncConnection, places: Collection[Place], since: datetime) -> list[Matter]:
    """Open matters of these places that something happened on since then: what a new report may belong to."""
    if not places:
        return []
    wanted = text(
        "SELECT m.* FROM unnest(CAST(:counties AS text[]), CAST(:firsts AS text[])) AS p(county, first_level)"
        " JOIN matter m ON m.county = p.county AND m.first_level = p.first_level"
        " WHERE m.status = 'open' AND m.last_occurred_at >= :since"
    )
    rows = await connection.execute(
        wanted, {"counties": [p[0] for p in places], "firsts": [p[1] for p in places], "since": since}
    )
    return [matter_of(row) for row in rows_of(rows)]


async def histories(connection: AsyncConnection, places: Collection[Place], today: date) -> dict[Place, PlaceHistory]:
    """What is known of each place up to and including `today`."""
    if not places:
        return {}
    days = {"today": today, "week": today - timedelta(days=7), "month": today - timedelta(days=35)}
    rows = await connection.execute(
        text(_HISTORIES),
        {
            "counties": [p[0] for p in places],
            "firsts": [p[1] for p in places],
            "year": today - timedelta(days=365),
            **days,
        },
    )
    return {(r.county, r.first_level): PlaceHistory(*r[2:]) for r in rows}


async def keep(connection: AsyncConnection, matters: Collection[Matter], now: datetime) -> None:
    rows = [row_of(matter, now) for matter in matters]
    await insert_rows(connection, MatterTable, rows, replacing(MatterTable, ["id"]))


async def add_entries(connection: AsyncConnection, entries: Collection[Row]) -> None:
    """Append to what was done; each entry: matter_id, at, kind and optionally department_id, note, data."""
    filled = [{"id": new_id(), "department_id": None, "note": None, "data": {}, **entry} for entry in entries]
    await insert_rows(connection, MatterEntryTable, filled)


async def count_days(connection: AsyncConnection, counts: Mapping[tuple[Place, date], Mapping[str, int]]) -> None:
    """Add to the daily counts of places; `counts` gives reports, opened, closed, escalated."""
    zero = {"reports": 0, "opened": 0, "closed": 0, "escalated": 0}
    rows = [
        {"county": place[0], "first_level": place[1], "day": day, **zero, **more}
        for (place, day), more in sorted(counts.items())
    ]
    adding = ", ".join(f"{name} = place_day.{name} + excluded.{name}" for name in zero)
    await insert_rows(connection, PlaceDayTable, rows, f"ON CONFLICT (county, first_level, day) DO UPDATE SET {adding}")


def matter_of(row: Mapping[str, Any]) -> Matter:
    values = {field.name: row[field.name] for field in fields(Matter)}
    for name in ("signals", "text_signals", "sources"):
        values[name] = frozenset(values[name])
    values["recent"] = tuple(values["recent"])
    values["status"] = MatterStatus(values["status"])
    values["level"] = Level(values["level"]) if values["level"] else None
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    return Matter(**values)


def row_of(matter: Matter, now: datetime) -> Row:
    row: Row = {field.name: getattr(matter, field.name) for field in fields(Matter)}
    return {**row, "county": county_of(matter.area), "updated_at": now}


def _lock_number(place: Place) -> int:
    return int.from_bytes(blake2b("|".join(place).encode(), digest_size=8).digest(), "big", signed=True)


_HISTORIES = """
SELECT p.county, p.first_level,
  coalesce(sum(d.reports) FILTER (WHERE d.day > :week), 0)::int,
  coalesce(sum(d.reports) FILTER (WHERE d.day <= :week AND d.day > :month), 0)::int,
  (SELECT count(*) FROM matter m
    WHERE m.status = 'open' AND m.county = p.county AND m.first_level = p.first_level)::int,
  coalesce(sum(d.closed), 0)::int,
  coalesce(sum(d.escalated), 0)::int
FROM unnest(CAST(:counties AS text[]), CAST(:firsts AS text[])) AS p(county, first_level)
LEFT JOIN place_day d ON d.county = p.county AND d.first_level = p.first_level AND d.day > :year AND d.day <= :today
GROUP BY p.county, p.first_level
"""
