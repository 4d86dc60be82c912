"""A database for one run, beside the real one on the same server: made, migrated, used and dropped.

Whoever uses one holds an advisory lock of its name on a connection to the real database, which dies with it: a scratch
database whose lock is free was left behind by a run that was killed, and the next run drops it.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from service.store.engine import plain_url
from service.store.migrations import migrate

PREFIX = "weiyu_replay_"
_OURS = re.compile(rf"{PREFIX}[0-9a-f]{{32}}")
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
PATIENCE = 10.0  # seconds; a worker of the server that happens to be in there cannot be forced out, but soon leaves
Owner = psycopg.Connection[tuple[Any, ...]]


class NoScratch(Exception):
    """A scratch database cannot be made; the text says why and what to do."""


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """The address of a migrated, empty database on the server of `url`, gone afterwards. Raises NoScratch.

    The database of `url` itself is only connected to: nothing in it is read or written.
    """
    with psycopg.connect(plain_url(url), autocommit=True) as owner:
        drop_left_behind(owner)
        name = PREFIX + uuid.uuid4().hex
        owner.execute(_LOCK, (name,))
        try:
            _make(owner, name)
            address = make_url(url).set(database=name).render_as_string(hide_password=False)
            migrate(address)
            yield address
        finally:
            _drop(owner, name)


def drop_left_behind(owner: Owner) -> list[str]:
    """Drop the scratch databases nobody uses any more; gives their names."""
    found = [str(row[0]) for row in owner.execute("SELECT datname FROM pg_database ORDER BY datname")]
    dropped = []
    for name in filter(_OURS.fullmatch, found):
        if owner.execute(_LOCK, (name,)).fetchone() == (True,):
            _drop(owner, name)
            owner.execute(_UNLOCK, (name,))
            dropped.append(name)
    return dropped


def _make(owner: Owner, name: str) -> None:
    try:
        owner.execute(f"CREATE DATABASE {name}")  # a name of our own making
    except psycopg.errors.InsufficientPrivilege:
        raise NoScratch(
            "回放要在同一数据库服务器上另建一个临时库，但当前账号没有建库权限（CREATEDB）。"
            "请由管理员授权，或不设 WEIYU_DATABASE_URL、用内置数据库回放文件。 / role may not create databases"
        ) from None
    # What is lost when the machine stops is gone with the database anyway.
    owner.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")


def _drop(owner: Owner, name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        except psycopg.errors.InsufficientPrivilege:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
