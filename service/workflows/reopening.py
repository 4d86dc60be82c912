"""When events outrun an assessment it is open again: told once, with a new draft that starts from what was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.assessing import Grade
from service.domain.levels import Level
from service.domain.problems import Problem
from service.domain.projects import ProjectKind
from service.store import following, projects
from service.store.engine import Row, new_id
from service.store.tables_project import AssessmentTable, ReopeningTable
from service.workflows.assess_project import begin
from service.workflows.assessment_steps import DRAFTS
from service.workflows.parts import Doors, Engines
from service.workflows.project_warnings import Notice, level_of, reassesses, reopened_code, warn_of_project
from service.workflows.projects import Changing, each_project
from service.workflows.telling import Teller, Work

REOPEN_AT = "project.reopen_at."
MEASURES = ("对照已经出现的情况重新评估，等级可能升高的先暂缓相关实施步骤", "先办理引起重新评估的事项，当面答复群众")


@dataclass(frozen=True, slots=True)
class Rise:
    """That a matter tied to a project was told at a level that its assessment did not expect."""

    project_id: UUID
    assessment_id: UUID
    matter_id: UUID
    level: Level
    reached_at: datetime


async def reopen_outrun(doors: Doors, engines: Engines, now: datetime) -> int:
    """Reopen every assessment that events outran; gives how many projects were looked at."""
    work = Work(doors, engines, now)
    async with doors.transaction() as connection:
        rows = await following.level_rises(connection, _levels(engines))
    outrun = {rise.project_id for rise in rises(work, rows)}
    await each_project(work, sorted(outrun), _reopen)
    return len(outrun)


def rises(work: Work, rows: Sequence[Row]) -> list[Rise]:
    """The first rise per assessment. A level that departments had heard before the decision was known to who decided.

    What counts is a level at or above the threshold of the decided grade, heard after the decision, and higher than
    what the same warning had before it.
    """
    found: dict[UUID, Rise] = {}
    known: dict[tuple[UUID, UUID], int] = {}
    for row in sorted(rows, key=lambda row: row["reached_at"]):
        assessment, level = row["assessment_id"], Level(row["level"])
        warning, before = (assessment, row["warning_id"]), row["reached_at"] <= _decided_at(row)
        if before:
            known[warning] = max(known.get(warning, 0), level.rank)
        elif assessment not in found and level.rank >= max(_least(work, row), known.get(warning, 0) + 1):
            found[assessment] = Rise(row["project_id"], assessment, row["matter_id"], level, row["reached_at"])
    return list(found.values())


def _decided_at(row: Row) -> datetime:
    return datetime.fromisoformat(row["decided_at"])


def _least(work: Work, row: Row) -> float:
    """The rank from which on a level says more than the grade did."""
    day = work.engines.day(work.now)
    return work.engines.thresholds.value(f"{REOPEN_AT}{row['grade'] or 'ungraded'}", row["area"], day)


def _levels(engines: Engines) -> list[Level]:
    """Every level that reopens anything anywhere: a lower one need not be looked for."""
    named = [each for name, each in engines.thresholds.by_name.items() if name.startswith(REOPEN_AT)]
    least = min(entry.value for threshold in named for entry in threshold.entries)
    return [level for level in Level if level.rank >= least]


async def _reopen(change: Changing) -> None:
    """Under the project's lock: another process may have reopened it meanwhile."""
    levels = _levels(change.work.engines)
    rows = await following.level_rises(change.connection, levels, change.project["id"])
    teller, notices = await change.work.teller(change.connection), []
    for rise in rises(change.work, rows):
        row = await change.belonging(AssessmentTable, rise.assessment_id, "评估")
        body = {"matter_id": rise.matter_id, "level": rise.level, "reached_at": rise.reached_at}
        reopened = row | {"state": "reopened", "updated_at": change.work.now}
        kept = await change.put(AssessmentTable, reopened, "assessment reopened", body)
        draft = await _begin_again(change, kept)
        reopening = {"id": new_id(), "project_id": rise.project_id, "assessment_id": rise.assessment_id, **body,
                     "reopened_at": change.work.now, "draft_id": draft}  # fmt: skip
        await change.put(ReopeningTable, reopening, "reopening recorded")
        notices.append(_notice(teller, change.project, kept, rise))
    if notices:
        await warn_of_project(change.connection, teller, change.project, notices)


async def _begin_again(change: Changing, reopened: Row) -> UUID | None:
    """A draft with what was given; None when one is being written already, or what was given can be used no more."""
    earlier = await projects.belonging(change.connection, AssessmentTable, change.project["id"])
    if any(row["state"] in DRAFTS for row in earlier):
        return None
    entered = {name: reopened[name] for name in ("form", "bodies", "preset", "given")}
    try:
        draft = await begin(change, earlier, entered)
    except Problem:
        return None
    draft_id: UUID = draft["id"]
    return draft_id


def _notice(teller: Teller, project: Row, assessment: Row, rise: Rise) -> Notice:
    area, grade = project["area"], assessment["result"]["grade"]
    judged = f"按{Grade(grade).zh}风险" if grade else "经前置排查"
    text = (
        f"项目{judged}决策，关联事项 {rise.matter_id} 已升为{rise.level.zh}级，第 {assessment['number']} 份评估重新打开"
    )
    headline = f"{teller.reference.area_name(area)}：{ProjectKind(project['kind']).zh}项目的风险超出评估，须重新评估"
    level = level_of(teller, "project.reopened_level", area)
    return Notice(level, reopened_code(assessment["id"]), headline, text, MEASURES, (reassesses(project),))
