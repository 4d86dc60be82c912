"""Every statement of the service on a grown database, explained while the service itself makes it; docs/plans.md."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn

from benchmarks.explaining import Explained, Recorder, recording, sequential_scans, short, sizes_of
from benchmarks.ground import Database, Ground, reports
from benchmarks.results import ROOT
from service.domain.words import Scope
from service.main import create_app
from service.settings import Settings
from service.store import keys
from service.store.engine import open_engine
from service.workflows.clocks import issue_overdue, remind_overdue
from service.workflows.escalating import escalate_overdue
from service.workflows.files.export_matters import export_matters
from service.workflows.months import make_months
from service.workflows.together import warn_together

PAGE = ROOT / "docs" / "plans.md"
TIMES = 8  # PostgreSQL may take a plan made for any parameters from the sixth run of a statement on


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen: each statement by the function that makes it, and whole reads by the server's own count."""

    seen: dict[tuple[str, str], Explained]
    whole: dict[str, int]

    @property
    def faults(self) -> list[str]:
        said = [
            f"{name} reads {', '.join(sorted(one.scans))} whole" for (name, _), one in self.seen.items() if one.scans
        ]
        return said + [f"the server counted {count} whole reads of {table}" for table, count in self.whole.items()]


def explained(database: Database, ground: Ground) -> Found:
    """Run through everything that the service is asked in earnest."""
    sizes = sizes_of(database.url)
    before = sequential_scans(database.url, sizes)
    with recording(sizes) as recorder:
        asyncio.run(_live(database, ground, recorder))
    after = sequential_scans(database.url, sizes)
    return Found(recorder.seen, {table: n for table in after if (n := after[table] - before.get(table, 0))})


def write(found: Found, incidents: int) -> None:
    """docs/plans.md, the statements in the order of their blocks."""
    PAGE.write_text("\n".join(_page(found, incidents)) + "\n", "utf-8")


async def _live(database: Database, ground: Ground, recorder: Recorder) -> None:
    async with _served(database) as (app, client):
        began, recorder.on = int(time.time()), True
        for number in range(TIMES):
            await _report(client, reports(ground.bodies, 70, f"plan-{began:x}-{number}"))
            await _read(client, database)
        await _act(client, database)
        parts = app.state.parts
        now = datetime.now(UTC)
        for days in (0, 2, 9):
            await issue_overdue(parts.doors, parts.engines, now + timedelta(days=days))
            await remind_overdue(parts.doors, parts.engines, now + timedelta(days=days))
            await escalate_overdue(parts.doors, parts.engines, now + timedelta(days=days))
        await warn_together(parts.doors, parts.engines, now)
        await make_months(parts.doors, now)
        await _export(parts.doors, parts.engines, now)
        await asyncio.sleep(1)  # pushes are claimed, tried in vain and put off
        recorder.on = False


@contextlib.asynccontextmanager
async def _served(database: Database) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    """The service on a socket in this process, and a client with a key that may do everything."""
    app = create_app(Settings(push_workers=4, push_allow="127.0.0.0/8"), database.url)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
    task = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.02)
    headers = {"authorization": f"Bearer {await _key(database)}"}
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        yield app, client
    app.stop_streams()
    server.should_exit = True
    await task


async def _key(database: Database) -> str:
    engine = open_engine(database.url, 1)
    async with engine.begin() as connection:
        department = _asked(database, "SELECT department_id FROM duty ORDER BY warning_id DESC LIMIT 1")
        made = await keys.create(connection, "bench", list(Scope), department_id=department)
    await engine.dispose()
    return made


async def _report(client: httpx.AsyncClient, bodies: list[dict[str, Any]]) -> None:
    """One, the same again, one that names its matter, many at once, many that are only looked at."""
    first = await _ok(client.post("/v1/incidents", json=bodies[0]))
    await _ok(client.post("/v1/incidents", json=bodies[0]))
    await _ok(client.post("/v1/incidents", json=bodies[1] | {"matter_id": first["matter_id"]}))
    await _ok(client.post("/v1/incidents:batch", json={"items": bodies[2:64]}))
    await _ok(client.post("/v1/incidents:batch", json={"items": bodies[2:40]}))
    again = {"report": bodies[0] | {"text": bodies[0]["text"] + "（更正）"}, "note": "更正"}
    await _ok(client.post(f"/v1/incidents/{bodies[0]['id']}/revisions", json=again))
    await _ok(client.post(f"/v1/incidents/{bodies[3]['id']}/withdraw", json={"note": "误报"}))


async def _read(client: httpx.AsyncClient, database: Database) -> None:
    """Reads of what is new and of what is years old."""
    old = _asked(database, "SELECT client_id FROM incident ORDER BY id LIMIT 1 OFFSET 5000")
    head = _asked(database, "SELECT seq FROM feed_counter")
    matter = _asked(database, "SELECT id FROM matter WHERE level IS NOT NULL ORDER BY id LIMIT 1 OFFSET 3000")
    warning = _asked(database, "SELECT id FROM warning ORDER BY seq DESC LIMIT 1")
    heard = _asked(database, _HEARD)
    department = _asked(database, "SELECT department_id FROM duty ORDER BY warning_id DESC LIMIT 1")
    month = f"{datetime.now(UTC):%Y-%m}"
    for path in (
        f"/v1/incidents/{old}", f"/v1/incidents/{old}/revisions",
        f"/v1/warnings?after={head - 60}", "/v1/warnings?after=0&level=orange",
        "/v1/warnings?after=0&area=990101000000",
        f"/v1/warnings/{warning}", f"/v1/warnings/{warning}/why", f"/v1/warnings/{warning}/timeline",
        f"/v1/departments/{department}/delivery-statement?month={month}",
        "/v1/matters", "/v1/matters?status=open&area=990101000000", "/v1/matters?level=red",
        "/v1/matters?category=labour",
        f"/v1/matters/{matter}", f"/v1/matters/{matter}/incidents", f"/v1/matters/{matter}/history",
        f"/v1/matters/{matter}/why", "/v1/outbox/given-up", "/metrics",
        "/v1/warnings.atom", f"/v1/warnings.atom?before={head - 500}&level=orange", "/v1/warnings.json?category=labour",
        f"/v1/warnings.cloudevents?after={head - 60}", f"/v1/warnings/{heard}.cap", "/api/v2/alerts",
    ):  # fmt: skip
        await _ok(client.get(path))
    async with client.stream("GET", f"/v1/warnings/stream?after={head - 20}") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("id:") and int(line[3:]) >= head:
                break


_HEARD = """SELECT warning_id FROM warning_event WHERE type = 'issued' AND NOT restricted ORDER BY seq DESC LIMIT 1"""


async def _act(client: httpx.AsyncClient, database: Database) -> None:
    """What departments do with warnings and matters."""
    open_matters = (
        "SELECT id FROM matter WHERE status = 'open' AND county = '990101' ORDER BY id DESC LIMIT 1 OFFSET {}"
    )
    into, other, crowd = (_asked(database, open_matters.format(n)) for n in (3, 9, 20))
    await _ok(client.post(f"/v1/matters/{into}/merge", json={"matter_ids": [str(other)]}))
    moved = _asked(database, f"SELECT id FROM incident WHERE matter_id = '{into}' AND status = 'current' LIMIT 1")
    await _ok(client.post(f"/v1/matters/{into}/split", json={"incident_ids": [str(moved)]}))
    await _ok(client.post(f"/v1/matters/{crowd}/close", json={"outcome": "settled"}))
    waiting = _asked(database, "SELECT id FROM warning WHERE state = 'pending_confirmation' ORDER BY seq DESC LIMIT 1")
    await _ok(client.post(f"/v1/warnings/{waiting}/confirm"))
    await _ok(client.post(f"/v1/warnings/{waiting}/acknowledge", json={}))
    await _ok(client.post(f"/v1/warnings/{waiting}/answer", json={"note": "已约谈，三日内答复。"}))
    await _ok(client.post(f"/v1/warnings/{waiting}/resolve", json={"outcome": "settled"}))


async def _export(doors: Any, engines: Any, now: datetime) -> None:
    """The changes of an hour; a whole export reads everything, as it should."""
    with tempfile.TemporaryDirectory() as folder:
        sight = keys.Viewer("", "", frozenset(), None, "", None).sight
        await export_matters(doors, engines, Path(folder) / "matters.csv", sight, now - timedelta(hours=1))


async def _ok(asked: Any) -> Any:
    answer = await asked
    if answer.status_code >= 400:
        raise RuntimeError(f"{answer.request.url} answered {answer.status_code}: {answer.text[:400]}")
    return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None


def _asked(database: Database, statement: str) -> Any:
    """One value, asked on a connection that nobody records."""
    with psycopg.connect(database.url) as connection:
        found = connection.execute(statement.encode()).fetchone()
    if found is None:
        raise RuntimeError(f"nothing to ask with: {statement}")
    return found[0]


def _page(found: Found, incidents: int) -> list[str]:
    slowest_first = sorted(found.seen.items(), key=lambda item: -item[1].blocks)
    lines = [
        "# Plans",
        "",
        "Generated by `python -m benchmarks.growing`; do not edit. Every statement that asks or changes a table that"
        " grows, as the running service made it, with the costliest plan of all its runs. A block is 8 kB, in memory or"
        " not; one row may need many (indexes, dead versions). Parts that never ran and empty months are left out.",
        " The export with `since` walks the matters once, in the order of their ids; it is the one statement here whose"
        " cost grows with all of history.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} × {platform.machine()}, {incidents:,} incidents",
        f"- {len(found.seen)} statements, {sum(one.times for one in found.seen.values())} runs",
        f"- whole reads of a growing table: {'; '.join(found.faults) or 'none, by plans and by server counters'}",
        "",
        "| statement of | runs | blocks, at most | ms |",
        "|---|---|---|---|",
    ]
    for (name, _), one in slowest_first:
        lines.append(f"| `{name}` | {one.times} | {one.blocks:,} | {one.plan['Execution Time']:.2f} |")
    for (name, statement), one in slowest_first:
        lines += ["", f"## {name}", "", "```sql", " ".join(statement.split())[:1200], "```", "", "```"]
        lines += [*short(one), "```"]
    return lines
