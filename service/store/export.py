"""Reading matters for an export: by id, so that one that changes meanwhile is neither missed nor given twice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_of
from service.store.views import MATTERS_IN_SIGHT, WARNINGS_IN_SIGHT, Sight


@dataclass(frozen=True, slots=True)
class ExportQuestion:
    """The matters with an id above `after`, in order; `since` leaves out those that did not change since then."""

    limit: int
    after: UUID | None = None
    since: datetime | None = None


async def matters_by_id(connection: AsyncConnection, question: ExportQuestion, sight: Sight) -> list[Row]:
    where, given = [MATTERS_IN_SIGHT], {"limit": question.limit, **sight.parameters}
    if question.after:
        where.append("m.id > :after")
        given["after"] = question.after
    if question.since:
        where.append("m.updated_at >= :since")
        given["since"] = question.since
    statement = f"SELECT m.* FROM matter m WHERE {' AND '.join(where)} ORDER BY m.id LIMIT :limit"  # noqa: S608
    return rows_of(await connection.execute(text(statement), given))


async def newest_warnings(connection: AsyncConnection, matter_ids: Collection[UUID], sight: Sight) -> dict[UUID, Row]:
    """The newest warning in sight of each matter that has one: id, state, issued_at."""
    given: dict[str, Any] = {"ids": [str(matter_id) for matter_id in matter_ids], **sight.parameters}
    columns, order = "w.subject_id, w.id, w.state, w.issued_at", "w.subject_id, w.opened_at DESC, w.id DESC"
    where = f"w.subject_kind = 'matter' AND w.subject_id = ANY(:ids) AND {WARNINGS_IN_SIGHT}"
    statement = f"SELECT DISTINCT ON (w.subject_id) {columns} FROM warning w WHERE {where} ORDER BY {order}"  # noqa: S608
    return {UUID(row["subject_id"]): row for row in rows_of(await connection.execute(text(statement), given))}
