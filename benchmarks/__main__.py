"""`python -m benchmarks [NAME …]`: measure, print the table, write benchmarks/results.json and docs/benchmarks.md.

With names only those parts run and nothing is written: a page of half the rows would mislead.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

from benchmarks import (
    assessing,
    delivering,
    importing,
    listening,
    polling,
    reporting,
    routing,
    rules,
    scoring,
    slow_disk,
    starting,
)
from benchmarks.ground import Ground, prepared
from benchmarks.results import Row, told, write


def main(wanted: list[str]) -> int:
    signal.signal(signal.SIGTERM, _end_well)
    began, load = time.perf_counter(), os.getloadavg()[0]
    rows: list[Row] = []
    with prepared() as ground:
        for name, part in _parts(ground).items():
            if not wanted or name in wanted:
                print(f"… {name}", file=sys.stderr, flush=True)
                rows += _measured(name, part)
                print(f"  {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    print(told(rows))
    if not wanted:
        write(rows, load, time.perf_counter() - began)
    return any(row.ratio is None and "failed" in row.detail for row in rows)


def _end_well(*_: object) -> None:
    """Leave through every `with`, so that no server and no folder is left behind."""
    raise SystemExit(143)


def _parts(ground: Ground) -> dict[str, Callable[[], list[Row]]]:
    """What is measured, the most important first."""
    return {
        "reporting": lambda: reporting.rows(reporting.measure(ground)),
        "slow_disk": slow_disk.measure,
        "importing": lambda: importing.measure(ground),
        "polling": lambda: polling.measure(ground),
        "rules": rules.measure,
        "routing": routing.measure,
        "scoring": scoring.measure,
        "assessing": assessing.measure,
        "starting": lambda: starting.measure(ground),
        "delivering": lambda: delivering.measure(ground),
        "listening": lambda: listening.measure(ground),
    }


def _measured(name: str, part: Callable[[], list[Row]]) -> list[Row]:
    """One part that fails costs its own rows, and they say so."""
    try:
        return part()
    except Exception as error:
        traceback.print_exc()
        why = f"{type(error).__name__}: {error}".replace(sys.executable, "python")  # no place of this machine
        return [Row(name, None, None, "", {"failed": why})]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
