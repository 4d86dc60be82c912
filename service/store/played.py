"""What a played history left in its database: every judgement with what was known, and what came of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_of


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next clock of a warning runs out: a confirmation that is awaited, or a duty that is looked at."""
    found: datetime | None = (await connection.execute(text(_NEXT_DUE))).scalar()
    return found


async def unsigned(connection: AsyncConnection) -> list[Row]:
    """Duties to answer nobody signed for, of warnings that departments have heard: warning_id, department_id."""
    return rows_of(await connection.execute(text(_UNSIGNED)))


async def judgements(connection: AsyncConnection) -> list[Row]:
    """All judgements of matters in order of time, with the row of features where there is a score."""
    return rows_of(await connection.execute(text(_JUDGEMENTS)))


async def told(connection: AsyncConnection) -> list[Row]:
    """What every current report told of its matter, in order of receipt."""
    return rows_of(await connection.execute(text(_TOLD)))


async def matters(connection: AsyncConnection) -> list[Row]:
    """id, area, first_level, category, opened_at and the lead departments of their newest warnings."""
    return rows_of(await connection.execute(text(_MATTERS)))


async def entries(connection: AsyncConnection) -> list[Row]:
    """Replies and closings of matters, in order of time."""
    return rows_of(await connection.execute(text(_ENTRIES)))


async def escalated_days(connection: AsyncConnection) -> list[Row]:
    """Days on which a place closed matters that had escalated."""
    return rows_of(await connection.execute(text("SELECT * FROM place_day WHERE escalated > 0 ORDER BY day")))


async def reminders(connection: AsyncConnection) -> int:
    """How many reminders went out."""
    return int((await connection.execute(text("SELECT coalesce(sum(reminders), 0) FROM duty"))).scalar_one())


_NEXT_DUE = """
SELECT least((SELECT min(confirm_due_at) FROM warning WHERE state = 'pending_confirmation'),
  (SELECT min(next_check_at) FROM duty WHERE next_check_at IS NOT NULL))
"""
_UNSIGNED = """
SELECT d.warning_id, d.department_id FROM duty d JOIN warning w ON w.id = d.warning_id
WHERE d.signed_at IS NULL AND d.role IN ('lead', 'participant') AND d.next_check_at IS NOT NULL
  AND w.state IN ('issued', 'acknowledged')
ORDER BY d.warning_id, d.department_id
"""
_JUDGEMENTS = """
SELECT matter_id, at, cause, level, rule_level, model_level, probability, needs_look, model_version, feature_hash,
  score -> 'features' AS features
FROM judgement ORDER BY at, id
"""
_TOLD = """
SELECT matter_id, client_id, system, occurred_at, received_at, signals, text_signals, people_affected, people_present
FROM incident WHERE status = 'current' ORDER BY received_at, id
"""
_MATTERS = """
SELECT m.id, m.area, m.county, m.first_level, m.category, m.opened_at,
  (SELECT d.department_id FROM warning w JOIN duty d ON d.warning_id = w.id AND d.role = 'lead'
   WHERE w.subject_kind = 'matter' AND w.subject_id = m.id::text ORDER BY w.opened_at DESC LIMIT 1) AS lead_id
FROM matter m WHERE m.status <> 'merged' ORDER BY m.opened_at, m.id
"""
_ENTRIES = """
SELECT matter_id, at, kind, data FROM matter_entry WHERE kind IN ('replied', 'closed') ORDER BY at, id
"""
