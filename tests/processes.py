"""The real commands as processes: servers and pushers on one database, asked to stop, killed, replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import httpx

from tests.served import LOOPBACK, ROOT

P = TypeVar("P", bound="Process")
READY_SECONDS = 60.0  # the machine may be busy
STOP_SECONDS = 25.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """One `weiyu …` process on a database; its log is a file."""

    def __init__(self, words: str, database_url: str, log: Path, **settings: str) -> None:
        self.log = log
        own = {name: value for name, value in os.environ.items() if not name.startswith("WEIYU_")}
        given = {f"WEIYU_{name.upper()}": value for name, value in settings.items()}
        fixed = {"WEIYU_DATABASE_URL": database_url, "WEIYU_PUSH_ALLOW": LOOPBACK, "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", *words.split()], cwd=ROOT, env=own | fixed | given,
                stdout=out, stderr=out,
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    async def stop(self) -> int:
        """Ask it to stop; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, STOP_SECONDS)

    def end(self) -> None:
        """For good, whatever it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def alive(self) -> None:
        assert self._process.poll() is None, self.text[-3000:]

    async def says(self, words: str) -> None:
        """Wait until its log holds these words."""
        deadline = time.monotonic() + READY_SECONDS
        while words not in self.text:
            self.alive()
            assert time.monotonic() < deadline, f"never said {words}: {self.text[-3000:]}"
            await asyncio.sleep(0.05)


class ServerProcess(Process):
    """`weiyu serve` on a port of its own."""

    def __init__(self, database_url: str, log: Path, **settings: str) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        super().__init__("serve", database_url, log, port=str(self.port), **settings)

    async def ready(self) -> ServerProcess:
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{self.base}/readyz")).status_code == 200:
                        return self
                self.alive()
                assert time.monotonic() < deadline, f"not ready in time: {self.text[-3000:]}"
                await asyncio.sleep(0.05)


class Fleet:
    """All processes of one test; none outlives it."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.database_url, self._folder = database_url, folder
        self._all: list[Process] = []

    def server(self, **settings: str) -> ServerProcess:
        return self._kept(ServerProcess(self.database_url, self._log("serve"), **settings))

    def pusher(self, **settings: str) -> Process:
        return self._kept(Process("push", self.database_url, self._log("push"), **settings))

    async def servers(self, count: int, **settings: str) -> list[ServerProcess]:
        """So many servers that are ready."""
        started = [self.server(**settings) for _ in range(count)]
        return [await server.ready() for server in started]

    def _kept(self, process: P) -> P:
        self._all.append(process)
        return process

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}-{len(self._all)}.log"

    def end(self) -> None:
        for process in self._all:
            process.end()


@contextlib.contextmanager
def fleet(database_url: str, folder: Path) -> Iterator[Fleet]:
    """Processes on a database, ended when this ends."""
    running = Fleet(database_url, folder)
    try:
        yield running
    finally:
        running.end()
