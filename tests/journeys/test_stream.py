"""The stream: resumed over drops and restarts, narrowed to what the viewer may see, ended when the service stops."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.makers import COUNTY, OTHER_COUNTY, report
from tests.served import Served, until

STREAM = "/v1/warnings/stream"


class Listener:
    """A client of the stream that keeps what it heard and comes back with the last id it saw."""

    def __init__(self, client: httpx.AsyncClient, after: int | None = None) -> None:
        self.client = client
        self.heard: list[ServerSentEvent] = []
        self.last: str | None = None if after is None else str(after)
        self.connected = asyncio.Event()

    @property
    def numbers(self) -> list[int]:
        return [int(event.id) for event in self.heard]

    async def listen(self) -> None:
        headers = {"Last-Event-ID": self.last} if self.last is not None else {}
        async with aconnect_sse(self.client, "GET", STREAM, headers=headers) as source:
            assert source.response.status_code == 200, await source.response.aread()
            self.connected.set()
            async for event in source.aiter_sse():
                self.last = event.id or self.last
                if event.data:  # an id alone only says where to resume
                    self.heard.append(event)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        self.connected.clear()
        task = asyncio.create_task(self.listen())
        await until(lambda: self.connected.is_set() or task.done())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.TransportError):
                await task


def different(number: int, **changes: Any) -> dict[str, Any]:
    """A report of a matter of its own: texts that share no words."""
    word = "".join(chr(0x4E00 + (number * 37 + place * 101) % 20000) for place in range(24))
    return report(id=f"d-{number}", text=word, **changes)


async def _numbers(served: Served) -> list[int]:
    async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
        rows = await (await connection.execute("SELECT seq FROM warning_event ORDER BY seq")).fetchall()
    return [row[0] for row in rows]


async def _change(served: Served, statement: str, *values: Any) -> None:
    async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
        await connection.execute(statement, values)


async def _gauge(client: httpx.AsyncClient, name: str) -> float:
    text = (await client.get("/metrics")).text
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])


async def test_a_listener_that_drops_and_returns_over_a_restart_hears_everything_once(served: Served) -> None:
    reporting, reading = await served.key(Scope.REPORT, system="grid"), await served.key(Scope.READ)
    stopped = asyncio.Event()

    async def kept(client: httpx.AsyncClient, body: dict[str, Any]) -> bool:
        try:
            return (await client.post(f"{served.base}/v1/incidents", json=body)).is_success
        except httpx.TransportError:  # the server is away: the same report again
            return False

    async def keep_reporting() -> None:
        headers = {"Authorization": f"Bearer {reporting}"}
        async with httpx.AsyncClient(headers=headers, timeout=30, trust_env=False) as client:
            for number in itertools.count():
                if stopped.is_set():
                    return
                await until(partial(kept, client, different(number)))

    reporter = asyncio.create_task(keep_reporting())
    listener = Listener(served.client_with(reading), after=0)
    for times in range(1, 4):
        async with listener.listening():
            await until(lambda heard=times: len(listener.heard) >= 8 * heard)
    await served.restart()
    listener.client = served.client_with(reading)
    async with listener.listening():
        await until(lambda: len(listener.heard) >= 40)
        stopped.set()
        await reporter
        written = await _numbers(served)
        await until(lambda: len(listener.heard) >= len(written))
    assert listener.numbers == written


async def test_a_listener_cut_off_before_its_first_event_still_knows_where_to_resume(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    listener = Listener(reader)
    async with listener.listening():
        await until(lambda: listener.last is not None)
    assert not listener.heard
    ok(await reporter.post("/v1/incidents", json=different(2)), 201)

    async with listener.listening():
        await until(lambda: listener.heard)
    assert listener.numbers == [2]


async def test_events_carry_the_durable_number_and_the_whole_warning(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    listener = Listener(reader, after=0)
    async with listener.listening():
        answer = ok(await reporter.post("/v1/incidents", json=report()), 201)
        await until(lambda: listener.heard)
    event = listener.heard[0]
    assert event.event == "warning.issued"
    assert (event.json()["id"], event.json()["seq"]) == (answer["warnings"][0], int(event.id))
    assert "测试区" not in event.data
    assert "清河街道第一社区" in event.data, "names are readable, not escaped"


async def test_a_last_event_id_that_is_no_number_is_refused(reader: httpx.AsyncClient) -> None:
    for bad in ("abc", "-1", "1.5", "", "9" * 25, "١٢"):
        answer = await reader.get(STREAM, headers={b"Last-Event-ID": bad.encode()})
        assert answer.status_code == 422, bad
        assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


async def test_foreign_and_restricted_warnings_are_not_streamed(served: Served, reporter: httpx.AsyncClient) -> None:
    inside = Listener(await served.client(Scope.READ, area=COUNTY), after=0)
    outside = Listener(await served.client(Scope.READ, area=OTHER_COUNTY), after=0)
    async with inside.listening(), outside.listening():
        ok(await reporter.post("/v1/incidents", json=different(1, people_affected=2)), 201)  # a family's matter
        foreign = ok(await reporter.post("/v1/incidents", json=different(2, area=OTHER_COUNTY)), 201)
        local = ok(await reporter.post("/v1/incidents", json=different(3)), 201)
        await until(lambda: inside.heard and outside.heard)
    assert [event.json()["id"] for event in inside.heard] == local["warnings"]
    assert [event.json()["id"] for event in outside.heard] == foreign["warnings"]
    assert len(await _numbers(served)) == 3


async def test_a_quiet_stream_sends_a_comment_so_that_proxies_keep_it(
    reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.broadcast.PING_SECONDS", 0.1)
    async with reader.stream("GET", STREAM) as response:
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["cache-control"] == "no-cache"
        async with asyncio.timeout(5):
            async for line in response.aiter_lines():
                if line.startswith(":"):
                    return
    raise AssertionError("no comment")


async def test_streams_end_at_once_when_the_service_stops(served: Served, reader: httpx.AsyncClient) -> None:
    listener = Listener(reader)
    listening = asyncio.create_task(listener.listen())
    await until(listener.connected.is_set)
    loop = asyncio.get_running_loop()
    started = loop.time()
    served.app.stop_streams()

    await asyncio.wait_for(listening, 2)
    assert loop.time() - started < 2


async def test_fifty_listeners_hear_the_same_and_give_back_their_places(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    key = await served.key(Scope.READ)
    listeners = [Listener(served.client_with(key), after=0) for _ in range(50)]
    tasks = [asyncio.create_task(listener.listen()) for listener in listeners]
    await until(lambda: all(listener.connected.is_set() for listener in listeners), 20)
    assert await _gauge(reader, "weiyu_stream_listeners") == 50
    for number in range(10):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)
    await until(lambda: all(len(listener.heard) == 10 for listener in listeners), 20)
    assert {tuple(listener.numbers) for listener in listeners} == {tuple(range(1, 11))}

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    async def all_gone() -> bool:
        return await _gauge(reader, "weiyu_stream_listeners") == 0

    await until(all_gone)


async def test_a_listener_older_than_what_is_kept_is_told_to_read_anew(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    for number in range(4):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)
    await _change(served, "DELETE FROM warning_event WHERE seq <= 2")
    listener = Listener(reader, after=1)
    async with listener.listening():
        await until(lambda: len(listener.heard) == 3)
    assert [(event.event, event.id) for event in listener.heard[:2]] == [("reset", "2"), ("warning.issued", "3")]
    assert listener.heard[0].json() == {"oldest": 3}

    in_time = Listener(reader, after=2)
    async with in_time.listening():
        await until(lambda: len(in_time.heard) == 2)
    assert in_time.numbers == [3, 4]


async def test_a_listener_is_told_to_read_anew_when_nothing_is_kept_or_its_number_lies_ahead(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    for number in range(3):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)
    ahead = Listener(reader, after=900)  # from before a backup was put back
    async with ahead.listening():
        await until(lambda: ahead.heard)
    assert (ahead.heard[0].event, ahead.heard[0].id) == ("reset", "3")

    await _change(served, "DELETE FROM warning_event")
    listener = Listener(reader, after=1)
    async with listener.listening():
        await until(lambda: listener.heard)
    assert (listener.heard[0].event, listener.heard[0].id) == ("reset", "3")


async def test_a_revoked_key_loses_its_open_stream(served: Served) -> None:
    listener = Listener(await served.client(Scope.READ))
    listening = asyncio.create_task(listener.listen())
    await until(listener.connected.is_set)

    await _change(served, "UPDATE api_key SET revoked_at = now()")

    await asyncio.wait_for(listening, 6)
