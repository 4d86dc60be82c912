"""Databases for tests: one embedded cluster per run, one migrated template, one fresh clone per test."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.config import Config

from alembic import command
from service.store.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")  # noqa: S108  the folder in it is made by mkdtemp
MEMORY_NEEDED = 1_500_000_000  # bytes: a cluster, its WAL at its largest (1 GB), and clones of 9 MB


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The URL of a running server of this run only; its own database `weiyu` stays empty."""
    with server_folder() as folder, EmbeddedServer(folder / "data") as server:
        yield server.url


@pytest.fixture(scope="session")
def owner(cluster: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """One connection that makes and drops databases: a connection for each would cost 7 ms."""
    with psycopg.connect(cluster, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template_database(cluster: str, owner: psycopg.Connection[tuple[object, ...]]) -> str:
    """The name of a database migrated by `alembic upgrade head`. Cloning fails while someone is connected to it."""
    owner.execute("CREATE DATABASE template_weiyu")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WEIYU_DATABASE_URL", url_of(cluster, "template_weiyu"))
        command.upgrade(Config(ROOT / "alembic.ini"), "head")
    return "template_weiyu"


@pytest.fixture
def database_url(cluster: str, template_database: str, owner: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    """`postgresql://…` of a fresh database, migrated and empty, for one test. Made and dropped in about 40 ms."""
    with fresh_database(cluster, template_database, owner) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(
    cluster: str, template_database: str, owner: psycopg.Connection[tuple[object, ...]]
) -> Iterator[str]:
    """The same for the tests of one module together, when none is disturbed by what another leaves behind."""
    with fresh_database(cluster, template_database, owner) as url:
        yield url


@contextmanager
def fresh_database(cluster: str, template: str, owner: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    owner.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
    yield url_of(cluster, name)
    _drop(owner, name)


def _drop(owner: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """An autovacuum worker that happens to be in there is the superuser's: it cannot be forced out, but soon leaves."""
    deadline = time.monotonic() + 10
    while True:
        try:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        except psycopg.errors.InsufficientPrivilege:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def url_of(cluster: str, database: str) -> str:
    """The URL of another database of the same cluster."""
    return urlsplit(cluster)._replace(path=f"/{database}").geturl()


@contextmanager
def server_folder() -> Iterator[Path]:
    """An empty folder for clusters, in memory where there is room.

    Not pytest's own: run as root, the server's account could not enter that. In memory, because ext4 looks at every
    inode deleted in the last five seconds before it makes a file, and a clone is 600 files: 20 ms became 400.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    folder = Path(tempfile.mkdtemp(prefix="weiyu-tests-", dir=MEMORY if roomy else None))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
