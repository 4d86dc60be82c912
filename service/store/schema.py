"""Which schema the database has, and whether this code may run on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import psycopg

from service.store.engine import plain_url

ALEMBIC_INI = Path(__file__).parents[2] / "alembic.ini"
VERSIONS = ALEMBIC_INI.parent / "alembic" / "versions"
_SAID = re.compile(r"""^(revision|down_revision)(?:: [^=]+)? = (?:["'](.+)["']|None)$""", re.MULTILINE)


class SchemaMismatch(Exception):
    """The database is unmigrated, older or newer than this code; the text says what to do."""


class Revisions(NamedTuple):
    """The migrations beside the code: all of them, and the newest."""

    known: frozenset[str]
    head: str


def check(url: str) -> str:
    """The schema revision, if it is the one this code was written for; else raises SchemaMismatch."""
    (known, head), found = revisions(), _found(url)
    if found is None:
        raise SchemaMismatch("the database has no Weiyu schema yet: run `weiyu migrate` first (数据库尚未初始化)")
    if found == head:
        return head
    if found in known:
        raise SchemaMismatch(f"the schema is {found}, this version needs {head}: run `weiyu migrate` (数据库版本较旧)")
    raise SchemaMismatch(
        f"the schema is {found}, newer than this version knows ({head}): start the newer Weiyu, or restore a backup"
        " (数据库版本较新)"
    )


def revisions() -> Revisions:
    """Read from the migrations without running them: the migration library takes as long to load as a server may."""
    named = [_named(file) for file in VERSIONS.glob("*.py")]
    known = frozenset(one["revision"] for one in named)
    heads = [*known - {one["down_revision"] for one in named}]
    if len(heads) != 1:
        raise SchemaMismatch(
            f"{len(heads)} newest migrations beside the code, expected one: the checkout or image is incomplete"
        )
    return Revisions(known, heads[0])


def _named(file: Path) -> dict[str, str]:
    """What a migration says of itself in `revision = …` and `down_revision = …`; the first has "" for the latter."""
    return dict(_SAID.findall(file.read_text("utf-8")))


def _found(url: str) -> str | None:
    with psycopg.connect(plain_url(url)) as connection:
        made = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
        if made != (True,):
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None
