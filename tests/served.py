"""The real service on a real socket for one test: real database, real HTTP; only the clock may be set."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from service.domain.words import Scope
from service.main import Weiyu, create_app, now
from service.settings import Settings
from service.store import keys, reference
from service.store.engine import open_engine
from service.store.tables_service import AreaTable
from tests.makers import AREAS

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.0/8"


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


class Served:
    """A running service and clients for it."""

    def __init__(self, database_url: str, clock: Callable[[], datetime], settings: Settings) -> None:
        self.database_url = database_url
        self.clock = clock
        self.settings = settings
        self.app: Weiyu
        self._server: uvicorn.Server
        self._task: asyncio.Task[None]
        self._clients: list[httpx.AsyncClient] = []
        self.base = ""

    async def start(self) -> None:
        self.app = create_app(self.settings, self.database_url, self.clock)
        config = uvicorn.Config(
            self.app, "127.0.0.1", 0, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=5
        )
        self._server = uvicorn.Server(config)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._task = asyncio.create_task(self._server.serve([listening]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the service ended before it started")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        for client in self._clients:
            await client.aclose()
        self._clients.clear()
        self.app.stop_streams()
        self._server.should_exit = True
        await self._task

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def key(self, *scopes: Scope, area: str | None = None, **more: Any) -> str:
        """The text of a new key."""
        engine = open_engine(self.database_url, 2)
        async with engine.begin() as connection:
            made = await keys.create(connection, more.pop("name", "test"), scopes, area, **more)
        await engine.dispose()
        return made

    async def client(self, *scopes: Scope, area: str | None = None, **more: Any) -> httpx.AsyncClient:
        """A client with a new key that has these scopes."""
        return self.client_with(await self.key(*scopes, area=area, **more))

    def client_with(self, key: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.AsyncClient(base_url=self.base, headers=headers, timeout=30, trust_env=False)
        self._clients.append(client)
        return client


async def load_areas(database_url: str, areas: dict[str, str]) -> None:
    rows = [{"code": c, "name": n, "valid_from": date(2000, 1, 1), "valid_to": None} for c, n in areas.items()]
    engine = open_engine(database_url, 2)
    async with engine.begin() as connection:
        await reference.put(connection, AreaTable, rows, ("code", "valid_from"))
    await engine.dispose()


def settings_for(tmp: Path, **changes: Any) -> Settings:
    """The shipped rules and model, pushes to loopback allowed."""
    base: dict[str, Any] = {"data_dir": tmp, "models_dir": ROOT / "models", "push_allow": LOOPBACK}
    return Settings(**(base | changes))


@contextlib.asynccontextmanager
async def serving(
    database_url: str, tmp: Path, clock: Callable[[], datetime] = now, **changes: Any
) -> AsyncIterator[Served]:
    """A service with the test areas loaded, for as long as this lasts."""
    await load_areas(database_url, AREAS)
    served = Served(database_url, clock, settings_for(tmp, **changes))
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


async def until(true: Callable[[], Any], seconds: float = 10, every: float = 0.02) -> None:
    """Wait until something is true; fails when it does not come true in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (await found if asyncio.iscoroutine(found := true()) else found):
        assert asyncio.get_running_loop().time() < deadline, "did not come true in time"
        await asyncio.sleep(every)


def ids(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
