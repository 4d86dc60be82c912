"""Which schema the database has, and whether this code may run on it."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, pool, text

from alembic import command
from service.store.engine import driver_url

ALEMBIC_INI = Path(__file__).parents[2] / "alembic.ini"


class SchemaMismatch(Exception):
    """The database is unmigrated, older or newer than this code; the text says what to do."""


def migrate(url: str) -> str:
    """Bring the database to the newest schema; gives its revision. Safe to call from several processes at once."""
    config = _config(url)
    command.upgrade(config, "head")
    return _head(config)


def check(url: str) -> str:
    """The schema revision, if it is the one this code was written for; else raises SchemaMismatch."""
    config = _config(url)
    head, found = _head(config), _found(url)
    if found is None:
        raise SchemaMismatch("the database has no Weiyu schema yet: run `weiyu migrate` first (数据库尚未初始化)")
    if found == head:
        return head
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found in known:
        raise SchemaMismatch(f"the schema is {found}, this version needs {head}: run `weiyu migrate` (数据库版本较旧)")
    raise SchemaMismatch(
        f"the schema is {found}, newer than this version knows ({head}): start the newer Weiyu, or restore a backup"
        " (数据库版本较新)"
    )


def _config(url: str) -> Config:
    config = Config(str(ALEMBIC_INI))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def _head(config: Config) -> str:
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise SchemaMismatch("no migrations found beside the code: the checkout or image is incomplete")
    return head


def _found(url: str) -> str | None:
    engine = create_engine(driver_url(url), poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    finally:
        engine.dispose()
