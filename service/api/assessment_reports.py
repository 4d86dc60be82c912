"""The report of an assessment as a file: Word, or one HTML page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from service.api.access import READERS, may
from service.api.assessments import result_of, seen_assessment
from service.api.projects import seen_project
from service.api.state import App, app_of
from service.later import later
from service.rules.law.book import LawBook
from service.rules.method.preset import MethodPreset
from service.store import projects
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.tables_filed import EmergencyPlanTable, SurveyTable
from service.store.tables_project import EvidenceTable, IssueTable, ParticipationTable
from service.workflows.assessing import versions
from service.workflows.files.assessment_report import assessment_report
from service.workflows.files.assessment_subject import DRAFTS, Reported
from service.workflows.files.report_document import Report
from service.workflows.files.report_html import POLICY, html_of
from service.workflows.surveys import doubts_of

router = APIRouter(prefix="/v1/assessments", tags=["assessments 风险评估"])
Reader = Annotated[Viewer, may(*READERS)]
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# Its library is a hundred modules and 15 MB, and most servers are never asked for a Word file.
docx_of: Callable[[Report], bytes] = later("service.workflows.files.report_docx:docx_of")


@router.get(
    "/{assessment_id}/report.docx", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}}
)  # fmt: skip
async def get_word_report(assessment_id: UUID, viewer: Reader, request: Request) -> Response:
    """评估报告 as a Word file; every page of a draft says 草稿."""
    reported = await _reported(app_of(request), assessment_id, viewer)
    report = assessment_report(reported)
    file = await asyncio.to_thread(docx_of, report)
    name = quote(f"{report.title}{report.kind}.docx", safe="")
    disposition = f"attachment; filename=\"report.docx\"; filename*=UTF-8''{name}"
    return Response(file, media_type=MEDIA_TYPE, headers={"Content-Disposition": disposition, **_PRIVATE})


@router.get("/{assessment_id}/report.html", response_class=HTMLResponse)
async def get_page_report(assessment_id: UUID, viewer: Reader, request: Request) -> HTMLResponse:
    """评估报告 as a page to read or print; every page of a draft says 草稿."""
    reported = await _reported(app_of(request), assessment_id, viewer)
    return HTMLResponse(html_of(assessment_report(reported)), headers={"Content-Security-Policy": POLICY, **_PRIVATE})


_PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


async def _reported(app: App, assessment_id: UUID, viewer: Viewer) -> Reported:
    row = await seen_assessment(app, assessment_id, viewer)
    project = await seen_project(app, row["project_id"], viewer)
    row = row | {"result": await result_of(app, row, viewer)}
    seen = project if row["state"] in DRAFTS else row["facts"]
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
        evidence = await projects.belonging(connection, EvidenceTable, row["project_id"])
        rounds = await projects.belonging(connection, ParticipationTable, row["project_id"])
        surveys = await projects.belonging(connection, SurveyTable, row["project_id"])
        plans = await projects.belonging(connection, EmergencyPlanTable, row["project_id"])
        issues = await projects.belonging(connection, IssueTable, row["project_id"])
        open_matters = await projects.open_matter_counts(connection, seen["area"])
    return Reported(
        project=project,
        assessment=row,
        evidence=evidence,
        participation=_doubted(app, project, rounds, surveys),
        emergency=plans[-1] if plans else None,
        issues=issues,
        preset=_preset(app, row),
        versions=versions(app.engines.law, app.engines.methods) if row["state"] in DRAFTS else row["versions"],
        area=reference.area_name(seen["area"]),
        open_matters=open_matters,
        today=app.engines.day(app.clock()),
        department=lambda known: reference.department_name(UUID(str(known))) or "（已撤销的单位）",
        label=lambda name: _label(app.engines.law, name),
        method=lambda code: app.engines.procedures.methods.get(code, code),
        day=app.engines.day,
    )


def _doubted(app: App, project: Row, rounds: Sequence[Row], surveys: Sequence[Row]) -> list[Row]:
    """The rounds with their doubts and what was counted from a questionnaire."""
    tallies = {row["participation_id"]: row for row in surveys}
    doubts = doubts_of(app.engines.methods, project, rounds, tallies, app.engines.day(app.clock()))
    return [{**row, "doubts": doubts[row["id"]], "survey": tallies.get(row["id"])} for row in rounds]


def _preset(app: App, row: Row) -> MethodPreset | None:
    """The method by which it was graded; None when nothing was graded, or by methods that have changed since."""
    after, methods = row["result"].get("after"), app.engines.methods
    if after is None or after["details"]["methods_sha256"] != methods.sha256:
        return None
    return next((each for each in methods.presets if each.name == after["details"]["preset"]), None)


def _label(law: LawBook, name: str) -> str:
    known: Any = law.library.facts.get(name) or (
        law.library.derived[name].fact if name in law.library.derived else None
    )
    return known.label if known else name
