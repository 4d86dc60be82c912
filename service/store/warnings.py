"""Warnings, duties and the numbered events behind feed and stream."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.escalation import Chain
from service.domain.judging import Reason
from service.domain.levels import Level
from service.domain.warnings import Warning
from service.domain.words import Outcome, SubjectKind, WarningState
from service.store import held
from service.store.chains import begun
from service.store.engine import Beside, Insert, Row, insert_all, replacing, rows_of, run
from service.store.outbox import OUTBOX_CHANNEL, owed
from service.store.tables import DutyTable, JudgementTable, WarningEventTable, WarningTable

EVENTS_CHANNEL = "weiyu_events"
_COLUMNS = tuple(column.name for column in fields(Warning))
_COUNTER = "counter AS (UPDATE feed_counter SET seq = seq + %(count)s WHERE id = 1 RETURNING seq - %(count)s AS seq)"
_DUTIES_OF = "SELECT * FROM duty WHERE warning_id = ANY(CAST(%(ids)s AS uuid[])) ORDER BY role, department_id"
_OPEN_OF_MATTERS = """
SELECT * FROM warning WHERE subject_kind = 'matter' AND subject_id = ANY(CAST(%(ids)s AS text[]))
  AND state NOT IN ('resolved', 'cancelled') ORDER BY id FOR UPDATE
"""
_NUMBERED = ("CROSS JOIN counter", (("seq", "counter.seq + given.seq"),))


async def open_of_matters(connection: AsyncConnection, matter_ids: Collection[UUID]) -> dict[UUID, Warning]:
    """The open warning of each matter that has one, locked until the transaction ends."""
    if not matter_ids:
        return {}
    rows = await run(connection, _OPEN_OF_MATTERS, {"ids": [str(matter_id) for matter_id in matter_ids]})
    return {UUID(row["subject_id"]): warning_of(row) for row in rows}


async def open_of_project(connection: AsyncConnection, project_id: UUID) -> Warning | None:
    """The open warning of a project, locked until the transaction ends."""
    rows = await connection.execute(
        text(
            "SELECT * FROM warning WHERE subject_kind = 'project' AND subject_id = :id"
            " AND state NOT IN ('resolved', 'cancelled') FOR UPDATE"
        ),
        {"id": str(project_id)},
    )
    return next((warning_of(row) for row in rows_of(rows)), None)


async def issued_of_matter(connection: AsyncConnection, matter_id: UUID) -> UUID | None:
    """The id of the open warning of a matter that departments have heard."""
    rows = await connection.execute(
        text(
            "SELECT id FROM warning WHERE subject_kind = 'matter' AND subject_id = :id"
            " AND state IN ('issued', 'acknowledged')"
        ),
        {"id": str(matter_id)},
    )
    found: UUID | None = rows.scalar()
    return found


async def one(connection: AsyncConnection, warning_id: UUID) -> Warning | None:
    """A warning as it stands, for whoever may see it by other right than a key's."""
    rows = await connection.execute(text("SELECT * FROM warning WHERE id = :id"), {"id": warning_id})
    return next((warning_of(row) for row in rows_of(rows)), None)


async def locked(connection: AsyncConnection, warning_id: UUID) -> Warning | None:
    rows = await connection.execute(text("SELECT * FROM warning WHERE id = :id FOR UPDATE"), {"id": warning_id})
    return next((warning_of(row) for row in rows_of(rows)), None)


async def by_id(connection: AsyncConnection, warning_ids: Collection[UUID]) -> dict[UUID, Warning]:
    """Warnings as they stand, unlocked."""
    rows = await connection.execute(text("SELECT * FROM warning WHERE id = ANY(:ids)"), {"ids": list(warning_ids)})
    return {row["id"]: warning_of(row) for row in rows_of(rows)}


async def confirmation_overdue(connection: AsyncConnection, now: datetime, limit: int) -> list[UUID]:
    """Warnings whose time for confirmation ran out. Unlocked: whoever acts on one locks it and looks again."""
    rows = await connection.execute(
        text(
            "SELECT id FROM warning WHERE state = 'pending_confirmation' AND confirm_due_at <= :now"
            " ORDER BY confirm_due_at LIMIT :limit"
        ),
        {"now": now, "limit": limit},
    )
    return list(rows.scalars())


@dataclass(frozen=True, slots=True)
class Told:
    """Warnings with what follows from their changes. `seq` of warnings and events counts from 1 within this."""

    warnings: Sequence[Warning]
    duties: Sequence[Row]
    events: Sequence[Row]
    pushes: Sequence[Row]
    chains: Sequence[Chain] = ()
    groups: Sequence[Row] = ()  # of pushes that wait
    held: Sequence[Row] = ()


async def tell(connection: AsyncConnection, told: Told) -> None:
    """Keep it all under the next numbers of the feed, and wake whoever listens once this transaction commits.

    Holds the feed's counter until then, so that commit order is reading order: call it last.
    """
    warnings = [{name: getattr(warning, name) for name in _COLUMNS} for warning in told.warnings]
    inserts = [
        Insert(WarningTable, warnings, replacing(WarningTable, ["id"]), *_NUMBERED),
        _duties(told.duties),
        Insert(WarningEventTable, told.events, "", *_NUMBERED),
        owed(told.pushes),
        begun(told.chains),
        held.groups(told.groups),
        held.pushes(told.held),
    ]
    channels = (EVENTS_CHANNEL, OUTBOX_CHANNEL) if told.pushes else (EVENTS_CHANNEL,)
    await insert_all(connection, inserts, Beside(_COUNTER, {"count": len(told.events)}, channels))


async def keep_duties(connection: AsyncConnection, duties: Sequence[Row]) -> None:
    await insert_all(connection, [_duties(duties)])


def _duties(rows: Sequence[Row]) -> Insert:
    return Insert(DutyTable, rows, replacing(DutyTable, ["warning_id", "department_id"]))


async def duties_of(connection: AsyncConnection, warning_ids: Collection[UUID]) -> dict[UUID, list[Row]]:
    rows = await run(connection, _DUTIES_OF, {"ids": list(warning_ids)})
    found: dict[UUID, list[Row]] = {warning_id: [] for warning_id in warning_ids}
    for row in rows:
        found[row["warning_id"]].append(row)
    return found


async def due_duties(connection: AsyncConnection, now: datetime, limit: int) -> list[Row]:
    """Duties whose clock must be looked at now. Unlocked: whoever acts on one locks its place first and looks again."""
    rows = await connection.execute(
        text(
            "SELECT d.*, w.subject_kind, w.subject_id FROM duty d JOIN warning w ON w.id = d.warning_id"
            " WHERE d.next_check_at <= :now ORDER BY d.next_check_at LIMIT :limit"
        ),
        {"now": now, "limit": limit},
    )
    return rows_of(rows)


async def stop_clocks(connection: AsyncConnection, warning_ids: Collection[UUID]) -> None:
    await connection.execute(
        text("UPDATE duty SET next_check_at = NULL WHERE warning_id = ANY(:ids)"), {"ids": list(warning_ids)}
    )


async def events_of(connection: AsyncConnection, warning_id: UUID) -> list[Row]:
    """Everything that ever changed on a warning, oldest first."""
    rows = await connection.execute(
        text("SELECT seq, revision, type, at, note FROM warning_event WHERE warning_id = :id ORDER BY revision"),
        {"id": warning_id},
    )
    return rows_of(rows)


def judgements(rows: Sequence[Row]) -> Insert:
    return Insert(JudgementTable, rows)


async def judgements_of(connection: AsyncConnection, matter_id: UUID, limit: int) -> list[Row]:
    """What was judged of a matter, newest first."""
    rows = await connection.execute(
        text("SELECT * FROM judgement WHERE matter_id = :id ORDER BY at DESC, id DESC LIMIT :limit"),
        {"id": matter_id, "limit": limit},
    )
    return rows_of(rows)


async def judgement(connection: AsyncConnection, judgement_id: UUID) -> Row | None:
    rows = await connection.execute(text("SELECT * FROM judgement WHERE id = :id"), {"id": judgement_id})
    return next(iter(rows_of(rows)), None)


def warning_of(row: Mapping[str, Any]) -> Warning:
    values = {name: row[name] for name in _COLUMNS}
    values["level"] = Level(values["level"])
    values["issued_level"] = Level(values["issued_level"]) if values["issued_level"] else None
    values["subject_kind"] = SubjectKind(values["subject_kind"])
    values["state"] = WarningState(values["state"])
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    values["department_ids"] = tuple(values["department_ids"])
    values["measures"] = tuple(values["measures"])
    values["reasons"] = tuple([Reason(**reason) for reason in values["reasons"]])
    return Warning(**values)
