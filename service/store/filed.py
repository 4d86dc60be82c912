"""The bytes of files of evidence, apart from what is said about them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_of


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
