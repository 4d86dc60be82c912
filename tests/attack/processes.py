"""The database and the serving processes of one attack: started, killed, started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx

from service.store.embedded import EmbeddedServer
from service.store.migrations import migrate
from tests.served import LOOPBACK, ROOT

PUSH_SECONDS = 1.0  # WEIYU_PUSH_TIMEOUT_S
LEASE_SECONDS = PUSH_SECONDS * 2 + 30  # as service.main has it
LOOK_SECONDS = 0.05
STOP_SECONDS = 25.0


class Database:
    """The embedded server of one data directory, in which this process has a share: only the axe ends it."""

    def __init__(self, data: Path) -> None:
        self._server = EmbeddedServer(data)
        self.url = ""
        self.times_killed = 0

    def start(self) -> None:
        self.url = self._server.start()
        migrate(self.url)

    def kill(self, children_too: bool) -> None:
        """Kill the postmaster; its processes die with it or, left alone, as soon as they notice."""
        self.times_killed += 1
        postmaster = self._postmaster()
        if postmaster is None:
            return
        children = _children_of(postmaster) if children_too else []
        for process in (postmaster, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def revive(self) -> None:
        """Start it again unless a serving process did so already."""
        self._server.start()

    def stop(self) -> None:
        """End it; should that fail, its processes are killed, so that nothing of the attack stays behind."""
        try:
            self._server.stop()
        except BaseException:
            self.kill(children_too=True)
            raise

    def _postmaster(self) -> int | None:
        """Its number, if that is a process of PostgreSQL: after a death another process may have the number."""
        try:
            noted = (self._server.place.cluster / "data/postmaster.pid").read_text("utf-8")
            process = int(noted.splitlines()[0])
            name = Path(f"/proc/{process}/comm").read_text("utf-8").strip()
        except (FileNotFoundError, IndexError):
            return None
        return process if name == "postgres" else None


class Server:
    """One `serve` process on the attack's database, started anew whenever it is down, as a supervisor would."""

    kind = "server"
    module: tuple[str, ...] = ("service.cli", "serve")

    def __init__(self, data: Path, port: int, database: Database) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.log = data.parent / f"{self.kind}-{port}.log"
        self.ready = False
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._database = database
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIYU_")} | {
            "WEIYU_DATA_DIR": str(data),
            "WEIYU_PORT": str(port),
            "WEIYU_PUSH_ALLOW": LOOPBACK,
            "WEIYU_PUSH_TIMEOUT_S": str(PUSH_SECONDS),
            "WEIYU_PUSH_VERIFY": "false",  # one of the departments has nobody who could agree
            **self.settings(),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._struck = False
        self._stopping = False
        self._database_deaths = 0

    def settings(self) -> dict[str, str]:
        return {"WEIYU_PUSH_WORKERS": "0"}

    @property
    def name(self) -> str:
        return self.log.stem

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._struck, self.ready = True, False
            self._process.kill()

    async def replace(self) -> None:
        """A graceful stop under load; the supervisor starts the next one."""
        assert self._process is not None
        old, deaths = self._process, self._database.times_killed
        self._struck, self.ready = True, False
        old.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(old.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
            old.kill()
        if code != 0 and deaths == self._database.times_killed:
            self.faults.append(f"{self.name} was asked to stop and ended with {code}")

    async def watch(self) -> None:
        """Keep it running until cancelled."""
        async with httpx.AsyncClient(base_url=self.base, timeout=2, trust_env=False) as client:
            while True:
                if self._process is None or self._process.poll() is not None:
                    self._note_death()
                    self._start()
                elif not self.ready and not self._struck:
                    self.ready = await self._says_ready(client) and not self._struck
                await asyncio.sleep(LOOK_SECONDS)

    def end(self, graceful: bool) -> None:
        """For good. Blocking; call after `watch` was cancelled."""
        if self._process is None:
            return
        if graceful:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self._process.kill()
        self._process.wait()
        if graceful and self._process.returncode != 0:
            self.faults.append(f"{self.name} was asked to stop at the end: {self._process.returncode}")

    def _start(self) -> None:
        self.ready = self._struck = False
        self._database_deaths = self._database.times_killed
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.module],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )  # fmt: skip
        self.counts["starts"] += 1

    def _note_death(self) -> None:
        if self._process is None or self._struck:
            return
        if not self.ready and self._database.times_killed > self._database_deaths:
            self.counts["gave up starting without a database"] += 1
        else:
            state = "ready" if self.ready else "starting"
            self.faults.append(f"{self.name} ended by itself while {state}: {self._process.returncode}")
        self.ready = False

    async def _says_ready(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


class Pusher(Server):
    """One `push` process; its number only names its log."""

    kind = "pusher"
    module = ("service.cli", "push")

    def settings(self) -> dict[str, str]:
        return {}

    def _start(self) -> None:
        self._said_before = self.log.stat().st_size if self.log.exists() else 0
        super()._start()

    async def _says_ready(self, client: httpx.AsyncClient) -> bool:
        return "发送进程已启动" in self.log.read_bytes()[self._said_before :].decode("utf-8", "replace")


async def until_ready(servers: Sequence[Server], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not all(server.ready for server in servers):
        if time.monotonic() > deadline:
            raise TimeoutError("not ready in time: " + " ".join(s.name for s in servers if not s.ready))
        await asyncio.sleep(LOOK_SECONDS)


def _children_of(parent: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text("utf-8").split()]
    except FileNotFoundError:
        return []
