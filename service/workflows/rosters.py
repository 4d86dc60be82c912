"""Rosters: a week of shifts, where nobody is on duty, and hand-overs that both shifts sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from service.domain.problems import FieldError, Problem, not_found
from service.domain.rosters import Days, Gap, gaps, week_of
from service.store import shifts
from service.store.engine import Row, new_id
from service.text.redaction import mask
from service.workflows.parts import Doors, Engines
from service.workflows.telling import Work
from service.workflows.workdays import is_workday

LONGEST_SHIFT = timedelta(days=8)  # a whole week and its hand-over; longer is a mistyped year
MOST_DAYS = 62  # looked at for gaps at once


@dataclass(frozen=True, slots=True)
class Week:
    """A department's ISO week in local days."""

    department_id: UUID
    first: date
    last: date
    zone: ZoneInfo

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.first, time(), self.zone)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)


def week_named(department_id: UUID, name: str, zone: ZoneInfo) -> Week:
    """Raises Problem 422 when `name` is no ISO week such as 2026-W48."""
    try:
        return Week(department_id, *week_of(name), zone)
    except ValueError:
        error = FieldError("week", "not_a_week", "应为 ISO 周，例如 2026-W48（周一至周日）。")
        raise Problem(422, "invalid_request", "周次有误。", (error,)) from None


async def put_week(work: Work, week: Week, given: Sequence[Row], known_endpoints: Sequence[UUID]) -> None:
    """Replace the shifts that begin in a week; those handed over stay. Posts are masked like any free text."""
    errors = [error for place, row in enumerate(given) for error in _faults(place, row, week, known_endpoints)]
    if errors:
        raise Problem(422, "invalid_request", "值班表有误，请按 errors 逐项修改。", tuple(errors))
    rows = {
        (row["role"], row["starts_at"], post): {
            **row, "post": post, "id": new_id(), "department_id": week.department_id, "created_at": work.now,
            "endpoint_ids": list(row["endpoint_ids"]),
        }
        for row in given
        for post in [mask(row["post"])]
    }  # fmt: skip
    async with work.doors.transaction() as connection:
        await shifts.put_week(connection, week.department_id, (week.begin, week.end), list(rows.values()))


def _faults(place: int, row: Row, week: Week, known_endpoints: Sequence[UUID]) -> list[FieldError]:
    here, found = f"shifts.{place}", []
    if not week.begin <= row["starts_at"] < week.end:
        found.append(FieldError(f"{here}.starts_at", "outside_week", f"应在 {week.first} 至 {week.last} 之间开始。"))
    if row["ends_at"] - row["starts_at"] > LONGEST_SHIFT:
        found.append(FieldError(f"{here}.ends_at", "too_long", "一班至多 8 天。"))
    if not set(row["endpoint_ids"]) <= set(known_endpoints):
        detail = "只能写本单位的推送地址；请用 GET /v1/endpoints 查询。"
        found.append(FieldError(f"{here}.endpoint_ids", "unknown_endpoint", detail))
    return found


async def gaps_of(doors: Doors, engines: Engines, department_id: UUID, span: tuple[date, date]) -> list[Gap]:
    """Where a department's roster leaves a role uncovered, both days included; days off by the public calendar."""
    days = Days(*span, engines.zone, is_workday)
    week = Week(department_id, *span, engines.zone)
    async with doors.engine.connect() as connection:
        rows = await shifts.between(connection, department_id, week.begin, week.end)
    return gaps([shifts.shift_of(row) for row in rows], engines.escalation.current.cover, days)


async def hand_over(work: Work, department_id: UUID, shift_id: UUID, given: tuple[UUID, str | None]) -> Row:
    """The outgoing shift signs; the service lists every warning on which the department still owes something."""
    to_shift_id, note = given
    async with work.doors.transaction() as connection:
        outgoing = await _own(await shifts.shift(connection, shift_id), department_id, shift_id)
        incoming = await _own(await shifts.shift(connection, to_shift_id), department_id, to_shift_id)
        if incoming["id"] == outgoing["id"] or incoming["ends_at"] <= outgoing["starts_at"]:
            error = FieldError("to_shift_id", "not_after", "接班的一班应在本班之后。")
            raise Problem(422, "invalid_request", "交接班有误。", (error,))
        row: dict[str, Any] = {
            "shift_id": shift_id,
            "to_shift_id": to_shift_id,
            "department_id": department_id,
            "open_warnings": [_matter(row) for row in await shifts.open_of_department(connection, department_id)],
            "handed_at": work.now,
            "handed_note": mask(note) if note else None,
            "taken_at": None,
            "taken_note": None,
        }
        if not await shifts.hand_over(connection, row):
            raise Problem(409, "already_handed_over", "本班已交班，不能重复交班。")
    return row


async def take_over(work: Work, department_id: UUID, shift_id: UUID, note: str | None) -> list[Row]:
    """The incoming shift signs for what was handed to it."""
    async with work.doors.transaction() as connection:
        await _own(await shifts.shift(connection, shift_id), department_id, shift_id)
        signed = await shifts.take_over(connection, shift_id, work.now, mask(note) if note else None)
        if not signed:
            raise Problem(409, "nothing_to_take_over", "没有待接的班：上一班尚未交班，或本班已接班。")
        rows = await shifts.hand_overs(connection, signed)
    return [row for row in rows if row["shift_id"] in signed]


async def _own(row: Row | None, department_id: UUID, shift_id: UUID) -> Row:
    if row is None or row["department_id"] != department_id:
        raise not_found("班次", shift_id)
    return row


def _matter(row: Row) -> dict[str, Any]:
    """An open warning as it stands in a hand-over: what is owed on it, no text of any report."""
    return {
        "warning_id": row["id"],
        "level": row["level"],
        "headline": row["headline"],
        "role": row["role"],
        "owed": _owed(row),
        "due_at": row["sign_due_at"] if row["signed_at"] is None else row["answer_due_at"],
    }


def _owed(row: Row) -> str:
    if row["signed_at"] is None:
        return "待签收" if row["sign_due_at"] else "知情"
    return "待答复" if row["answered_at"] is None else "待办结"
