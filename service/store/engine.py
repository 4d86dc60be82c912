"""The way into PostgreSQL: one engine for requests, rows in and out in bulk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import CursorResult, Table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel

Row = dict[str, Any]


class DatabaseUrlError(Exception):
    """The database address cannot be used; the text says what would be right."""


def driver_url(url: str) -> str:
    """postgresql://… as SQLAlchemy wants it for psycopg 3. Raises DatabaseUrlError for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlError(f"not a database address: {error}; expected postgresql://user@host/name") from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseUrlError(f"{parsed.get_backend_name()} is not PostgreSQL; expected postgresql://user@host/name")
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def plain_url(url: str) -> str:
    """The same address as libpq and psycopg read it."""
    return make_url(driver_url(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def open_engine(url: str, pool_size: int) -> AsyncEngine:
    """An engine with a fixed pool. READ COMMITTED: what a lock waited for must be visible after it."""
    return create_async_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_pre_ping=False,
        isolation_level="READ COMMITTED",
        json_serializer=dump_json,
        hide_parameters=True,  # what is refused may be the text of a report, and errors are logged
        connect_args={"prepare_threshold": 2},
    )


def new_id() -> UUID:
    """A UUIDv7: ordered by time, so indexes grow at one end."""
    return uuid_utils.compat.uuid7()


def table_of(model: type[SQLModel]) -> Table:
    """The Core table a SQLModel class declares."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def dump_json(value: object) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))


async def insert_rows(connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Row], tail: str = "") -> None:
    """Insert any number of rows in one statement and one parameter; `tail` is an ON CONFLICT clause."""
    if rows:
        await connection.execute(_insert(model, rows[0], tail), {"rows": dump_json(rows)})


async def insert_returning(
    connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Row], tail: str
) -> list[Row]:
    """As insert_rows, with a RETURNING clause in `tail`; gives the rows returned."""
    if not rows:
        return []
    result = await connection.execute(_insert(model, rows[0], tail), {"rows": dump_json(rows)})
    return rows_of(result)


def replacing(model: type[SQLModel], key: Iterable[str], keep: Iterable[str] = ()) -> str:
    """An ON CONFLICT clause that replaces every column but the key and those to `keep`."""
    keys, kept = list(key), set(keep)
    changed = [name for name in table_of(model).columns.keys() if name not in kept and name not in keys]  # noqa: SIM118
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET " + ", ".join(
        f"{name} = excluded.{name}" for name in changed
    )


def rows_of(result: CursorResult[Any]) -> list[Row]:
    """All rows of a result as plain dictionaries."""
    return [dict(row) for row in result.mappings()]


def _insert(model: type[SQLModel], sample: Row, tail: str) -> Any:
    name, columns = model.__tablename__, ", ".join(sample)
    # Names come from our own tables, never from outside; the rows are the one bound parameter.
    return text(
        f"INSERT INTO {name} ({columns}) "  # noqa: S608
        f"SELECT {columns} FROM jsonb_populate_recordset(NULL::{name}, CAST(:rows AS jsonb)) {tail}"
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Enum):
        return str(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")
