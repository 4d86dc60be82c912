"""The book of keys: read once for many, never longer believed than was said, forgotten when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from service.domain.words import Scope
from service.store import keys
from service.store.engine import open_engine
from service.store.keys import KEPT_SECONDS, KeyBook
from tests.makers import NOON


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 2)
    yield made
    await made.dispose()


async def _made(engine: AsyncEngine, **more: object) -> str:
    async with engine.begin() as connection:
        return await keys.create(connection, "test", [Scope.READ], **more)


async def _revoke(engine: AsyncEngine, key: str) -> None:
    async with engine.begin() as connection:
        assert await keys.revoke(connection, key.split("_")[1], NOON)


async def test_a_revoked_key_is_believed_for_two_seconds_at_most_and_not_after_being_told(engine: AsyncEngine) -> None:
    key, told, seconds = await _made(engine), await _made(engine), [0.0]
    book = KeyBook(engine, tick=lambda: seconds[0])
    assert await book.viewer(key, NOON)
    await _revoke(engine, key)
    assert await book.viewer(key, NOON), "kept, or this test shows nothing"

    seconds[0] = KEPT_SECONDS
    assert await book.viewer(key, NOON) is None

    assert await book.viewer(told, NOON)
    await _revoke(engine, told)
    book.forget()
    assert await book.viewer(told, NOON) is None


async def test_what_was_being_read_when_it_was_told_to_forget_is_not_kept(engine: AsyncEngine) -> None:
    key = await _made(engine)
    book = KeyBook(engine)
    async with engine.connect() as first, engine.connect() as second:  # every connection there is
        reading = asyncio.create_task(book.viewer(key, NOON))
        await asyncio.sleep(0.05)  # it waits for a connection
        book.forget()
        await first.close()
        await second.close()
    assert await reading
    await _revoke(engine, key)

    assert await book.viewer(key, NOON) is None


async def test_many_at_once_with_one_key_need_one_connection(engine: AsyncEngine) -> None:
    key = await _made(engine)
    wrong = key[:-1] + ("x" if key[-1] != "x" else "y")
    asked = [KeyBook(engine)] * 200

    found = await asyncio.gather(*(book.viewer(key if n % 2 else wrong, NOON) for n, book in enumerate(asked)))

    assert [viewer is not None for viewer in found] == [bool(n % 2) for n in range(200)]


async def test_keys_of_streams_are_judged_together(engine: AsyncEngine) -> None:
    works, revoked, expired = await _made(engine), await _made(engine), await _made(engine, expires_at=NOON)
    await _revoke(engine, revoked)
    ids = [key.split("_")[1] for key in (works, revoked, expired)] + ["000000000000"]

    async with engine.connect() as connection:
        assert await keys.refused(connection, ids, NOON) == set(ids[1:])
        assert await keys.refused(connection, [], NOON) == set()
