"""The short way to the driver: the same errors, no dead connection left in the pool, JSON as it always was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import psycopg
import pytest
from pydantic_core import to_json
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.domain.judging import Reason
from service.domain.levels import Level
from service.store.engine import dump_json, insert_rows, open_engine, plain_url, run
from service.store.tables import ReceiptTable
from service.store.troubles import problem_of

RECEIPT = {
    "system": "grid",
    "client_id": "a-1",
    "revision": 1,
    "incident_id": UUID(int=7),
    "content_mac": b"\x00\xff",
}


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 1)
    yield made
    await made.dispose()


async def test_a_row_that_is_there_already_is_a_conflict(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await insert_rows(connection, ReceiptTable, [RECEIPT])
    with pytest.raises(IntegrityError) as refused:
        async with engine.begin() as connection:
            await insert_rows(connection, ReceiptTable, [RECEIPT])
    problem = problem_of(refused.value)
    assert problem is not None
    assert problem.status == 409


async def test_a_character_that_cannot_be_kept_is_the_requests_fault(engine: AsyncEngine) -> None:
    with pytest.raises(DataError) as refused:
        async with engine.begin() as connection:
            await insert_rows(connection, ReceiptTable, [RECEIPT | {"client_id": "a\x00"}])
    problem = problem_of(refused.value)
    assert problem is not None
    assert problem.status == 422


async def _ask_after_the_backend_ended(engine: AsyncEngine, database_url: str) -> None:
    async with engine.begin() as connection:
        mine = (await run(connection, "SELECT pg_backend_pid() AS pid", {}))[0]["pid"]
        with psycopg.connect(plain_url(database_url), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])
        await run(connection, "SELECT 1", {})


async def test_a_connection_lost_under_a_statement_is_a_passing_fault_and_leaves_the_pool(
    engine: AsyncEngine, database_url: str
) -> None:
    with pytest.raises(OperationalError) as refused:
        await _ask_after_the_backend_ended(engine, database_url)
    problem = problem_of(refused.value)
    assert problem is not None
    assert problem.status == 503
    async with engine.begin() as connection:
        assert await run(connection, "SELECT 1 AS one", {}) == [{"one": 1}]


def test_json_is_written_as_pydantic_writes_it() -> None:
    east = timezone(timedelta(hours=8))
    values = {
        "reasons": (Reason("rule", "r1", "五人以上“同一”事项", Level.RED), Reason("judge", "base", "\u2028", None)),
        "instants": [datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 9, 0, 0, 5, tzinfo=east)],
        "day": date(2026, 3, 1),
        "id": UUID(int=7),
        "bytes": b"\x00\xff",
        "set": frozenset(["injury"]),
        "for": timedelta(hours=1),
        Level.BLUE: [1, 0.1, 1e-7, True, None],
    }
    assert dump_json(values) == to_json(values, bytes_mode="hex").decode()
