"""One report in: the route that is called the most."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from service.api.access import may
from service.api.direct import Direct
from service.api.shapes import ReportOut, report_out
from service.api.state import app_of
from service.domain.incidents import IncidentReport
from service.domain.problems import Problem
from service.domain.words import Scope
from service.store.keys import Viewer
from service.workflows.preparing import Arrival

router = APIRouter(prefix="/v1", tags=["incidents 事件"], route_class=Direct)
Reporter = Annotated[Viewer, may(Scope.REPORT)]


@router.post(
    "/incidents",
    status_code=201,
    response_model=ReportOut,
    responses={200: {"model": ReportOut, "description": "reported before"}},
)
async def post_incident(report: IncidentReport, viewer: Reporter, request: Request) -> Response:
    """Report one incident. Answers once it is kept, linked, judged, and its warning is on the way."""
    app = app_of(request)
    result = (await app.intake.report([arrival(report, viewer)]))[0]
    app.metrics.reports.labels(result.status).inc()
    if result.status == "invalid":
        raise Problem(422, "invalid_report", "报告内容有误，请按 errors 逐项修改后重发。", result.errors)
    if result.status == "conflict":
        raise Problem(409, "id_reused", result.errors[0].detail, result.errors)
    status = 200 if result.status == "duplicate" else 201
    return Response(to_json(report_out(result, app.engines.scorer)), status, media_type="application/json")


def arrival(report: IncidentReport, viewer: Viewer) -> Arrival:
    return Arrival(report, viewer.system, viewer.area)
