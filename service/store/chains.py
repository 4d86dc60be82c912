"""Chains of escalation: deadlines as rows, and every step that was taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.escalation import Chain, Clock
from service.store.engine import Insert, Row, insert_rows, replacing, rows_of
from service.store.tables_escalation import ChainTable, EscalationTable

_KEY = ("warning_id", "department_id", "clock")
_COLUMNS = tuple(column.name for column in fields(Chain))
_END = "UPDATE chain SET next_at = NULL, ended_at = :now, ended_by = :reason WHERE next_at IS NOT NULL AND"
_TAKE = """
UPDATE chain SET step = :step, told = :told, next_at = :next_at, ended_at = :ended_at, ended_by = :ended_by
WHERE warning_id = :warning_id AND department_id = :department_id AND clock = :clock AND since = :since
  AND step = :old_step AND told = :old_told AND next_at = :old_next_at
"""
_CLOSE = f"""
WITH ended AS ({_END} warning_id = ANY(:ids))
SELECT warning_id, told_id FROM escalation WHERE warning_id = ANY(:ids) AND told_id IS NOT NULL
UNION
SELECT o.warning_id, e.department_id FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id
WHERE o.warning_id = ANY(:ids)
UNION
SELECT warning_id, department_id FROM held_push WHERE warning_id = ANY(:ids) AND state = 'sent'
"""  # noqa: S608


class StepTakenTwice(Exception):
    """A chain is not where it was read: the transaction must not go on."""


def begun(chains: Collection[Chain]) -> Insert:
    """Chains that begin, each in place of the one that its department had on this warning and clock."""
    return Insert(ChainTable, [_row_of(chain) for chain in chains], replacing(ChainTable, _KEY))


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[UUID]:
    """Warnings with a chain whose step came due. Unlocked: whoever acts on one locks the warning and looks again."""
    rows = await connection.execute(
        text("SELECT warning_id FROM chain WHERE next_at <= :now ORDER BY next_at LIMIT :limit"),
        {"now": now, "limit": limit},
    )
    return list(dict.fromkeys(rows.scalars()))


async def of_warning(connection: AsyncConnection, warning_id: UUID) -> list[Chain]:
    rows = await connection.execute(
        text("SELECT * FROM chain WHERE warning_id = :id ORDER BY department_id, clock"), {"id": warning_id}
    )
    return [_chain_of(row) for row in rows_of(rows)]


async def take(connection: AsyncConnection, before: Chain, after: Chain) -> None:
    """Move one chain on from exactly where it was read. Raises StepTakenTwice when it is no longer there."""
    old = {"old_step": before.step, "old_told": before.told, "old_next_at": before.next_at}
    done = await connection.execute(text(_TAKE), {**_row_of(after), **old})
    if done.rowcount != 1:
        raise StepTakenTwice(f"chain of warning {before.warning_id}, step {before.step}")


async def keep_steps(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Steps that were taken; one that is there already is refused by its key."""
    await insert_rows(connection, EscalationTable, rows)


async def end(
    connection: AsyncConnection, of: tuple[UUID, UUID | None], clocks: Collection[Clock], ending: tuple[str, datetime]
) -> None:
    """End these clocks of (warning, department; none: all of them), with the reason and when."""
    warning_id, department_id = of
    mine = "warning_id = :id AND clock = ANY(:clocks) AND (CAST(:whose AS uuid) IS NULL OR department_id = :whose)"
    given: dict[str, Any] = {"id": warning_id, "whose": department_id, "clocks": [*clocks]}
    await connection.execute(text(f"{_END} {mine}"), {**given, "reason": ending[0], "now": ending[1]})


async def close(connection: AsyncConnection, warning_ids: Collection[UUID], now: datetime) -> dict[UUID, set[UUID]]:
    """End all chains of warnings that came to an end; gives which departments were told of them, ever."""
    given = {"ids": [*warning_ids], "now": now, "reason": "预警已办结或撤销"}
    told: dict[UUID, set[UUID]] = {}
    for row in rows_of(await connection.execute(text(_CLOSE), given)):
        told.setdefault(row["warning_id"], set()).add(row["told_id"])
    return told


async def steps_of(connection: AsyncConnection, warning_id: UUID) -> list[Row]:
    """Every step taken on a warning, oldest first."""
    rows = await connection.execute(
        text("SELECT * FROM escalation WHERE warning_id = :id ORDER BY at, department_id, clock, step, told"),
        {"id": warning_id},
    )
    return rows_of(rows)


def _row_of(chain: Chain) -> Row:
    return {name: getattr(chain, name) for name in _COLUMNS}


def _chain_of(row: Row) -> Chain:
    return Chain(**{name: row[name] for name in _COLUMNS} | {"clock": Clock(row["clock"])})
