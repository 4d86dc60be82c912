"""Models that were taken in, which of them judges, and what was done with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, dump_json, insert_rows, new_id, rows_of
from service.store.tables_model import ModelEventTable, ModelVersionTable

_SHOWN = "version, sha256, feature_schema, horizon_days, synthetic, role, role_since, taken_at, taken_by, promoted_by"
_JSON = ("reference", "sample", "pooling")
CHANGEABLE = frozenset(
    ("role", "role_since", "promoted_by", "champion_before", "handed_over_because", "accepted", *_JSON)
)


async def lock(connection: AsyncConnection) -> None:
    """Only one at a time changes who judges; reading goes on."""
    await connection.execute(text("LOCK TABLE model_version IN SHARE ROW EXCLUSIVE MODE"))


async def everything(connection: AsyncConnection) -> list[Row]:
    """Every model without its files, the champion first, then the newest."""
    order = "array_position(ARRAY['champion', 'challenger', 'retired'], role), taken_at DESC, version"
    shown = f"SELECT {_SHOWN}, card, handed_over_because FROM model_version ORDER BY {order}"  # noqa: S608
    return rows_of(await connection.execute(text(shown)))


async def by_version(connection: AsyncConnection, version: str) -> Row | None:
    """A model with its files."""
    return await _one(connection, "version = :given", version)


async def in_role(connection: AsyncConnection, role: str) -> Row | None:
    """The champion or the challenger, if there is one."""
    return await _one(connection, "role = :given", role)


async def roles(connection: AsyncConnection) -> list[Row]:
    """What a process must know to see that it is out of step: version, hash and standing of whom it should run."""
    statement = "SELECT version, sha256, role, handed_over_because, pooling FROM model_version WHERE role <> 'retired'"
    return rows_of(await connection.execute(text(statement + " ORDER BY role")))


async def add(connection: AsyncConnection, row: Row) -> None:
    """Keep a new model; its files are never changed afterwards."""
    blank = dict.fromkeys(("promoted_by", "champion_before", "handed_over_because", *_JSON))
    await insert_rows(connection, ModelVersionTable, [{**blank, "accepted": [], **row}])


async def amend(connection: AsyncConnection, version: str, changes: Mapping[str, Any]) -> None:
    """Change what may change of a model: its role and what belongs to the role. Raises KeyError for anything else."""
    if not changes.keys() <= CHANGEABLE:
        raise KeyError(sorted(changes.keys() - CHANGEABLE))
    given = {name: _as_json(value) if name in _JSON else value for name, value in changes.items()}
    sets = ", ".join(f"{name} = CAST(:{name} AS jsonb)" if name in _JSON else f"{name} = :{name}"
                     for name in given)  # fmt: skip
    statement = f"UPDATE model_version SET {sets} WHERE version = :which"  # noqa: S608  (checked names)
    await connection.execute(text(statement), {**given, "which": version})


async def note(connection: AsyncConnection, event: Row) -> None:
    """Append what was done: at, kind, version, actor, and optionally reason and body."""
    await insert_rows(connection, ModelEventTable, [{"id": new_id(), "reason": None, "body": {}, **event}])


async def events(connection: AsyncConnection, limit: int) -> list[Row]:
    """What was done with models, newest first."""
    statement = "SELECT at, kind, version, actor, reason, body FROM model_event ORDER BY id DESC LIMIT :limit"
    return rows_of(await connection.execute(text(statement), {"limit": limit}))


async def _one(connection: AsyncConnection, where: str, given: str) -> Row | None:
    rows = await connection.execute(text(f"SELECT * FROM model_version WHERE {where}"), {"given": given})  # noqa: S608
    return next(iter(rows_of(rows)), None)


def _as_json(value: object) -> str | None:
    return None if value is None else dump_json(value)
