"""Forecasts, what came of them, and what must be known of a matter to say so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_json, rows_of
from service.store.tables_model import ForecastTable
from service.store.views import Sight

CALIBRATION_EDGES = (0.05, 0.1, 0.2, 0.3, 0.5)  # between these bins lie the cut-offs of the levels


@dataclass(frozen=True, slots=True)
class Span:
    """Months by their first days, both included, at most some dozens; `version` None: whoever judged, else that model
    whether it judged or not."""

    first: date
    last: date
    version: str | None = None

    def given(self, sight: Sight) -> Row:
        return {"first": self.first, "last": self.last, "version": self.version, **sight.parameters}


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[Row]:
    """Forecasts to be looked at again, locked; whoever looks too takes others."""
    statement = "SELECT * FROM forecast WHERE check_at <= :now ORDER BY check_at LIMIT :limit FOR UPDATE SKIP LOCKED"
    return rows_of(await connection.execute(text(statement), {"now": now, "limit": limit}))


async def keep_labels(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Enter label and check_at of forecasts."""
    await connection.execute(text(_KEEP_LABELS), {"rows": rows_json(ForecastTable, rows)})


async def reports_of(connection: AsyncConnection, matter_ids: Collection[UUID]) -> list[Row]:
    """What was told of matters, also of the one they went into: matter_id, area, instants, signals, head-counts."""
    return rows_of(await connection.execute(text(_REPORTS_OF), {"ids": list(matter_ids)}))


async def entries_of(connection: AsyncConnection, matter_ids: Collection[UUID]) -> list[Row]:
    """Replies and closings of matters, also of the one they were merged into: matter_id, at, kind, data."""
    return rows_of(await connection.execute(text(_ENTRIES_OF), {"ids": list(matter_ids)}))


async def settled_since(connection: AsyncConnection, version: str, since: datetime) -> Row:
    """Settled forecasts of one model made since then: forecasts, expected, came, variance; how many stay unknown."""
    rows = await connection.execute(text(_SETTLED), {"version": version, "since": since})
    return rows_of(rows)[0]


async def outcomes(connection: AsyncConnection, version: str, horizon: int, most: int) -> list[Row]:
    """Of each matter and month one settled forecast over this horizon, that of the model `version` if it made one, with
    the row of features it rested on (None where that judgement is gone), what came (`label`), and what it `said`; the
    newest, at most so many."""
    given = {"version": version, "horizon": horizon, "most": most}
    return rows_of(await connection.execute(text(_OUTCOMES), given))


async def cells(connection: AsyncConnection, span: Span, sight: Sight) -> list[Row]:
    """Forecasts in sight, summed by month, model, bin of probability and level: see scoring.record."""
    given = span.given(sight) | {"edges": list(CALIBRATION_EDGES)}
    return rows_of(await connection.execute(text(_CELLS), given))


async def settled_rows(connection: AsyncConnection, version: str) -> list[Row]:
    """Settled forecasts one model judged by, of which it is known what came, in order: matter, rule level, label."""
    return rows_of(await connection.execute(text(_SETTLED_ROWS), {"version": version}))


async def ways(connection: AsyncConnection, span: Span, sight: Sight) -> list[Row]:
    """Settled forecasts in sight of which it is known what came, and what rules, model and both said, summed by month,
    model, way, level and label: see scoring.record."""
    return rows_of(await connection.execute(text(_WAYS), span.given(sight)))


async def misses(connection: AsyncConnection, span: Span, sight: Sight, each: int) -> list[Row]:
    """Per month the settled forecasts furthest from what came: matter by id, area, category, probability, label."""
    given = span.given(sight) | {"each": each}
    return rows_of(await connection.execute(text(_MISSES), given))


_KEEP_LABELS = """
UPDATE forecast f SET label = given.label, check_at = given.check_at
FROM jsonb_populate_recordset(NULL::forecast, CAST(:rows AS jsonb)) AS given
WHERE f.month = given.month AND f.matter_id = given.matter_id AND f.version = given.version
"""
_ASKED = "(SELECT id, area, coalesce(merged_into, id) AS into_id FROM matter WHERE id = ANY(:ids)) t"
# OFFSET 0 keeps each look-up one by one: what is asked for is little beside all reports there are.
_REPORTS_OF = f"""
SELECT t.id AS matter_id, t.area, i.* FROM {_ASKED} CROSS JOIN LATERAL (
  SELECT occurred_at, received_at, signals, text_signals, people_affected, people_present
  FROM incident WHERE matter_id = t.into_id AND status = 'current' OFFSET 0) i
"""  # noqa: S608  (statements of our own)
_ENTRIES_OF = f"""
SELECT t.id AS matter_id, e.* FROM {_ASKED} CROSS JOIN LATERAL (
  SELECT at, kind, data FROM matter_entry
  WHERE matter_id IN (t.id, t.into_id) AND kind IN ('replied', 'closed') OFFSET 0) e
"""  # noqa: S608
_SETTLED = """
SELECT count(*) FILTER (WHERE label <> 'not_yet_known') AS forecasts,
  coalesce(sum(probability) FILTER (WHERE label <> 'not_yet_known'), 0) AS expected,
  count(*) FILTER (WHERE label = 'yes') AS came,
  coalesce(sum(probability * (1 - probability)) FILTER (WHERE label <> 'not_yet_known'), 0) AS variance,
  count(*) FILTER (WHERE label = 'not_yet_known') AS unknown
FROM forecast WHERE version = :version AND at >= :since AND check_at IS NULL
"""
# Models that scored one judgement say different things of one row and have one outcome.
_OUTCOMES = """
WITH each AS (SELECT DISTINCT ON (month, matter_id) month, matter_id, at, area, label,
    CASE WHEN version = :version THEN probability END AS said
  FROM forecast WHERE check_at IS NULL AND horizon_days = :horizon
  ORDER BY month, matter_id, version = :version DESC, at, version),
newest AS (SELECT * FROM each ORDER BY at DESC, matter_id LIMIT :most)
SELECT f.matter_id, f.at, f.area, f.label, f.said, m.opened_at, m.first_level AS kind,
  (SELECT j.score -> 'features' FROM judgement j WHERE j.matter_id = f.matter_id AND j.at = f.at
   AND j.feature_hash IS NOT NULL ORDER BY j.id LIMIT 1) AS features
FROM newest f JOIN matter m ON m.id = f.matter_id ORDER BY f.at, f.matter_id
"""
_IN_SIGHT = """f.month BETWEEN :first AND :last AND f.area LIKE :sight_area
    AND CASE WHEN CAST(:version AS text) IS NULL THEN f.judged ELSE f.version = :version END"""
_CELLS = f"""
SELECT f.month, f.version, width_bucket(f.probability, CAST(:edges AS float8[])) AS bin, f.model_level AS level,
  f.check_at IS NULL AS settled, f.label, count(*) AS forecasts, sum(f.probability) AS expected,
  sum(f.probability * f.probability) AS squares
FROM forecast f WHERE {_IN_SIGHT} GROUP BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608
_SETTLED_ROWS = """
SELECT at, matter_id, probability, rule_level, label FROM forecast
WHERE version = :version AND judged AND check_at IS NULL AND label <> 'not_yet_known' AND by_both IS NOT NULL
ORDER BY at, matter_id
"""
_WAYS = f"""
SELECT f.month, f.version, way.name AS way, way.level, f.label, count(*) AS forecasts, sum(way.said) AS expected,
  sum(way.said * way.said) AS squares,
  -sum(ln(greatest(CASE f.label WHEN 'yes' THEN way.said ELSE 1 - way.said END, 1e-15))) AS loss
FROM forecast f CROSS JOIN LATERAL (VALUES ('rules', f.by_rules, f.rule_level), ('model', f.probability, f.model_level),
  ('both', f.by_both, f.level)) AS way(name, said, level)
WHERE {_IN_SIGHT} AND f.check_at IS NULL AND f.label <> 'not_yet_known' AND f.by_both IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608
_MISSES = f"""
SELECT worst.* FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 month') AS m(month)
CROSS JOIN LATERAL (
  SELECT f.month, f.matter_id, f.version, f.at, f.area, f.category, f.probability, f.label FROM forecast f
  WHERE {_IN_SIGHT} AND f.month = CAST(m.month AS date) AND f.check_at IS NULL AND f.label <> 'not_yet_known'
  ORDER BY abs((f.label = 'yes')::int - f.probability) DESC, f.matter_id LIMIT :each) worst
ORDER BY worst.month, abs((worst.label = 'yes')::int - worst.probability) DESC, worst.matter_id
"""  # noqa: S608
