"""The service as it is started by people: its own database, the demo district, the three curl lines of the README."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.conftest import server_folder
from tests.served import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(folder: Path, port: int, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """`weiyu …` with its own PostgreSQL in a folder, serving on a port; ended by SIGTERM."""
    # The environment of a person: no URL, so the embedded server is used.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIYU_")}
    environment |= {"WEIYU_DATA_DIR": str(folder), "PORT": str(port)}
    with (folder.parent / "out.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *words], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            wait_until_ready(process, port, log)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(Path(log.name).read_text("utf-8"))
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("not ready in time: " + Path(log.name).read_text("utf-8"))


def test_an_empty_folder_becomes_a_serving_demo_district_that_survives_a_restart() -> None:
    with server_folder() as parent:
        folder, port = parent / "数据 目录", free_port()
        folder.mkdir(mode=0o711)
        with started(folder, port, "demo") as process:
            keys = json.loads((folder / "demo-keys.json").read_text("utf-8"))
            assert set(keys) == {"reporter", "planner", "responder", "reader", "administrator"}
            assert (folder / "demo-keys.json").stat().st_mode & 0o777 == 0o600
            reader = {"Authorization": f"Bearer {keys['reader']}"}
            feed = httpx.get(f"http://127.0.0.1:{port}/v1/warnings?limit=500", headers=reader, trust_env=False).json()
            assert len(feed["items"]) > 100
        assert process.returncode == 0, "a graceful stop"

        with started(folder, port, "demo"):
            again = httpx.get(f"http://127.0.0.1:{port}/v1/warnings?limit=500", headers=reader, trust_env=False).json()
            assert [item["id"] for item in again["items"]][:100] == [item["id"] for item in feed["items"]][:100]


def test_off_starts_empty() -> None:
    with server_folder() as parent:
        folder, port = parent / "data", free_port()
        folder.mkdir(mode=0o711)
        with started(folder, port, "demo", "--off"):
            assert not (folder / "demo-keys.json").exists()
