"""API keys: `wy_<id>_<secret>`; only a digest of the secret is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.domain.words import Scope
from service.store.engine import Row, insert_rows, rows_of
from service.store.once import Once
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


@dataclass(frozen=True, slots=True)
class _Kept:
    """A key as it was read, or that there is none, and when."""

    at: float
    row: Row | None
    viewer: Viewer | None


class KeyBook:
    """Checks keys; remembers each for KEPT_SECONDS so that a busy system does not ask the database every time."""

    def __init__(self, engine: AsyncEngine, tick: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._tick = tick
        self._kept: dict[str, _Kept] = {}
        self._reading: Once[_Kept] = Once()

    async def viewer(self, bearer: str, now: datetime) -> Viewer | None:
        """The viewer behind a key, or None when it is malformed, unknown, wrong, expired or revoked."""
        parts = bearer.split("_", 2)
        if len(parts) != 3 or parts[0] != "wy" or len(parts[1]) != ID_CHARACTERS:
            return None
        kept = self._kept.get(parts[1])
        if kept is None or self._tick() - kept.at >= KEPT_SECONDS:
            kept = await self._reading.do(parts[1], lambda: self._read(parts[1]))
        if kept.row is None or not hmac.compare_digest(kept.row["digest"], digest_of(parts[2])):
            return None
        return kept.viewer if _works(kept.row, now) else None

    def forget(self) -> None:
        """Read every key again when it is next used; what is being read now is not kept."""
        self._kept = {}
        self._reading.forget()

    async def _read(self, key_id: str) -> _Kept:
        book, began = self._kept, self._tick()
        async with self._engine.connect() as connection:
            rows = await connection.execute(text("SELECT * FROM api_key WHERE id = :id"), {"id": key_id})
            row = next(iter(rows_of(rows)), None)
        kept = _Kept(began, row, _viewer_of(row) if row else None)
        if len(book) >= KEPT_KEYS:  # unknown ids must not grow the memory
            book.clear()
        book[key_id] = kept
        return kept


async def refused(connection: AsyncConnection, key_ids: Collection[str], now: datetime) -> set[str]:
    """Which of these keys no longer work, all asked at once: a stream may outlive its key."""
    statement = text("SELECT id, revoked_at, expires_at FROM api_key WHERE id = ANY(:ids)")
    rows = rows_of(await connection.execute(statement, {"ids": list(key_ids)}))
    return set(key_ids) - {row["id"] for row in rows if _works(row, now)}


def _viewer_of(row: Row) -> Viewer:
    scopes = frozenset(Scope(scope) for scope in row["scopes"])
    return Viewer(row["id"], row["name"], scopes, row["area"], row["system"], row["department_id"])


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


async def department_of(connection: AsyncConnection, key_id: str) -> UUID | None:
    """The department that a key speaks for, also when it works no more."""
    found = await connection.execute(text("SELECT department_id FROM api_key WHERE id = :id"), {"id": key_id})
    department_id: UUID | None = found.scalar_one_or_none()
    return department_id


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
