"""Databases of one run: made beside the real one, gone afterwards, and cleared away when their run was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from service.scoring.simulate import simulate
from service.scoring.simulation.export import export
from service.scoring.simulation.parameters import SimulationParameters
from service.store.schema import check, revisions
from service.store.scratch import PREFIX, NoScratch, drop_left_behind, scratch_database
from tests.conftest import url_of
from tests.scoring.makers import NOON
from tests.served import ROOT

Owner = psycopg.Connection[tuple[Any, ...]]


def scratches(owner: Owner) -> list[str]:
    return [str(row[0]) for row in owner.execute("SELECT datname FROM pg_database") if str(row[0]).startswith(PREFIX)]


def test_it_is_migrated_and_gone_afterwards_even_after_an_error(cluster: str, owner: Owner) -> None:
    def fail_within() -> None:
        with scratch_database(cluster) as url:
            assert check(url) == revisions().head
            assert len(scratches(owner)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_within()
    assert scratches(owner) == []


def test_what_a_killed_run_left_is_dropped_and_what_another_run_uses_is_not(cluster: str, owner: Owner) -> None:
    left = PREFIX + uuid.uuid4().hex
    owner.execute(f"CREATE DATABASE {left}")
    mine = f"{PREFIX}of_somebody_else"
    owner.execute(f"CREATE DATABASE {mine}")
    try:
        with scratch_database(cluster), psycopg.connect(cluster, autocommit=True) as other:
            assert left not in scratches(owner)
            assert len(scratches(owner)) == 2
            assert drop_left_behind(other) == []
            assert len(scratches(owner)) == 2
    finally:
        owner.execute(f"DROP DATABASE {mine}")
    assert scratches(owner) == []


def test_an_account_that_may_make_no_database_is_told_what_to_do(cluster: str) -> None:
    with psycopg.connect(cluster.replace("weiyu:", "postgres:", 1), autocommit=True) as superuser:
        superuser.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
    poor = urlsplit(cluster)
    url = poor._replace(netloc="poor:poor@").geturl()
    with pytest.raises(NoScratch, match="CREATEDB"), scratch_database(url):
        pass


@pytest.fixture
def running(cluster: str, template_database: str, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A replay of a district that takes a while, half way through."""
    export(simulate(SimulationParameters(), seed=3, start=NOON.replace(month=3), days=12), tmp_path / "d", rollouts=2)
    words = ["replay", "--source", str(tmp_path / "d"), "--out", str(tmp_path / "out")]
    own = {"WEIYU_DATABASE_URL": url_of(cluster, "weiyu"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", *words], cwd=ROOT, env=os.environ | own,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "25%" in process.stderr.readline()
    yield process
    process.kill()
    process.wait()
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_interrupted_leaves_nothing_behind(
    running: subprocess.Popen[str], owner: Owner, tmp_path: Path, number: signal.Signals
) -> None:
    assert len(scratches(owner)) == 1
    running.send_signal(number)
    running.wait(20)
    assert scratches(owner) == []
    assert not (tmp_path / "out").exists()


def test_what_a_replay_left_that_was_killed_is_gone_with_the_next(
    running: subprocess.Popen[str], cluster: str, owner: Owner
) -> None:
    running.kill()
    running.wait()
    assert len(scratches(owner)) == 1
    deadline = time.monotonic() + 20
    while scratches(owner) and time.monotonic() < deadline:  # the server is still noticing that its client died
        drop_left_behind(owner)
        time.sleep(0.1)
    assert scratches(owner) == []
