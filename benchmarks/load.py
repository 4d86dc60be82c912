"""The load: a process of its own that speaks HTTP/1.1 over kept-alive connections and measures what it is answered.

`python -m benchmarks.load` reads one job as JSON from standard input and writes what it saw as JSON. Plain asyncio
protocols cost some 25 µs a request, a tenth of what the servers need; its own share of a core is told with the result.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

ID = "@" * 24  # stands for the report's id in a body file; every id is as long


@dataclass(frozen=True, slots=True)
class Job:
    """`bodies`: file with one JSON body a line and ID in it (POST); without it every request is the same."""

    port: int
    clients: int
    seconds: float
    path: str
    headers: dict[str, str]
    method: str = "GET"
    bodies: str | None = None
    offset: int = 0
    label: str = ""  # makes the ids of this run its own
    warm: float = 0.4  # seconds that are not counted
    follow: bool = False  # each client sends the tag it was answered last, as a dashboard does


@dataclass(frozen=True, slots=True)
class Seen:
    """What the clients saw; times in milliseconds. `client_share` of one core: near 1 the client was the limit."""

    per_second: float
    p50: float
    p99: float
    statuses: dict[str, int]
    client_share: float


def run(job: Job) -> Seen:
    """Run a job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load"]
    done = subprocess.run(
        command, input=json.dumps(asdict(job)), capture_output=True, text=True, check=True, timeout=job.seconds + 60
    )
    return Seen(**json.loads(done.stdout))


@dataclass(slots=True)
class _Run:
    """What all clients of a run share."""

    request: Callable[[], bytes]
    counted_from: float
    until: float
    open: int
    follow: bool = False
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    took: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    def answered(self, status: str, began: float, now: float) -> None:
        if self.counted_from <= now < self.until and status < "400":  # a refusal is quick and no work done
            self.took.append(now - began)
        self.statuses[status] += 1

    def left(self) -> None:
        self.open -= 1
        if not self.open:
            self.finished.set()


class _Client(asyncio.Protocol):
    """Asks, waits for the whole answer, asks again."""

    def __init__(self, shared: _Run) -> None:
        self._shared = shared
        self._got = b""
        self._tag = b""
        self._began = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask(time.perf_counter())

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        end = self._got.find(b"\r\n\r\n")
        if end < 0 or len(self._got) < end + 4 + _length(self._got[:end]):
            return
        now = time.perf_counter()
        self._shared.answered(self._got[9:12].decode(), self._began, now)
        if self._shared.follow:
            self._tag = _tag(self._got[:end]) or self._tag
        self._got = b""
        self._ask(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None or self._got:
            self._shared.statuses["broken"] += 1
        self._shared.left()

    def _ask(self, now: float) -> None:
        if now >= self._shared.until:
            self._transport.close()
            return
        self._began = now
        request = self._shared.request()
        self._transport.write(request[:-2] + b"if-none-match: " + self._tag + b"\r\n\r\n" if self._tag else request)


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


def _tag(head: bytes) -> bytes:
    at = head.lower().find(b"etag:")
    return b"" if at < 0 else head[at + 5 :].split(b"\r\n", 1)[0].strip()


def _requests(job: Job) -> Callable[[], bytes]:
    lines = [f"{job.method} {job.path} HTTP/1.1", "host: bench", *(f"{k}: {v}" for k, v in job.headers.items())]
    head = "\r\n".join(lines)
    if job.bodies is None:
        alone = f"{head}\r\n\r\n".encode()
        return lambda: alone
    parts = [_split(head, line) for line in Path(job.bodies).read_text("utf-8").splitlines()]
    number = job.offset - 1

    def request() -> bytes:
        nonlocal number
        number += 1
        before, after = parts[number % len(parts)]
        return before + f"{job.label}-{number:0{len(ID) - len(job.label) - 1}d}".encode() + after

    return request


def _split(head: str, line: str) -> tuple[bytes, bytes]:
    length = len(line.encode())
    before, after = line.split(ID)
    head = f"{head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    return (head + before).encode(), after.encode()


async def _drive(job: Job) -> Seen:
    request = _requests(job)
    loop, began, spent = asyncio.get_running_loop(), time.perf_counter(), time.process_time()
    shared = _Run(request, began + job.warm, began + job.warm + job.seconds, job.clients, job.follow)
    for _ in range(job.clients):
        await loop.create_connection(lambda: _Client(shared), "127.0.0.1", job.port)
    await asyncio.wait_for(shared.finished.wait(), job.seconds + job.warm + 30)
    share = (time.process_time() - spent) / (time.perf_counter() - began)
    took = sorted(shared.took) or [float("nan")]
    return Seen(
        per_second=len(shared.took) / job.seconds,
        p50=took[len(took) // 2] * 1e3,
        p99=took[int(len(took) * 0.99)] * 1e3,
        statuses=dict(shared.statuses),
        client_share=round(share, 3),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_drive(Job(**json.loads(sys.stdin.read())))))))
