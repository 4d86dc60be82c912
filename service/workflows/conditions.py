"""Conditions of a decision: set with it, met with evidence or a note, told once when their last day is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.domain.problems import FieldError, Problem
from service.domain.projects import ProjectKind, ProjectStage
from service.domain.warnings import Duty
from service.store import following, projects
from service.store.engine import Row, new_id
from service.store.reference import Reference
from service.store.tables_project import ConditionTable, EvidenceTable
from service.workflows.answering import Actor
from service.workflows.parts import Doors, Engines
from service.workflows.project_warnings import Cleared, Notice, clear_of_project, level_of, takes_part, warn_of_project
from service.workflows.projects import Changing, changing, each_project, masked_text
from service.workflows.telling import Teller, Work

AT_ONCE = 100  # projects per round; the next round comes minutes later
MEASURES = ("按决策所附条件限期落实，并归档证明材料", "条件未落实的，暂停与之相关的实施步骤")


async def check_conditions(change: Changing, asked: Sequence[Row]) -> None:
    """Raises Problem 422 naming every department that is not there and every day that is over already."""
    reference = await change.work.doors.reference.get(change.connection)
    today = change.work.engines.day(change.work.now)
    errors = []
    for place, one in enumerate(asked):
        if one["department_id"] not in reference.departments:
            detail = "没有这个单位；请用 GET /v1/departments 查询。"
            errors.append(FieldError(f"conditions.{place}.department_id", "unknown_department", detail))
        if one["due_on"] < today:
            detail = f"期限不能早于今天（{today}）。"
            errors.append(FieldError(f"conditions.{place}.due_on", "in_past", detail))
    if errors:
        raise Problem(422, "invalid_conditions", "决策所附条件有误，请按 errors 逐项修改后重发。", tuple(errors))


async def set_conditions(change: Changing, assessment_id: UUID, asked: Sequence[Row]) -> None:
    """Keep the conditions of a decision, checked and masked already, each as a row of its own."""
    for number, one in enumerate(asked, 1):
        row = {
            "id": new_id(), "project_id": change.project["id"], "assessment_id": assessment_id, "number": number, **one,
            "state": "open", "evidence_id": None, "note": None, "set_at": change.work.now, "warned_at": None,
            "met_at": None,
        }  # fmt: skip
        await change.put(ConditionTable, row, "condition set")


async def meet_condition(work: Work, actor: Actor, condition: tuple[UUID, UUID], how: Row) -> Row:
    """A condition is met, by evidence filed or by what the note says; `condition` names project and condition."""
    async with changing(work, condition[0], actor) as change:
        row = await change.belonging(ConditionTable, condition[1], "条件")
        if row["state"] != "open":
            raise Problem(409, "condition_met", "该条件已经落实，不能再改；所据材料有误请先撤回材料。")
        await _check_evidence(change, how["evidence_id"])
        late = row["due_on"] < work.engines.day(work.now)
        row |= {"state": "met", "evidence_id": how["evidence_id"], "note": masked_text(how["note"]),
                "met_at": work.now}  # fmt: skip
        kept = await change.put(ConditionTable, row, "condition met", {"late": late})
        teller = await work.teller(change.connection)
        cleared = Cleared({_code(kept): _duty(kept)}, f"条件已落实：{kept['text']}", await still_owing(change))
        await clear_of_project(change.connection, teller, change.project["id"], cleared)
        return kept


async def still_owing(change: Changing) -> set[UUID]:
    """Departments that were told of a condition which is still open."""
    rows = await projects.belonging(change.connection, ConditionTable, change.project["id"])
    return {row["department_id"] for row in rows if row["state"] == "open" and row["warned_at"] is not None}


async def warn_overdue(doors: Doors, engines: Engines, now: datetime) -> int:
    """Warn once of each condition whose last day is over; gives how many projects were looked at."""
    work = Work(doors, engines, now)
    async with doors.transaction() as connection:
        late = await following.with_overdue_conditions(connection, engines.day(now), AT_ONCE)
    await each_project(work, late, _warn)
    return len(late)


async def _warn(change: Changing) -> None:
    """Under the project's lock: another process may have told it, or the condition may be met meanwhile."""
    today = change.work.engines.day(change.work.now)
    rows = await projects.belonging(change.connection, ConditionTable, change.project["id"])
    late = [row for row in rows if row["state"] == "open" and row["warned_at"] is None and row["due_on"] < today]
    if not late or change.project["stage"] == ProjectStage.STOPPED:
        return
    for row in late:
        await change.put(ConditionTable, row | {"warned_at": change.work.now}, "condition overdue")
    teller = await change.work.teller(change.connection)
    notices = [_notice(teller, change.project, row) for row in late]
    await warn_of_project(change.connection, teller, change.project, notices)


def _notice(teller: Teller, project: Row, row: Row) -> Notice:
    area = project["area"]
    headline = f"{teller.reference.area_name(area)}：{ProjectKind(project['kind']).zh}项目的决策条件逾期未落实"
    text = f"决策条件应于 {row['due_on']} 前由{_office(teller.reference, row)}落实，至今没有：{row['text']}"
    level = level_of(teller, "project.condition_level", area)
    return Notice(level, _code(row), headline, text, MEASURES, (_duty(row),))


def _office(reference: Reference, row: Row) -> str:
    return f"“{reference.department_name(row['department_id']) or '?'}”"


def _code(row: Row) -> str:
    return f"condition:{row['id']}"


def _duty(row: Row) -> Duty:
    return takes_part(row["department_id"], "决策所附条件逾期，由本单位落实")


async def _check_evidence(change: Changing, evidence_id: UUID | None) -> None:
    if evidence_id is None:
        return
    evidence = await change.belonging(EvidenceTable, evidence_id, "材料")
    if evidence["withdrawn_at"] is not None:
        error = FieldError("evidence_id", "withdrawn", "该材料已撤回，不能作为落实的依据。")
        raise Problem(422, "invalid_step", error.detail, (error,))
