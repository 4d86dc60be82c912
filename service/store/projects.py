"""Projects and what belongs to them: read narrowed to what the viewer may see, written row by row with the trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from service.domain.areas import prefix_of
from service.store.engine import Row, insert_rows, replacing, rows_of
from service.store.tables_project import (
    AssessmentTable,
    EvidenceTable,
    IssueTable,
    ParticipationTable,
)
from service.store.views import PROJECTS_IN_SIGHT, Sight

ORDERS: dict[type[SQLModel], str] = {
    EvidenceTable: "filed_at, id",
    ParticipationTable: "began_on, id",
    IssueTable: "raised_at, id",
    AssessmentTable: "number",
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


async def unassessed(connection: AsyncConnection) -> list[Row]:
    """Projects that show a decision or a start although none of their assessments was decided before."""
    return rows_of(await connection.execute(text(_UNASSESSED)))


def columns(model: type[SQLModel]) -> frozenset[str]:
    return frozenset(model.model_fields)


_UNASSESSED = """
SELECT p.* FROM project p
WHERE (p.stage = 'implementing' OR p.facts ? 'decision_on' OR p.facts ? 'start_on')
  AND NOT EXISTS (SELECT 1 FROM assessment a WHERE a.project_id = p.id AND a.decision IS NOT NULL)
ORDER BY p.id
"""
