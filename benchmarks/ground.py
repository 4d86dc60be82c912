"""What everything is measured on: a cluster in its own folder, furnished databases, simulated reports, servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from benchmarks.load import ID
from benchmarks.results import ROOT
from service.domain.levels import Level
from service.domain.words import Scope
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.parameters import SimulationParameters
from service.store import keys, reference
from service.store.embedded import EmbeddedServer
from service.store.engine import new_id, open_engine
from service.store.migrations import migrate
from service.store.tables_service import (
    AreaTable,
    DepartmentTable,
    EndpointTable,
    ResponsibilityTable,
    SubscriptionTable,
)

SEED = 11
COUNTIES, DAYS = 12, 160  # some 35,000 reports of 13,000 matters: more than any run sends
SYSTEM = "bench"
PATIENCE = 30.0  # seconds a server may take to answer


@dataclass(frozen=True, slots=True)
class Database:
    """A furnished database and the text of a key that may report and read in it."""

    url: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


@dataclass(slots=True)
class Ground:
    """The running cluster; every database is a clone of one furnished template."""

    folder: Path
    cluster_url: str
    key: str
    bodies: Path  # one simulated report a line, with ID where its id belongs

    def database(self, name: str, template: str = "furnished") -> Database:
        with psycopg.connect(self.cluster_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return Database(named(self.cluster_url, name), self.key)


@contextlib.contextmanager
def prepared(keep: Path | None = None) -> Iterator[Ground]:
    """Everything that the measurements share; gone afterwards, but in the folder `keep` it stays for the next time.

    On the disk, with fsync: that is what a commit costs.
    """
    folder = keep or Path(tempfile.mkdtemp(prefix="weiyu-bench-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)  # run as root, the server's own account must get through
    try:
        with EmbeddedServer(folder / "data") as server:
            lived = [simulate(_district(n), SEED, datetime(2026, 3, 1, tzinfo=UTC), DAYS) for n in range(COUNTIES)]
            bodies = folder / "bodies.jsonl"
            bodies.write_text("\n".join(_bodies(lived)), "utf-8")
            key = folder / "key"
            if not key.exists():
                with psycopg.connect(server.url, autocommit=True) as connection:
                    connection.execute("CREATE DATABASE furnished")
                url = named(server.url, "furnished")
                migrate(url)
                key.write_text(asyncio.run(_furnish(url, lived)), "utf-8")
            yield Ground(folder, server.url, key.read_text("utf-8"), bodies)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def reports(bodies: Path, count: int, label: str) -> list[dict[str, Any]]:
    """The first `count` simulated reports with ids of their own."""
    lines = bodies.read_text("utf-8").splitlines()
    return [json.loads(lines[n % len(lines)].replace(ID, f"{label}-{n}")) for n in range(count)]


@dataclass(frozen=True, slots=True)
class Server:
    """A server process that answers."""

    port: int
    pid: int
    ready_after: float  # seconds from its start to its first good answer

    @property
    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def processor_seconds(self) -> float:
        return processor_seconds(self.pid)


def processor_seconds(pid: int) -> float:
    """What a process has used of any core."""
    ticks = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serving(command: Sequence[str], path: str, **environment: str) -> Iterator[Server]:
    """A server started with `PORT` in its environment, from when it answers `path` until this ends."""
    port, began = free_port(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment, "PORT": str(port)},
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        _await_answer(process, f"http://127.0.0.1:{port}{path}", began + PATIENCE)
        yield Server(port, process.pid, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def weiyu(database: Database, **environment: str) -> Iterator[Server]:
    """`weiyu serve` as it is run in earnest; what is owed is queued, and pushed by nobody."""
    command = ["-m", "service.cli", "serve"]
    given = {"WEIYU_DATABASE_URL": database.url, "WEIYU_PUSH_WORKERS": "0", **environment}
    with serving(command, "/readyz", **given) as server:
        yield server


def _await_answer(process: subprocess.Popen[bytes], url: str, until: float) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.perf_counter() < until:
        if process.poll() is not None:
            _, said = process.communicate()
            raise RuntimeError(f"the server ended before it answered:\n{said.decode(errors='replace')[-2000:]}")
        try:
            direct.open(url, timeout=2).close()
        except urllib.error.HTTPError:  # it answers: whether this path exists matters not
            return
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise TimeoutError(f"{url} does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def named(url: str, database: str) -> str:
    """The address of another database of the same cluster."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def _district(number: int) -> SimulationParameters:
    return replace(SimulationParameters(), county=f"{990101 + number}", name=f"示例{number + 1}区（虚构）")


def _bodies(lived: list[SimulatedDistrict]) -> Iterator[str]:
    """Reports of all counties in the order they came in; all of them as if they had happened in the last hours."""
    told = sorted((r for district in lived for r in district.stream), key=lambda report: report.received_at)
    newest = datetime.now(UTC) - timedelta(minutes=1)
    for number, report in enumerate(told):
        happened = newest - timedelta(hours=5) * (1 - number / len(told))
        body = report.body | {"id": ID, "occurred_at": happened.isoformat(timespec="seconds")}
        yield json.dumps({name: value for name, value in body.items() if value is not None}, ensure_ascii=False)


async def _furnish(url: str, lived: list[SimulatedDistrict]) -> str:
    """Areas, departments with addresses, who answers for what, who hears what, and a key."""
    now = datetime.now(UTC)
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in ("area", "department", "duty", "hears", "endpoint")}
    for district in lived:
        _add(made, district, now)
    engine = open_engine(url, 2)
    async with engine.begin() as connection:
        await reference.put(connection, AreaTable, made["area"], ("code", "valid_from"))
        await reference.put(connection, DepartmentTable, made["department"], ("id",))
        await reference.put(connection, ResponsibilityTable, made["duty"], ("area", "category"))
        await reference.put(connection, SubscriptionTable, made["hears"], ("id",))
        await reference.put(connection, EndpointTable, made["endpoint"], ("id",))
        key = await keys.create(connection, SYSTEM, [Scope.REPORT, Scope.READ])
    await engine.dispose()
    return key


def _add(made: dict[str, list[dict[str, Any]]], district: SimulatedDistrict, now: datetime) -> None:
    county = district.areas[0][0]
    made["area"] += [
        {"code": code, "name": name, "valid_from": date(2000, 1, 1), "valid_to": None} for code, name in district.areas
    ]
    for department in district.departments:
        row_id = new_id()
        made["department"].append(
            {"id": row_id, "name": department.name, "is_coordinator": False, "area": county, "created_at": now}
        )
        made["duty"] += [
            {"id": new_id(), "area": county, "category": category, "lead_id": row_id, "participant_ids": [],
             "source": "bench"}
            for category in department.categories
        ]  # fmt: skip
        made["hears"].append(
            {"id": new_id(), "department_id": row_id, "area": county, "categories": list(department.categories),
             "minimum_level": Level.BLUE, "created_at": now}
        )  # fmt: skip
        made["endpoint"].append(
            {"id": new_id(), "department_id": row_id, "url": "http://127.0.0.1:9/hook", "secret": "whsec_bench",
             "state": "active", "disabled_reason": None, "created_at": now}
        )  # fmt: skip
