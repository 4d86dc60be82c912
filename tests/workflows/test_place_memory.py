"""What a process remembers of a place is what the database holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.domain.matters import Matter
from service.domain.words import MatterStatus
from service.store import matters
from service.store.engine import insert_all, new_id, open_engine
from service.text.likeness import sketch
from service.workflows.place_memory import PlaceIndex, PlaceMemory
from tests.makers import NOON, VILLAGE

PLACE = ("990101", "labour")
SINCE = NOON - timedelta(days=30)


def matter(text: str = "青禾服饰厂拖欠工资") -> Matter:
    return Matter(
        id=new_id(), area=VILLAGE, category="labour.wage_arrears", first_level="labour", title="", opened_at=NOON,
        first_occurred_at=NOON, last_occurred_at=NOON, sketch=sketch("", text).to_bytes(),
    )  # fmt: skip


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database_url, 4)
    yield opened
    await opened.dispose()


async def keep(engine: AsyncEngine, *changed: Matter) -> dict[matters.Place, int]:
    async with engine.begin() as connection:
        locked = await matters.lock_places(connection, [PLACE])
        await insert_all(connection, [matters.kept(changed, NOON)])
    return locked


async def recall(engine: AsyncEngine, memory: PlaceMemory) -> PlaceIndex:
    async with engine.begin() as connection:
        locked = await matters.lock_places(connection, [PLACE])
        return (await memory.recall(connection, locked, SINCE))[PLACE]


async def test_what_another_process_opened_is_found(engine: AsyncEngine) -> None:
    memory, theirs = PlaceMemory(), matter()
    assert not (await recall(engine, memory)).matters
    await keep(engine, theirs)
    index = await recall(engine, memory)
    assert index.matters == {theirs.id: theirs}
    assert [found for found, _ in index.alike(sketch("", "青禾服饰厂拖欠工资"), 0.9)] == [theirs.id]


async def test_what_another_process_closed_is_dropped(engine: AsyncEngine) -> None:
    memory, theirs = PlaceMemory(), matter()
    await keep(engine, theirs)
    await recall(engine, memory)
    await keep(engine, replace(theirs, status=MatterStatus.CLOSED))
    assert not (await recall(engine, memory)).matters


async def test_what_this_process_kept_need_not_be_read_back(engine: AsyncEngine) -> None:
    memory, mine = PlaceMemory(), matter()
    await recall(engine, memory)
    async with engine.begin() as connection:
        locked = await matters.lock_places(connection, [PLACE])
        await memory.recall(connection, locked, SINCE)
        await insert_all(connection, [matters.kept([mine], NOON)])
    memory.learn([mine], locked)
    async with engine.begin() as connection:
        locked = await matters.lock_places(connection, [PLACE])
        # Without the lock's transaction reading anything: the row is not there for it to find.
        await connection.exec_driver_sql("DELETE FROM matter")
        assert (await memory.recall(connection, locked, SINCE))[PLACE].matters == {mine.id: mine}


async def test_what_was_rolled_back_teaches_nothing(engine: AsyncEngine) -> None:
    memory, lost = PlaceMemory(), matter()
    connection = await engine.connect()
    locked = await matters.lock_places(connection, [PLACE])
    index = (await memory.recall(connection, locked, SINCE))[PLACE]
    index.add(lost.id, sketch("", "青禾服饰厂拖欠工资"))
    await insert_all(connection, [matters.kept([lost], NOON)])
    await connection.rollback()
    await connection.close()
    assert lost.id not in (await recall(engine, memory)).matters


async def test_a_number_from_another_past_empties_the_memory(engine: AsyncEngine) -> None:
    memory = PlaceMemory()
    await keep(engine, matter())
    await keep(engine)
    await recall(engine, memory)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM matter")
        await connection.exec_driver_sql("UPDATE place SET seq = 0")
    assert not (await recall(engine, memory)).matters


async def test_a_matter_of_a_place_never_locked_is_refused(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        with pytest.raises(IntegrityError, match="place_seq"):
            await insert_all(connection, [matters.kept([matter()], NOON)])
