"""Projects and what belongs to them: read narrowed to what the viewer may see, written row by row with the trail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from service.domain.areas import prefix_of
from service.store.engine import Row, insert_rows, replacing, rows_of
from service.store.tables_filed import EmergencyPlanTable, EvidenceFileTable, SurveyTable
from service.store.tables_project import (
    AssessmentTable,
    ConditionTable,
    EvidenceTable,
    IssueTable,
    ParticipationTable,
    ReceptionTable,
    ReopeningTable,
)
from service.store.views import PROJECTS_IN_SIGHT, Sight

ORDERS: dict[type[SQLModel], str] = {
    EvidenceTable: "filed_at, id",
    ParticipationTable: "began_on, id",
    IssueTable: "raised_at, id",
    AssessmentTable: "number",
    ConditionTable: "set_at, number, id",
    ReceptionTable: "held_on, id",
    ReopeningTable: "reopened_at, id",
    SurveyTable: "counted_at, id",
    EvidenceFileTable: "stored_at, id",
    EmergencyPlanTable: "revision",
}


@dataclass(frozen=True, slots=True)
class ProjectQuestion:
    """Which projects are asked for; `before` is (updated_at, id) of the last one seen."""

    kind: str | None = None
    stage: str | None = None
    area: str | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


async def in_sight(connection: AsyncConnection, project_id: UUID, sight: Sight, lock: bool = False) -> Row | None:
    """The project, if the viewer may see it; locked until the transaction ends when it is to be changed."""
    locking = "FOR UPDATE" if lock else ""
    rows = await connection.execute(
        text(f"SELECT p.* FROM project p WHERE p.id = :id AND {PROJECTS_IN_SIGHT} {locking}"),  # noqa: S608
        {"id": project_id, **sight.parameters},
    )
    return next(iter(rows_of(rows)), None)


async def known(connection: AsyncConnection, ids: Collection[UUID]) -> list[Row]:
    """What judging reads of projects, whoever may see them: id, kind, stage, area, facts."""
    statement = text("SELECT id, kind, stage, area, facts FROM project WHERE id = ANY(:ids)")
    return rows_of(await connection.execute(statement, {"ids": list(ids)}))


async def page(connection: AsyncConnection, question: ProjectQuestion, sight: Sight) -> list[Row]:
    """Projects in sight, newest change first."""
    where, given = [PROJECTS_IN_SIGHT], {"limit": question.limit, **sight.parameters}
    if question.kind:
        where.append("p.kind = :kind")
        given["kind"] = question.kind
    if question.stage:
        where.append("p.stage = :stage")
        given["stage"] = question.stage
    if question.area:
        where.append("p.area LIKE :asked_area")
        given["asked_area"] = prefix_of(question.area) + "%"
    if question.before:
        where.append("(p.updated_at, p.id) < (:at, :last)")
        given |= {"at": question.before[0], "last": question.before[1]}
    order = "ORDER BY p.updated_at DESC, p.id DESC LIMIT :limit"
    rows = await connection.execute(text(f"SELECT p.* FROM project p WHERE {' AND '.join(where)} {order}"), given)  # noqa: S608
    return rows_of(rows)


async def belonging(connection: AsyncConnection, model: type[SQLModel], project_id: UUID) -> list[Row]:
    """The rows of one kind that belong to a project, in the order they came."""
    rows = await connection.execute(
        text(f"SELECT * FROM {model.__tablename__} WHERE project_id = :id ORDER BY {ORDERS[model]}"),  # noqa: S608
        {"id": project_id},
    )
    return rows_of(rows)


async def row(connection: AsyncConnection, model: type[SQLModel], row_id: UUID) -> Row | None:
    """A row by its id. Whoever shows it has looked at its project first."""
    rows = await connection.execute(text(f"SELECT * FROM {model.__tablename__} WHERE id = :id"), {"id": row_id})  # noqa: S608
    return next(iter(rows_of(rows)), None)


async def put(connection: AsyncConnection, model: type[SQLModel], changed: Row) -> Row:
    """Insert or replace a row by its id; gives it as the database keeps it."""
    await insert_rows(connection, model, [changed], replacing(model, ["id"]))
    kept = await row(connection, model, changed["id"])
    assert kept is not None
    return kept


async def open_matters_at(connection: AsyncConnection, area: str, limit: int) -> list[Row]:
    """Matters that are open in an area or below it, the gravest first: what a quick check must look at."""
    rows = await connection.execute(
        text(
            "SELECT id, area, category, title, level, report_count, people_max, last_occurred_at FROM matter"
            " WHERE status = 'open' AND county = :county AND area LIKE :below"
            " ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue'], level), last_occurred_at DESC"
            " LIMIT :limit"
        ),
        {"county": area[:6], "below": prefix_of(area) + "%", "limit": limit},
    )
    return rows_of(rows)


async def ended_alike(connection: AsyncConnection, area: str, category: str) -> tuple[int, int]:
    """How many matters of a county and category ended with a known outcome, and how many of them escalated."""
    rows = await connection.execute(
        text(
            "SELECT count(*) AS ended, count(*) FILTER (WHERE outcome = 'escalated') AS escalated FROM matter"
            " WHERE county = :county AND first_level = :first AND category = :category AND status = 'closed'"
            " AND outcome IN ('settled', 'escalated')"
        ),
        {"county": area[:6], "first": category.split(".")[0], "category": category},
    )
    row = rows.one()
    return int(row.ended), int(row.escalated)


async def unassessed(connection: AsyncConnection, today: date) -> list[Row]:
    """Projects that were decided or started by `today` without a decided assessment, or started although the decision
    did not let them; only those of which nobody was warned. `decided`: whether there is a decision at all."""
    return rows_of(await connection.execute(text(_UNASSESSED), {"today": today.isoformat()}))


async def unregistered(connection: AsyncConnection, kinds: Mapping[str, str], since: datetime) -> list[Row]:
    """Areas with matters touched since then of a category that belongs to a kind of project, where no such project is
    known and no warning about that is open; `kinds` gives the kind of each category."""
    given = {"categories": list(kinds), "kinds": list(kinds.values()), "since": since}
    return rows_of(await connection.execute(text(_UNREGISTERED), given))


async def open_matter_counts(connection: AsyncConnection, area: str) -> dict[str, int]:
    """How many matters are open in an area or below it, by level; levels without any are left out."""
    rows = await connection.execute(
        text(
            "SELECT level, count(*) AS number FROM matter"
            " WHERE status = 'open' AND county = :county AND area LIKE :below GROUP BY level"
        ),
        {"county": area[:6], "below": prefix_of(area) + "%"},
    )
    return {row["level"]: row["number"] for row in rows_of(rows)}


# Dates among the facts are ISO text, so they compare as text does.
_UNASSESSED = """
SELECT p.*, d.decided FROM project p
CROSS JOIN LATERAL (SELECT count(*) > 0 AS decided,
  coalesce(bool_or(decision ->> 'advice' IN ('proceed', 'partly')), false) AS allowed
  FROM assessment WHERE project_id = p.id AND decision IS NOT NULL) d
WHERE p.stage <> 'stopped' AND NOT d.allowed
  AND (p.stage <> 'pre_decision' OR p.facts ->> 'start_on' <= :today
    OR (NOT d.decided AND p.facts ->> 'decision_on' <= :today))
  AND NOT EXISTS (SELECT 1 FROM warning w WHERE w.subject_kind = 'project' AND w.subject_id = p.id::text)
ORDER BY p.id
"""
_UNREGISTERED = """
SELECT m.area, m.category, count(*) AS matters
FROM matter m JOIN unnest(CAST(:categories AS text[]), CAST(:kinds AS text[])) AS k(category, kind) USING (category)
WHERE m.updated_at > :since AND m.status = 'open' AND m.project_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM project p WHERE p.kind = k.kind AND p.stage <> 'stopped'
    AND (starts_with(m.area, regexp_replace(p.area, '(0{10}|0{8}|0{6}|0{3})$', ''))
      OR starts_with(p.area, regexp_replace(m.area, '(0{10}|0{8}|0{6}|0{3})$', ''))))
  AND NOT EXISTS (SELECT 1 FROM warning w WHERE w.subject_kind = 'area' AND w.subject_id = m.area || '/' || m.category
    AND w.state NOT IN ('resolved', 'cancelled'))
GROUP BY m.area, m.category ORDER BY m.area, m.category
"""
