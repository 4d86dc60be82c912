"""Matters: read under the place's lock, kept whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import county_of
from service.domain.levels import Level
from service.domain.matters import Matter, PlaceHistory
from service.domain.words import MatterStatus, Outcome
from service.store.engine import Insert, Row, new_id, replacing, rows_of, run, table_of
from service.store.tables import MatterEntryTable, MatterTable, PlaceDayTable

MATTER = table_of(MatterTable)
Place = tuple[str, str]  # (county, first-level category): what is locked together
_COLUMNS = tuple(column.name for column in fields(Matter))
_SETS = ("signals", "text_signals", "sources")
_REPLACING = replacing(MatterTable, ["id"])


def place_of(matter: Matter) -> Place:
    return county_of(matter.area), matter.first_level


async def lock_places(connection: AsyncConnection, places: Iterable[Place]) -> dict[Place, int]:
    """Lock places until the transaction ends, in one order for everybody, and give the number each has in it.

    The locked row is the place's own; a matter kept under the lock keeps the number too, see PlaceMemory.
    """
    ordered = sorted(set(places))
    rows = await connection.execute(
        _LOCK, {"counties": [place[0] for place in ordered], "firsts": [place[1] for place in ordered]}
    )
    return {(row.county, row.first_level): row.seq for row in rows}


async def by_id(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Matter]:
    if not ids:
        return {}
    rows = await connection.execute(select(MATTER).where(MATTER.c.id.in_(ids)))
    return {row["id"]: matter_of(row) for row in rows_of(rows)}


async def locked(
    connection: AsyncConnection, ids: Collection[UUID], *places: Place
) -> tuple[dict[UUID, Matter], dict[Place, int]]:
    """Matters as they are under their places' locks, and those places and `places` with their numbers.

    What a merge or a correction moved while we waited is locked where it is now. A matter that was merged comes with
    the one it was merged into.
    """
    held: dict[Place, int] = {}
    while True:
        found = await by_id(connection, ids)
        found |= await by_id(connection, {m.merged_into for m in found.values() if m.merged_into} - found.keys())
        needed = {*places, *(place_of(matter) for matter in found.values())} - held.keys()
        if not needed:
            return found, held
        held |= await lock_places(connection, needed)


async def point_to(connection: AsyncConnection, into: UUID, merged: Collection[UUID]) -> None:
    """What was merged into these earlier points to `into` too, so that following is always one step."""
    await connection.execute(
        text("UPDATE matter SET merged_into = :into WHERE merged_into = ANY(:merged)"),
        {"into": into, "merged": list(merged)},
    )


async def changed_in_places(
    connection: AsyncConnection, seen: Mapping[Place, int], since: datetime
) -> dict[Place, list[Matter]]:
    """Matters that changed after the number `seen` of their place; with 0 the open ones something happened on since."""
    found: dict[Place, list[Matter]] = {}
    for statement, wanted in (
        (_OPEN, {p: n for p, n in seen.items() if n == 0}),
        (_CHANGED, {p: n for p, n in seen.items() if n}),
    ):
        if wanted:
            given = {"counties": [p[0] for p in wanted], "firsts": [p[1] for p in wanted]}
            more: dict[str, Any] = {"since": since} if statement is _OPEN else {"seen": list(wanted.values())}
            for row in rows_of(await connection.execute(statement, {**given, **more})):
                found.setdefault((row["county"], row["first_level"]), []).append(matter_of(row))
    return found


async def histories(connection: AsyncConnection, places: Collection[Place], today: date) -> dict[Place, PlaceHistory]:
    """What is known of each place up to and including `today`."""
    if not places:
        return {}
    back = {"today": 0, "week": 7, "month": 35, "year": 365}
    days = {name: today - timedelta(days=number) for name, number in back.items()}
    given = {"counties": [p[0] for p in places], "firsts": [p[1] for p in places], **days}
    rows = await run(connection, _HISTORIES, given)
    return {(row.pop("county"), row.pop("first_level")): PlaceHistory(**row) for row in rows}


def kept(matters: Collection[Matter], now: datetime) -> Insert:
    """Matters whose places are locked in this transaction; the database refuses one of a place never locked."""
    rows = [row_of(matter, now) for matter in matters]
    numbered = (("place_seq", "place.seq"),)
    return Insert(MatterTable, rows, _REPLACING, "LEFT JOIN place USING (county, first_level)", numbered)


def entered(entries: Collection[Row]) -> Insert:
    """What was done, to append; each entry: matter_id, at, kind and optionally department_id, note, data."""
    filled = [{"id": new_id(), "department_id": None, "note": None, "data": {}, **entry} for entry in entries]
    return Insert(MatterEntryTable, filled)


def counted(counts: Mapping[tuple[Place, date], Mapping[str, int]]) -> Insert:
    """Daily counts of places to add; `counts` gives reports, opened, closed, escalated."""
    zero = {"reports": 0, "opened": 0, "closed": 0, "escalated": 0}
    rows = [
        {"county": place[0], "first_level": place[1], "day": day, **zero, **more}
        for (place, day), more in sorted(counts.items())
    ]
    adding = ", ".join(f"{name} = place_day.{name} + excluded.{name}" for name in zero)
    return Insert(PlaceDayTable, rows, f"ON CONFLICT (county, first_level, day) DO UPDATE SET {adding}")


def matter_of(row: Mapping[str, Any]) -> Matter:
    values = {name: row[name] for name in _COLUMNS}
    for name in _SETS:
        values[name] = frozenset(values[name])
    values["recent"] = tuple(values["recent"])
    values["status"] = MatterStatus(values["status"])
    values["level"] = Level(values["level"]) if values["level"] else None
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    return Matter(**values)


def row_of(matter: Matter, now: datetime) -> Row:
    row: Row = {name: getattr(matter, name) for name in _COLUMNS}
    for name in _SETS:
        row[name] = sorted(row[name])  # equal matters, equal rows
    return {**row, "county": county_of(matter.area), "updated_at": now}


_HISTORIES = """
SELECT p.county, p.first_level, r.reports_7d, r.reports_28d_before,
  (SELECT count(*) FROM matter m
    WHERE m.status = 'open' AND m.county = p.county AND m.first_level = p.first_level)::int AS open_matters,
  c.closed_365d, c.escalated_365d
FROM unnest(CAST(%(counties)s AS text[]), CAST(%(firsts)s AS text[])) AS p(county, first_level)
CROSS JOIN LATERAL (
  SELECT coalesce(sum(d.reports) FILTER (WHERE d.day > %(week)s), 0)::int AS reports_7d,
    coalesce(sum(d.reports) FILTER (WHERE d.day <= %(week)s), 0)::int AS reports_28d_before
  FROM place_day d
  WHERE d.county = p.county AND d.first_level = p.first_level AND d.day > %(month)s AND d.day <= %(today)s) r
CROSS JOIN LATERAL (
  SELECT coalesce(sum(d.closed), 0)::int AS closed_365d, coalesce(sum(d.escalated), 0)::int AS escalated_365d
  FROM place_day d
  WHERE d.county = p.county AND d.first_level = p.first_level AND d.day > %(year)s AND d.day <= %(today)s
    AND d.closed > 0) c
"""
_LOCK = text("""
INSERT INTO place (county, first_level, seq)
SELECT county, first_level, 1
FROM unnest(CAST(:counties AS text[]), CAST(:firsts AS text[])) WITH ORDINALITY AS p(county, first_level, n) ORDER BY n
ON CONFLICT (county, first_level) DO UPDATE SET seq = place.seq + 1
RETURNING county, first_level, seq
""")
_OPEN = text("""
SELECT m.* FROM unnest(CAST(:counties AS text[]), CAST(:firsts AS text[])) AS p(county, first_level)
JOIN matter m ON m.county = p.county AND m.first_level = p.first_level
WHERE m.status = 'open' AND m.last_occurred_at >= :since
""")
_CHANGED = text("""
SELECT m.* FROM unnest(CAST(:counties AS text[]), CAST(:firsts AS text[]), CAST(:seen AS bigint[]))
  AS p(county, first_level, seen)
JOIN matter m ON m.county = p.county AND m.first_level = p.first_level AND m.place_seq > p.seen
""")
