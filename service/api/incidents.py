"""Reports in: one, or a batch of at most 500."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter, ValidationError

from service.api.access import READERS, may
from service.api.errors import field_errors
from service.api.shapes import BatchOut, ErrorOut, IncidentOut, ItemOut, ReportOut, incident_out, report_out
from service.api.state import App, app_of
from service.domain.areas import contains
from service.domain.incidents import IncidentReport, ReportResult, Storable, Strict
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Scope
from service.store import incidents
from service.store.engine import Row
from service.store.keys import Viewer
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import Mode, report_incidents
from service.workflows.tending import ReportName, correct_incident, withdraw_incident

MOST_ITEMS = 500
router = APIRouter(prefix="/v1", tags=["incidents 事件"])
REPORT: TypeAdapter[IncidentReport] = TypeAdapter(IncidentReport)
Reporter = Annotated[Viewer, may(Scope.REPORT)]
ReaderOrReporter = Annotated[Viewer, may(Scope.REPORT, *READERS)]


class Batch(Strict):
    """`validate` keeps nothing and says what would happen; `all` keeps nothing unless everything can be kept."""

    mode: Literal["commit", "validate"] = "commit"
    atomic: Literal["all", "each"] = "each"
    items: Annotated[list[Any], Field(min_length=1, max_length=MOST_ITEMS)]


class Correction(Strict):
    """The whole report as it should read, and why."""

    report: IncidentReport
    note: Annotated[str, Field(max_length=500), Storable] | None = None


class Withdrawal(Strict):
    """Why a report is withdrawn."""

    note: Annotated[str, Field(min_length=1, max_length=500), Storable]


@router.post("/incidents", status_code=201, responses={200: {"model": ReportOut, "description": "reported before"}})
async def post_incident(report: IncidentReport, viewer: Reporter, request: Request, response: Response) -> ReportOut:
    """Report one incident. Answers once it is kept, linked, judged, and its warning is on the way."""
    app = app_of(request)
    result = (await app.intake.report([_arrival(report, viewer)]))[0]
    app.metrics.reports.labels(result.status).inc()
    if result.status == "invalid":
        raise Problem(422, "invalid_report", "报告内容有误，请按 errors 逐项修改后重发。", result.errors)
    if result.status == "conflict":
        raise Problem(409, "id_reused", result.errors[0].detail, result.errors)
    response.status_code = 200 if result.status == "duplicate" else 201
    return report_out(result)


@router.post("/incidents:batch")
async def post_batch(batch: Batch, viewer: Reporter, request: Request) -> BatchOut:
    """Report up to 500 incidents; each is answered for itself, in order."""
    app = app_of(request)
    answers: dict[int, ItemOut] = {}
    arrivals: dict[int, Arrival] = {}
    for index, item in enumerate(batch.items):
        try:
            arrivals[index] = _arrival(REPORT.validate_python(item), viewer)
        except ValidationError as error:
            answers[index] = _refused(index, item, error)
    whole = batch.atomic == "all"
    mode = Mode(commit=batch.mode == "commit" and not (whole and answers), all_or_nothing=whole)
    results = await _report(app, list(arrivals.values()), mode)
    answers |= {index: _item(index, result) for index, result in zip(arrivals, results, strict=True)}
    refused = any(answer.status in ("invalid", "conflict") for answer in answers.values())
    for answer in answers.values():
        app.metrics.reports.labels(answer.status if mode.commit else "validated").inc()
    committed = mode.commit and not (whole and refused)
    items = [answers[index] for index in range(len(batch.items))]
    return BatchOut(mode=batch.mode, atomic=batch.atomic, committed=committed, items=items)


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
    await correct_incident(app.work(), _arrival(correction.report, viewer), correction.note)
    return incident_out((await _revisions(app, incident_id, viewer, viewer.system))[0])


@router.post("/incidents/{incident_id}/withdraw")
async def post_withdrawal(incident_id: str, withdrawal: Withdrawal, viewer: Reporter, request: Request) -> IncidentOut:
    """Withdraw a report: a last revision says so; the old ones stay."""
    app = app_of(request)
    name = ReportName(viewer.system, incident_id, viewer.area)
    await withdraw_incident(app.work(), name, withdrawal.note)
    return incident_out((await _revisions(app, incident_id, viewer, viewer.system))[0])


async def _report(app: App, arrivals: list[Arrival], mode: Mode) -> list[ReportResult]:
    """What can share a transaction with others goes through the intake; the rest is its own."""
    if not arrivals:
        return []
    if mode == Mode():
        return await app.intake.report(arrivals)
    return await report_incidents(app.doors, app.engines, arrivals, app.clock(), mode)


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


def _arrival(report: IncidentReport, viewer: Viewer) -> Arrival:
    return Arrival(report, viewer.system, viewer.area)


def _refused(index: int, item: Any, error: ValidationError) -> ItemOut:
    found = error.errors(include_url=False, include_input=False)
    errors = [ErrorOut.model_validate(one, from_attributes=True) for one in field_errors(found)]
    given = item.get("id") if isinstance(item, dict) else None
    usable = isinstance(given, str) and not any(one["loc"] == ("id",) for one in found)
    return ItemOut(index=index, id=given if usable else None, status="invalid", errors=errors)


def _item(index: int, result: ReportResult) -> ItemOut:
    errors = [ErrorOut.model_validate(one, from_attributes=True) for one in result.errors] or None
    return ItemOut(
        index=index,
        id=result.id,
        status=result.status,
        matter_id=result.matter_id,
        level=result.level,
        warnings=list(result.warnings),
        errors=errors,
    )
