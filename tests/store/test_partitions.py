"""Months: made ahead, made late, made while reports come in; whatever the clock says, no report is refused or lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.store import incidents, partitions
from service.store.engine import insert_all, new_id, open_engine
from service.store.partitions import first_id_at, instant_of, later, make_month, missing_months, month_of
from service.store.reference import ReferenceCache
from service.workflows.months import make_months
from service.workflows.parts import Doors
from tests.served import until
from tests.store.making import incident

NOW = datetime.now(UTC)  # the months that the migration made are those of the day it ran on
NEXT_YEAR = NOW + timedelta(days=365)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 20)
    yield made
    await made.dispose()


@pytest.fixture
def doors(engine: AsyncEngine) -> Doors:
    return Doors(engine, ReferenceCache(), b"", "")


def id_at(instant: datetime) -> UUID:
    """A UUIDv7 as it would have been made at that instant."""
    return UUID(int=first_id_at(instant).int | new_id().int % 2**80)


async def _keep(engine: AsyncEngine, *ids: UUID) -> None:
    async with engine.begin() as connection:
        await insert_all(connection, [incidents.kept([incident(id=row_id) for row_id in ids])])


async def _where(engine: AsyncEngine) -> dict[UUID, str]:
    """In which table each incident lies."""
    async with engine.connect() as connection:
        return {
            row.id: row.at
            for row in await connection.execute(text("SELECT id, tableoid::regclass::text AS at FROM incident"))
        }


async def _missing(engine: AsyncEngine, now: datetime) -> int:
    async with engine.connect() as connection:
        return sum([len(await missing_months(connection, table, now)) for table in partitions.PARTITIONED])


async def _make(engine: AsyncEngine, instant: datetime) -> int:
    async with engine.begin() as connection:
        return await make_month(connection, "incident", month_of(instant))


def test_an_id_says_when_it_was_made() -> None:
    before = datetime.now(UTC)
    made = instant_of(new_id())
    assert timedelta(milliseconds=-1) <= made - before < timedelta(seconds=5)
    assert first_id_at(made) <= new_id()


def test_months_are_counted_over_the_turn_of_the_year() -> None:
    november = month_of(datetime(2026, 11, 30, 23, tzinfo=UTC))
    assert [later(november, n).isoformat()[:7] for n in (-11, 0, 1, 2, 14)] == [
        "2025-12", "2026-11", "2026-12", "2027-01", "2028-01",
    ]  # fmt: skip


async def test_a_migrated_database_has_the_months_to_come_and_the_tick_keeps_them_coming(doors: Doors) -> None:
    assert await _missing(doors.engine, NOW) == 0
    await _keep(doors.engine, row_id := id_at(NOW))
    assert (await _where(doors.engine))[row_id] == f"incident_{NOW:%Y_%m}"

    assert await make_months(doors, NEXT_YEAR) == 2 * (partitions.MONTHS_AHEAD + 1)
    assert await _missing(doors.engine, NEXT_YEAR) == 0
    assert await make_months(doors, NEXT_YEAR) == 0


async def test_reports_of_a_month_that_nobody_made_are_kept_and_move_there_when_it_is_made(doors: Doors) -> None:
    """The tick did not run for a year, and then for a month more."""
    early, late = id_at(NEXT_YEAR), id_at(NEXT_YEAR + timedelta(days=31))
    await _keep(doors.engine, early, late)
    assert set((await _where(doors.engine)).values()) == {"incident_default"}

    await make_months(doors, NEXT_YEAR + timedelta(days=62))
    assert await _where(doors.engine) == {
        early: f"incident_{month_of(instant_of(early)):%Y_%m}",
        late: f"incident_{month_of(instant_of(late)):%Y_%m}",
    }


async def test_a_clock_that_jumps_by_decades_loses_nothing_and_makes_no_months(doors: Doors) -> None:
    ids = [id_at(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2001, 2099)]
    await _keep(doors.engine, *ids)

    assert await make_months(doors, NOW) == 0
    assert await _where(doors.engine) == dict.fromkeys(ids, "incident_default")


async def test_no_report_is_refused_or_lost_while_its_month_is_made(engine: AsyncEngine) -> None:
    kept: list[UUID] = []
    done = asyncio.Event()

    async def report() -> None:
        while not done.is_set():
            row_id = id_at(NEXT_YEAR)
            await _keep(engine, row_id)
            kept.append(row_id)

    writers = [asyncio.create_task(report()) for _ in range(4)]
    await asyncio.sleep(0.2)
    waiting = len(kept)
    moved = await _make(engine, NEXT_YEAR)
    after = len(kept)
    await until(lambda: len(kept) >= after + 20 or any(writer.done() for writer in writers))
    done.set()
    await asyncio.gather(*writers)

    assert moved >= waiting > 0
    assert await _where(engine) == dict.fromkeys(kept, f"incident_{NEXT_YEAR:%Y_%m}")


async def test_of_two_that_make_a_month_at_once_one_makes_it(engine: AsyncEngine) -> None:
    await _keep(engine, id_at(NEXT_YEAR))
    assert sorted(await asyncio.gather(*(_make(engine, NEXT_YEAR) for _ in range(3)))) == [0, 0, 1]


async def _reads(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT count(*) FROM incident"))


async def test_a_group_that_has_read_and_then_writes_is_waited_for_and_does_not_deadlock(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await _reads(connection)
        making = asyncio.create_task(_make(engine, NEXT_YEAR))
        await asyncio.sleep(0.2)
        assert not making.done()
        await insert_all(connection, [incidents.kept([incident(id=id_at(NEXT_YEAR))])])
    assert await making == 1


async def test_who_does_not_let_go_in_time_holds_up_the_month_but_not_the_reports(engine: AsyncEngine) -> None:
    await _keep(engine, row_id := id_at(NEXT_YEAR))
    async with engine.begin() as connection:
        await _reads(connection)
        with pytest.raises(OperationalError, match="lock timeout"):
            await _make(engine, NEXT_YEAR)
    await _keep(engine, id_at(NEXT_YEAR))
    assert await _make(engine, NEXT_YEAR) == 2
    assert row_id in await _where(engine)
