"""The record of every step on a project: append-only, each entry bound to the one before and to what was seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from service.store.engine import Row, insert_rows, rows_of, table_of
from service.store.tables_filed import EmergencyPlanTable, EvidenceFileTable, SurveyTable
from service.store.tables_project import (
    AssessmentTable,
    ConditionTable,
    EvidenceTable,
    IssueTable,
    ParticipationTable,
    ProjectTable,
    ReceptionTable,
    ReopeningTable,
    TrailTable,
)

FIRST = "0" * 64  # what stands before the first entry
SUBJECTS: dict[str, type[SQLModel]] = {
    "project": ProjectTable,
    "evidence": EvidenceTable,
    "participation": ParticipationTable,
    "issue": IssueTable,
    "assessment": AssessmentTable,
    "decision_condition": ConditionTable,
    "reception": ReceptionTable,
    "reopening": ReopeningTable,
    "survey": SurveyTable,
    "evidence_file": EvidenceFileTable,
    "emergency_plan": EmergencyPlanTable,
}
# Columns younger than rows that were recorded: empty they are no part of what was seen, or every old row would differ.
LATER: dict[str, tuple[str, ...]] = {"assessment": ("plan", "commission")}


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, by which office in which role; `row` is the row it was about, as it stands afterwards."""

    action: str
    at: datetime
    role: str
    actor: str
    department_id: UUID | None
    model: type[SQLModel]
    row: Row
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry or a row that is not as the trail says; `what` is Chinese."""

    project_id: UUID
    number: int
    what: str


async def append(connection: AsyncConnection, project_id: UUID, step: Step) -> None:
    """Add a step. The project's row must be locked in this transaction, so that numbers follow each other."""
    last = (await connection.execute(text(_LAST), {"id": project_id})).first()
    number, before = (last.number + 1, last.hash) if last else (1, FIRST)
    entry = {
        "project_id": project_id,
        "number": number,
        "at": step.at,
        "role": step.role,
        "department_id": step.department_id,
        "actor": step.actor,
        "action": step.action,
        "subject": f"{step.model.__tablename__}/{step.row['id']}",
        "seen": _seen(str(step.model.__tablename__), step.row),
        "body": json.loads(canonical(step.body)),
        "before": before,
    }
    await insert_rows(connection, TrailTable, [{**entry, "hash": digest(entry)}])


async def of_project(connection: AsyncConnection, project_id: UUID) -> list[Row]:
    """Every step, the first one first."""
    rows = await connection.execute(
        text("SELECT * FROM trail WHERE project_id = :id ORDER BY number"), {"id": project_id}
    )
    return rows_of(rows)


async def projects(connection: AsyncConnection) -> list[UUID]:
    return list((await connection.execute(text("SELECT id FROM project ORDER BY id"))).scalars())


async def broken(connection: AsyncConnection, project_id: UUID) -> list[Broken]:
    """Everything on a project that is not as its trail says: entries, their order, and rows changed behind it."""
    found: list[Broken] = []
    before, newest = FIRST, dict[str, Row]()
    for expected, entry in enumerate(await of_project(connection, project_id), 1):
        if entry["number"] != expected:
            found.append(Broken(project_id, entry["number"], f"记录不连续：缺第 {expected} 条"))
        if entry["before"] != before:
            found.append(Broken(project_id, entry["number"], "与上一条记录不衔接"))
        if entry["hash"] != digest({name: value for name, value in entry.items() if name != "hash"}):
            found.append(Broken(project_id, entry["number"], "记录内容被改动"))
        before, newest[entry["subject"]] = entry["hash"], entry
    for subject, entry in newest.items():
        if await _seen_now(connection, subject) != entry["seen"]:
            found.append(Broken(project_id, entry["number"], f"{subject} 的内容与最后一次记录不符"))
    return found + await _unrecorded(connection, project_id, newest)


async def _seen_now(connection: AsyncConnection, subject: str) -> str | None:
    name, _, row_id = subject.partition("/")
    rows = await connection.execute(
        text(f"SELECT * FROM {SUBJECTS[name].__tablename__} WHERE id = :id"),  # noqa: S608
        {"id": UUID(row_id)},
    )
    kept = next(iter(rows_of(rows)), None)
    return _seen(name, kept) if kept else None


def _seen(table: str, row: Row) -> str:
    """The digest of a row as it stands; a column that was added later counts once it holds something."""
    later = LATER.get(table, ())
    return digest({name: value for name, value in row.items() if value is not None or name not in later})


async def _unrecorded(connection: AsyncConnection, project_id: UUID, known: Mapping[str, Row]) -> list[Broken]:
    """Rows that no entry speaks of were put there by somebody else."""
    found = []
    for name, model in SUBJECTS.items():
        column = "id" if model is ProjectTable else "project_id"
        rows = await connection.execute(
            text(f"SELECT id FROM {table_of(model).name} WHERE {column} = :id ORDER BY id"),  # noqa: S608
            {"id": project_id},
        )
        strange = [row_id for row_id in rows.scalars() if f"{name}/{row_id}" not in known]
        found += [Broken(project_id, 0, f"{name}/{row_id} 没有任何记录") for row_id in strange]
    return found


def digest(row: Mapping[str, Any]) -> str:
    """SHA-256 of a row's canonical form: equal values, equal digest, whatever the session's time zone."""
    return hashlib.sha256(canonical(row).encode()).hexdigest()


def canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a trail")


_LAST = "SELECT number, hash FROM trail WHERE project_id = :id ORDER BY number DESC LIMIT 1"
