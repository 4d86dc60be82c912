"""POST beside the usual design on a disk where every flush takes 3 ms longer: what a commit per report costs there."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import reporting
from benchmarks.ground import Ground, free_port, prepared
from benchmarks.results import ROOT, Row, middle, ratio_of_rounds
from service.store.embedded import EmbeddedServer

CLIENTS = 64
SOURCE = ROOT / "benchmarks" / "slow_fsync.c"
GOAL = 20.0


def measure() -> list[Row]:
    """Needs a C compiler: the delay is a library of five lines put before the server's own."""
    name = f"POST beside the usual design, {CLIENTS} clients, 3 ms more per flush"
    compiler = shutil.which("cc")
    if compiler is None:
        return [Row(name, None, GOAL, "", {"skipped": "no C compiler (cc) here"})]
    folder = Path(tempfile.mkdtemp(prefix="weiyu-bench-slow-"))
    try:
        with prepared(keep=folder) as ground:
            key, bodies = ground.key, ground.bodies
        library = folder / "slow_fsync.so"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        with _slowed(folder, library) as url:
            return [_row(name, Ground(folder, url, key, bodies))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _row(name: str, ground: Ground) -> Row:
    measured = reporting.measure(ground, 3, (CLIENTS,), ("weiyu", "usual"))
    ratio = ratio_of_rounds(measured.of("weiyu", CLIENTS, "per_second"), measured.of("usual", CLIENTS, "per_second"))
    detail = {f"{who}_{what}": middle(measured.of(who, CLIENTS, what))
              for who in ("weiyu", "usual") for what in ("per_second", "p50", "p99")}  # fmt: skip
    return Row(name, ratio, GOAL, "× its throughput, at least", detail)


@contextlib.contextmanager
def _slowed(folder: Path, library: Path) -> Iterator[str]:
    """The furnished cluster again, on a loopback port, with the library before the C library."""
    place, port = EmbeddedServer(folder / "data").place, free_port()
    password = (place.cluster / "password").read_text("utf-8").strip()
    account = place.account
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PGDATA": str(place.cluster / "data")}

    def run(*words: str, **more: str) -> None:
        subprocess.run(
            [str(place.binaries / "pg_ctl"), *words], env=environment | more, check=True, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            user=account.uid if account else None, group=account.gid if account else None,
            extra_groups=[] if account else None,
        )  # fmt: skip

    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
    run("start", "-s", "-w", "-o", options, LD_PRELOAD=str(library))
    try:
        yield f"postgresql://weiyu:{password}@127.0.0.1:{port}/weiyu"
    finally:
        run("stop", "-s", "-m", "fast", "-w")
