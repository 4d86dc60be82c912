"""`python -m benchmarks.growing [--incidents N] [--keep FOLDER]`: what the service is like with years of history.

Not part of `make bench`: ten million incidents take minutes to make and some 35 GB. With --keep the databases stay in
FOLDER and the next run starts from them; else everything is gone afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg

from benchmarks import multiplying, plans
from benchmarks.ground import Database, Ground, Server, named, prepared, processor_seconds, reports, weiyu
from benchmarks.load import Job, Seen, run
from benchmarks.results import Row, add, middle, ratio_of_rounds, told

CLIENTS = (64, 1)
ROUNDS = 6
SECONDS = 1.6
SAMPLE = 10_000  # reports that the service itself takes in, and what the large database is compared with
BATCH = 500


@dataclass(frozen=True, slots=True)
class Pair:
    """A database with SAMPLE incidents and one with the same and years of history below them."""

    ground: Ground
    small: Database
    large: Database
    incidents: int

    @property
    def databases(self) -> dict[str, Database]:
        return {"small": self.small, "large": self.large}


@contextlib.contextmanager
def grown(incidents: int, keep: Path | None) -> Iterator[Pair]:
    """Both databases on one cluster, made now or found in `keep`."""
    with prepared(keep) as ground:
        done = ground.folder / "grown.json"
        if not done.exists():
            done.write_text(json.dumps(_grow(ground, incidents)), "utf-8")
        small, large = (Database(named(ground.cluster_url, name), ground.key) for name in ("small", "large"))
        yield Pair(ground, small, large, json.loads(done.read_text("utf-8"))["incidents"])


def _grow(ground: Ground, incidents: int) -> dict[str, float]:
    small = ground.database("small")
    with weiyu(small) as server:
        _send(small, f"http://127.0.0.1:{server.port}", reports(ground.bodies, SAMPLE, "sample"))
    began = time.perf_counter()
    _relax(ground)
    large = ground.database("large", "small")
    held = multiplying.multiply(large.url, incidents)
    if multiplying.indexes(large.url) != multiplying.indexes(small.url):
        raise RuntimeError("after loading the indexes are not those of the migration")
    return {"incidents": held, "seconds": round(time.perf_counter() - began)}


def _send(database: Database, base: str, bodies: list[dict[str, object]]) -> None:
    with httpx.Client(base_url=base, headers=database.headers, timeout=60, trust_env=False) as client:
        for start in range(0, len(bodies), BATCH):
            answer = client.post("/v1/incidents:batch", json={"items": bodies[start : start + BATCH]})
            answer.raise_for_status()
            if {result["status"] for result in answer.json()["items"]} != {"created"}:
                raise RuntimeError(f"not every report was kept: {answer.text[:500]}")


def _relax(ground: Ground) -> None:
    """Fewer checkpoints while loading, and no vacuum that works on one database while both are measured."""
    home = urlsplit(ground.cluster_url)
    password = home.password or ""
    with psycopg.connect(
        ground.cluster_url, user="postgres", password=password, dbname="postgres", autocommit=True
    ) as c:
        c.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        c.execute("ALTER SYSTEM SET autovacuum = off")
        c.execute("SELECT pg_reload_conf()")


def posts(pair: Pair) -> Row:
    """The same load on both, round by round: how many times longer a report takes with the history below it."""
    seen: dict[tuple[str, int], list[Seen]] = {}
    spent: dict[str, list[float]] = {}
    for database in pair.databases.values():
        _put_off(database)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(weiyu(database)) for name, database in pair.databases.items()}
        for number in range(-1, ROUNDS):  # the first warms connections, plans and memory
            for clients in CLIENTS:
                for name in sorted(servers, reverse=number % 2 == 0):
                    before = _processor_seconds(servers[name], pair.databases[name])
                    one = _load(pair, name, servers[name].port, (clients, number + 1))
                    took = _processor_seconds(servers[name], pair.databases[name]) - before
                    if number >= 0:
                        seen.setdefault((name, clients), []).append(one)
                        spent.setdefault(f"{name}_{clients}", []).append(took * 1e3 / sum(one.statuses.values()))
    processor = {f"{name}_processor_ms_each": middle(each) for name, each in spent.items()}
    return _row(pair, seen, processor)


def _put_off(database: Database) -> None:
    """Deadlines of what is open lie a week ahead: clocks that ran out while loading would be measured with the reports,
    a hundred warnings at each tick."""
    with psycopg.connect(database.url) as connection:
        later = "now() + interval '7 days'"
        connection.execute(f"UPDATE duty SET next_check_at = {later} WHERE next_check_at < {later}")
        connection.execute(f"UPDATE warning SET confirm_due_at = {later} WHERE state = 'pending_confirmation'")


def _processor_seconds(server: Server, database: Database) -> float:
    """What the server process and its connections' processes of PostgreSQL have used: no disk, no neighbours in it."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return server.processor_seconds + sum(processor_seconds(pid) for (pid,) in rows.fetchall())


def _load(pair: Pair, name: str, port: int, run_: tuple[int, int]) -> Seen:
    clients, number = run_
    job = Job(
        port=port, clients=clients, seconds=SECONDS, path="/v1/incidents", headers=pair.databases[name].headers,
        method="POST", bodies=str(pair.ground.bodies), offset=number * 4000, warm=0.5,
        label=f"{time.time_ns() // 1_000_000_000:x}{clients}",
    )  # fmt: skip
    seen = run(job)
    if set(seen.statuses) != {"201"}:
        raise RuntimeError(f"{name} answered {seen.statuses}")
    return seen


def _row(pair: Pair, seen: dict[tuple[str, int], list[Seen]], processor: dict[str, float]) -> Row:
    """Time per report at most clients is the row; the rest stands in the detail."""
    detail: dict[str, object] = {"incidents": pair.incidents, "beside": SAMPLE, **processor}
    ratios = {}
    for clients in CLIENTS:
        small, large = ([one.per_second for one in seen[name, clients]] for name in ("small", "large"))
        ratios[clients] = ratio_of_rounds(small, large)
        detail |= {f"{clients}_clients_ratio": ratios[clients]}
        for name in ("small", "large"):
            for what in ("per_second", "p50", "p99"):
                detail[f"{name}_{clients}_{what}"] = middle([getattr(one, what) for one in seen[name, clients]])
    said = f"POST with {pair.incidents / 1e6:.3g} million incidents stored"
    return Row(said, ratios[CLIENTS[0]], 1.2, f"× the time with {SAMPLE:,} stored, at most", detail)


def main(given: list[str]) -> int:
    """Load, measure, explain; gives 1 when a plan reads a growing table whole or a report became too slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growing", description=__doc__)
    parser.add_argument("--incidents", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path, help="a folder in which the databases stay for the next run")
    parser.add_argument("--only", choices=("posts", "plans"), help="measure one of the two")
    asked = parser.parse_args(given)
    faults: list[str] = []
    with grown(asked.incidents, asked.keep) as pair:
        if asked.only != "plans":
            row = posts(pair)
            print(told([row]), json.dumps(row.detail), sep="\n")
            add(row)
            faults += [row.name] if row.reached is False else []
        if asked.only != "posts":
            found = plans.explained(pair.large, pair.ground)
            plans.write(found, pair.incidents)
            faults += found.faults
    print("\n".join(faults) or "no plan reads a growing table whole")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
