"""Warnings about projects and places: one stays open per subject, and says everything that stands against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.judging import Reason
from service.domain.levels import Level, highest
from service.domain.projects import ProjectKind
from service.domain.warnings import Duty, Warning, WarningEventType
from service.domain.words import DutyRole, Outcome, SubjectKind, WarningState
from service.store import warnings
from service.store.engine import Row, new_id
from service.workflows.deciding import Move, settle
from service.workflows.telling import Teller, tell


@dataclass(frozen=True, slots=True)
class About:
    """What a warning is about, and where: `category` decides who answers for it."""

    kind: SubjectKind
    subject_id: str
    area: str
    category: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to warn of. `code` tells it from others on the same subject; `owed` must hear whatever they wished."""

    level: Level
    code: str
    headline: str
    text: str
    measures: tuple[str, ...]
    owed: tuple[Duty, ...] = ()

    @property
    def reason(self) -> Reason:
        return Reason("judge", self.code, self.text, self.level)


@dataclass(frozen=True, slots=True)
class Cleared:
    """Reasons that no longer hold: by code whose each was, why, and which departments still owe something else."""

    gone: Mapping[str, Duty]
    why: str
    still: Collection[UUID] = ()


def level_of(teller: Teller, name: str, area: str) -> Level:
    """The level that a threshold gives by its rank."""
    return Level.of_rank(int(teller.engines.thresholds.value(name, area, teller.engines.day(teller.now))))


def about_project(project: Row) -> About:
    return About(SubjectKind.PROJECT, str(project["id"]), project["area"], ProjectKind(project["kind"]).category)


def reopened_code(assessment_id: UUID) -> str:
    """The code of the notice that an assessment was reopened."""
    return f"reopened:{assessment_id}"


def reassesses(project: Row) -> Duty:
    """The office that is responsible for the project must assess it again."""
    return takes_part(project["department_id"], "项目的责任单位，须重新评估")


def takes_part(department_id: UUID, reason: str) -> Duty:
    """A department that must act although the 责任清单 does not name it here."""
    return Duty(department_id, DutyRole.PARTICIPANT, reason)


def opened(teller: Teller, about: About, notice: Notice) -> Move:
    """A warning that leaves at once."""
    warning_id: UUID = new_id()
    warning = Warning(
        id=warning_id, revision=1, level=notice.level, subject_kind=about.kind, subject_id=about.subject_id,
        area=about.area, category=about.category, headline=notice.headline, reasons=(notice.reason,),
        measures=notice.measures, state=WarningState.ISSUED, statutory_report_required=False, restricted=False,
        opened_at=teller.now, updated_at=teller.now, issued_level=notice.level, issued_at=teller.now,
    )  # fmt: skip
    return Move(warning, WarningEventType.ISSUED, notice.text, new_clocks=True, owed=notice.owed)


async def warn_of_project(connection: AsyncConnection, teller: Teller, project: Row, notices: Sequence[Notice]) -> None:
    """Add notices to the project's open warning, or open one. The project's row must be locked; call it last."""
    warning = await warnings.open_of_project(connection, project["id"])
    first = notices[0]
    if warning is None:
        move = opened(teller, about_project(project), first)
        rest = notices[1:]
        merged = _joined(move.warning, rest)
        await tell(connection, teller, [replace(move, warning=merged, note=_texts(notices), owed=_owed(notices))])
        return
    known = {reason.code for reason in warning.reasons}
    fresh = [notice for notice in notices if notice.code not in known]
    if fresh:
        moved = replace(
            _joined(warning, fresh), revision=warning.revision + 1, updated_at=teller.now, headline=first.headline,
            state=WarningState.ISSUED,
        )  # fmt: skip
        # What was signed for was less: it must be signed again.
        move = Move(moved, WarningEventType.UPDATED, _texts(fresh), new_clocks=True, owed=_owed(fresh))
        await tell(connection, teller, [move])


async def clear_of_project(connection: AsyncConnection, teller: Teller, project_id: UUID, cleared: Cleared) -> None:
    """Take reasons that no longer hold off the project's open warning; with the last one it ends. Call it last.

    Who was asked to act hears that it is over, and is no longer reminded unless it owes something else.
    """
    warning = await warnings.open_of_project(connection, project_id)
    if warning is None or cleared.gone.keys().isdisjoint(reason.code for reason in warning.reasons):
        return
    heard = tuple(cleared.gone[reason.code] for reason in warning.reasons if reason.code in cleared.gone)
    left = tuple(reason for reason in warning.reasons if reason.code not in cleared.gone)
    if not left:
        ending: dict[str, Any] = {"outcome": Outcome.SETTLED, "outcome_at": teller.now, "outcome_note": cleared.why}
        await tell(connection, teller, [replace(settle(warning, ending, teller.now, cleared.why), owed=heard)])
        return
    await _release(connection, warning.id, [duty for duty in heard if duty.department_id not in cleared.still])
    moved = replace(warning, reasons=left, revision=warning.revision + 1, updated_at=teller.now)
    await tell(connection, teller, [Move(moved, WarningEventType.UPDATED, cleared.why, owed=heard)])


async def _release(connection: AsyncConnection, warning_id: UUID, done: Sequence[Duty]) -> None:
    """Stop the clocks of duties that came from here; one of the 责任清单 has another reason and goes on."""
    finished = {(duty.department_id, duty.reason) for duty in done}
    rows = (await warnings.duties_of(connection, [warning_id]))[warning_id]
    ended = [row | {"next_check_at": None} for row in rows if (row["department_id"], row["reason"]) in finished]
    await warnings.keep_duties(connection, ended)


def _joined(warning: Warning, notices: Sequence[Notice]) -> Warning:
    level = highest(warning.level, *(notice.level for notice in notices)) or warning.level
    return replace(
        warning,
        level=level,
        issued_level=level,
        reasons=(*warning.reasons, *(notice.reason for notice in notices)),
        measures=tuple(dict.fromkeys([*warning.measures, *(text for one in notices for text in one.measures)])),
    )


def _texts(notices: Sequence[Notice]) -> str:
    return "；".join(notice.text for notice in notices)


def _owed(notices: Sequence[Notice]) -> tuple[Duty, ...]:
    return tuple(duty for notice in notices for duty in notice.owed)
