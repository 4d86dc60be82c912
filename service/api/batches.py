"""Reports in by the batch, at most 500."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, TypeAdapter, ValidationError

from service.api.errors import field_errors
from service.api.reporting import Reporter, arrival
from service.api.shapes import BatchOut, ErrorOut, ItemOut
from service.api.state import App, app_of
from service.domain.incidents import IncidentReport, ReportResult, Strict
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import Mode, report_incidents

MOST_ITEMS = 500
router = APIRouter(prefix="/v1", tags=["incidents 事件"])
REPORT: TypeAdapter[IncidentReport] = TypeAdapter(IncidentReport)


class Batch(Strict):
    """`validate` keeps nothing and says what would happen; `all` keeps nothing unless everything can be kept."""

    mode: Literal["commit", "validate"] = "commit"
    atomic: Literal["all", "each"] = "each"
    items: Annotated[list[Any], Field(min_length=1, max_length=MOST_ITEMS)]


@router.post("/incidents:batch")
async def post_batch(batch: Batch, viewer: Reporter, request: Request) -> BatchOut:
    """Report up to 500 incidents; each is answered for itself, in order."""
    app = app_of(request)
    answers: dict[int, ItemOut] = {}
    arrivals: dict[int, Arrival] = {}
    for index, item in enumerate(batch.items):
        try:
            arrivals[index] = arrival(REPORT.validate_python(item), viewer)
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


async def _report(app: App, arrivals: list[Arrival], mode: Mode) -> list[ReportResult]:
    """What can share a transaction with others goes through the intake; the rest is its own."""
    if not arrivals:
        return []
    if mode == Mode():
        return await app.intake.report(arrivals)
    return await report_incidents(app.doors, app.engines, arrivals, app.clock(), mode)


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
