"""Pushes: from commit to first byte at the receiver, the drain beside a bare httpx loop, a dead endpoint's weight."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.bare_pushing import BODY
from benchmarks.ground import Database, Ground, serving
from benchmarks.results import ROOT, Row, middle, ratio_of_rounds
from service.delivery.signing import new_secret
from service.store import outbox
from service.store.engine import Beside, insert_all, insert_rows, new_id, open_engine
from service.store.tables_service import DepartmentTable, EndpointTable

ENDPOINTS, PUSHES, ROUNDS = 16, 2000, 3
IDLE, PAUSE = 200, 0.03  # single pushes, seconds between them
DEAD = 10_000  # pushes that wait for one dead endpoint
PATIENCE = 60.0  # seconds


def measure(ground: Ground) -> list[Row]:
    """All against one receiver process on this machine; pushes are made by `weiyu push`, a process of its own."""
    with serving(["-m", "benchmarks.catching"], "/seen") as receiver, _dead() as (refusing, hanging):
        url = f"http://127.0.0.1:{receiver.port}"
        return asyncio.run(_measure(ground.database("delivering"), url, (refusing, hanging)))


async def _measure(database: Database, url: str, dead: tuple[str, str]) -> list[Row]:
    engine = open_engine(database.url, 4)
    yard = Yard(engine, url)
    try:
        at = [await yard.endpoint(f"{url}/hook/{number}") for number in range(ENDPOINTS)]
        with _pusher(database):
            await yard.drain(await yard.owe(at, 64))  # it has started, and is warm
            idle = [await yard.one(at[0]) for _ in range(IDLE)]
        dead_ones = [await yard.endpoint(where) for where in dead]
        speeds, alone, burdened = list[float](), list[float](), list[float]()
        for number in range(ROUNDS):
            with _pusher(database):
                await yard.drain(await yard.owe(at, 64))
                alone.append(await yard.speed(at))
            speeds.append(max([await _bare(url, at_once) for at_once in (1, ENDPOINTS)]))
            burdens = dead_ones if number % 2 else dead_ones[::-1]
            burdened.append(middle([await _burdened(database, yard, at, one) for one in burdens]))
    finally:
        await engine.dispose()
    idle.sort()
    return [
        Row("push, commit to first byte, p50", middle(idle), 20, "ms", {"of": IDLE}),
        Row("push, commit to first byte, p99", idle[int(len(idle) * 0.99)], 200, "ms", {"most": round(idle[-1], 1)}),
        Row("drain beside a bare httpx loop", ratio_of_rounds(alone, speeds), 0.4, "of its speed, at least",
            {"pushes per second": [round(one) for one in alone], "bare": [round(one) for one in speeds]}),
        Row("drain beside 10,000 pushes for a dead endpoint", ratio_of_rounds(burdened, alone), 0.9,
            "of its speed, at least", {"pushes per second": [round(one) for one in burdened]}),
    ]  # fmt: skip


async def _burdened(database: Database, yard: Yard, at: list[UUID], dead: UUID) -> float:
    """The speed of the others while one endpoint is dead and is owed a great many pushes, all due before theirs."""
    await yard.owe([dead], DEAD, priority=0)
    with _pusher(database):
        await yard.drain(await yard.owe(at, 64))
        speed = await yard.speed(at)
    await yard.forget(dead)
    return speed


@dataclass(frozen=True, slots=True)
class Yard:
    """Endpoints at the receiver, and what they are owed."""

    engine: AsyncEngine
    receiver: str

    async def endpoint(self, url: str) -> UUID:
        now = datetime.now(UTC)
        owner = {"id": new_id(), "name": f"bench {new_id()}", "is_coordinator": False, "area": None, "created_at": now}
        row = {
            "id": new_id(), "department_id": owner["id"], "url": url, "secret": new_secret(), "state": "active",
            "disabled_reason": None, "created_at": now,
        }  # fmt: skip
        async with self.engine.begin() as connection:
            await insert_rows(connection, DepartmentTable, [owner])
            await insert_rows(connection, EndpointTable, [row])
        return UUID(str(row["id"]))

    async def owe(self, at: list[UUID], count: int, priority: int = 2) -> list[str]:
        now = datetime.now(UTC)
        rows = [_owed(at[number % len(at)], now, priority) for number in range(count)]
        async with self.engine.begin() as connection:
            await insert_all(connection, [outbox.owed(rows)], Beside(notify=(outbox.OUTBOX_CHANNEL,)))
        return [row["message_id"] for row in rows]

    async def forget(self, at: UUID) -> None:
        async with self.engine.begin() as connection:
            await connection.exec_driver_sql(f"DELETE FROM outbox WHERE endpoint_id = '{at}'")
            await connection.exec_driver_sql(f"DELETE FROM attempt WHERE endpoint_id = '{at}'")
            await connection.exec_driver_sql(
                f"UPDATE endpoint SET failures = 0, failing_since = NULL, paused_until = NULL WHERE id = '{at}'"
            )

    async def one(self, at: UUID) -> float:
        """Milliseconds from the moment before the commit to the first byte of a single push, nothing else going on."""
        await asyncio.sleep(PAUSE)
        row = _owed(at, datetime.now(UTC), 1)
        async with self.engine.begin() as connection:
            await insert_all(connection, [outbox.owed([row])], Beside(notify=(outbox.OUTBOX_CHANNEL,)))
            committing = time.monotonic()
        seen = await self.drain([row["message_id"]])
        return 1e3 * (seen[row["message_id"]] - committing)

    async def speed(self, at: list[UUID]) -> float:
        """Pushes per second, by the receiver's clock."""
        moments = sorted((await self.drain(await self.owe(at, PUSHES))).values())
        return (len(moments) - 1) / (moments[-1] - moments[0])

    async def drain(self, messages: list[str]) -> dict[str, float]:
        """When each of these arrived."""
        found: dict[str, float] = {}
        wanted, deadline = set(messages), time.monotonic() + PATIENCE
        while not wanted <= found.keys():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(wanted - found.keys())} of {len(wanted)} pushes did not arrive")
            await asyncio.sleep(min(0.5, len(messages) / 4000))
            found |= await asyncio.to_thread(_seen, self.receiver)
        return {message: found[message] for message in messages}


def _owed(at: UUID, now: datetime, priority: int) -> dict[str, Any]:
    return {
        "id": new_id(), "warning_id": new_id(), "revision": 1, "endpoint_id": at, "message_id": f"msg_{new_id().hex}",
        "body": BODY, "state": "pending", "priority": priority, "attempts": 0, "due_at": now, "lease_token": None,
        "last_status": None, "last_error": None, "why": "bench", "created_at": now, "done_at": None,
    }  # fmt: skip


def _seen(receiver: str) -> dict[str, float]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{receiver}/seen", timeout=5) as answer:
        seen: dict[str, float] = json.loads(answer.read())
        return seen


async def _bare(url: str, at_once: int) -> float:
    command = [sys.executable, "-m", "benchmarks.bare_pushing", f"{url}/bare", str(PUSHES), str(at_once)]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    await asyncio.to_thread(_seen, url)
    return float(done.stdout)


@contextlib.contextmanager
def _pusher(database: Database) -> Iterator[None]:
    """`weiyu push` as it is run in earnest, with loopback allowed."""
    environment = {"WEIYU_DATABASE_URL": database.url, "WEIYU_PUSH_ALLOW": "127.0.0.0/8"}
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "push"], env={**os.environ, **environment}, cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


@contextlib.contextmanager
def _dead() -> Iterator[tuple[str, str]]:
    """One address where nobody listens, and one where connections are taken and nothing is ever answered."""
    with socket.socket() as closed, socket.socket() as silent:
        closed.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen(512)
        refusing, hanging = (f"http://127.0.0.1:{each.getsockname()[1]}/" for each in (closed, silent))
        yield refusing, hanging
