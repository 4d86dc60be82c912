"""From the start of the process to its first good answer, the database being up; and what it then keeps in memory."""

from __future__ import annotations

from benchmarks.ground import Database, Ground, Server, weiyu
from benchmarks.load import Job, run
from benchmarks.results import Row, middle

ROUNDS = 3
CLIENTS, SECONDS = 64, 5.0  # the load after which memory is read


def measure(ground: Ground) -> list[Row]:
    """Its own load on its own server, so that both rows hold whatever else was measured."""
    database = ground.database("starting")
    ready, fresh, processor = [], [], []
    for number in range(ROUNDS):
        with weiyu(database) as server:
            ready.append(server.ready_after)
            processor.append(server.processor_seconds)
            fresh.append(server.resident_mb)
            if number == ROUNDS - 1:
                after_load = _resident_after_load(ground, server, database)
    return [
        Row(
            "start to ready", middle(ready), 1.5, "s, at most",
            {"rounds": [round(one, 2) for one in ready], "processor_s": middle(processor)},
        ),
        Row("resident memory after the load", after_load, 180, "MB, at most", {"just started": middle(fresh)}),
    ]  # fmt: skip


def _resident_after_load(ground: Ground, server: Server, database: Database) -> float:
    job = Job(
        port=server.port, clients=CLIENTS, seconds=SECONDS, path="/v1/incidents", headers=database.headers,
        method="POST", bodies=str(ground.bodies), label="starting",
    )  # fmt: skip
    seen = run(job)
    if seen.statuses.keys() != {"201"}:
        raise RuntimeError(f"the load was answered {seen.statuses}")
    return server.resident_mb
