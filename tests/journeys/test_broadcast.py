"""One reader for all streams: whoever is behind catches up, whoever is slow holds up nobody, a cut is survived."""

from __future__ import annotations

import asyncio
import itertools
import socket
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.test_stream import STREAM, Listener, different
from tests.served import Served, until

MANY = 4000  # events of some 2 kB: more than the sockets and the server's own buffer of one client hold
COPIES = """
WITH counter AS (UPDATE feed_counter SET seq = seq + %(many)s WHERE id = 1 RETURNING seq - %(many)s AS before)
INSERT INTO warning_event (seq, warning_id, revision, type, at, area, restricted, department_ids, note, body)
SELECT before + n, warning_id, 100 + n, type, at, area, restricted, department_ids, note, body
FROM warning_event, counter, generate_series(1, %(many)s) n WHERE warning_event.seq = 1
"""


async def _happened(served: Served, many: int) -> None:
    """Many more events of the first warning, told of once."""
    async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
        await connection.execute(COPIES, {"many": many})
        await connection.execute("SELECT pg_notify('weiyu_events', '')")


async def test_a_listener_behind_the_ring_catches_up_in_order_with_nothing_twice(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound, number in (("PRIMED_EVENTS", 2), ("RING_EVENTS", 3), ("GIVEN_AT_ONCE", 2), ("READ_AT_ONCE", 2)):
        monkeypatch.setattr(f"service.api.broadcast.{bound}", number)
    for number in range(9):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)
    listeners = [Listener(reader, after=after) for after in (0, 3, 7, 9)]
    tasks = [asyncio.create_task(listener.listen()) for listener in listeners]
    for number in range(9, 15):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)
    await until(lambda: all(listener.last == "15" for listener in listeners))

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [listener.numbers for listener in listeners] == [list(range(n + 1, 16)) for n in (0, 3, 7, 9)]


async def test_catching_up_ends_where_the_ring_begins_also_when_nothing_older_is_kept_any_more(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.broadcast.PRIMED_EVENTS", 2)
    for number in range(5):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)
    broadcast = served.app.state.parts.broadcast
    async with Listener(reader).listening():
        await until(lambda: broadcast.ring is not None)
        async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
            await connection.execute("DELETE FROM warning_event")

        assert await broadcast.behind(1) == ([], 3)
        assert await broadcast.behind(2) == ([], 3)
        assert [event.seq for event in broadcast.ring.after(3)] == [4, 5]


async def test_a_listener_that_does_not_read_holds_up_nobody_and_misses_nothing(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    key = await served.key(Scope.READ)
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", urlsplit(served.base).port))
        slow.sendall(f"GET {STREAM}?after=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n".encode())
        slow.setblocking(False)
        quick = Listener(served.client_with(key), after=0)
        async with quick.listening():
            await _happened(served, MANY)
            await until(lambda: len(quick.heard) == MANY + 1, 30)
        assert served.app.state.parts.broadcast.ring.start > 1000, "the slow one is behind the ring by now"

        numbers = await asyncio.wait_for(_numbers_until(slow, MANY + 1), 30)
    assert quick.numbers == list(range(1, MANY + 2))
    assert numbers == [0, *range(1, MANY + 2)]


async def _numbers_until(client: socket.socket, last: int) -> list[int]:
    """The ids of a raw stream, in the order in which they came."""
    loop, text = asyncio.get_running_loop(), b""
    while f"id: {last}\n".encode() not in text[-200:]:
        text += await loop.sock_recv(client, 1 << 16)
    return [int(line[4:]) for line in text.splitlines() if line.startswith(b"id: ")]


async def test_streams_outlive_a_cut_of_every_database_connection(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    listener = Listener(reader, after=0)
    async with listener.listening():
        ok(await reporter.post("/v1/incidents", json=different(1)), 201)
        await until(lambda: len(listener.heard) == 1)
        async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            )
        tries = itertools.count()

        async def reported() -> bool:
            next(tries)
            return (await reporter.post("/v1/incidents", json=different(2))).is_success

        await until(reported)
        await until(lambda: len(listener.heard) == 2)
    assert listener.numbers == [1, 2]


async def test_one_revoked_key_ends_its_own_streams_only(served: Served, reporter: httpx.AsyncClient) -> None:
    revoked, other = await served.key(Scope.READ), await served.key(Scope.READ)
    ending = [Listener(served.client_with(revoked)) for _ in range(3)]
    staying = Listener(served.client_with(other), after=0)
    tasks = [asyncio.create_task(listener.listen()) for listener in ending]
    await until(lambda: all(listener.connected.is_set() for listener in ending))
    async with staying.listening():
        async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
            await connection.execute("UPDATE api_key SET revoked_at = now() WHERE id = %s", [revoked.split("_")[1]])

        await asyncio.wait_for(asyncio.gather(*tasks), 6)
        ok(await reporter.post("/v1/incidents", json=different(1)), 201)
        await until(lambda: staying.heard)


async def test_nothing_is_read_while_nobody_listens_and_nothing_is_missed_by_it(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    broadcast = served.app.state.parts.broadcast
    assert broadcast.ring is None
    listener = Listener(reader)
    async with listener.listening():
        ok(await reporter.post("/v1/incidents", json=different(1)), 201)
        await until(lambda: listener.heard)
    await until(lambda: broadcast.ring is None)
    ok(await reporter.post("/v1/incidents", json=different(2)), 201)

    async with listener.listening():
        await until(lambda: len(listener.heard) == 2)
    assert listener.numbers == [1, 2]
