"""weiyu migrate."""

from __future__ import annotations

from service.cli.common import SAY, database, foreseen, settings_from
from service.store.migrations import migrate as migrate_schema


def migrate() -> None:
    """Bring the database to this version's schema."""
    with foreseen(), database(settings_from(), migrated=False) as url:
        SAY.print(f"数据库版本 {migrate_schema(url)}")
