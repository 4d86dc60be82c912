"""Asking the public (公众参与): rounds in numbers, each with what to doubt about it, and questionnaires by the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from service.api.access import READERS, may
from service.api.project_shapes import DoubtOut, Name, Note, ParticipationIn, ParticipationOut, SurveyOut
from service.api.projects import seen_project
from service.api.state import App, actor_of, app_of
from service.domain.problems import FieldError, Problem
from service.domain.words import Scope
from service.later import later
from service.store import projects
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.tables_filed import SurveyTable
from service.store.tables_project import ParticipationTable
from service.workflows.files.survey_tally import MOST_FAULTS, SurveyFile
from service.workflows.files.table_rows import FileRefused
from service.workflows.projects import record_participation
from service.workflows.surveys import SurveyOrder, doubts_of, record_survey

router = APIRouter(prefix="/v1", tags=["projects 重大事项"])
Planner = Annotated[Viewer, may(Scope.PLAN)]
Reader = Annotated[Viewer, may(*READERS)]
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TABLES = {"text/csv", MEDIA_TYPE, "application/octet-stream"}
# Spreadsheets are read and written rarely: their library is loaded by the first one.
read_survey: Callable[[str, bytes], SurveyFile] = later("service.workflows.files.survey_file:read_survey")
survey_template: Callable[[], bytes] = later("service.workflows.files.survey_template:survey_template")
_BODY = {"requestBody": {"required": True, "content": {kind: {} for kind in sorted(TABLES)}}}


@router.post("/projects/{project_id}/participation", status_code=201)
async def post_participation(
    project_id: UUID, asked: ParticipationIn, viewer: Planner, request: Request
) -> ParticipationOut:
    """Record one round of asking the public, in numbers only."""
    app = app_of(request)
    row = await record_participation(app.work(), await actor_of(app, viewer), project_id, asked.model_dump())
    return (await _shown(app, project_id, viewer, [row]))[0]


@router.get("/projects/{project_id}/participation")
async def get_participation(project_id: UUID, viewer: Reader, request: Request) -> list[ParticipationOut]:
    """Every round, each with what is to be doubted about its numbers."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        rows = await projects.belonging(connection, ParticipationTable, project_id)
    return await _shown(app, project_id, viewer, rows)


@router.post("/projects/{project_id}/participation/import", status_code=201, openapi_extra=_BODY)
async def post_survey(
    project_id: UUID,
    viewer: Planner,
    request: Request,
    asked: Annotated[int, Query(ge=1, le=10_000_000, description="whom the survey had to reach")],
    began_on: Annotated[date | None, Query(description="left out: the earliest day on the sheets")] = None,
    ended_on: Annotated[date | None, Query(description="left out: the latest day on the sheets")] = None,
    title: Annotated[Name | None, Query()] = None,
    taken_up: Annotated[Note | None, Query(description="what became of the concerns")] = None,
) -> ParticipationOut:
    """Count a questionnaire table (.xlsx or .csv as the body): a row per answer sheet, or per attitude with a number.

    Nothing of a row is kept. A column that tells of a person refuses the whole file, by row and column.
    """
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    counted = await _counted(request)
    order = SurveyOrder(asked, began_on, ended_on, title, taken_up)
    row, _ = await record_survey(app.work(), await actor_of(app, viewer), project_id, order, counted)
    return (await _shown(app, project_id, viewer, [row]))[0]


@router.get("/survey-template.xlsx", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def get_survey_template(_: Reader) -> Response:
    """The workbook to type answer sheets into, with the answers to choose from and what must not be in it."""
    headers = {"Content-Disposition": 'attachment; filename="survey-template.xlsx"'}
    return Response(await asyncio.to_thread(survey_template), media_type=MEDIA_TYPE, headers=headers)


async def _counted(request: Request) -> SurveyFile:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TABLES:
        detail = f"请求体应为 .xlsx 或 .csv 文件，Content-Type 应为 {MEDIA_TYPE} 或 text/csv。"
        raise Problem(415, "unsupported_media_type", detail)
    try:
        return await asyncio.to_thread(read_survey, "答卷", await request.body())
    except FileRefused as refused:
        errors = tuple(FieldError("file", "refused", line) for line in refused.lines[:MOST_FAULTS])
        detail = "文件未导入，也没有保存任何内容；请按 errors 逐项修改后重新导入。"
        raise Problem(422, "survey_refused", detail, errors) from None


async def _shown(app: App, project_id: UUID, viewer: Viewer, rows: Sequence[Row]) -> list[ParticipationOut]:
    project = await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        kept = await projects.belonging(connection, SurveyTable, project_id)
    tallies = {row["participation_id"]: row for row in kept}
    doubts = doubts_of(app.engines.methods, project, rows, tallies, app.engines.day(app.clock()))
    return [_out(row, tallies.get(row["id"]), [DoubtOut.model_validate(one) for one in doubts[row["id"]]])
            for row in rows]  # fmt: skip


def _out(row: Row, tally: Row | None, doubts: list[DoubtOut]) -> ParticipationOut:
    survey = SurveyOut.model_validate(tally) if tally else None
    return ParticipationOut.model_validate({**row, "doubts": doubts, "survey": survey})
