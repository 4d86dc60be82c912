"""Run the real command in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.served import ROOT

Weiyu = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def weiyu(database_url: str, tmp_path: Path) -> Weiyu:
    """`weiyu(…)` on this test's database; output is captured, the exit code is the caller's to judge."""

    def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "service.cli", *map(str, words)]
        settings = {"WEIYU_DATABASE_URL": database_url, "WEIYU_DATA_DIR": str(tmp_path), "COLUMNS": "200"}
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **settings, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
