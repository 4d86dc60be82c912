"""GET /v1/warnings beside the same guarded route answering with constants: unchanged, the same page, a new page.

"The same page again" comes from memory; "after a change" none of it does but the warnings that did not change. The
constant's side has our key check and parameters, and neither our counting nor our limits around it.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg

from benchmarks.ground import Database, Ground, reports, serving, weiyu
from benchmarks.importing import GROUP, speeds
from benchmarks.load import Job, Seen, run
from benchmarks.results import Row, middle, ratio_of_rounds

CLIENTS, ROUNDS, SECONDS = 16, 4, 1.2
CHANGES, EVERY = 40, 0.1  # changes in a round of single requests; seconds between changes under load
SETTLED = 0.03  # seconds after a change in which the notification is heard
PATH = "/v1/warnings?limit=50"
UNCHANGED, AGAIN, FOLLOWED = "poll, unchanged (304)", "poll, the same 50 rows again (200)", "poll while it changes"
ASKED = ((UNCHANGED, "304", 0.70), (AGAIN, "200", 0.35))

# The first warning of the feed becomes its last, as any act on it would have it.
CHANGE = """
WITH counter AS (UPDATE feed_counter SET seq = seq + 1 WHERE id = 1 RETURNING seq),
     first AS (SELECT id FROM warning ORDER BY seq LIMIT 1)
UPDATE warning SET seq = counter.seq, revision = revision + 1 FROM counter, first WHERE warning.id = first.id
RETURNING pg_notify('weiyu_events', '')
"""

Ports = dict[str, int]


def measure(ground: Ground) -> list[Row]:
    """Both servers in turn, round by round, each first as often as the other."""
    database = ground.database("polling")
    speeds(database, reports(ground.bodies, 4 * GROUP, "p"), 0)
    with ExitStack() as stack:
        ours = stack.enter_context(weiyu(database))
        page, tag = _page(ours.port, database.headers)
        file = ground.folder / "page.json"
        file.write_bytes(page)
        bare = serving(["-m", "benchmarks.bare"], "/", BENCH_DATABASE=database.url, BENCH_PAGE=str(file))
        ports = {"weiyu": ours.port, "constant": stack.enter_context(bare).port}
        rows = _steady(ports, database, tag)
        return [*rows, _after_changes(ports, database), _while_it_changes(ports, database)]


def _steady(ports: Ports, database: Database, tag: str) -> list[Row]:
    seen: dict[tuple[str, str], list[Seen]] = {}
    for number in range(ROUNDS):
        for _, status, _ in ASKED:
            headers = database.headers | ({"if-none-match": tag} if status == "304" else {})
            for name in _in_turn(ports, number):
                seen.setdefault((name, status), []).append(_ask(ports[name], headers, status))
    return [_row(name, seen["weiyu", status], seen["constant", status], goal) for name, status, goal in ASKED]


def _after_changes(ports: Ports, database: Database) -> Row:
    """One client, one page after each change, both servers: milliseconds until the whole page was there."""
    rounds: dict[str, list[float]] = {name: [] for name in ports}
    with psycopg.connect(database.url, autocommit=True) as connection, ExitStack() as stack:
        clients = {name: stack.enter_context(_client(port)) for name, port in ports.items()}
        for _ in range(ROUNDS):
            took: dict[str, list[float]] = {name: [] for name in ports}
            for number in range(CHANGES):
                connection.execute(CHANGE)
                time.sleep(SETTLED)
                for name in _in_turn(ports, number):
                    took[name].append(_timed(clients[name], database.headers))
            for name, times in took.items():
                rounds[name].append(middle(times))
    detail = {f"{name}_ms": middle(times) for name, times in rounds.items()}
    ratio = ratio_of_rounds(rounds["constant"], rounds["weiyu"])
    return Row("poll, 50 rows after a change (200), one client", ratio, None, "of the constant's speed", detail)


def _while_it_changes(ports: Ports, database: Database) -> Row:
    """Clients that send the tag they were given last, while the feed changes every EVERY seconds."""
    seen: dict[str, list[Seen]] = {name: [] for name in ports}
    for number in range(ROUNDS):
        for name in _in_turn(ports, number):
            job = Job(ports[name], CLIENTS, SECONDS, PATH, database.headers, follow=True)
            with _changing(database.url):
                seen[name].append(run(job))
    statuses = {key: sum(one.statuses.get(key, 0) for one in seen["weiyu"]) for key in ("200", "304")}
    if set().union(*(one.statuses for one in seen["weiyu"])) != set(statuses):
        raise RuntimeError(f"answered {[one.statuses for one in seen['weiyu']]}")
    row = _row(f"{FOLLOWED} each {EVERY} s", seen["weiyu"], seen["constant"], None)
    row.detail["new_pages_share"] = statuses["200"] / sum(statuses.values())
    return row


@contextlib.contextmanager
def _changing(url: str) -> Iterator[None]:
    stopped = threading.Event()

    def change() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stopped.wait(EVERY):
                connection.execute(CHANGE)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextlib.contextmanager
def _client(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    yield connection
    connection.close()


def _timed(client: http.client.HTTPConnection, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    client.request("GET", PATH, headers=headers)
    answer = client.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"answered {answer.status}")
    return 1e3 * (time.perf_counter() - began)


def _in_turn(ports: Ports, number: int) -> list[str]:
    return sorted(ports, reverse=number % 2 == 0)


def _ask(port: int, headers: dict[str, str], status: str) -> Seen:
    seen = run(Job(port=port, clients=CLIENTS, seconds=SECONDS, path=PATH, headers=headers))
    if set(seen.statuses) != {status}:
        raise RuntimeError(f"asked for {status}, answered {seen.statuses}")
    return seen


def _page(port: int, headers: dict[str, str]) -> tuple[bytes, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{PATH}", headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return answer.read(), answer.headers["etag"]


def _row(name: str, ours: list[Seen], constant: list[Seen], goal: float | None) -> Row:
    ratio = ratio_of_rounds([one.per_second for one in ours], [one.per_second for one in constant])
    rounds = [round(a.per_second / b.per_second, 3) for a, b in zip(ours, constant, strict=True)]
    detail: dict[str, object] = {"rounds": rounds}
    for server, found in (("weiyu", ours), ("constant", constant)):
        detail[f"{server}_per_second"] = middle([one.per_second for one in found])
        detail[f"{server}_p99_ms"] = middle([one.p99 for one in found])
        detail[f"{server}_client_share"] = middle([one.client_share for one in found])
    return Row(f"{name}, {CLIENTS} clients", ratio, goal, "of the constant, at least", detail)
