"""Leases: of all processes on one database one runs a tick; a dead or mistaken holder stops nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.store import leases
from service.store.engine import new_id, open_engine
from tests.makers import NOON

HOUR = timedelta(hours=1)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 20)
    yield made
    await made.dispose()


async def _take(engine: AsyncEngine, every: timedelta = HOUR, name: str = "tick") -> bool:
    async with engine.begin() as connection:
        return await leases.take(connection, name, new_id(), NOON, every)


async def _set(engine: AsyncEngine, until: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE lease SET until = {until}"))


async def test_of_many_at_one_instant_one_gets_it(engine: AsyncEngine) -> None:
    for name in ("first", "second"):
        assert sum(await asyncio.gather(*(_take(engine, name=name) for _ in range(20)))) == 1


async def test_a_dead_holders_lease_passes_on_when_it_ends(engine: AsyncEngine) -> None:
    assert await _take(engine)
    assert not await _take(engine)
    await _set(engine, "clock_timestamp()")
    assert await _take(engine)


async def test_a_lease_from_a_database_clock_since_set_back_stops_nobody(engine: AsyncEngine) -> None:
    assert await _take(engine, timedelta(seconds=5))
    await _set(engine, "clock_timestamp() + interval '1 hour'")
    assert await _take(engine, timedelta(seconds=5))


async def test_one_ticks_lease_is_not_anothers(engine: AsyncEngine) -> None:
    assert await _take(engine, name="one")
    assert await _take(engine, name="other")
