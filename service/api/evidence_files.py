"""Files of evidence that show no person: put with a declaration, given back as an attachment and never shown inline."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from service.api.access import READERS, may
from service.api.projects import seen_project
from service.api.shapes import Out
from service.api.state import actor_of, app_of
from service.domain.problems import not_found
from service.domain.words import Scope
from service.store import filed, projects
from service.store.keys import Viewer
from service.store.tables_filed import EvidenceFileTable
from service.store.tables_project import EvidenceTable
from service.workflows.filing import FileOrder, keep_file, remove_file

router = APIRouter(prefix="/v1/projects", tags=["projects 重大事项"])
Planner = Annotated[Viewer, may(Scope.PLAN)]
Reader = Annotated[Viewer, may(*READERS)]
MEDIA_TYPES = ("application/pdf", "image/jpeg", "image/png")
_BODY = {"requestBody": {"required": True, "content": {kind: {} for kind in MEDIA_TYPES}}}
_SAFE = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, no-store"}
_ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
PATH = "/{project_id}/evidence/{evidence_id}/file"
KindOfFile = Annotated[Literal["notice", "plan", "place_photo"], Query(description="公告, 方案, 场所照片")]
Declared = Annotated[
    Literal["no_personal_data"],
    Query(description="the office vouches that the file shows and names nobody, its signatures included"),
]


class FileOut(Out):
    """What is kept of a file; with `removed_at` its bytes are gone for good."""

    id: UUID
    kind: str
    declared: str
    media_type: str
    size: int
    stored_at: datetime
    removed_at: datetime | None


@router.put(PATH, openapi_extra=_BODY)
async def put_file(
    project_id: UUID, evidence_id: UUID, viewer: Planner, request: Request, kind: KindOfFile, declared: Declared
) -> FileOut:
    """Keep the file of an evidence, at most 5 MB; its SHA-256 must be the one on record."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    order = FileOrder(kind, declared, said, await request.body())
    actor = await actor_of(app, viewer)
    return FileOut.model_validate(await keep_file(app.work(), actor, (project_id, evidence_id), order))


@router.get(PATH, response_class=Response, responses={200: {"content": {kind: {} for kind in MEDIA_TYPES}}})
async def get_file(project_id: UUID, evidence_id: UUID, viewer: Reader, request: Request) -> Response:
    """The file, to be saved and looked at elsewhere."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        evidence = await projects.row(connection, EvidenceTable, evidence_id)
        row = await projects.row(connection, EvidenceFileTable, evidence_id)
        content = await filed.content_of(connection, evidence_id)
    if evidence is None or row is None or content is None or row["project_id"] != project_id:
        raise not_found("文件", evidence_id)
    ending = _ENDINGS[row["media_type"]]
    name = quote(f"{evidence['title']}.{ending}", safe="")
    disposition = f"attachment; filename=\"evidence.{ending}\"; filename*=UTF-8''{name}"
    return Response(content, media_type=row["media_type"], headers={"Content-Disposition": disposition, **_SAFE})


@router.delete(PATH)
async def delete_file(project_id: UUID, evidence_id: UUID, viewer: Planner, request: Request) -> FileOut:
    """Delete the bytes for good; the evidence and the record of both steps stay."""
    app = app_of(request)
    actor = await actor_of(app, viewer)
    return FileOut.model_validate(await remove_file(app.work(), actor, (project_id, evidence_id)))
