"""From the start of the process to its first good answer, the database being up; and what it then keeps in memory."""

from __future__ import annotations

from benchmarks.ground import Ground, weiyu
from benchmarks.results import Row, middle

ROUNDS = 3


def measure(ground: Ground, resident_after_load: float) -> list[Row]:
    """`resident_after_load`: MB, of the server that the load of the first measurement went through."""
    database = ground.database("starting")
    ready, resident = [], []
    for _ in range(ROUNDS):
        with weiyu(database) as server:
            ready.append(server.ready_after)
            resident.append(server.resident_mb)
    return [
        Row("start to ready", middle(ready), 1.5, "s, at most", {"rounds": [round(one, 2) for one in ready]}),
        Row(
            "resident memory after the load", resident_after_load, 180, "MB, at most",
            {"just started": middle(resident)},
        ),
    ]  # fmt: skip
