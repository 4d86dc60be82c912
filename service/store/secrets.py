"""Keys that the service made for itself at its first migration."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CONTENT_MAC = "content_mac"


async def content_mac_key(connection: AsyncConnection) -> bytes:
    """The key of the digests that tell "same content"; 32 random bytes, one per database."""
    rows = await connection.execute(text("SELECT value FROM service_secret WHERE name = :name"), {"name": CONTENT_MAC})
    return bytes(rows.scalar_one())
