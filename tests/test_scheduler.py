"""The clock: two of them on one database never do the same tick twice, and one bad tick stops nothing."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from service.scheduler import Scheduler, Tick
from service.store.engine import open_engine
from service.store.reference import ReferenceCache
from service.workflows.metrics import Metrics
from service.workflows.parts import Doors
from tests.makers import NOON
from tests.served import SetClock, until

EVERY = timedelta(seconds=0.2)


@pytest.fixture
async def doors(database_url: str) -> AsyncIterator[Doors]:
    engine = open_engine(database_url, 10)
    yield Doors(engine, ReferenceCache(), b"", "")
    await engine.dispose()


def scheduler(doors: Doors, *ticks: Tick, clock: datetime = NOON) -> Scheduler:
    return Scheduler(doors, SetClock(clock), Metrics(), ticks)


async def _now(doors: Doors) -> datetime:
    async with doors.engine.connect() as connection:
        moment: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return moment


async def test_two_schedulers_share_the_ticks_and_none_comes_twice(doors: Doors) -> None:
    ran: list[datetime] = []

    async def note() -> None:
        ran.append(await _now(doors))

    tick = Tick("shared", EVERY, note)
    both = scheduler(doors, tick), scheduler(doors, tick, clock=NOON + timedelta(hours=1))
    for one in both:
        one.start()
    await until(lambda: len(ran) >= 8)
    for one in both:
        one.stop()

    pauses = [later - earlier for earlier, later in itertools.pairwise(ran)]
    assert min(pauses) > EVERY * 0.85, "a tick came twice within its interval"
    assert max(pauses) < EVERY * 5, "the ticks went on"


async def test_of_many_tries_at_one_instant_one_runs_whatever_its_own_clock_says(doors: Doors) -> None:
    runs = 0

    async def count() -> None:
        nonlocal runs
        runs += 1

    tick = Tick("once", timedelta(hours=1), count)
    many = [scheduler(doors, clock=NOON + timedelta(hours=number - 5)) for number in range(10)]
    for _ in range(5):
        await asyncio.gather(*(one.run(tick) for one in many))

    assert runs == 1


async def test_a_tick_of_the_process_itself_needs_no_lease(doors: Doors) -> None:
    runs = 0

    async def count() -> None:
        nonlocal runs
        runs += 1

    tick = Tick("own", timedelta(hours=1), count, shared=False)
    assert all(await asyncio.gather(*(scheduler(doors).run(tick) for _ in range(3))))
    assert runs == 3


async def test_a_tick_that_fails_is_logged_and_comes_again(doors: Doors, caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    async def fail_once() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("once")

    running = scheduler(doors, Tick("shaky", EVERY, fail_once))
    with caplog.at_level(logging.ERROR):
        running.start()
        await until(lambda: tries >= 2)
        running.stop()
    assert [record.message for record in caplog.records] == ["tick failed"]
