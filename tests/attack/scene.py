"""Everybody who takes part in one attack, and what they need before it begins."""

from __future__ import annotations

import asyncio
import random
import socket
from pathlib import Path
from typing import Any

import httpx

from service.domain.words import Scope
from service.store import keys
from service.store.engine import open_engine
from tests.attack.clients import RARE, Department, Events, Listener, Poller, Reporter, Told, new_client
from tests.attack.processes import Database, Pusher, Server
from tests.makers import AREAS, COUNTY
from tests.served import load_areas

REPORTERS = 8
SERVERS = PUSHERS = 2


class Scene:
    """Everybody who takes part in one attack."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.dice = dice
        self.database = Database(folder / "d")
        self.servers = [Server(folder / "d", free_port(), self.database) for _ in range(SERVERS)]
        self.pushers = [Pusher(folder / "d", 1 + number, self.database) for number in range(PUSHERS)]
        self.departments = [Department(dice.randrange(2**32)) for _ in range(2)]
        self.endpoints: list[str] = []  # of the departments, in order
        self.told = Told()
        self.pushed = asyncio.Event()
        self.reporters: list[Reporter] = []
        self.listener: Listener
        self.poller: Poller

    @property
    def processes(self) -> list[Server]:
        return [*self.servers, *self.pushers]

    @property
    def bases(self) -> list[str]:
        return [server.base for server in self.servers]

    async def furnish(self) -> None:
        """Areas, keys, departments with endpoints: over HTTP where there is a door for it."""
        await load_areas(self.database.url, AREAS)
        report, read, administer = await _keys(self.database.url)
        events = Events(self.dice)
        self.reporters = [Reporter(self.bases, report, events, self.told, self.dice) for _ in range(REPORTERS)]
        self.listener = Listener(self.bases, read, self.dice)
        self.poller = Poller(self.bases, read, self.dice)
        loop = asyncio.get_running_loop()
        async with new_client(administer) as client:
            for number, department in enumerate(self.departments):
                made = await self._office(client, f"单位 {number}", department.url, None)
                self.endpoints.append(made["id"])
                department.secrets.append(made["secret"])
                department.heard = lambda: loop.call_soon_threadsafe(self.pushed.set)
            # Nobody listens there: what this one is owed must end up visibly given up.
            await self._office(client, "失联单位", f"http://127.0.0.1:{free_port()}/hook", [RARE])
            order = {"levels": ["orange", "red"], "reason": "演练：不等核实即发出"}
            await self._made(client, "standing-orders", order)

    async def _office(
        self, client: httpx.AsyncClient, name: str, url: str, categories: list[str] | None
    ) -> dict[str, Any]:
        department = await self._made(client, "departments", {"name": name, "area": COUNTY})
        endpoint = await self._made(client, "endpoints", {"department_id": department["id"], "url": url})
        wish = {"department_id": department["id"], "categories": categories, "minimum_level": "blue"}
        await self._made(client, "subscriptions", wish)
        return endpoint

    async def _made(self, client: httpx.AsyncClient, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await client.post(f"{self.bases[0]}/v1/{kind}", json=body)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made


async def _keys(url: str) -> list[str]:
    engine = open_engine(url, 2)
    async with engine.begin() as connection:
        made = [
            await keys.create(connection, scope.value, [scope])
            for scope in (Scope.REPORT, Scope.READ, Scope.ADMINISTER)
        ]
    await engine.dispose()
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
