"""POST /v1/incidents, the full path, beside an echo and beside the usual design."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.ground import Database, Ground, Server, serving, weiyu
from benchmarks.load import Job, Seen, run
from benchmarks.results import Row, middle, ratio_of_rounds

CLIENTS = (64, 16, 1)
ROUNDS = 3
SECONDS = 1.6
SERVERS = ("echo", "weiyu", "usual")
# The usual design has no lock per place: two reports of one matter may both open its warning, or block each other.
LOST_RACES = {"500", "503", "broken"}


@dataclass(slots=True)
class Measured:
    """What was seen of each server at each number of clients, round by round."""

    seen: dict[tuple[str, int], list[Seen]] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)

    def of(self, name: str, clients: int, what: str) -> list[float]:
        return [float(getattr(one, what)) for one in self.seen[name, clients]]


def measure(
    ground: Ground, rounds: int = ROUNDS, clients: Sequence[int] = CLIENTS, names: Sequence[str] = SERVERS
) -> Measured:
    """The servers stand side by side; every round asks each of them in turn at each number of clients."""
    measured = Measured()
    with ExitStack() as stack:
        servers = _servers(stack, ground, names)
        for name, (server, database) in servers.items():
            _ask(measured, ground, (name, server, database), 8)  # warm: connections, plans, caches
        measured.seen.clear()
        for _ in range(rounds):
            for count in clients:
                for name, (server, database) in servers.items():
                    _ask(measured, ground, (name, server, database), count)
    return measured


def rows(measured: Measured) -> list[Row]:
    """Throughput and the 99th percentile against the echo, throughput against the usual design."""
    most = CLIENTS[0]
    found = [_against_echo(measured, clients) for clients in CLIENTS]
    tail = ratio_of_rounds(measured.of("weiyu", most, "p99"), measured.of("echo", most, "p99"))
    detail = {f"{n}_p99_ms": middle(measured.of(n, most, "p99")) for n in SERVERS}
    found.insert(1, Row(f"POST p99, {most} clients", tail, 5.0, "× the echo's p99, at most", detail))
    found += [_against_usual(measured, clients) for clients in CLIENTS]
    return found


def _servers(stack: ExitStack, ground: Ground, names: Sequence[str]) -> dict[str, tuple[Server, Database]]:
    ours, others = ground.database("reporting"), ground.database("reporting_usual")
    made = {
        "echo": (lambda: serving(["-m", "benchmarks.bare"], "/", BENCH_DATABASE=ours.url), ours),
        "weiyu": (lambda: weiyu(ours), ours),
        "usual": (lambda: serving(["-m", "benchmarks.usual"], "/", BENCH_DATABASE=others.url), others),
    }
    return {name: (stack.enter_context(made[name][0]()), made[name][1]) for name in names}


def _ask(measured: Measured, ground: Ground, asked: tuple[str, Server, Database], clients: int) -> None:
    name, server, database = asked
    times = len(measured.seen.get((name, clients), ()))
    job = Job(
        port=server.port, clients=clients, seconds=SECONDS, path="/v1/incidents", headers=database.headers,
        method="POST", bodies=str(ground.bodies), offset=measured.sent.get(name, 0), label=f"{clients}x{times}",
    )  # fmt: skip
    seen = run(job)
    if seen.statuses.keys() - {"201"} - (LOST_RACES if name == "usual" else set()):
        raise RuntimeError(f"{name} answered {seen.statuses}")
    measured.sent[name] = measured.sent.get(name, 0) + sum(seen.statuses.values())
    measured.seen.setdefault((name, clients), []).append(seen)


def _against_echo(measured: Measured, clients: int) -> Row:
    ratio = ratio_of_rounds(measured.of("weiyu", clients, "per_second"), measured.of("echo", clients, "per_second"))
    detail: dict[str, float] = {}
    for name in ("weiyu", "echo"):
        for what in ("per_second", "p50", "p99", "client_share"):
            detail[f"{name}_{what}"] = middle(measured.of(name, clients, what))
    goal = 0.40 if clients == CLIENTS[0] else None
    return Row(f"POST throughput, {_said(clients)}", ratio, goal, "of the echo, at least", detail)


def _against_usual(measured: Measured, clients: int) -> Row:
    ratio = ratio_of_rounds(measured.of("weiyu", clients, "per_second"), measured.of("usual", clients, "per_second"))
    detail: dict[str, float] = {}
    for what in ("per_second", "p50", "p99"):
        detail[f"usual_{what}"] = middle(measured.of("usual", clients, what))
    detail["usual_failed"] = sum(
        sum(one.statuses.get(s, 0) for s in LOST_RACES) for one in measured.seen["usual", clients]
    )
    goal = 10.0 if clients == CLIENTS[0] else None
    return Row(f"POST beside the usual design, {_said(clients)}", ratio, goal, "× its throughput, at least", detail)


def _said(clients: int) -> str:
    return f"{clients} client{'s' * (clients > 1)}"
