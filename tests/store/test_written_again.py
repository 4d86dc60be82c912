"""Rows that every report writes again: the new version stays on its page, and no index is touched (HOT)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.store import matters, warnings
from service.store.engine import insert_all, open_engine
from tests.makers import NOON
from tests.store.making import event

PLACES = [(f"{990101 + number}", "labour") for number in range(150)]
GROUPS = 40


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 1)
    yield made
    await made.dispose()


async def _updates(engine: AsyncEngine, table: str) -> tuple[int, int]:
    """How many rows were written again, and how many of them without touching an index."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        await connection.commit()
        row = (
            await connection.execute(
                text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = :table"),
                {"table": table},
            )
        ).one()
    return row.n_tup_upd, row.n_tup_hot_upd


async def test_places_and_their_days_and_the_counter_of_the_feed_are_written_without_touching_an_index(
    engine: AsyncEngine,
) -> None:
    today = NOON.date()
    days = {(place, today - timedelta(days=back)): {"reports": 1} for place in PLACES for back in range(5)}
    for number in range(GROUPS):
        async with engine.begin() as connection:
            await matters.lock_places(connection, PLACES[number % 3 :: 3])
            counts = days if not number else {(p, today): {"reports": 1} for p in PLACES}
            await insert_all(connection, [matters.counted(counts)])
            await warnings.tell(connection, warnings.Told([], [], [event(1)], []))

    for table, least in (("place", 0.95), ("place_day", 0.95), ("feed_counter", 1.0)):
        updates, hot = await _updates(engine, table)
        assert updates >= GROUPS, table
        assert hot >= least * updates, f"{table}: {hot} of {updates}"
