"""What offices do with a project before, while and after it is decided. Every step leaves an entry in its trail."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import contains
from service.domain.problems import FieldError, Problem, not_found
from service.domain.projects import ProjectKind, ProjectStage
from service.store import projects, trail
from service.store.engine import Row, TableClass, new_id
from service.store.tables_project import (
    AssessmentTable,
    ConditionTable,
    EvidenceTable,
    IssueTable,
    ParticipationTable,
    ProjectTable,
    ReceptionTable,
)
from service.store.trail import Step
from service.store.views import Sight
from service.text.redaction import redact
from service.workflows.answering import Actor
from service.workflows.assessing import plain, typed_facts
from service.workflows.telling import Work

LOG = logging.getLogger(__name__)
PLANNER = "planner"
ITSELF = "system"
SYSTEM = Actor(Sight(None, None), "未雨")  # who acts when time or events do
_TEXTS = ("name", "title", "note", "taken_up", "concerns", "place_text")
_ORDER = (ProjectStage.PRE_DECISION, ProjectStage.IMPLEMENTING, ProjectStage.COMPLETED)


@dataclass(frozen=True, slots=True)
class Changing:
    """A project whose row is locked, within the transaction that changes something of it."""

    connection: AsyncConnection
    work: Work
    actor: Actor
    project: Row

    async def put(self, model: TableClass, row: Row, action: str, body: Mapping[str, Any] | None = None) -> Row:
        """Keep a row and the entry that says so."""
        kept = await projects.put(self.connection, model, row)
        role = ITSELF if self.actor is SYSTEM else PLANNER
        step = Step(
            action, self.work.now, role, self.actor.name, self.actor.department_id, model, kept, dict(body or {})
        )
        await trail.append(self.connection, self.project["id"], step)
        return kept

    async def touch(self, action: str, body: Mapping[str, Any] | None = None, **changes: Any) -> Row:
        """The project itself at its next revision."""
        row = self.project | changes
        row |= {"revision": self.project["revision"] + 1, "updated_at": self.work.now}
        return await self.put(ProjectTable, row, action, body)

    async def belonging(self, model: TableClass, row_id: UUID, what: str) -> Row:
        """A row that belongs to this project."""
        row = await projects.row(self.connection, model, row_id)
        if row is None or row["project_id"] != self.project["id"]:
            raise not_found(what, row_id)
        return row


@asynccontextmanager
async def changing(work: Work, project_id: UUID, actor: Actor) -> AsyncIterator[Changing]:
    """One transaction on one project, whose row stays locked: steps on it come one after the other."""
    async with work.doors.transaction() as connection:
        project = await projects.in_sight(connection, project_id, actor.sight, lock=True)
        if project is None:
            raise not_found("项目", project_id)
        yield Changing(connection, work, actor, project)


async def each_project(work: Work, project_ids: Collection[UUID], step: Callable[[Changing], Awaitable[None]]) -> None:
    """What happens by itself, each project in a transaction of its own: one that fails holds up none behind it."""
    failed = []
    for project_id in project_ids:
        try:
            async with changing(work, project_id, SYSTEM) as change:
                await step(change)
        except Exception as error:
            LOG.error("a project could not be followed", extra={"project_id": str(project_id)})
            failed.append(error)
    if failed:
        raise ExceptionGroup("projects could not be followed; they are tried again at the next tick", failed)


async def create_project(work: Work, actor: Actor, new: Row) -> Row:
    """Take up a project; `new` holds name, kind, area, department_id, scale and facts."""
    async with work.doors.transaction() as connection:
        await _check_place(work, connection, actor, new["area"], new["department_id"])
        facts = plain(typed_facts(work.engines.law, new["kind"], new["facts"]))
        row = {
            "id": new_id(),
            **masked(new),
            "facts": facts,
            "stage": ProjectStage.PRE_DECISION,
            "revision": 1,
            "created_at": work.now,
            "updated_at": work.now,
        }
        return await Changing(connection, work, actor, row).put(ProjectTable, row, "created")


async def change_project(work: Work, actor: Actor, project_id: UUID, changes: Row) -> Row:
    """Change name, area, office, stage or scale. `facts` are merged: what is given as null is no longer known."""
    async with changing(work, project_id, actor) as change:
        project = change.project
        placed = project | changes
        await _check_place(work, change.connection, actor, placed["area"], placed["department_id"])
        if "stage" in changes:
            _check_stage(ProjectStage(project["stage"]), ProjectStage(changes["stage"]))
        if "facts" in changes:
            merged = project["facts"] | changes["facts"]
            known = {name: value for name, value in merged.items() if value is not None}
            typed = typed_facts(work.engines.law, ProjectKind(project["kind"]), known)
            changes = changes | {"facts": plain(typed)}
        changed = await change.touch("changed", {"fields": sorted(changes)}, **masked(changes))
        if ProjectStage(changed["stage"]) is ProjectStage.IMPLEMENTING:
            await carry_out(change)
        return changed


async def carry_out(change: Changing) -> None:
    """The newest assessment, if it is decided, is from now on the one by which the project is carried out."""
    rows = await projects.belonging(change.connection, AssessmentTable, change.project["id"])
    newest = max((row for row in rows if row["decision"]), key=lambda row: row["number"], default=None)
    if newest is not None and newest["state"] == "decided":
        row = newest | {"state": "implementing", "updated_at": change.work.now}
        await change.put(AssessmentTable, row, "assessment implementing")


async def file_evidence(work: Work, actor: Actor, project_id: UUID, filed: Row) -> Row:
    """Note that something was filed, by its kind, day, office, counts and hash."""
    async with changing(work, project_id, actor) as change:
        row = {"id": new_id(), "project_id": project_id, **masked(filed), "filed_at": work.now, "withdrawn_at": None}
        return await change.put(EvidenceTable, row, "evidence filed")


async def withdraw_evidence(work: Work, actor: Actor, project_id: UUID, evidence_id: UUID) -> Row:
    """Take evidence back; what rested on it counts no longer."""
    async with changing(work, project_id, actor) as change:
        row = await change.belonging(EvidenceTable, evidence_id, "材料")
        if row["withdrawn_at"] is not None:
            return row
        gone = await change.put(EvidenceTable, row | {"withdrawn_at": work.now}, "evidence withdrawn")
        await _unmeet(change, evidence_id)
        return gone


async def _unmeet(change: Changing, evidence_id: UUID) -> None:
    """A condition that rested on withdrawn evidence is open again, and is told anew when it is overdue."""
    rows = await projects.belonging(change.connection, ConditionTable, change.project["id"])
    for row in rows:
        if row["evidence_id"] == evidence_id:
            anew = {"state": "open", "evidence_id": None, "met_at": None, "warned_at": None}
            await change.put(ConditionTable, row | anew, "condition open again")


async def record_participation(work: Work, actor: Actor, project_id: UUID, round_: Row) -> Row:
    """Record one round of asking the public, in numbers only."""
    async with changing(work, project_id, actor) as change:
        if round_["evidence_id"] is not None:
            await change.belonging(EvidenceTable, round_["evidence_id"], "材料")
        row = {"id": new_id(), "project_id": project_id, **masked(round_), "recorded_at": work.now}
        return await change.put(ParticipationTable, row, "participation recorded")


async def raise_issue(work: Work, actor: Actor, project_id: UUID, raised: Row) -> Row:
    """An open issue of the quick check, with the office that must clear it and by when."""
    async with changing(work, project_id, actor) as change:
        await _check_place(work, change.connection, actor, change.project["area"], raised["department_id"])
        row = {"id": new_id(), "project_id": project_id, **masked(raised), "state": "open", "note": None,
               "raised_at": work.now, "settled_at": None}  # fmt: skip
        return await change.put(IssueTable, row, "issue raised")


async def settle_issue(work: Work, actor: Actor, issue: tuple[UUID, UUID], state: str, note: str) -> Row:
    """Clear an issue, or accept it with the reason; `issue` names project and issue."""
    async with changing(work, issue[0], actor) as change:
        row = await change.belonging(IssueTable, issue[1], "问题")
        if row["state"] != "open":
            raise Problem(409, "issue_settled", "该问题已办结，不能再改；有新情况请另立问题。")
        settled = row | {"state": state, "note": masked_text(note), "settled_at": work.now}
        return await change.put(IssueTable, settled, f"issue {state}")


async def record_reception(work: Work, actor: Actor, project_id: UUID, held: Row) -> Row:
    """Record one day of reception on the spot (驻现场接访), in numbers only; the same day, place and office once."""
    async with changing(work, project_id, actor) as change:
        await _check_place(work, change.connection, actor, change.project["area"], held["department_id"])
        if held["held_on"] > work.engines.day(work.now):
            error = FieldError("held_on", "in_future", "接访日不能晚于今天；请在当日之后登记。")
            raise Problem(422, "invalid_reception", error.detail, (error,))
        row = {"id": new_id(), "project_id": project_id, **masked(held), "recorded_at": work.now}
        earlier = await projects.belonging(change.connection, ReceptionTable, project_id)
        same = ("held_on", "place_text", "department_id")
        if any(all(one[name] == row[name] for name in same) for one in earlier):
            raise Problem(409, "reception_recorded", "该单位当日在该地点的接访已经登记，不能重复登记。")
        return await change.put(ReceptionTable, row, "reception recorded")


def masked(row: Row) -> Row:
    """The row with its free texts masked, as those of reports are: a title may name a person too."""
    return {name: masked_text(value) if name in _TEXTS else value for name, value in row.items()}


def masked_text(value: Any) -> Any:
    """One free text, or a list of them, masked; what is not said stays unsaid."""
    if isinstance(value, list):
        return [redact(text).text for text in value]
    return redact(value).text if isinstance(value, str) else value


def _check_stage(now: ProjectStage, asked: ProjectStage) -> None:
    """A project goes forward or is stopped; what was completed or stopped stays so."""
    if asked is now:
        return
    forward = now in _ORDER and asked in _ORDER and _ORDER.index(asked) == _ORDER.index(now) + 1
    if not forward and not (asked is ProjectStage.STOPPED and now in _ORDER[:2]):
        detail = (
            f"项目阶段不能由 {now.value} 改为 {asked.value}；依次为 pre_decision、implementing、completed，或 stopped。"
        )
        raise Problem(409, "stage_order", detail, (FieldError("stage", "stage_order", detail),))


async def _check_place(work: Work, connection: AsyncConnection, actor: Actor, area: str, department_id: UUID) -> None:
    reference = await work.doors.reference.get(connection)
    errors = []
    if reference.area_on(area, work.engines.day(work.now)) is None:
        errors.append(FieldError("area", "unknown_area", f"没有有效期内的区划代码 {area}；请用 GET /v1/areas 查询。"))
    elif actor.sight.area is not None and not contains(actor.sight.area, area):
        errors.append(FieldError("area", "outside_key_area", f"本密钥只能处理 {actor.sight.area} 范围内的项目。"))
    if department_id not in reference.departments:
        errors.append(
            FieldError("department_id", "unknown_department", "没有这个单位；请用 GET /v1/departments 查询。")
        )
    if errors:
        raise Problem(422, "invalid_project", "项目内容有误，请按 errors 逐项修改后重发。", tuple(errors))
