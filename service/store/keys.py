"""API keys: `wy_<id>_<secret>`; only a digest of the secret is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.domain.words import Scope
from service.store.engine import Row, insert_rows, rows_of
from service.store.tables_service import ApiKeyTable
from service.store.views import Sight

KEPT_SECONDS = 2.0  # how long a key that was read counts as read; a revoked key works at most this much longer
KEPT_KEYS = 10_000
ID_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a key with its scopes and area, the reporting system and the department it speaks for."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    area: str | None
    system: str
    department_id: UUID | None

    @property
    def sight(self) -> Sight:
        return Sight(self.area, self.department_id)


class KeyBook:
    """Checks keys; remembers each for KEPT_SECONDS so that a busy system does not ask the database every time."""

    def __init__(self, engine: AsyncEngine, tick: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._tick = tick
        self._kept: dict[str, tuple[float, Row | None]] = {}

    async def viewer(self, bearer: str, now: datetime) -> Viewer | None:
        """The viewer behind a key, or None when it is malformed, unknown, wrong, expired or revoked."""
        parts = bearer.split("_", 2)
        if len(parts) != 3 or parts[0] != "wy" or len(parts[1]) != ID_CHARACTERS:
            return None
        row = await self._row(parts[1])
        if row is None or not hmac.compare_digest(row["digest"], digest_of(parts[2])):
            return None
        if not _works(row, now):
            return None
        scopes = frozenset(Scope(scope) for scope in row["scopes"])
        return Viewer(row["id"], row["name"], scopes, row["area"], row["system"], row["department_id"])

    async def still_valid(self, viewer: Viewer, now: datetime) -> bool:
        """Whether the key of a viewer let in earlier still works: a stream may outlive its key."""
        row = await self._row(viewer.key_id)
        return row is not None and _works(row, now)

    def forget(self) -> None:
        """Read every key again when it is next used."""
        self._kept.clear()

    async def _row(self, key_id: str) -> Row | None:
        kept = self._kept.get(key_id)
        if kept is not None and self._tick() - kept[0] < KEPT_SECONDS:
            return kept[1]
        async with self._engine.connect() as connection:
            rows = await connection.execute(text("SELECT * FROM api_key WHERE id = :id"), {"id": key_id})
            row = next(iter(rows_of(rows)), None)
        if len(self._kept) >= KEPT_KEYS:  # unknown ids must not grow the memory
            self._kept.clear()
        self._kept[key_id] = (self._tick(), row)
        return row


def _works(row: Row, now: datetime) -> bool:
    return row["revoked_at"] is None and (row["expires_at"] is None or row["expires_at"] > now)


def digest_of(secret: str) -> bytes:
    """A plain SHA-256: the secret is 32 random bytes, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).digest()


async def create(
    connection: AsyncConnection,
    name: str,
    scopes: Sequence[Scope],
    area: str | None = None,
    **more: object,
) -> str:
    """Make a key and give its text, which is shown once. `more`: system, department_id, expires_at."""
    key_id, secret = secrets.token_hex(ID_CHARACTERS // 2), secrets.token_urlsafe(32)
    row: Row = {
        "id": key_id,
        "digest": digest_of(secret),
        "name": name,
        "scopes": list(scopes),
        "area": area,
        "system": more.get("system") or name,
        "department_id": more.get("department_id"),
        "created_at": datetime.now(UTC),
        "expires_at": more.get("expires_at"),
        "revoked_at": None,
    }
    await insert_rows(connection, ApiKeyTable, [row])
    return f"wy_{key_id}_{secret}"


async def listed(connection: AsyncConnection) -> list[Row]:
    """All keys without their digests, newest first."""
    columns = "id, name, scopes, area, system, department_id, created_at, expires_at, revoked_at"
    return rows_of(await connection.execute(text(f"SELECT {columns} FROM api_key ORDER BY created_at DESC")))  # noqa: S608


async def revoke(connection: AsyncConnection, key_id: str, now: datetime) -> bool:
    """Revoke a key at once; False when there is none with this id that still works."""
    done = await connection.execute(
        text("UPDATE api_key SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"), {"now": now, "id": key_id}
    )
    return done.rowcount == 1


async def department_named(connection: AsyncConnection, name_or_id: str) -> UUID | None:
    """The department with this name or id."""
    rows = await connection.execute(
        text("SELECT id FROM department WHERE name = :given OR id::text = :given"), {"given": name_or_id}
    )
    found: UUID | None = rows.scalar()
    return found


async def knows_area(connection: AsyncConnection, code: str) -> bool:
    rows = await connection.execute(text("SELECT 1 FROM area WHERE code = :code"), {"code": code})
    return rows.first() is not None
