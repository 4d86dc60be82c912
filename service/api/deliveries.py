"""Deliveries: every push that was owed, what came of it, and sending one again."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request

from service.api.delivery_shapes import DeliveryOut, DeliveryPage, DeliveryWithTries
from service.api.settings_rows import Administrator, within
from service.api.state import app_of
from service.domain.problems import Problem, not_found
from service.store import deliveries
from service.store.engine import Row
from service.store.keys import Viewer

router = APIRouter(prefix="/v1", tags=["deliveries 推送记录"])
State = Literal["pending", "delivered", "given_up", "cancelled"]


@router.get("/deliveries")
async def get_deliveries(
    viewer: Administrator,
    request: Request,
    state: Annotated[State | None, Query()] = None,
    endpoint_id: Annotated[UUID | None, Query()] = None,
    warning_id: Annotated[UUID | None, Query()] = None,
    before: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeliveryPage:
    """Pushes of warnings in the key's area, newest first: by default the dead letters (死信)."""
    narrowed = endpoint_id is not None or warning_id is not None
    state = state if state or narrowed else "given_up"
    if not narrowed and state not in ("pending", "given_up"):
        raise Problem(422, "too_wide", "查询已送达或已取消的推送时，请同时给出 endpoint_id 或 warning_id。")
    wanted = {"state": state, "endpoint_id": endpoint_id, "warning_id": warning_id, "before": before, "limit": limit}
    async with app_of(request).engine.connect() as connection:
        rows = await deliveries.listed(connection, wanted, viewer.sight)
        counts = await deliveries.counted(connection, viewer.sight)
    items = [DeliveryOut.model_validate(row) for row in rows]
    return DeliveryPage(items=items, next=items[-1].id if len(items) == limit else None, **counts)


@router.get("/deliveries/{delivery_id}")
async def get_delivery(delivery_id: UUID, viewer: Administrator, request: Request) -> DeliveryWithTries:
    return DeliveryWithTries.model_validate(await _delivery(request, viewer, delivery_id))


@router.post("/deliveries/{delivery_id}:resend")
async def post_resend(delivery_id: UUID, viewer: Administrator, request: Request) -> DeliveryWithTries:
    """Owe it again now, under the same message id: a receiver that has it already knows it by that."""
    app, row = app_of(request), await _delivery(request, viewer, delivery_id)
    if row["endpoint_state"] != "active":
        raise Problem(409, "endpoint_not_active", "推送地址未启用；请先调用 :enable 或 :verify，再重发。")
    async with app.doors.transaction() as connection:
        if not await deliveries.resend(connection, delivery_id, app.clock()):
            raise Problem(409, "under_way", "该推送正在进行，请稍后再看结果。")
    return DeliveryWithTries.model_validate(await _delivery(request, viewer, delivery_id))


async def _delivery(request: Request, viewer: Viewer, delivery_id: UUID) -> Row:
    async with app_of(request).engine.connect() as connection:
        row = await deliveries.one(connection, delivery_id)
    if row is None:
        raise not_found("推送", delivery_id)
    within(viewer, row["department_area"])
    return row
