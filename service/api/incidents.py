"""Reports that are kept: read, corrected, withdrawn. How they come in is in reporting."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from service.api.access import READERS, may
from service.api.reporting import Reporter, arrival
from service.api.shapes import IncidentOut, incident_out
from service.api.state import App, app_of
from service.domain.areas import contains
from service.domain.incidents import IncidentReport, Storable, Strict
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Scope
from service.store import incidents
from service.store.engine import Row
from service.store.keys import Viewer
from service.workflows.tending import ReportName, correct_incident, withdraw_incident

router = APIRouter(prefix="/v1", tags=["incidents 事件"])
ReaderOrReporter = Annotated[Viewer, may(Scope.REPORT, *READERS)]


class Correction(Strict):
    """The whole report as it should read, and why."""

    report: IncidentReport
    note: Annotated[str, Field(max_length=500), Storable] | None = None


class Withdrawal(Strict):
    """Why a report is withdrawn."""

    note: Annotated[str, Field(min_length=1, max_length=500), Storable]


@router.get("/incidents/{incident_id}")
async def get_incident(
    incident_id: str,
    viewer: ReaderOrReporter,
    request: Request,
    system: Annotated[str | None, Query(description="reporting system, when several use the same id")] = None,
) -> IncidentOut:
    """A report at its newest revision, by the id its reporting system gave it."""
    return incident_out((await _revisions(app_of(request), incident_id, viewer, system))[0])


@router.get("/incidents/{incident_id}/revisions")
async def get_revisions(
    incident_id: str, viewer: ReaderOrReporter, request: Request, system: str | None = None
) -> list[IncidentOut]:
    """Every revision of a report, newest first."""
    return [incident_out(row) for row in await _revisions(app_of(request), incident_id, viewer, system)]


@router.post("/incidents/{incident_id}/revisions", status_code=201)
async def post_revision(incident_id: str, correction: Correction, viewer: Reporter, request: Request) -> IncidentOut:
    """Correct a report: the whole report again, kept as a new revision."""
    app = app_of(request)
    if correction.report.id != incident_id:
        error = FieldError("report.id", "id_differs", f"应与地址中的编号 {incident_id} 一致。")
        raise Problem(422, "invalid_report", "更正内容的编号与地址不一致。", (error,))
    await correct_incident(app.work(), arrival(correction.report, viewer), correction.note)
    return incident_out((await _revisions(app, incident_id, viewer, viewer.system))[0])


@router.post("/incidents/{incident_id}/withdraw")
async def post_withdrawal(incident_id: str, withdrawal: Withdrawal, viewer: Reporter, request: Request) -> IncidentOut:
    """Withdraw a report: a last revision says so; the old ones stay."""
    app = app_of(request)
    name = ReportName(viewer.system, incident_id, viewer.area)
    await withdraw_incident(app.work(), name, withdrawal.note)
    return incident_out((await _revisions(app, incident_id, viewer, viewer.system))[0])


async def _revisions(app: App, client_id: str, viewer: Viewer, system: str | None) -> list[Row]:
    only_own = viewer.scopes.isdisjoint(READERS)
    async with app.engine.connect() as connection:
        rows = await incidents.revisions(connection, client_id, viewer.system if only_own else system)
    rows = [row for row in rows if viewer.area is None or contains(viewer.area, row["area"])]
    if not rows:
        raise not_found("报告", client_id)
    systems = sorted({row["system"] for row in rows})
    if len(systems) > 1:
        raise Problem(409, "ambiguous_id", f"多个上报系统用了同一编号，请加 ?system= 指明其一：{'、'.join(systems)}。")
    return rows
