"""Rosters (值班表): who is on duty by post and week, gaps, hand-overs, and a shift log to print."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from service.api.access import may
from service.api.escalation_shapes import GapOut, HandOverIn, HandOverOut, RosterIn, RosterOut, ShiftOut, TakeOverIn
from service.api.settings_rows import Administrator, Reader, all_rows, one_row, within
from service.api.state import App, app_of
from service.domain.problems import FieldError, Problem
from service.domain.rosters import Gap, ShiftRole
from service.domain.words import Scope
from service.store import shifts
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.tables_service import DepartmentTable, EndpointTable
from service.workflows.files.report_html import POLICY, html_of
from service.workflows.rosters import MOST_DAYS, Week, gaps_of, hand_over, put_week, take_over, week_named
from service.workflows.shift_log import shift_log

router = APIRouter(prefix="/v1", tags=["rosters 值班"])
Responder = Annotated[Viewer, may(Scope.RESPOND)]
EARLIEST, FURTHEST = date(2000, 1, 1), date(9000, 1, 1)  # of the days in which gaps are looked for
_PRIVATE = {"Cache-Control": "private, no-store", "Content-Security-Policy": POLICY}


@router.get("/rosters/gaps")
async def get_gaps(
    _: Reader,
    request: Request,
    department_id: Annotated[UUID | None, Query(description="one department; all that have a roster otherwise")] = None,
    first: Annotated[date | None, Query(description="first day; today if absent")] = None,
    last: Annotated[date | None, Query(description="last day; a fortnight from the first if absent")] = None,
) -> list[GapOut]:
    """Where nobody holds a role that must be held, days off included (节假日 24 小时值班)."""
    app = app_of(request)
    begin = first or app.engines.day(app.clock())
    end = last or min(begin, FURTHEST) + timedelta(days=13)
    if not EARLIEST <= begin <= end <= FURTHEST or (end - begin).days >= MOST_DAYS:
        error = FieldError("last", "span", f"应不早于 first，且至多 {MOST_DAYS} 天。")
        raise Problem(422, "invalid_request", "日期范围有误。", (error,))
    async with app.engine.connect() as connection:
        asked = [department_id] if department_id else await shifts.rostered(connection)
    names = {row["id"]: row["name"] for row in await all_rows(request, DepartmentTable, "id")}
    return [
        _gap(names, one, gap)
        for one in asked
        for gap in await gaps_of(app.doors, app.engines, one, (begin, end))
    ]  # fmt: skip


@router.get("/rosters/{department_id}/{week}")
async def get_roster(department_id: UUID, week: str, _: Reader, request: Request) -> RosterOut:
    """A department's ISO week (2026-W48): its shifts and gaps."""
    return await _roster(request, await _week(request, department_id, week), week)


@router.put("/rosters/{department_id}/{week}")
async def put_roster(
    department_id: UUID, week: str, roster: RosterIn, viewer: Administrator, request: Request
) -> RosterOut:
    """Replace the shifts that begin in a week. What was handed over stays as it was signed."""
    named = await _week(request, department_id, week)
    within(viewer, (await one_row(request, DepartmentTable, department_id))["area"])
    endpoints = await all_rows(request, EndpointTable, "id")
    own = [row["id"] for row in endpoints if row["department_id"] == department_id]
    await put_week(app_of(request).work(), named, [shift.model_dump() for shift in roster.shifts], own)
    return await _roster(request, named, week)


@router.get("/rosters/{department_id}/{week}/log.html", response_class=HTMLResponse)
async def get_shift_log(department_id: UUID, week: str, viewer: Reader, request: Request) -> HTMLResponse:
    """值班日志: the week's shifts, hand-overs, and the warnings that came in, to print and sign."""
    app = app_of(request)
    named = await _week(request, department_id, week)
    return HTMLResponse(html_of(await shift_log(app.work(), named, week, viewer.sight)), headers=_PRIVATE)


@router.post("/shifts/{shift_id}/hand-over", status_code=201)
async def post_hand_over(shift_id: UUID, given: HandOverIn, viewer: Responder, request: Request) -> HandOverOut:
    """The outgoing shift signs (交班); what the department still owes is listed by the service."""
    row = await hand_over(app_of(request).work(), _own(viewer), shift_id, (given.to_shift_id, given.note))
    return HandOverOut.model_validate(row)


@router.post("/shifts/{shift_id}/take-over")
async def post_take_over(
    shift_id: UUID, viewer: Responder, request: Request, given: TakeOverIn | None = None
) -> list[HandOverOut]:
    """The incoming shift signs (接班) for what was handed to it."""
    note = given.note if given else None
    rows = await take_over(app_of(request).work(), _own(viewer), shift_id, note)
    return [HandOverOut.model_validate(row) for row in rows]


def _own(viewer: Viewer) -> UUID:
    if viewer.department_id is None:
        detail = "本密钥不代表任何单位，不能交接班；请用绑定单位的密钥（weiyu keys create --department …）。"
        raise Problem(403, "no_department", detail)
    return viewer.department_id


async def _week(request: Request, department_id: UUID, week: str) -> Week:
    await one_row(request, DepartmentTable, department_id)
    return week_named(department_id, week, app_of(request).engines.zone)


async def _roster(request: Request, week: Week, name: str) -> RosterOut:
    app: App = app_of(request)
    department = await one_row(request, DepartmentTable, week.department_id)
    async with app.engine.connect() as connection:
        rows = await shifts.between(connection, week.department_id, week.begin, week.end)
    found = await gaps_of(app.doors, app.engines, week.department_id, (week.first, week.last))
    names = {week.department_id: department["name"]}
    return RosterOut(
        department_id=week.department_id,
        department=department["name"],
        week=name,
        shifts=[_shift(row) for row in rows],
        gaps=[_gap(names, week.department_id, gap) for gap in found],
    )


def _shift(row: Row) -> ShiftOut:
    return ShiftOut.model_validate(row | {"role_zh": ShiftRole(row["role"]).zh})


def _gap(names: dict[UUID, str], department_id: UUID, gap: Gap) -> GapOut:
    return GapOut(
        department_id=department_id, department=names.get(department_id, "?"), role=gap.role, role_zh=gap.role.zh,
        starts_at=gap.starts_at, ends_at=gap.ends_at, day_off=gap.day_off,
    )  # fmt: skip
