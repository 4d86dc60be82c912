"""Brings the database to the newest schema. Apart from `schema`: only those who migrate load the migration library."""

from __future__ import annotations

from alembic.config import Config

from alembic import command
from service.store.schema import ALEMBIC_INI, revisions


def migrate(url: str) -> str:
    """Bring the database to the newest schema; gives its revision. Safe to call from several processes at once."""
    config = Config(str(ALEMBIC_INI))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
    return revisions().head
