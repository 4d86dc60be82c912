"""The bytes of files of evidence, apart from what is said about them, and the emergency plan behind a warning."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_of
from service.store.views import PROJECTS_IN_SIGHT, Sight


async def put_content(connection: AsyncConnection, evidence_id: UUID, content: bytes) -> None:
    """As one binary parameter: in JSON, as other rows go, it would be written out in hexadecimal digits."""
    statement = (
        "INSERT INTO evidence_content (id, content) VALUES (:id, :content)"
        " ON CONFLICT (id) DO UPDATE SET content = excluded.content"
    )
    await connection.execute(text(statement), {"id": evidence_id, "content": content})


async def content_of(connection: AsyncConnection, evidence_id: UUID) -> bytes | None:
    found = await connection.execute(text("SELECT content FROM evidence_content WHERE id = :id"), {"id": evidence_id})
    kept = found.scalar_one_or_none()
    return None if kept is None else bytes(kept)


async def drop_content(connection: AsyncConnection, evidence_id: UUID) -> None:
    await connection.execute(text("DELETE FROM evidence_content WHERE id = :id"), {"id": evidence_id})


async def altered(connection: AsyncConnection) -> list[Row]:
    """Files that are said to be kept and are gone, or are not what their evidence's hash says."""
    rows = await connection.execute(
        text(
            "SELECT f.id, f.project_id FROM evidence_file f JOIN evidence e USING (id)"
            " LEFT JOIN evidence_content c USING (id)"
            " WHERE f.removed_at IS NULL AND encode(sha256(c.content), 'hex') IS DISTINCT FROM e.sha256 ORDER BY f.id"
        )
    )
    return rows_of(rows)


async def emergency_plan_for(connection: AsyncConnection, warning: Row, sight: Sight) -> Row | None:
    """The newest emergency plan of the project that a warning is about, or that its matter belongs to, if in sight."""
    project = {"project": "CAST(:subject AS uuid)", "matter": _PROJECT_OF_MATTER}.get(warning["subject_kind"])
    if project is None:
        return None
    rows = await connection.execute(
        text(
            f"SELECT e.* FROM emergency_plan e JOIN project p ON p.id = e.project_id WHERE p.id = {project}"  # noqa: S608
            f" AND {PROJECTS_IN_SIGHT} ORDER BY e.revision DESC LIMIT 1"
        ),
        {"subject": warning["subject_id"], **sight.parameters},
    )
    return next(iter(rows_of(rows)), None)


_PROJECT_OF_MATTER = "(SELECT m.project_id FROM matter m WHERE m.id = CAST(:subject AS uuid))"
