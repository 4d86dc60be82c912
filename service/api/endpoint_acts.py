"""What is done with an endpoint: prove it, try it, rotate its secret, look at its attempts, send again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from service.api.delivery_shapes import (
    EndpointAttempt,
    EndpointMade,
    EndpointOut,
    ProofIn,
    Recovered,
    RotationIn,
    Since,
    StatsOut,
    TryOut,
)
from service.api.endpoint_rows import endpoint_row, shown_row
from service.api.endpoints import made
from service.api.settings_rows import Administrator, put_row
from service.api.state import app_of
from service.delivery.result import PushResult, Verdict
from service.domain.incidents import Instant
from service.domain.problems import Problem
from service.store import deliveries
from service.store.tables_service import EndpointTable
from service.workflows.rotating import rotated

AT_THE_END = datetime(9999, 1, 1, tzinfo=UTC)
router = APIRouter(prefix="/v1", tags=["endpoints 推送地址"])


@router.post("/endpoints/{row_id}:verify")
async def post_verify(
    row_id: UUID, viewer: Administrator, request: Request, proof: ProofIn | None = None
) -> EndpointOut:
    """Ask the address to prove itself, or bring back the code that was read there.

    A web address agrees by OPTIONS or echoes a signed challenge; any other is sent a code.
    """
    tryout, row = app_of(request).tryout, await endpoint_row(request, viewer, row_id)
    code = proof.code if proof else None
    change = tryout.bring_back(row, code) if code else await tryout.challenge(row)
    kept = await put_row(request, EndpointTable, row | change)
    return EndpointOut.model_validate(shown_row(request, kept))


@router.post("/endpoints/{row_id}:enable")
async def post_enable(row_id: UUID, viewer: Administrator, request: Request) -> EndpointOut:
    """Push there again after it was disabled; its failures are forgotten. What was given up comes by `recover`."""
    row = await endpoint_row(request, viewer, row_id)
    if row["verified_at"] is None:
        raise Problem(409, "endpoint_unproven", "推送地址尚未通过验证；请先调用 :verify。")
    well = {"failures": 0, "failing_since": None, "paused_until": None}
    kept = await put_row(request, EndpointTable, row | {"state": "active", "disabled_reason": None, **well})
    return EndpointOut.model_validate(shown_row(request, kept))


@router.post("/endpoints/{row_id}:rotate-secret")
async def post_rotate_secret(
    row_id: UUID, viewer: Administrator, request: Request, rotation: RotationIn | None = None
) -> EndpointMade:
    """A new secret, shown this once; the old one signs beside it for the overlap."""
    app, row = app_of(request), await endpoint_row(request, viewer, row_id)
    given = rotation or RotationIn()
    overlap = timedelta(hours=given.overlap_hours)
    change = rotated(row, given.secret, overlap, (app.clock(), app.tryout.makes_secret(row["kind"])))
    return made(request, await put_row(request, EndpointTable, row | change))


@router.post("/endpoints/{row_id}/test")
async def post_endpoint_test(row_id: UUID, viewer: Administrator, request: Request) -> TryOut:
    """Send a signed test body now and say how it went."""
    return _tried(await app_of(request).tryout.push(await endpoint_row(request, viewer, row_id)))


@router.post("/endpoints/{row_id}:send-example")
async def post_send_example(row_id: UUID, viewer: Administrator, request: Request) -> TryOut:
    """Send a body as warnings have it, marked as an example, and say how it went."""
    return _tried(await app_of(request).tryout.push_example(await endpoint_row(request, viewer, row_id)))


@router.get("/endpoints/{row_id}/attempts")
async def get_attempts(
    row_id: UUID,
    viewer: Administrator,
    request: Request,
    before: Annotated[Instant | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[EndpointAttempt]:
    """Attempts at this address, newest first; `before`: the `started_at` of the last one seen."""
    await endpoint_row(request, viewer, row_id)
    async with app_of(request).engine.connect() as connection:
        rows = await deliveries.attempts(connection, row_id, before or AT_THE_END, limit)
    return [EndpointAttempt.model_validate(row) for row in rows]


@router.get("/endpoints/{row_id}/stats")
async def get_stats(
    row_id: UUID, viewer: Administrator, request: Request, hours: Annotated[int, Query(ge=1, le=744)] = 24
) -> StatsOut:
    """Attempts of the last hours by what came of them, and what the address is owed now."""
    await endpoint_row(request, viewer, row_id)
    since: datetime = app_of(request).clock() - timedelta(hours=hours)
    async with app_of(request).engine.connect() as connection:
        return StatsOut.model_validate(await deliveries.stats(connection, row_id, since) | {"since": since})


@router.post("/endpoints/{row_id}:recover")
async def post_recover(row_id: UUID, wanted: Since, viewer: Administrator, request: Request) -> Recovered:
    """Owe again what came about in a range of time and was given up, at most 10,000 in one go, under the same ids."""
    app, row = app_of(request), await endpoint_row(request, viewer, row_id)
    if row["state"] != "active":
        raise Problem(409, "endpoint_not_active", "推送地址未启用；请先调用 :enable 或 :verify，再补发。")
    now = app.clock()
    async with app.doors.transaction() as connection:
        span = (wanted.since, wanted.until or now)
        return Recovered(recovered=await deliveries.recover(connection, row_id, span, now))


def _tried(result: PushResult) -> TryOut:
    return TryOut(
        delivered=result.verdict is Verdict.DELIVERED,
        status=result.status,
        error=result.error,
        milliseconds=result.milliseconds,
        response_head=result.response_head,
    )
