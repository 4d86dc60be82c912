"""Endpoints: where a department's warnings are pushed to."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request

from service.api.department_shapes import EndpointChange, EndpointIn, EndpointMade, EndpointOut, TryOut
from service.api.settings_rows import Administrator, all_rows, is_within, one_row, put_row, within
from service.api.state import app_of
from service.delivery.signing import new_secret
from service.domain.problems import not_found
from service.store import reference
from service.store.engine import Row, new_id
from service.store.keys import Viewer
from service.store.tables_service import DepartmentTable, EndpointTable

router = APIRouter(prefix="/v1", tags=["endpoints 推送地址"])


@router.get("/endpoints")
async def get_endpoints(viewer: Administrator, request: Request) -> list[EndpointOut]:
    departments = {row["id"]: row["area"] for row in await all_rows(request, DepartmentTable, "id")}
    rows = await all_rows(request, EndpointTable, "created_at")
    return [EndpointOut.model_validate(row) for row in rows if is_within(viewer, departments[row["department_id"]])]


@router.get("/endpoints/{row_id}")
async def get_endpoint(row_id: UUID, viewer: Administrator, request: Request) -> EndpointOut:
    return EndpointOut.model_validate(await _endpoint(request, viewer, row_id))


@router.post("/endpoints", status_code=201)
async def post_endpoint(endpoint: EndpointIn, viewer: Administrator, request: Request) -> EndpointMade:
    """An address for a department's warnings. The secret is shown this once."""
    app = app_of(request)
    department = await one_row(request, DepartmentTable, endpoint.department_id, "department_id")
    within(viewer, department["area"])
    await app.tryout.check_url(endpoint.url)
    row = {
        "id": new_id(), **endpoint.model_dump(), "secret": new_secret(), "state": "active", "disabled_reason": None,
        "created_at": app.clock(),
    }  # fmt: skip
    return EndpointMade.model_validate(await put_row(request, EndpointTable, row))


@router.patch("/endpoints/{row_id}")
async def patch_endpoint(row_id: UUID, change: EndpointChange, viewer: Administrator, request: Request) -> EndpointOut:
    row = await _endpoint(request, viewer, row_id)
    if "url" in change.model_fields_set:
        await app_of(request).tryout.check_url(change.url)
    changed = row | change.model_dump(exclude_unset=True)
    reason = None if changed["state"] == "active" else changed["disabled_reason"] or "管理员停用"
    return EndpointOut.model_validate(await put_row(request, EndpointTable, changed | {"disabled_reason": reason}))


@router.delete("/endpoints/{row_id}", status_code=204)
async def delete_endpoint(row_id: UUID, viewer: Administrator, request: Request) -> None:
    """Disabled rather than removed when pushes were made to it: their record stays."""
    await _endpoint(request, viewer, row_id)
    async with app_of(request).doors.transaction() as connection:
        if not await reference.delete_endpoint(connection, row_id, app_of(request).clock()):
            raise not_found("推送地址", row_id)


@router.post("/endpoints/{row_id}/test")
async def post_endpoint_test(row_id: UUID, viewer: Administrator, request: Request) -> TryOut:
    """Send a signed test body now and say how it went."""
    result = await app_of(request).tryout.push(await _endpoint(request, viewer, row_id))
    delivered = result.status is not None and 200 <= result.status < 300
    return TryOut(delivered=delivered, status=result.status, error=result.error, milliseconds=result.milliseconds)


async def _endpoint(request: Request, viewer: Viewer, row_id: UUID) -> Row:
    row = await one_row(request, EndpointTable, row_id)
    within(viewer, (await one_row(request, DepartmentTable, row["department_id"]))["area"])
    return row
