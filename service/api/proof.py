"""Proof: the timeline of a warning and the monthly statement of a department, as data, table and page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from service.api.access import READERS, may
from service.api.escalation_shapes import DirectReport
from service.api.settings_rows import one_row
from service.api.shapes import DutyOut, Out
from service.api.state import actor_of, app_of
from service.domain.escalation import Clock
from service.domain.words import Scope
from service.store.keys import Viewer
from service.store.tables_service import DepartmentTable
from service.workflows.direct_report import report_directly
from service.workflows.files.report_html import POLICY, html_of
from service.workflows.statement import Statement, statement_csv, statement_of, statement_page
from service.workflows.timeline import Timeline, timeline_csv, timeline_of, timeline_page

router = APIRouter(prefix="/v1", tags=["proof 留痕"])
Reader = Annotated[Viewer, may(*READERS)]
Reporter = Annotated[Viewer, may(Scope.RESPOND)]
Month = Annotated[str, Query(pattern=r"^\d{4}-\d{2}$", description="YYYY-MM, in the service's time zone")]
_PRIVATE = {"Cache-Control": "private, no-store"}
_PAGE = {**_PRIVATE, "Content-Security-Policy": POLICY}
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}


class EntryOut(Out):
    """One thing that happened."""

    at: datetime
    kind: str
    kind_zh: str
    text: str
    department: str | None
    revision: int | None
    data: dict[str, Any]


class ChainOut(Out):
    """One department's chain of escalation; `next_at` empty: it has ended, and by what."""

    department_id: UUID
    clock: Clock
    since: datetime
    step: int
    told: int
    next_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None


class TimelineOut(Out):
    """All that is on record of a warning, in order."""

    warning_id: UUID
    revision: int
    level: str
    state: str
    headline: str
    entries: list[EntryOut]
    duties: list[DutyOut]
    chains: list[ChainOut]


class StatementLineOut(Out):
    """One warning that left in the month, as the department owed and did."""

    warning_id: UUID
    headline: str
    level: str
    state: str
    role: str
    issued_at: datetime
    sign_due_at: datetime | None
    signed_at: datetime | None
    answer_due_at: datetime | None
    answered_at: datetime | None
    reminders: int
    escalations: int


class StatementOut(Out):
    """A department's month; seconds are median, p90 and longest. About the department's duty, never about people."""

    department_id: UUID
    department: str
    month: str
    pushes: dict[str, int]
    first_attempt_s: tuple[float, float, float] | None
    delivered_s: tuple[float, float, float] | None
    duties: dict[str, int]
    lines: list[StatementLineOut]


@router.get("/warnings/{warning_id}/timeline")
async def get_timeline(warning_id: UUID, viewer: Reader, request: Request) -> TimelineOut:
    """What was decided and why, who was told when by what, each try, signatures, and every step of escalation."""
    found = await timeline_of(app_of(request).work(), warning_id, viewer.sight)
    return _shown(found)


@router.get("/warnings/{warning_id}/timeline.csv", response_class=Response, responses=_CSV)
async def get_timeline_table(warning_id: UUID, viewer: Reader, request: Request) -> Response:
    """The timeline as a CSV that Excel opens."""
    app = app_of(request)
    found = await timeline_of(app.work(), warning_id, viewer.sight)
    return _csv(timeline_csv(found, app.engines.zone), f"预警{warning_id}全程记录.csv")


@router.get("/warnings/{warning_id}/timeline.html", response_class=HTMLResponse)
async def get_timeline_page(warning_id: UUID, viewer: Reader, request: Request) -> HTMLResponse:
    """The timeline to print."""
    app = app_of(request)
    found = await timeline_of(app.work(), warning_id, viewer.sight)
    return HTMLResponse(html_of(timeline_page(found, app.engines.zone)), headers=_PAGE)


@router.post("/warnings/{warning_id}/report-directly")
async def post_direct_report(warning_id: UUID, given: DirectReport, viewer: Reporter, request: Request) -> TimelineOut:
    """Tell the leader on duty of a red warning now, past all steps between (必要时直接报送)."""
    app = app_of(request)
    await report_directly(app.work(), warning_id, await actor_of(app, viewer), given.reason)
    return _shown(await timeline_of(app.work(), warning_id, viewer.sight))


@router.get("/departments/{department_id}/delivery-statement")
async def get_statement(department_id: UUID, month: Month, viewer: Reader, request: Request) -> StatementOut:
    """What a department was owed in a month, what arrived and how fast, what it signed and answered in time."""
    found = await _statement(request, department_id, month, viewer)
    return StatementOut.model_validate(found)


@router.get("/departments/{department_id}/delivery-statement.csv", response_class=Response, responses=_CSV)
async def get_statement_table(department_id: UUID, month: Month, viewer: Reader, request: Request) -> Response:
    """The statement's lines as a CSV that Excel opens."""
    found = await _statement(request, department_id, month, viewer)
    return _csv(statement_csv(found, app_of(request).engines.zone), f"{found.department}{month}送达月报.csv")


@router.get("/departments/{department_id}/delivery-statement.html", response_class=HTMLResponse)
async def get_statement_page(department_id: UUID, month: Month, viewer: Reader, request: Request) -> HTMLResponse:
    """The statement to print."""
    found = await _statement(request, department_id, month, viewer)
    return HTMLResponse(html_of(statement_page(found, app_of(request).engines.zone)), headers=_PAGE)


async def _statement(request: Request, department_id: UUID, month: str, viewer: Viewer) -> Statement:
    department = await one_row(request, DepartmentTable, department_id)
    return await statement_of(app_of(request).work(), department, month, viewer.sight)


def _shown(found: Timeline) -> TimelineOut:
    return TimelineOut(
        warning_id=found.warning["id"],
        revision=found.warning["revision"],
        level=found.warning["level"],
        state=found.warning["state"],
        headline=found.warning["headline"],
        entries=[EntryOut.model_validate(entry) for entry in found.entries],
        duties=[DutyOut.model_validate(duty) for duty in found.duties],
        chains=[ChainOut.model_validate(chain) for chain in found.chains],
    )


def _csv(text: str, name: str) -> Response:
    disposition = f"attachment; filename=\"proof.csv\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, **_PRIVATE}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)
