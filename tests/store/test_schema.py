"""A start on another schema refuses with a clear line; migrating twice at once is migrating once."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from alembic import command
from service.store import schema
from service.store.schema import SchemaMismatch
from tests.conftest import ROOT, url_of

HEAD = str(ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head())  # as the library reads it
MIGRATE = "import sys; from service.store import migrations; print(migrations.migrate(sys.argv[1]))"


@pytest.fixture
def empty_url(cluster: str, owner: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    """A database that nobody migrated."""
    name = f"empty_{uuid.uuid4().hex}"
    owner.execute(f"CREATE DATABASE {name}")
    yield url_of(cluster, name)
    owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _say(url: str, revision: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))


def test_an_unmigrated_database_is_refused_and_the_line_says_what_to_do(empty_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="weiyu migrate"):
        schema.check(empty_url)


def test_a_newer_schema_is_refused_and_the_line_names_both(database_url: str) -> None:
    _say(database_url, "9999")

    with pytest.raises(SchemaMismatch, match=f"9999.*newer.*{HEAD}"):
        schema.check(database_url)


def test_the_schema_this_code_was_written_for_is_taken(database_url: str) -> None:
    assert schema.check(database_url) == HEAD


def test_processes_that_migrate_at_once_do_it_once(empty_url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, empty_url], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60) for process in started]

    assert [process.returncode for process in started] == [0, 0], told
    assert [out.decode().strip() for out, _ in told] == [HEAD, HEAD]
    assert schema.check(empty_url) == HEAD


def test_tables_as_declared_and_tables_as_migrated_are_the_same(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIYU_DATABASE_URL", database_url)

    command.check(Config(ROOT / "alembic.ini"))  # raises when a migration is missing


def test_the_migrations_are_read_as_their_library_reads_them() -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))

    known, head = schema.revisions()

    assert head == scripts.get_current_head()
    assert known == {script.revision for script in scripts.walk_revisions()}
