"""GET /v1/warnings, unchanged and with 50 rows, beside the same guarded route answering with constants."""

from __future__ import annotations

import urllib.request
from contextlib import ExitStack

from benchmarks.ground import Ground, reports, serving, weiyu
from benchmarks.importing import GROUP, speeds
from benchmarks.load import Job, Seen, run
from benchmarks.results import Row, middle, ratio_of_rounds

CLIENTS, ROUNDS, SECONDS = 16, 3, 1.2
PATH = "/v1/warnings?limit=50"
ASKED = (("poll, unchanged (304)", "304", 0.70), ("poll, 50 rows (200)", "200", 0.35))


def measure(ground: Ground) -> list[Row]:
    """Both answers of both servers in turn, round by round."""
    database = ground.database("polling")
    speeds(database, reports(ground.bodies, 4 * GROUP, "p"), 0)
    with ExitStack() as stack:
        ours = stack.enter_context(weiyu(database))
        page, tag = _page(ours.port, database.headers)
        file = ground.folder / "page.json"
        file.write_bytes(page)
        bare = serving(["-m", "benchmarks.bare"], "/", BENCH_DATABASE=database.url, BENCH_PAGE=str(file))
        ports = {"weiyu": ours.port, "constant": stack.enter_context(bare).port}
        seen: dict[tuple[str, str], list[Seen]] = {}
        for _ in range(ROUNDS):
            for _, status, _ in ASKED:
                headers = database.headers | ({"if-none-match": tag} if status == "304" else {})
                for name, port in ports.items():
                    seen.setdefault((name, status), []).append(_ask(port, headers, status))
    return [_row(seen, name, status, goal, len(page)) for name, status, goal in ASKED]


def _ask(port: int, headers: dict[str, str], status: str) -> Seen:
    seen = run(Job(port=port, clients=CLIENTS, seconds=SECONDS, path=PATH, headers=headers))
    if set(seen.statuses) != {status}:
        raise RuntimeError(f"asked for {status}, answered {seen.statuses}")
    return seen


def _page(port: int, headers: dict[str, str]) -> tuple[bytes, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{PATH}", headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return answer.read(), answer.headers["etag"]


def _row(seen: dict[tuple[str, str], list[Seen]], name: str, status: str, goal: float, size: int) -> Row:
    ours, constant = seen["weiyu", status], seen["constant", status]
    ratio = ratio_of_rounds([one.per_second for one in ours], [one.per_second for one in constant])
    detail: dict[str, float] = {"page_bytes": size} if status == "200" else {}
    for server, found in (("weiyu", ours), ("constant", constant)):
        detail[f"{server}_per_second"] = middle([one.per_second for one in found])
        detail[f"{server}_p99_ms"] = middle([one.p99 for one in found])
    return Row(f"{name}, {CLIENTS} clients", ratio, goal, "of the constant, at least", detail)
