"""Feed numbers: commit order is reading order, so that a poller behind its cursor never misses a row."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.store import feed, warnings
from service.store.engine import open_engine
from tests.store.making import event


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 20)
    yield made
    await made.dispose()


async def _add(connection: AsyncConnection, count: int = 1) -> list[int]:
    await warnings.tell(connection, warnings.Told([], [], [event(seq) for seq in range(1, count + 1)], []))
    last = await feed.head(connection)
    return list(range(last - count + 1, last + 1))


async def _read(engine: AsyncEngine, after: int, limit: int = 500) -> list[int]:
    async with engine.connect() as connection:
        return [row["seq"] for row in await feed.events_after(connection, after, limit)]


async def test_a_transaction_that_began_first_and_commits_last_comes_last(engine: AsyncEngine) -> None:
    async with engine.connect() as slow, engine.connect() as quick:
        await feed.head(slow)  # its transaction is open before the other one begins
        assert await _add(quick) == [1]
        await quick.commit()
        assert await _read(engine, 0) == [1]
        assert await _add(slow) == [2]
        await slow.commit()

    assert await _read(engine, 1) == [2]


async def test_a_later_number_waits_until_the_earlier_one_can_be_read(engine: AsyncEngine) -> None:
    async with engine.connect() as first, engine.connect() as second:
        await _add(first)
        later = asyncio.create_task(_add(second))
        done, _ = await asyncio.wait([later], timeout=0.2)
        assert not done, "the second writer must wait for the first one's commit"
        assert await _read(engine, 0) == []
        await first.commit()
        assert await later == [2]
        assert await _read(engine, 0) == [1], "committed, while the second is not"
        await second.commit()
    assert await _read(engine, 1) == [2]


async def test_a_number_taken_and_rolled_back_leaves_no_hole(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await _add(connection, 5)
        await connection.rollback()
        assert await _add(connection) == [1]
        await connection.commit()
    assert await _read(engine, 0) == [1]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), writers=st.integers(2, 12), each=st.integers(1, 12), page=st.integers(1, 9))
def test_a_poller_beside_any_number_of_writers_reads_each_event_once_and_in_order(
    database_url: str, seed: int, writers: int, each: int, page: int
) -> None:
    assert asyncio.run(_race(database_url, random.Random(seed), (writers, each, page))) is None


async def _race(url: str, dice: random.Random, sizes: tuple[int, int, int]) -> None:
    writers, each, page = sizes
    engine = open_engine(url, 16)
    async with engine.connect() as connection:
        start = await feed.head(connection)
    written: set[int] = set()

    async def write() -> None:
        for _ in range(each):
            async with engine.connect() as connection:
                await feed.head(connection)
                await asyncio.sleep(dice.random() / 200)  # transactions overlap in any order
                numbers = await _add(connection, dice.randint(1, 3))
                await asyncio.sleep(dice.random() / 500)
                if dice.random() < 0.2:
                    await connection.rollback()
                else:
                    written.update(numbers)
                    await connection.commit()

    read: list[int] = []
    writing = asyncio.gather(*(write() for _ in range(writers)))
    while True:
        finished = writing.done()
        found = await _read(engine, read[-1] if read else start, page)
        read += found
        if finished and not found:
            break
        await asyncio.sleep(0)
    await writing
    await engine.dispose()
    assert read == sorted(written)
    assert read == list(range(start + 1, start + 1 + len(read)))
