"""Scores read once, in order: counts per day and model, and the first score of each matter in a month."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Insert, Row, insert_all, rows_json, rows_of
from service.store.tables_model import ForecastTable, ModelDriftTable, ModelTallyTable


async def read_to(connection: AsyncConnection) -> UUID:
    """Up to which judgement scores were read; locked, so that each is read once."""
    found: UUID = (
        await connection.execute(text("SELECT read_to FROM model_fold WHERE id = 1 FOR UPDATE"))
    ).scalar_one()
    return found


async def set_read_to(connection: AsyncConnection, judgement_id: UUID) -> None:
    await connection.execute(text("UPDATE model_fold SET read_to = :id WHERE id = 1"), {"id": judgement_id})


async def between(connection: AsyncConnection, after: UUID, before: UUID, limit: int) -> list[Row]:
    """Scored judgements after one and before another id, in order, each with its matter's area and category."""
    given = {"after": after, "before": before, "limit": limit}
    return rows_of(await connection.execute(text(_BETWEEN), given))


async def first_judged_at(connection: AsyncConnection) -> datetime | None:
    """When this service judged first, as far as it still holds judgements."""
    found: datetime | None = (await connection.execute(text("SELECT at FROM judgement ORDER BY id LIMIT 1"))).scalar()
    return found


async def foretell(connection: AsyncConnection, rows: Sequence[Row]) -> set[UUID]:
    """Keep forecasts of one model and day, one per matter; the first of a month stays.

    Gives the matters of which no score of this model was counted on that day before.
    """
    if not rows:
        return set()
    given = {"rows": rows_json(ForecastTable, rows)}
    return set((await connection.execute(text(_FORETELL), given)).scalars())


async def tally(connection: AsyncConnection, day: date, version: str) -> Row | None:
    """The counts of one day, locked by the row of `read_to`."""
    found = await connection.execute(
        text("SELECT scores, counts FROM model_tally WHERE day = :day AND version = :version"),
        {"day": day, "version": version},
    )
    return next(iter(rows_of(found)), None)


async def keep_tally(connection: AsyncConnection, row: Row) -> None:
    replace = "ON CONFLICT (day, version) DO UPDATE SET scores = excluded.scores, counts = excluded.counts"
    await insert_all(connection, [Insert(ModelTallyTable, [row], replace)])


async def tallies(connection: AsyncConnection, version: str, since: date, until: date) -> list[Row]:
    """The counts of each day from one to another, both included."""
    found = await connection.execute(
        text("SELECT * FROM model_tally WHERE version = :version AND day BETWEEN :since AND :until ORDER BY day"),
        {"version": version, "since": since, "until": until},
    )
    return rows_of(found)


async def drop_tallies(connection: AsyncConnection, version: str) -> None:
    """What was counted in the bins of a reference goes with it."""
    await connection.execute(text("DELETE FROM model_tally WHERE version = :version"), {"version": version})


async def report_counts(connection: AsyncConnection, days: Collection[date]) -> list[int]:
    """Reports of all places between each two neighbouring days: from one, up to the next, that one left out."""
    ordered = sorted(days)
    given = {"since": ordered[:-1], "until": ordered[1:]}
    return list((await connection.execute(text(_REPORTS), given)).scalars())


async def keep_drift(connection: AsyncConnection, row: Row) -> None:
    replace = "ON CONFLICT (day, version) DO UPDATE SET at = excluded.at, standing = excluded.standing,"
    await insert_all(connection, [Insert(ModelDriftTable, [row], f"{replace} found = excluded.found")])


async def drift(connection: AsyncConnection, days: int) -> list[Row]:
    """What was found on the newest days, newest first."""
    statement = "SELECT * FROM model_drift ORDER BY day DESC, at DESC LIMIT :days"
    return rows_of(await connection.execute(text(statement), {"days": days}))


_BETWEEN = """
SELECT j.id, j.matter_id, j.at, j.probability, j.model_version, j.model_level, j.score -> 'features' AS features,
  j.rule_level, j.level, j.score -> 'pooled' AS pooled,
  coalesce(j.score -> 'shadows', '[]') AS shadows, m.area, m.category
FROM judgement j JOIN matter m ON m.id = j.matter_id
WHERE j.id > :after AND j.id < :before AND j.feature_hash IS NOT NULL ORDER BY j.id LIMIT :limit
"""
_FORETELL = """
INSERT INTO forecast SELECT * FROM jsonb_populate_recordset(NULL::forecast, CAST(:rows AS jsonb))
ON CONFLICT (month, matter_id, version) DO UPDATE SET counted_on = excluded.counted_on
WHERE forecast.counted_on < excluded.counted_on RETURNING matter_id
"""
_REPORTS = """
SELECT (SELECT coalesce(sum(reports), 0)::int FROM place_day WHERE day >= asked.since AND day < asked.until)
FROM unnest(CAST(:since AS date[]), CAST(:until AS date[])) WITH ORDINALITY AS asked(since, until, place)
ORDER BY asked.place
"""
