"""Rosters: who is on duty by post, and hand-overs between shifts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.rosters import Shift, ShiftRole
from service.store.engine import Row, dump_json, insert_rows, rows_of
from service.store.tables_escalation import HandOverTable, ShiftTable

_ONCE = "ON CONFLICT (department_id, role, starts_at, post) DO UPDATE SET"
_REPLACE = f"{_ONCE} ends_at = excluded.ends_at, endpoint_ids = excluded.endpoint_ids"
_DROP = """
DELETE FROM shift s WHERE department_id = :department AND starts_at >= :begin AND starts_at < :end
  AND NOT EXISTS (SELECT 1 FROM hand_over h WHERE h.shift_id = s.id OR h.to_shift_id = s.id)
  AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset(CAST(:kept AS jsonb)) AS k(role text, post text, starts_at timestamptz)
    WHERE k.role = s.role AND k.post = s.post AND k.starts_at = s.starts_at)
"""  # noqa: E501
_OPEN_OF_DEPARTMENT = """
SELECT w.id, w.level, w.headline, w.state, w.revision, d.role, d.sign_due_at, d.signed_at, d.answer_due_at, d.answered_at
FROM warning w CROSS JOIN LATERAL (SELECT * FROM duty WHERE warning_id = w.id AND department_id = :id OFFSET 0) d
WHERE w.state NOT IN ('resolved', 'cancelled') ORDER BY w.opened_at, w.id
"""  # noqa: E501


async def on_duty(connection: AsyncConnection, departments: Collection[UUID], now: datetime) -> list[Shift]:
    """Shifts of these departments that are under way, in the order in which they began."""
    rows = await connection.execute(
        text(
            "SELECT * FROM shift WHERE department_id = ANY(:ids) AND ends_at > :now AND starts_at <= :now"
            " ORDER BY starts_at, post"
        ),
        {"ids": [*departments], "now": now},
    )
    return [shift_of(row) for row in rows_of(rows)]


async def between(connection: AsyncConnection, department_id: UUID, begin: datetime, end: datetime) -> list[Row]:
    """Shifts of a department that touch [begin, end)."""
    rows = await connection.execute(
        text(
            "SELECT * FROM shift WHERE department_id = :id AND ends_at > :begin AND starts_at < :end"
            " ORDER BY starts_at, role, post"
        ),
        {"id": department_id, "begin": begin, "end": end},
    )
    return rows_of(rows)


async def shift(connection: AsyncConnection, shift_id: UUID) -> Row | None:
    rows = await connection.execute(text("SELECT * FROM shift WHERE id = :id"), {"id": shift_id})
    return next(iter(rows_of(rows)), None)


async def rostered(connection: AsyncConnection) -> list[UUID]:
    """Departments that have a roster at all."""
    return list((await connection.execute(text("SELECT DISTINCT department_id FROM shift"))).scalars())


async def put_week(
    connection: AsyncConnection, department_id: UUID, span: tuple[datetime, datetime], rows: Sequence[Row]
) -> None:
    """Replace the shifts of a department that begin in a span; those that were handed over stay."""
    kept = [{name: row[name] for name in ("role", "post", "starts_at")} for row in rows]
    given = {"department": department_id, "begin": span[0], "end": span[1], "kept": dump_json(kept)}
    await connection.execute(text(_DROP), given)
    await insert_rows(connection, ShiftTable, rows, _REPLACE)


async def hand_overs(connection: AsyncConnection, shift_ids: Collection[UUID]) -> list[Row]:
    """Hand-overs by or to these shifts, oldest first."""
    rows = await connection.execute(
        text("SELECT * FROM hand_over WHERE shift_id = ANY(:ids) OR to_shift_id = ANY(:ids) ORDER BY handed_at"),
        {"ids": [*shift_ids]},
    )
    return rows_of(rows)


async def hand_over(connection: AsyncConnection, row: Row) -> bool:
    """Keep the outgoing signature; False when this shift was handed over before."""
    await insert_rows(connection, HandOverTable, [row], "ON CONFLICT (shift_id) DO NOTHING")
    kept = await connection.execute(
        text("SELECT handed_at = :at FROM hand_over WHERE shift_id = :id"),
        {"id": row["shift_id"], "at": row["handed_at"]},
    )
    return bool(kept.scalar_one())


async def take_over(connection: AsyncConnection, to_shift_id: UUID, now: datetime, note: str | None) -> list[UUID]:
    """Keep the incoming signature on what was handed to this shift and not signed yet; gives by which shifts."""
    rows = await connection.execute(
        text(
            "UPDATE hand_over SET taken_at = :now, taken_note = :note"
            " WHERE to_shift_id = :id AND taken_at IS NULL RETURNING shift_id"
        ),
        {"id": to_shift_id, "now": now, "note": note},
    )
    return list(rows.scalars())


async def open_of_department(connection: AsyncConnection, department_id: UUID) -> list[Row]:
    """Open warnings on which a department owes something."""
    return rows_of(await connection.execute(text(_OPEN_OF_DEPARTMENT), {"id": department_id}))


def shift_of(row: Row) -> Shift:
    role = ShiftRole(row["role"])
    endpoints = tuple(row["endpoint_ids"])
    return Shift(row["id"], row["department_id"], role, row["post"], row["starts_at"], row["ends_at"], endpoints)
