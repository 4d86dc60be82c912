"""Alerts of Prometheus and Alertmanager come in as reports, by either's own way of sending them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from service.api.alertmanager import text_of
from service.api.batches import MOST_ITEMS
from service.api.reporting import Reporter, arrival
from service.api.shapes import Out
from service.api.state import App, app_of
from service.domain.incidents import IncidentReport, ReportResult
from service.domain.problems import FieldError, Problem
from service.store.keys import Viewer
from service.workflows.alerts_in import AlertRefused, Reading, read_alert, report_of

router = APIRouter(tags=["alertmanager"])
_BODY = {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}
_IN = {"requestBody": {"required": True, "content": _BODY}}


class AlertsOut(Out):
    """What became of the alerts of one request."""

    created: int = 0
    repeated: Annotated[int, Field(description="reported before; nothing counts twice")] = 0
    resolved: Annotated[int, Field(description="over already: no report")] = 0


class AlertsWebhook(Out):
    """The body of Alertmanager's webhook, version 4, as far as it is read."""

    alerts: list[Any]


@router.post("/api/v2/alerts", response_class=Response, openapi_extra=_IN)
async def post_alerts(viewer: Reporter, request: Request) -> Response:
    """Report alerts, as Prometheus and amtool send them. What can be kept is kept, also when the answer is 400."""
    try:
        items = await request.json()
    except (ValueError, RecursionError):
        return text_of(400, "请求体不是合法的 JSON，或嵌套过深。")
    if not isinstance(items, list):
        return text_of(400, "请求体应为告警的数组。")
    _, refused = await _take(app_of(request), viewer, items)
    if refused:
        return text_of(400, "；".join(f"第 {index + 1} 条：{said}" for index, said in sorted(refused.items())))
    return Response(status_code=200)


@router.post("/v1/incidents:alertmanager")
async def post_webhook(body: AlertsWebhook, viewer: Reporter, request: Request) -> AlertsOut:
    """Report alerts as a receiver of Alertmanager's (`webhook_configs`). What can be kept is kept, also when 400."""
    out, refused = await _take(app_of(request), viewer, body.alerts)
    if refused:
        errors = tuple(FieldError(f"alerts.{index}", "refused", said) for index, said in sorted(refused.items()))
        raise Problem(400, "alerts_refused", "部分告警未能作为事件保存，其余已保存；请按 errors 修改。", errors)
    return out


async def _take(app: App, viewer: Viewer, items: list[Any]) -> tuple[AlertsOut, dict[int, str]]:
    """Keep what can be kept; gives the counts, and what is wrong with the others by index."""
    now = app.clock()
    reading = Reading(app.alert_mapping, app.engines.catalogue, now, f"{app.engines.day(now):%Y%m%d}")
    refused: dict[int, str] = {}
    read: dict[int, IncidentReport | None] = {}
    for index, item in enumerate(items):
        try:
            read[index] = report_of(read_alert(item), reading)
        except AlertRefused as error:
            refused[index] = str(error)
    reports = {index: report for index, report in read.items() if report is not None}
    out = AlertsOut(resolved=len(read) - len(reports))
    for index, result in zip(reports, await _report(app, viewer, list(reports.values())), strict=True):
        app.metrics.reports.labels(result.status).inc()
        if result.status == "invalid":
            refused[index] = "；".join(f"{error.field}：{error.detail}" for error in result.errors)
        elif result.status == "created":
            out.created += 1
        else:  # a conflict too: the same alert with a new text, such as the value it stands at now
            out.repeated += 1
    return out, refused


async def _report(app: App, viewer: Viewer, reports: list[IncidentReport]) -> list[ReportResult]:
    results: list[ReportResult] = []
    for begin in range(0, len(reports), MOST_ITEMS):
        arrivals = [arrival(report, viewer) for report in reports[begin : begin + MOST_ITEMS]]
        results += await app.intake.report(arrivals)
    return results
