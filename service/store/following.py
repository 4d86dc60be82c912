"""What happens on a project after its decision: conditions that ran out, what is tied to it, where levels rose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import prefix_of
from service.domain.levels import Level
from service.store.engine import Row, rows_of
from service.store.views import MATTERS_IN_SIGHT, PROJECTS_IN_SIGHT, Sight


@dataclass(frozen=True, slots=True)
class Since:
    """From which local day on, in which time zone (IANA name)."""

    day: date
    zone: str


async def with_overdue_conditions(connection: AsyncConnection, today: date, limit: int) -> list[UUID]:
    """Projects with an open condition whose last day is over and of which nobody was told; stopped ones owe none."""
    return list((await connection.execute(text(_OVERDUE), {"today": today, "limit": limit})).scalars())


async def tied_matters(connection: AsyncConnection, project_id: UUID, since: Since, sight: Sight) -> list[Row]:
    """Matters in sight that are tied to a project, or of which a report names it, by local day with that day's reports.

    Merged matters are those they were merged into; what turned out a false alarm did not happen.
    """
    given = {"project": project_id, "since": since.day, "zone": since.zone, **sight.parameters}
    return rows_of(await connection.execute(text(_TIED), given))


async def level_rises(
    connection: AsyncConnection, levels: Collection[Level], project_id: UUID | None = None
) -> list[Row]:
    """When departments first heard each of these levels of warnings tied to a project whose assessment holds.

    One row per warning and level, with the assessment and its decision; `project_id` None: of all projects.
    """
    return rows_of(await connection.execute(text(_RISES), {"levels": list(levels), "project": project_id}))


async def evaluated_at(connection: AsyncConnection, kind: str, areas: Sequence[str], sight: Sight) -> list[int]:
    """How many assessments of a kind in sight were evaluated in each of these areas or below it."""
    given = {"kind": kind, "areas": [prefix_of(area) + "%" for area in areas], **sight.parameters}
    return list((await connection.execute(text(_EVALUATED), given)).scalars())


async def predictions(connection: AsyncConnection, kind: str, area: str, sight: Sight) -> list[Row]:
    """Per factor, and per category (factor_id None): how many evaluated assessments predicted it, how often it showed.

    A factor of which the evaluation does not know whether it showed up counts in neither.
    """
    given = {"kind": kind, "area": prefix_of(area) + "%", **sight.parameters}
    return rows_of(await connection.execute(text(_PREDICTIONS), given))


_OVERDUE = """
SELECT DISTINCT c.project_id FROM decision_condition c JOIN project p ON p.id = c.project_id
WHERE c.state = 'open' AND c.warned_at IS NULL AND c.due_on < :today AND p.stage <> 'stopped'
ORDER BY c.project_id LIMIT :limit
"""
# OFFSET 0 keeps each look-up one by one: what is tied to a project is little beside all matters and warnings there are.
_TIED_TO = """(SELECT id FROM matter WHERE project_id = {project}
    UNION SELECT matter_id FROM incident WHERE project_id = {project} AND status = 'current')"""
_TIED = f"""
SELECT m.id, m.category, m.level, m.signals || m.text_signals AS signals, i.day, count(*) AS reports
FROM {_TIED_TO.format(project=":project")} t
CROSS JOIN LATERAL (SELECT m.* FROM matter m WHERE m.id = t.id AND m.status <> 'merged'
    AND m.outcome IS DISTINCT FROM 'false_alarm' AND {MATTERS_IN_SIGHT} OFFSET 0) m
CROSS JOIN LATERAL (SELECT CAST(occurred_at AT TIME ZONE :zone AS date) AS day FROM incident
    WHERE matter_id = t.id AND status = 'current' OFFSET 0) i
WHERE i.day >= :since
GROUP BY m.id, m.category, m.level, m.signals, m.text_signals, i.day ORDER BY m.id, i.day
"""  # noqa: S608  (conditions of our own)
# A level counts once departments heard it: a person vouched for it, or the time for that ran out.
_RISES = f"""
SELECT a.id AS assessment_id, p.id AS project_id, p.area, a.result ->> 'grade' AS grade,
  a.decision ->> 'at' AS decided_at, t.id AS matter_id, w.id AS warning_id, e.level, min(e.at) AS reached_at
FROM project p
JOIN assessment a ON a.project_id = p.id AND a.state IN ('decided', 'implementing')
CROSS JOIN LATERAL {_TIED_TO.format(project="p.id")} t
CROSS JOIN LATERAL (SELECT id FROM warning WHERE subject_id = CAST(t.id AS text) AND subject_kind = 'matter'
    AND issued_level = ANY(:levels) AND state <> 'cancelled' AND outcome IS DISTINCT FROM 'false_alarm' OFFSET 0) w
CROSS JOIN LATERAL (SELECT body ->> 'issued_level' AS level, at FROM warning_event
    WHERE warning_id = w.id AND body ->> 'issued_level' = ANY(:levels) OFFSET 0) e
WHERE p.stage IN ('pre_decision', 'implementing')
  AND (a.state = 'implementing' OR a.decision ->> 'advice' IN ('proceed', 'partly'))
  AND NOT EXISTS (SELECT 1 FROM assessment b
    WHERE b.project_id = p.id AND b.number > a.number AND b.decision IS NOT NULL)
  AND (CAST(:project AS uuid) IS NULL OR p.id = :project)
GROUP BY a.id, p.id, t.id, w.id, e.level ORDER BY reached_at, w.id
"""  # noqa: S608
_EVALUATED = f"""
SELECT (SELECT count(*) FROM assessment a JOIN project p ON p.id = a.project_id
  WHERE a.state = 'evaluated' AND p.kind = :kind AND p.area LIKE asked.area AND {PROJECTS_IN_SIGHT})
FROM unnest(CAST(:areas AS text[])) WITH ORDINALITY AS asked(area, place) ORDER BY asked.place
"""  # noqa: S608  (conditions of our own)
_PREDICTIONS = f"""
SELECT f.category, f.factor_id, count(DISTINCT a.id) AS predicted,
  count(DISTINCT a.id) FILTER (WHERE jsonb_exists(a.evaluation -> 'showed_up', f.factor_id)) AS showed_up
FROM assessment a JOIN project p ON p.id = a.project_id
CROSS JOIN LATERAL jsonb_to_recordset(a.given -> 'factors') AS f(factor_id text, category text)
WHERE a.state = 'evaluated' AND p.kind = :kind AND p.area LIKE :area AND {PROJECTS_IN_SIGHT}
  AND (jsonb_exists(a.evaluation -> 'showed_up', f.factor_id) OR jsonb_exists(a.evaluation -> 'did_not', f.factor_id))
GROUP BY GROUPING SETS ((f.category), (f.category, f.factor_id)) ORDER BY f.category, f.factor_id NULLS FIRST
"""  # noqa: S608
