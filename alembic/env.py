"""Runs migrations. Synchronous on purpose; an advisory lock lets only one process migrate at a time."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Text, create_engine, pool, text
from sqlmodel import AutoString, SQLModel

from alembic import context
from service.store import (  # noqa: F401  (declares the tables)
    tables,
    tables_escalation,
    tables_filed,
    tables_model,
    tables_project,
    tables_routing,
    tables_service,
)
from service.store.engine import driver_url
from service.store.partitions import is_partition

MIGRATION_LOCK = 7_306_105_201  # any fixed number that nothing else in the database uses


def _type_differs(_context: Any, _in_database: Any, _in_code: Any, was: Any, will: Any) -> bool | None:
    """SQLModel's strings are text here: VARCHAR without a length and TEXT are the same to PostgreSQL."""
    return False if isinstance(was, Text) and isinstance(will, AutoString) else None


def _declared(_thing: Any, name: str | None, kind: str, reflected: bool, _in_code: Any) -> bool:
    """Partitions are made as months come; they belong to their table and are not declared."""
    return not (kind == "table" and reflected and name is not None and is_partition(name))


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["WEIYU_DATABASE_URL"]
    engine = create_engine(driver_url(url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": MIGRATION_LOCK})
        connection.commit()  # the lock belongs to the session, not to this transaction
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            compare_type=_type_differs,
            include_object=_declared,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
