"""The emergency plan (应急预案) of a project, and what a warning shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints

from service.api.access import READERS, may
from service.api.project_shapes import Label, Note
from service.api.projects import belonging
from service.api.shapes import Out
from service.api.state import actor_of, app_of
from service.domain.incidents import Storable, Strict
from service.domain.problems import not_found
from service.domain.words import Scope
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.reference import Reference
from service.store.tables_filed import EmergencyPlanTable
from service.workflows.emergency import put_plan

router = APIRouter(prefix="/v1/projects", tags=["projects 重大事项"])
Planner = Annotated[Viewer, may(Scope.PLAN)]
Reader = Annotated[Viewer, may(*READERS)]
Steps = Annotated[list[Note], Field(min_length=1, max_length=30)]


class RoleIn(Strict):
    """What an office does in an emergency, such as 总协调, 现场疏导, 信息报送."""

    role: Label
    department_id: UUID


class LevelSteps(Strict):
    """What is done at a level, in order."""

    yellow: Steps
    orange: Steps
    red: Steps


class ContactIn(Strict):
    """The duty line of an office. A mobile number is somebody's own and is refused."""

    department_id: UUID
    duty_line: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=30), Storable]


class EmergencyPlanIn(Strict):
    """Who does what, step by step for each level, and which office is called where."""

    roles: Annotated[list[RoleIn], Field(min_length=1, max_length=30)]
    steps: LevelSteps
    contacts: Annotated[list[ContactIn], Field(max_length=50)] = Field(default_factory=list)


class RoleOut(Out):
    """A role with its office."""

    role: str
    department_id: UUID
    department: str


class ContactOut(Out):
    """An office with its duty line."""

    department_id: UUID
    department: str
    duty_line: str


class EmergencyPlanOut(Out):
    """A plan at one of its revisions."""

    project_id: UUID
    revision: int
    roles: list[RoleOut]
    steps: dict[str, list[str]]
    contacts: list[ContactOut]
    made_at: datetime


class EmergencyLink(Out):
    """The plan behind a warning: `steps` of the warning's level (none for blue), who does what, and where it stands."""

    project_id: UUID
    revision: int
    link: str
    steps: list[str]
    roles: list[RoleOut]
    contacts: list[ContactOut]


@router.put("/{project_id}/emergency-plan")
async def put_emergency_plan(
    project_id: UUID, said: EmergencyPlanIn, viewer: Planner, request: Request
) -> EmergencyPlanOut:
    """Put the project's emergency plan; what changed becomes its next revision."""
    app = app_of(request)
    row = await put_plan(app.work(), await actor_of(app, viewer), project_id, said.model_dump())
    async with app.engine.connect() as connection:
        return plan_out(row, await app.doors.reference.get(connection))


@router.get("/{project_id}/emergency-plan")
async def get_emergency_plan(
    project_id: UUID,
    viewer: Reader,
    request: Request,
    revision: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> EmergencyPlanOut:
    """The plan as it stands, or as it stood at a revision."""
    app = app_of(request)
    rows = await belonging(request, viewer, project_id, EmergencyPlanTable)
    wanted = [row for row in rows if revision in (None, row["revision"])]
    if not wanted:
        raise not_found("应急预案", project_id if revision is None else revision)
    async with app.engine.connect() as connection:
        return plan_out(wanted[-1], await app.doors.reference.get(connection))


def plan_out(row: Row, reference: Reference) -> EmergencyPlanOut:
    named = {name: _named(row[name], reference) for name in ("roles", "contacts")}
    return EmergencyPlanOut.model_validate({**row, **named})


def emergency_link(row: Row, level: str, link_base: str, reference: Reference) -> EmergencyLink:
    """What a warning of that level shows of a plan."""
    shown = {
        "link": f"{link_base}/v1/projects/{row['project_id']}/emergency-plan?revision={row['revision']}",
        "steps": row["steps"].get(level, []),
        **{name: _named(row[name], reference) for name in ("roles", "contacts")},
    }
    return EmergencyLink.model_validate({**row, **shown})


def _named(entries: Sequence[Row], reference: Reference) -> list[dict[str, Any]]:
    return [
        {**one, "department": reference.department_name(UUID(one["department_id"])) or "（已撤销的单位）"}
        for one in entries
    ]
