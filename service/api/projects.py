"""Projects (重大事项): what is to be decided, what was filed and asked about it, and the record of every step."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from service.api.access import READERS, may
from service.api.cursors import cursor_of, position
from service.api.project_shapes import (
    EvidenceIn,
    EvidenceOut,
    IssueIn,
    IssueOut,
    ProjectChange,
    ProjectIn,
    ProjectOut,
    ProjectPage,
    Settlement,
    StepOut,
)
from service.api.state import App, actor_of, app_of
from service.domain.problems import not_found
from service.domain.projects import ProjectKind, ProjectStage
from service.domain.words import Scope
from service.store import projects, trail
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.reference import Reference
from service.store.tables_filed import EvidenceFileTable
from service.store.tables_project import EvidenceTable, IssueTable
from service.workflows import projects as acts

router = APIRouter(prefix="/v1/projects", tags=["projects 重大事项"])
Planner = Annotated[Viewer, may(Scope.PLAN)]
Reader = Annotated[Viewer, may(*READERS)]


@router.post("", status_code=201)
async def post_project(project: ProjectIn, viewer: Planner, request: Request) -> ProjectOut:
    """Take up a project."""
    app = app_of(request)
    row = await acts.create_project(app.work(), await actor_of(app, viewer), project.model_dump(mode="python"))
    return await _shown(app, row)


@router.get("")
async def get_projects(
    viewer: Reader,
    request: Request,
    kind: ProjectKind | None = None,
    stage: ProjectStage | None = None,
    area: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,
    before: Annotated[str | None, Query(description="`next` of the last page")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ProjectPage:
    """Projects in sight, newest change first."""
    app = app_of(request)
    question = projects.ProjectQuestion(kind, stage, area, position(before), limit)
    async with app.engine.connect() as connection:
        rows = await projects.page(connection, question, viewer.sight)
        reference = await app.doors.reference.get(connection)
    items = [project_out(row, reference) for row in rows]
    return ProjectPage(items=items, next=cursor_of(rows[-1]) if len(rows) == limit else None)


@router.get("/{project_id}")
async def get_project(project_id: UUID, viewer: Reader, request: Request) -> ProjectOut:
    """One project."""
    app = app_of(request)
    return await _shown(app, await seen_project(app, project_id, viewer))


@router.patch("/{project_id}")
async def patch_project(project_id: UUID, change: ProjectChange, viewer: Planner, request: Request) -> ProjectOut:
    """Change a project; facts are merged."""
    app = app_of(request)
    changes = {name: value for name, value in change.model_dump(exclude_unset=True).items() if value is not None}
    return await _shown(app, await acts.change_project(app.work(), await actor_of(app, viewer), project_id, changes))


@router.post("/{project_id}/evidence", status_code=201)
async def post_evidence(project_id: UUID, filed: EvidenceIn, viewer: Planner, request: Request) -> EvidenceOut:
    """Note what was filed: kind, day, office, counts and the file's hash."""
    app = app_of(request)
    row = await acts.file_evidence(app.work(), await actor_of(app, viewer), project_id, filed.model_dump())
    return EvidenceOut.model_validate(row)


@router.get("/{project_id}/evidence")
async def get_evidence(project_id: UUID, viewer: Reader, request: Request) -> list[EvidenceOut]:
    """Everything that was filed; `has_file`: GET …/evidence/{id}/file gives it."""
    files = await belonging(request, viewer, project_id, EvidenceFileTable)
    kept = {row["id"] for row in files if row["removed_at"] is None}
    rows = await belonging(request, viewer, project_id, EvidenceTable)
    return [EvidenceOut.model_validate({**row, "has_file": row["id"] in kept}) for row in rows]


@router.post("/{project_id}/evidence/{evidence_id}/withdraw")
async def post_withdrawal(project_id: UUID, evidence_id: UUID, viewer: Planner, request: Request) -> EvidenceOut:
    """Take evidence back: what rested on it counts no longer."""
    app = app_of(request)
    row = await acts.withdraw_evidence(app.work(), await actor_of(app, viewer), project_id, evidence_id)
    return EvidenceOut.model_validate(row)


@router.post("/{project_id}/issues", status_code=201)
async def post_issue(project_id: UUID, raised: IssueIn, viewer: Planner, request: Request) -> IssueOut:
    """Raise an open issue of the quick check."""
    app = app_of(request)
    row = await acts.raise_issue(app.work(), await actor_of(app, viewer), project_id, raised.model_dump())
    return IssueOut.model_validate(row)


@router.get("/{project_id}/issues")
async def get_issues(project_id: UUID, viewer: Reader, request: Request) -> list[IssueOut]:
    return [IssueOut.model_validate(row) for row in await belonging(request, viewer, project_id, IssueTable)]


@router.post("/{project_id}/issues/{issue_id}/settle")
async def post_settlement(
    project_id: UUID, issue_id: UUID, settled: Settlement, viewer: Planner, request: Request
) -> IssueOut:
    """Clear an issue, or accept it with the reason."""
    app = app_of(request)
    actor = await actor_of(app, viewer)
    row = await acts.settle_issue(app.work(), actor, (project_id, issue_id), settled.state, settled.note)
    return IssueOut.model_validate(row)


@router.get("/{project_id}/trail")
async def get_trail(project_id: UUID, viewer: Reader, request: Request) -> list[StepOut]:
    """Every step on the project: which office, in which role, what, when, and the hash of what it left."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        return [StepOut.model_validate(row) for row in await trail.of_project(connection, project_id)]


async def seen_project(app: App, project_id: UUID, viewer: Viewer) -> Row:
    """The project, if the viewer may see it; else 404."""
    async with app.engine.connect() as connection:
        row = await projects.in_sight(connection, project_id, viewer.sight)
    if row is None:
        raise not_found("项目", project_id)
    return row


def project_out(row: Row, reference: Reference) -> ProjectOut:
    kind = ProjectKind(row["kind"])
    named: dict[str, Any] = {
        "kind_zh": kind.zh,
        "track": kind.track,
        "area_name": reference.area_name(row["area"]),
        "department": reference.department_name(row["department_id"]) or "?",
    }
    return ProjectOut.model_validate({**row, **named})


async def _shown(app: App, row: Row) -> ProjectOut:
    async with app.engine.connect() as connection:
        return project_out(row, await app.doors.reference.get(connection))


async def belonging(request: Request, viewer: Viewer, project_id: UUID, model: type[Any]) -> list[Row]:
    """What belongs to a project, if the viewer may see it; else 404."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        return await projects.belonging(connection, model, project_id)
