"""Several servers and several pushers on one database, as real processes: nothing lost, nothing twice, one order."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from service.store import keys
from service.store.engine import open_engine
from tests.journeys.conftest import ok
from tests.journeys.test_real_messages import EVERYWHERE, MESSAGES, areas, messages
from tests.journeys.test_stream import Listener, different
from tests.makers import AREAS, COUNTY, OTHER_VILLAGE, VILLAGE, report
from tests.processes import Fleet, Process, ServerProcess, fleet
from tests.receiver import Receiver
from tests.served import load_areas, until

ALL_AT_ONCE = 2000
TICK_SECONDS = 5 * 0.9  # issue_overdue, as the scheduler leases it


@dataclass
class Town:
    """Everything on one database: processes, keys by scope, a department that hears all."""

    fleet: Fleet
    receiver: Receiver
    keys: dict[Scope, str] = field(default_factory=dict)

    def client(self, scope: Scope, server: ServerProcess) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.keys[scope]}"}
        return httpx.AsyncClient(base_url=server.base, headers=headers, timeout=60, trust_env=False)

    def number(self, question: str) -> int:
        with psycopg.connect(self.fleet.database_url, autocommit=True) as connection:
            row = connection.execute(question).fetchone()
        return int(row[0]) if row else 0

    def numbers(self, question: str) -> list[int]:
        with psycopg.connect(self.fleet.database_url, autocommit=True) as connection:
            return [row[0] for row in connection.execute(question)]

    async def pushed(self, seconds: float = 120) -> None:
        await until(lambda: self.number("SELECT count(*) FROM outbox WHERE state = 'pending'") == 0, seconds, 0.2)


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    with Receiver() as receiver, fleet(database_url, tmp_path) as processes:
        await load_areas(database_url, AREAS)
        town = Town(processes, receiver)
        engine = open_engine(database_url, 2)
        async with engine.begin() as connection:
            for scope in (Scope.REPORT, Scope.READ, Scope.ADMINISTER):
                town.keys[scope] = await keys.create(connection, scope.value, [scope])
        await engine.dispose()
        yield town


async def subscribe(town: Town, server: ServerProcess, area: str) -> None:
    """A coordinating office that hears everything at once, orange and red too: its area covers all, also the small."""
    made = {"name": "综治中心", "is_coordinator": True, "area": area}
    async with town.client(Scope.ADMINISTER, server) as admin:
        office = ok(await admin.post("/v1/departments", json=made), 201)
        endpoint = {"department_id": office["id"], "url": town.receiver.url}
        town.receiver.secrets.append(ok(await admin.post("/v1/endpoints", json=endpoint), 201)["secret"])
        wish = {"department_id": office["id"], "minimum_level": "blue"}
        ok(await admin.post("/v1/subscriptions", json=wish), 201)
        ok(await admin.post("/v1/standing-orders", json={"levels": ["orange", "red"], "reason": "演练"}), 201)
    engine = open_engine(town.fleet.database_url, 2)
    async with engine.begin() as connection:  # small matters are told to few: only this office sees all of them
        town.keys[Scope.READ] = await keys.create(connection, "大屏", [Scope.READ], department_id=UUID(office["id"]))
    await engine.dispose()


# ---- split over two servers, read at both


@dataclass
class Poller:
    """Follows the feed by its cursor, at each server in turn."""

    clients: Sequence[httpx.AsyncClient]
    seen: list[int] = field(default_factory=list)
    latest: dict[str, int] = field(default_factory=dict)

    async def follow(self) -> None:
        for client in itertools.cycle(self.clients):
            page = ok(await client.get("/v1/warnings", params={"after": self.seen[-1] if self.seen else 0}))
            self.seen += [item["seq"] for item in page["items"]]
            self.latest |= {item["id"]: item["seq"] for item in page["items"]}
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def following(poller: Poller) -> AsyncIterator[None]:
    task = asyncio.create_task(poller.follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send_split(clients: Sequence[httpx.AsyncClient], bodies: list[dict[str, Any]], size: int) -> Counter[str]:
    """Every second batch to the other server, both at once."""
    batches = [bodies[start : start + size] for start in range(0, len(bodies), size)]

    async def send(client: httpx.AsyncClient, mine: list[list[dict[str, Any]]]) -> Counter[str]:
        statuses: Counter[str] = Counter()
        for batch in mine:
            answer = ok(await client.post("/v1/incidents:batch", json={"items": batch}, timeout=120))
            statuses.update(item["status"] for item in answer["items"])
        return statuses

    told = await asyncio.gather(*(send(client, batches[place::2]) for place, client in enumerate(clients)))
    return sum(told, Counter())


async def ticks_run(clients: Sequence[httpx.AsyncClient]) -> float:
    """How often all processes together ran a tick that is to run once per database."""
    texts = [(await client.get("/metrics")).text.splitlines() for client in clients]
    wanted = 'weiyu_ticks_total{result="run",tick="issue_overdue"}'
    return sum(float(line.split()[-1]) for lines in texts for line in lines if line.startswith(wanted))


async def split_over_two_servers_and_two_pushers(
    town: Town, bodies: list[dict[str, Any]], size: int, area: str
) -> Counter[str]:
    began = time.monotonic()
    servers = await town.fleet.servers(2, push_workers="0", late_hours=str(24 * 365 * 20))
    pushers = [town.fleet.pusher() for _ in range(2)]
    await subscribe(town, servers[0], area)
    async with contextlib.AsyncExitStack() as stack:
        reports = [await stack.enter_async_context(town.client(Scope.REPORT, server)) for server in servers]
        readers = [await stack.enter_async_context(town.client(Scope.READ, server)) for server in servers]
        poller, listener = Poller(readers), Listener(readers[1], after=0)
        await stack.enter_async_context(following(poller))
        await stack.enter_async_context(listener.listening())
        told = await send_split(reports, bodies, size)
        written = town.numbers("SELECT max(seq) FROM warning_event")[0]  # the clock may add more meanwhile
        await until(lambda: min([listener.numbers[-1:], poller.seen[-1:]]) >= [written], 60)
        took_ticks, lived = await ticks_run(readers), time.monotonic() - began
    assert [await server.stop() for server in servers] == [0, 0]
    await town.pushed()
    _every_event_once_in_order(town, listener, poller)
    _every_push_once(town)
    assert took_ticks <= lived / TICK_SECONDS + 1, "a tick ran in both processes"
    assert [await pusher.stop() for pusher in pushers] == [0, 0]
    assert sum(_delivered_by(pusher) for pusher in pushers) == len(town.receiver.ids)
    return told


def _every_event_once_in_order(town: Town, listener: Listener, poller: Poller) -> None:
    """As far as each got: the listener every event, the poller each warning at its latest."""
    written = town.numbers("SELECT seq FROM warning_event ORDER BY seq")
    assert written == list(range(1, len(written) + 1))
    assert listener.numbers == written[: len(listener.numbers)]
    assert poller.seen == sorted(set(poller.seen)), "numbers only grow"
    settled = town.numbers(f"SELECT seq FROM warning WHERE seq <= {poller.seen[-1]} ORDER BY seq")
    assert set(settled) <= set(poller.latest.values())
    assert len(poller.latest) == town.number("SELECT count(*) FROM warning")


def _every_push_once(town: Town) -> None:
    """Nobody died, so at least once is exactly once."""
    owed = town.number("SELECT count(*) FROM outbox")
    assert town.number("SELECT count(*) FROM outbox WHERE state = 'delivered' AND attempts = 1") == owed > 0
    assert town.receiver.refused == 0
    assert len(town.receiver.tried) == len(set(town.receiver.tried)) == owed
    revisions = Counter((body["data"]["id"], body["data"]["revision"]) for body in town.receiver.got)
    assert set(revisions.values()) == {1}


def _delivered_by(pusher: Process) -> int:
    return int(pusher.text.rsplit("送达 ", 1)[1].split("，")[0])


def matters_told_often(count: int) -> list[dict[str, Any]]:
    """Simulated: each matter is told by four systems in the same words, its head-count doubles half-way."""
    numbered = ((number, number // 4) for number in range(count))
    return [
        different(matter, people_affected=12 * (1 + number % 4 // 2)) | {"id": f"many-{number}"}
        for number, matter in numbered
    ]


async def test_reports_split_over_two_servers_are_read_and_pushed_once(town: Town) -> None:
    told = await split_over_two_servers_and_two_pushers(town, matters_told_often(400), 10, COUNTY)

    assert told == {"created": 400}
    assert town.number("SELECT count(*) FROM matter") == 100
    assert town.number("SELECT count(*) FROM warning_event") > 100


@pytest.mark.skipif(not MESSAGES.exists(), reason="skipped: data not present")
async def test_real_messages_split_over_two_servers_are_read_and_pushed_once(town: Town) -> None:
    await load_areas(town.fleet.database_url, areas())

    told = await split_over_two_servers_and_two_pushers(town, messages(), 250, EVERYWHERE)

    assert told["created"] + told["invalid"] == len(messages()) == 4326
    assert town.number("SELECT count(*) FROM incident") == told["created"]


# ---- one event, told two thousand times


async def _post(server: ServerProcess, key: str, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    """One report on a connection of its own: status, headers, body. A client library's pool is slow with so many."""
    content = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"POST /v1/incidents HTTP/1.1\r\nHost: {server.base[7:]}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    reading, writing = await asyncio.open_connection("127.0.0.1", server.port)
    writing.write(head.encode() + content)
    answer = await reading.read()
    writing.close()
    top, _, bottom = answer.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, json.loads(bottom)


async def _until_taken(server: ServerProcess, key: str, body: dict[str, Any], told: Counter[int]) -> str:
    """Sent until it is taken; 503 says after how many seconds to come again. Gives the matter's id."""
    while True:
        status, headers, answer = await _post(server, key, body)
        told[status] += 1
        if status == 201:
            matter: str = answer["matter_id"]
            return matter
        assert status == 503, answer
        await asyncio.sleep(float(headers["retry-after"]))


async def test_two_thousand_at_once_over_two_servers_are_one_matter(town: Town) -> None:
    servers = await town.fleet.servers(2, push_workers="0", waiting_limit="400")  # so that some are asked to come again
    key, told = town.keys[Scope.REPORT], Counter[int]()
    crowd = [report(id=f"crowd-{number}") for number in range(ALL_AT_ONCE)]
    sent = (_until_taken(servers[place % 2], key, body, told) for place, body in enumerate(crowd))
    matters = await asyncio.gather(*sent)

    assert len(set(matters)) == 1
    assert told[201] == ALL_AT_ONCE
    assert told.keys() <= {201, 503}
    assert town.number("SELECT count(*) FROM incident") == ALL_AT_ONCE
    assert town.numbers("SELECT report_count FROM matter") == [ALL_AT_ONCE]


# ---- replaced one by one while clients keep sending


@dataclass
class Rolling:
    """Which servers there are now; a client goes to another when one does not answer."""

    servers: list[ServerProcess]
    answered: dict[str, str] = field(default_factory=dict)  # report → matter
    refusals: Counter[int] = field(default_factory=Counter)
    stopped: bool = False

    async def send(self, client: httpx.AsyncClient, name: str) -> None:
        body = report(id=name, area=VILLAGE if hash(name) % 2 else OTHER_VILLAGE)
        for turn in itertools.count():
            base = self.servers[turn % len(self.servers)].base
            try:
                response = await client.post(f"{base}/v1/incidents", json=body)
            except httpx.TransportError:  # it stops or is gone: the same report to the other
                await asyncio.sleep(0.02)
                continue
            if response.is_success:
                self.answered[name] = response.json()["matter_id"]
                return
            self.refusals[response.status_code] += 1
            assert response.status_code == 503, response.text
            assert "retry-after" in response.headers
            await asyncio.sleep(0.1)

    async def keep_sending(self, client: httpx.AsyncClient, label: int) -> int:
        names = (f"rolling-{label}-{number}" for number in itertools.count())
        return await self._until_stopped(client, names)

    async def _until_stopped(self, client: httpx.AsyncClient, names: Iterator[str]) -> int:
        sent = 0
        while not self.stopped:
            await self.send(client, next(names))
            sent += 1
        return sent


async def test_servers_replaced_one_by_one_under_load_lose_nothing(town: Town) -> None:
    rolling = Rolling(await town.fleet.servers(2, push_workers="0"))
    headers = {"Authorization": f"Bearer {town.keys[Scope.REPORT]}"}
    async with httpx.AsyncClient(headers=headers, timeout=30, trust_env=False) as client:
        senders = [asyncio.create_task(rolling.keep_sending(client, label)) for label in range(8)]
        for old in list(rolling.servers):
            place, before = rolling.servers.index(old), len(rolling.answered)
            stopping = asyncio.create_task(old.stop())
            rolling.servers[place] = await town.fleet.server(push_workers="0").ready()
            assert await stopping == 0, old.text[-3000:]
            assert len(rolling.answered) > before, "nobody was answered meanwhile"
        rolling.stopped = True
        sent = sum(await asyncio.gather(*senders))

    assert len(rolling.answered) == sent > 0
    assert town.number("SELECT count(*) FROM incident") == sent
    assert rolling.refusals.keys() <= {503}


# ---- pushers that stop and that die


async def test_a_pusher_that_stops_lets_its_pushes_finish_and_the_next_pushes_the_rest(town: Town) -> None:
    [server] = await town.fleet.servers(1, push_workers="0")
    await subscribe(town, server, COUNTY)
    async with town.client(Scope.REPORT, server) as client:
        await send_split([client, client], matters_told_often(120), size=60)
    assert not town.receiver.tried, "a server with no push workers pushed"
    owed = town.number("SELECT count(*) FROM outbox")
    town.receiver.gate.clear()
    first = town.fleet.pusher()
    await until(lambda: town.receiver.open == 4, 30)  # as many as one endpoint gets at once
    stopping = asyncio.create_task(first.stop())
    await asyncio.sleep(0.3)
    town.receiver.gate.set()
    assert await stopping == 0
    assert _delivered_by(first) == len(town.receiver.ids) < owed
    assert town.number("SELECT count(*) FROM outbox WHERE lease_token IS NOT NULL") == 0

    town.fleet.pusher()
    await town.pushed(30)
    assert len(town.receiver.tried) == len(set(town.receiver.ids)) == owed
