"""The way into PostgreSQL: one engine for requests, rows in and out in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any
from uuid import UUID

import orjson
import psycopg
import uuid_utils.compat
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic_core import to_jsonable_python
from sqlalchemy import CursorResult, LargeBinary, Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel

Row = dict[str, Any]
_plain = partial(to_jsonable_python, bytes_mode="hex")  # for what is not in every row: sets, bytes, timedeltas, models
TableClass = type[SQLModel]


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
    """JSON of plain values, ids, instants, enums and dataclasses; bytes as PostgreSQL reads a bytea's hex digits."""
    return _json(value).decode()


def _json(value: object) -> bytes:
    return orjson.dumps(value, _plain, orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)


async def run(connection: AsyncConnection, statement: str, given: Row) -> list[Row]:
    """The rows of a statement that every group of reports makes, with `%(name)s` where a value goes.

    It goes straight to the driver, which halves what the way there costs; within a transaction that somebody else
    began and ends. Raises what SQLAlchemy raises; a connection that was lost it finds out when the transaction ends.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with driver.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, given)
            rows: list[Row] = await cursor.fetchall() if cursor.description else []
            return rows
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


async def insert_rows(connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Row], tail: str = "") -> None:
    """Insert any number of rows in one statement and one parameter; `tail` is an ON CONFLICT clause."""
    await insert_all(connection, [Insert(model, rows, tail)])


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows for one table; `tail` is an ON CONFLICT clause.

    `joined` joins the rows, there called `given`, with something; `computed` says in SQL what columns become by it.
    """

    model: type[SQLModel]
    rows: Sequence[Row]
    tail: str = ""
    joined: str = ""
    computed: tuple[tuple[str, str], ...] = ()

    @property
    def shape(self) -> Shape:
        return self.model, tuple(self.rows[0]), self.tail, self.joined, self.computed


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes with inserts in their statement: a first part they may join, and channels that are told."""

    first: str = ""  # `name AS (…)`
    given: Row = field(default_factory=dict)
    notify: tuple[str, ...] = ()


async def insert_all(connection: AsyncConnection, inserts: Iterable[Insert], beside: Beside | None = None) -> None:
    """Insert into several tables in one statement: each trip to the database costs more than most of its rows.

    Every table at most once. The inserts do not see each other's rows, and no order among them is promised.
    """
    full, beside = [one for one in inserts if one.rows], beside or Beside()
    if full or beside.notify:
        given: Row = {f"rows{place}": rows_json(one.model, one.rows) for place, one in enumerate(full)}
        given |= {f"channel{place}": channel for place, channel in enumerate(beside.notify)}
        statement = _insert_all(tuple([one.shape for one in full]), beside.first, len(beside.notify))
        await run(connection, statement, {**given, **beside.given})


def rows_json(model: type[SQLModel], rows: Sequence[Row]) -> Jsonb:
    """Rows as jsonb_populate_recordset reads them into the table of `model`."""
    binary = _binary_columns(model, tuple(rows[0])) if rows else ()
    if binary:
        rows = [{**row, **{name: f"\\x{row[name].hex()}" for name in binary}} for row in rows]
    return Jsonb(rows, dumps=_json)


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


# table, columns, tail, joined, computed
Shape = tuple[type[SQLModel], tuple[str, ...], str, str, tuple[tuple[str, str], ...]]


@cache
def _binary_columns(model: type[SQLModel], given: tuple[str, ...]) -> tuple[str, ...]:
    columns = table_of(model).columns
    return tuple(name for name in given if isinstance(columns[name].type, LargeBinary))


@cache
def _insert_all(shapes: tuple[Shape, ...], first: str, channels: int) -> str:
    parts = [first] * bool(first)
    parts += [f"part{place} AS ({_inserting(shape, f'rows{place}')})" for place, shape in enumerate(shapes)]
    told = ", ".join(f"pg_notify(%(channel{place})s, '')" for place in range(channels))
    return (f"WITH {', '.join(parts)} " if parts else "") + f"SELECT {told or 1}"


def _inserting(shape: Shape, parameter: str) -> str:
    model, given, tail, joined, computed = shape
    name, sql = model.__tablename__, {column: f"given.{column}" for column in given} | dict(computed)
    # Names come from our own tables, never from outside; the rows are the one bound parameter.
    return (
        f"INSERT INTO {name} ({', '.join(sql)}) SELECT {', '.join(sql.values())} "  # noqa: S608
        f"FROM jsonb_populate_recordset(NULL::{name}, CAST(%({parameter})s AS jsonb)) AS given {joined} {tail}"
    )
