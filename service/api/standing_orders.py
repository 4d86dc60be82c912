"""Standing orders: levels that leave at once, and who recorded so."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request

from service.api.department_shapes import StandingOrderIn, StandingOrderOut
from service.api.settings_rows import Administrator, Reader, all_rows, check_place, one_row, put_row, within
from service.api.state import app_of
from service.domain.problems import FieldError, Problem
from service.store.engine import new_id
from service.store.tables_service import StandingOrderTable
from service.text.redaction import mask

router = APIRouter(prefix="/v1", tags=["standing orders 常设指令"])


@router.get("/standing-orders")
async def get_standing_orders(_: Reader, request: Request) -> list[StandingOrderOut]:
    return [
        StandingOrderOut.model_validate(row) for row in await all_rows(request, StandingOrderTable, "valid_from, id")
    ]


@router.post("/standing-orders", status_code=201)
async def post_standing_order(order: StandingOrderIn, viewer: Administrator, request: Request) -> StandingOrderOut:
    """Record that levels leave at once; who recorded it and why stays on every warning that leaves by it."""
    within(viewer, order.area)
    await check_place(request, order.area, None)
    begins = order.valid_from or app_of(request).clock()
    if order.valid_to is not None and order.valid_to <= begins:
        error = FieldError("valid_to", "before_valid_from", "应晚于 valid_from。")
        raise Problem(422, "invalid_request", "常设指令的期限有误。", (error,))
    said = {"reason": mask(order.reason), "recorded_by": viewer.name, "valid_from": begins}
    row = {"id": new_id(), **order.model_dump(), **said}
    return StandingOrderOut.model_validate(await put_row(request, StandingOrderTable, row))


@router.delete("/standing-orders/{row_id}", status_code=204)
async def delete_standing_order(row_id: UUID, viewer: Administrator, request: Request) -> None:
    """End an order now; the record of it stays."""
    row = await one_row(request, StandingOrderTable, row_id)
    within(viewer, row["area"])
    now = app_of(request).clock()
    if row["valid_to"] is None or row["valid_to"] > now:  # when an ended one ended is not rewritten
        await put_row(request, StandingOrderTable, row | {"valid_to": now})
