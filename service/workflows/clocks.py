"""What happens because time passed: unconfirmed warnings leave, missed duties are reminded and count on the matter."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.matters import Matter
from service.domain.warnings import Warning, WarningEventType
from service.domain.words import DutyRole, MatterStatus, SubjectKind, WarningState
from service.store import matters, warnings
from service.store.engine import Row, insert_all
from service.workflows.deciding import Move, issue_unconfirmed
from service.workflows.judging import judge
from service.workflows.parts import Doors, Engines
from service.workflows.surroundings import surroundings
from service.workflows.telling import Teller, tell
from service.workflows.warning_matters import moves_for

LOG = logging.getLogger(__name__)
Step = Callable[[AsyncConnection, Teller], Awaitable[None]]
AT_ONCE = 100  # rows per round; the next round comes seconds later


async def issue_overdue(doors: Doors, engines: Engines, now: datetime) -> int:
    """Warnings nobody confirmed in time leave marked 未核实; gives how many were looked at."""
    async with doors.transaction() as connection:
        overdue = await warnings.confirmation_overdue(connection, now, AT_ONCE)

    async def issue(connection: AsyncConnection, teller: Teller, warning_id: UUID) -> None:
        warning = await warnings.locked(connection, warning_id)
        if warning and warning.state is WarningState.PENDING_CONFIRMATION and _is_over(warning.confirm_due_at, now):
            await tell(connection, teller, [issue_unconfirmed(warning, now)])

    await each(doors, engines, now, {warning_id: partial(issue, warning_id=warning_id) for warning_id in overdue})
    return len(overdue)


async def remind_overdue(doors: Doors, engines: Engines, now: datetime) -> int:
    """Remind departments whose time to sign, answer or settle ran out; gives how many duties were looked at."""
    async with doors.transaction() as connection:
        due = await warnings.due_duties(connection, now, AT_ONCE)
    about = {row["warning_id"]: row for row in due}
    await each(doors, engines, now, {warning_id: partial(_remind, about=row) for warning_id, row in about.items()})
    return len(due)


async def each(doors: Doors, engines: Engines, now: datetime, steps: Mapping[UUID, Step]) -> None:
    """Each warning in a transaction of its own: one that cannot be told must not hold up those behind it."""
    failed = []
    for warning_id, step in steps.items():
        try:
            async with doors.transaction() as connection:
                await step(connection, Teller(engines, doors, await doors.reference.get(connection), now))
        except Exception as error:
            LOG.error("the clock of a warning failed", extra={"warning_id": str(warning_id)})
            failed.append(error)
    if failed:
        raise ExceptionGroup("clocks failed; they are tried again at the next tick", failed)


async def _remind(connection: AsyncConnection, teller: Teller, about: Row) -> None:
    """One warning: place lock first, then the warning, then look again at what is due."""
    matter = await _locked_matter(connection, about)
    warning = await warnings.locked(connection, about["warning_id"])
    duties = (await warnings.duties_of(connection, [about["warning_id"]]))[about["warning_id"]]
    due = [row for row in duties if row["next_check_at"] is not None and row["next_check_at"] <= teller.now]
    if warning is None or not due:
        return
    if not warning.is_open or warning.state is WarningState.PENDING_CONFIRMATION:
        await warnings.stop_clocks(connection, [warning.id])
        return
    missed = [(row, count) for row in due if (count := _passed(row, teller.now) - row["missed"]) > 0]
    for row in due:
        row |= {
            "next_check_at": _next_check(teller, warning, row),
            "reminders": row["reminders"] + 1,
            "missed": max(row["missed"], _passed(row, teller.now)),
        }
    await warnings.keep_duties(connection, due)
    await tell(connection, teller, [_reminder(warning, due, teller)])
    if matter is not None and any(row["role"] == DutyRole.LEAD for row, _ in missed):
        await _count_missed(connection, teller, matter, missed)


def _next_check(teller: Teller, warning: Warning, row: Row) -> datetime:
    """The next reminder, or the deadline for the answer if that comes first."""
    reminder, answer = teller.now + _pause(teller, warning, row["reminders"]), row["answer_due_at"]
    awaited = row["answered_at"] is None and not _is_over(answer, teller.now)
    return min(reminder, answer) if answer is not None and awaited else reminder


def _pause(teller: Teller, warning: Warning, reminders: int) -> timedelta:
    """Until the next reminder. Each silence doubles the pause: a reminder that comes too often is read by nobody."""
    value, day = teller.engines.thresholds.value, teller.engines.day(teller.now)
    every = value(f"warning.remind_every_hours.{warning.level}", warning.area, day)
    longest = value("duty.unsettled_hours", warning.area, day)
    return timedelta(hours=min(every * 2 ** min(reminders, 16), longest))


def _passed(row: Row, now: datetime) -> int:
    """How many of a duty's deadlines (to sign, to answer) ran out unmet, also when it was done later."""
    clocks = ((row["sign_due_at"], row["signed_at"]), (row["answer_due_at"], row["answered_at"]))
    return sum(_is_over(due, now) and (done is None or done >= due) for due, done in clocks)


def _is_over(due: datetime | None, now: datetime) -> bool:
    return due is not None and due <= now


def _reminder(warning: Warning, due: list[Row], teller: Teller) -> Move:
    names = "、".join(teller.reference.department_name(row["department_id"]) or "?" for row in due)
    owed = {_owed(row) for row in due}
    moved = replace(warning, revision=warning.revision + 1, updated_at=teller.now)
    note = f"催办：{names}{'、'.join(sorted(owed))}"
    return Move(moved, WarningEventType.REMINDED, note, only=frozenset(row["department_id"] for row in due))


def _owed(row: Row) -> str:
    if row["signed_at"] is None:
        return "尚未签收"
    return "尚未答复" if row["answered_at"] is None else "已答复、尚未办结"


async def _locked_matter(connection: AsyncConnection, about: Row) -> Matter | None:
    if about["subject_kind"] != SubjectKind.MATTER:
        return None
    matter_id = UUID(about["subject_id"])
    place = matters.place_of((await matters.by_id(connection, [matter_id]))[matter_id])
    await matters.lock_places(connection, [place])
    return (await matters.by_id(connection, [matter_id]))[matter_id]


async def _count_missed(
    connection: AsyncConnection, teller: Teller, matter: Matter, missed: Sequence[tuple[Row, int]]
) -> None:
    """A missed clock is a fact of the matter: it is judged again, since an overdue duty makes it worse."""
    entry = {"matter_id": matter.id, "at": teller.now, "kind": "missed_clock"}
    entries = [{**entry, "department_id": row["department_id"], "note": _owed(row)} for row, _ in missed]
    await insert_all(connection, [matters.entered(entries)])
    if matter.status is MatterStatus.OPEN:
        by_lead = sum(count for row, count in missed if row["role"] == DutyRole.LEAD)
        late = replace(matter, missed_clocks=matter.missed_clocks + by_lead)
        await rejudge(connection, teller, [late], "clock")


async def rejudge(
    connection: AsyncConnection, teller: Teller, changed: list[Matter], cause: str, stale: Collection[UUID] = ()
) -> None:
    """Judge matters again under their places' locks, keep them, and let their warnings follow; `stale` open none."""
    among = await surroundings(connection, teller.engines, changed, teller.now)
    judged = judge(teller.engines, changed, among, teller.now, cause)
    rows = [one.row for one in judged]
    await insert_all(connection, [matters.kept([one.matter for one in judged], teller.now), warnings.judgements(rows)])
    current = await warnings.open_of_matters(connection, [one.matter.id for one in judged])
    moves = moves_for(teller, judged, current, stale)
    await tell(connection, teller, list(moves.values()))
