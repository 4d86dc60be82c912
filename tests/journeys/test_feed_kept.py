"""What a poll is answered from memory: never older than the notification, never another viewer's, never a new shape."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from service.api.shapes import WarningPage
from service.domain.words import Scope
from service.store import feed
from service.store.engine import open_engine
from service.store.views import Sight
from tests.journeys.conftest import Office, ok
from tests.journeys.test_stream import different
from tests.makers import COUNTY, OTHER_COUNTY
from tests.served import Served, ids, until

FEED = "/v1/warnings"
LONG = 3600.0
# What another process would do to a warning, with and without telling.
SILENTLY = """
WITH counter AS (UPDATE feed_counter SET seq = seq + 1 WHERE id = 1 RETURNING seq)
UPDATE warning SET seq = counter.seq, revision = revision + 1 FROM counter
WHERE id = (SELECT id FROM warning ORDER BY warning.seq LIMIT 1)
"""
AND_TELL = "SELECT pg_notify('weiyu_events', '')"
LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


async def _done(served: Served, *statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def _head(client: httpx.AsyncClient) -> int:
    return int(ok(await client.get(FEED))["next"])


@pytest.fixture
def kept_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept does not grow old by itself: only what is tested can end it."""
    monkeypatch.setattr("service.store.newest.KEPT_SECONDS", LONG)


@pytest.fixture
async def warned(served: Served, reporter: httpx.AsyncClient) -> None:
    await until(lambda: served.app.bells.line.up)
    for number in range(3):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)


@pytest.mark.usefixtures("kept_long", "warned")
async def test_a_change_by_another_process_shows_when_its_notification_rings(
    served: Served, reader: httpx.AsyncClient
) -> None:
    assert await _head(reader) == 3
    await _done(served, SILENTLY)
    assert await _head(reader) == 3, "kept, or this test shows nothing"

    await _done(served, AND_TELL)

    async def shown() -> bool:
        return await _head(reader) == 4

    await until(shown, 5)


@pytest.mark.usefixtures("warned")
async def test_a_change_that_nobody_told_of_shows_after_a_second(served: Served, reader: httpx.AsyncClient) -> None:
    assert await _head(reader) == 3
    changed = asyncio.get_running_loop().time()
    await _done(served, SILENTLY)

    async def shown() -> bool:
        return await _head(reader) == 4

    await until(shown, 5)
    assert asyncio.get_running_loop().time() - changed < 2


@pytest.mark.usefixtures("kept_long", "warned")
async def test_whoever_wrote_through_this_process_polls_the_database_next(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    assert await _head(reader) == 3
    await _done(served, SILENTLY)

    assert (await reporter.post("/v1/incidents", json={})).status_code == 422

    assert await _head(reader) == 4
    for number in range(10, 20):
        answer = ok(await reporter.post("/v1/incidents", json=different(number)), 201)
        assert ids(ok(await reader.get(FEED))["items"])[-1:] == answer["warnings"]


@pytest.mark.usefixtures("kept_long", "warned")
async def test_without_a_listen_connection_the_database_is_asked(
    served: Served, reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.listener.RETRY_SECONDS", LONG)
    assert await _head(reader) == 3
    await _done(served, f"SELECT pg_terminate_backend(pid) {LISTENERS}")
    await until(lambda: not served.app.bells.line.up)

    for head in range(4, 8):
        await _done(served, SILENTLY)
        assert await _head(reader) == head


@pytest.mark.usefixtures("kept_long", "warned")
async def test_nothing_kept_before_the_listen_connection_broke_is_used_after_it_is_back(
    served: Served, reader: httpx.AsyncClient
) -> None:
    assert await _head(reader) == 3
    await _done(served, f"SELECT pg_terminate_backend(pid) {LISTENERS}", SILENTLY)
    await until(lambda: served.app.bells.line.times == 2 and served.app.bells.line.up)

    assert await _head(reader) == 4


@pytest.mark.usefixtures("kept_long")
async def test_viewers_of_different_sight_never_get_each_others_page(
    served: Served, reporter: httpx.AsyncClient, office: Office
) -> None:
    few = ok(await reporter.post("/v1/incidents", json=different(1, people_affected=2)), 201)["warnings"]
    here = ok(await reporter.post("/v1/incidents", json=different(2)), 201)["warnings"]
    there = ok(await reporter.post("/v1/incidents", json=different(3, area=OTHER_COUNTY)), 201)["warnings"]
    expected = {
        await served.client(Scope.READ): here + there,
        await served.client(Scope.READ, area=COUNTY): here,
        await served.client(Scope.READ, area=OTHER_COUNTY): there,
        office.client: few + here + there,
    }

    async def polled(client: httpx.AsyncClient) -> tuple[list[str], str]:
        answer = await client.get(FEED)
        return ids(ok(answer)["items"]), answer.headers["etag"]

    for _ in range(3):  # from the database, then from memory
        answers = await asyncio.gather(*(polled(client) for client in expected for _ in range(4)))
        assert [found for found, _ in answers] == [items for items in expected.values() for _ in range(4)]
        assert len({tag for _, tag in answers}) == len(expected)
    foreign_tag = (await polled(office.client))[1]
    outside = next(iter(expected))
    assert (await outside.get(FEED, headers={"If-None-Match": foreign_tag})).status_code == 200


async def test_a_page_from_memory_is_the_page_of_the_database_and_of_the_declared_model(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office, admin: httpx.AsyncClient
) -> None:
    first = ok(await reporter.post("/v1/incidents", json=different(1)), 201)["warnings"][0]
    ok(await reporter.post("/v1/incidents", json=different(2)), 201)

    async def page() -> bytes:
        answers = [await reader.get(FEED) for _ in range(2)]
        assert answers[0].content == answers[1].content
        assert answers[0].headers["content-type"] == "application/json"
        assert WarningPage.model_validate_json(answers[0].content).model_dump_json().encode() == answers[0].content
        return answers[0].content

    seen = [await page()]
    ok(await office.client.post(f"{FEED}/{first}/acknowledge"))
    seen.append(await page())
    detail: dict[str, Any] = ok(await reader.get(f"{FEED}/{first}"))
    assert WarningPage.model_validate_json(seen[1]).items[-1].model_dump(mode="json").items() <= detail.items()
    await _done(served, "UPDATE area SET name = '改名社区' WHERE name = '清河街道第一社区'")
    ok(await admin.post("/v1/departments", json={"name": "新单位"}), 201)  # the reference data has a new version
    seen.append(await page())
    assert "改名社区" in seen[2].decode()
    assert len(set(seen)) == 3


async def test_a_warning_that_moves_while_a_page_is_made_comes_at_its_later_number(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    for number in range(3):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)
    engine, all_of_it = open_engine(served.database_url, 2), Sight(None, None)
    async with engine.connect() as connection:
        numbers = await feed.numbers_after(connection, feed.FeedQuestion(), all_of_it)
        await _done(served, SILENTLY)
        await connection.rollback()
        found = await feed.warnings_numbered(connection, numbers, all_of_it)
        later = await feed.numbers_after(connection, feed.FeedQuestion(after=numbers[-1]), all_of_it)
        foreign = await feed.warnings_numbered(connection, numbers, Sight(OTHER_COUNTY, None))
    await engine.dispose()
    assert (numbers, sorted(row["seq"] for row in found), later, foreign) == ([1, 2, 3], [2, 3], [4], [])
