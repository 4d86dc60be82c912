"""Batches through the whole path in one process: validated, masked, linked, scored, judged, warned about, kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

from benchmarks.ground import SYSTEM, Database, Ground, reports
from benchmarks.results import Row, middle
from service.cli.common import rest_collector
from service.domain.incidents import IncidentReport
from service.main import load_engines, open_doors
from service.settings import Settings
from service.store.engine import open_engine
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import report_incidents

GROUP = 500
ROUNDS, ROUND = 3, 2000  # reports in a round
CROWD = 4000  # open matters of one place before it is measured


def measure(ground: Ground) -> list[Row]:
    """Twelve counties with varied texts; then one county and kind where thousands of matters are open."""
    varied = speeds(ground.database("importing"), reports(ground.bodies, ROUND * ROUNDS, "v"), 0)
    crowd = reports(ground.bodies, CROWD + 2 * GROUP, "c")
    for body in crowd:
        body |= {"area": crowd[0]["area"], "category": "labour.wage_arrears"}
        body["text"] = f"{body['id']}号工地 {body['text']}"
    crowded = speeds(ground.database("crowded"), crowd, CROWD)
    detail = {"rounds": [round(speed) for speed in varied], "group": GROUP}
    return [
        Row("batch import", middle(varied), 5000, "incidents/s, at least", detail),
        Row("batch import into one crowded place", middle(crowded), None, "incidents/s, at least",
            {"reports before": CROWD}),
    ]  # fmt: skip


def speeds(database: Database, bodies: Sequence[dict[str, Any]], before: int) -> list[float]:
    """Incidents a second, round by round, after the first `before` reports; in a fresh process, as an import is."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(_run, database, bodies, before).result()


def _run(database: Database, bodies: Sequence[dict[str, Any]], before: int) -> list[float]:
    return asyncio.run(_import(database, bodies, before))


async def _import(database: Database, bodies: Sequence[dict[str, Any]], before: int) -> list[float]:
    settings = Settings()
    engine = open_engine(database.url, 2)
    doors, engines = await open_doors(settings, engine), load_engines(settings)
    rest_collector()  # as `weiyu import` does
    await _send(doors, engines, bodies[:before])
    size = ROUND if not before else GROUP
    found = [await _send(doors, engines, bodies[start : start + size]) for start in range(before, len(bodies), size)]
    await engine.dispose()
    return found


async def _send(doors: Doors, engines: Engines, bodies: Sequence[dict[str, Any]]) -> float:
    """Incidents a second; what is not kept as new is an error of the measurement."""
    began = time.perf_counter()
    for start in range(0, len(bodies), GROUP):
        part = bodies[start : start + GROUP]
        arrivals = [Arrival(IncidentReport.model_validate(body), SYSTEM) for body in part]
        results = await report_incidents(doors, engines, arrivals, datetime.now(UTC))
        if any(result.status != "created" for result in results):
            raise RuntimeError("a report of the import was not kept")
    return len(bodies) / (time.perf_counter() - began)
