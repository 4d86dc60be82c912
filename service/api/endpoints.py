"""Endpoints: where a department's warnings are pushed to, by which kind of channel."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from service.api.delivery_shapes import EndpointChange, EndpointIn, EndpointMade, EndpointOut
from service.api.endpoint_rows import endpoint_row, known_kind, options_of, shown_row
from service.api.settings_rows import Administrator, all_rows, is_within, one_row, put_row, within
from service.api.state import app_of
from service.delivery.signing import new_secret, new_sm3_secret
from service.domain.problems import FieldError, Problem, not_found
from service.store import reference
from service.store.engine import Row, new_id
from service.store.tables_service import DepartmentTable, EndpointTable
from service.workflows.trying import Tryout

router = APIRouter(prefix="/v1", tags=["endpoints 推送地址"])
_WELL: Row = {"failures": 0, "failing_since": None, "paused_until": None}


@router.get("/endpoints")
async def get_endpoints(viewer: Administrator, request: Request) -> list[EndpointOut]:
    departments = {row["id"]: row["area"] for row in await all_rows(request, DepartmentTable, "id")}
    rows = [shown_row(request, row) for row in await all_rows(request, EndpointTable, "created_at")]
    return [EndpointOut.model_validate(row) for row in rows if is_within(viewer, departments[row["department_id"]])]


@router.get("/endpoints/{row_id}")
async def get_endpoint(row_id: UUID, viewer: Administrator, request: Request) -> EndpointOut:
    return EndpointOut.model_validate(shown_row(request, await endpoint_row(request, viewer, row_id)))


@router.post("/endpoints", status_code=201)
async def post_endpoint(endpoint: EndpointIn, viewer: Administrator, request: Request) -> EndpointMade:
    """An address for a department's warnings, active once it has proven itself. Secrets are shown this once.

    A web address that agrees by itself (OPTIONS with `WebHook-Request-Origin`, CloudEvents) is active at once.
    """
    app = app_of(request)
    known_kind(endpoint.kind)
    department = await one_row(request, DepartmentTable, endpoint.department_id, "department_id")
    within(viewer, department["area"])
    options = options_of(app.tryout, endpoint.kind, endpoint.options)
    await app.tryout.check(endpoint.kind, endpoint.url)
    row = {
        "id": new_id(), **endpoint.model_dump(), "options": options, "disabled_reason": None, "created_at": app.clock(),
        "paced_to": None, "challenge": None, **_WELL, **_secrets(app.tryout, endpoint, options),
    }  # fmt: skip
    return made(request, await put_row(request, EndpointTable, row | await _standing(request, row)))


@router.patch("/endpoints/{row_id}")
async def patch_endpoint(row_id: UUID, change: EndpointChange, viewer: Administrator, request: Request) -> EndpointOut:
    app, row = app_of(request), await endpoint_row(request, viewer, row_id)
    changed = row | change.model_dump(exclude_unset=True)
    if "options" in change.model_fields_set:
        changed["options"] = options_of(app.tryout, row["kind"], change.options)
    if changed["url"] != row["url"]:
        await app.tryout.check(row["kind"], changed["url"])
        changed |= {"verified_at": None, "challenge": None}
    if "state" in change.model_fields_set:
        changed |= _WELL
    if changed["state"] != "disabled" and (changed["url"] != row["url"] or row["state"] != changed["state"]):
        changed |= await _standing(request, changed)
    reason = changed["disabled_reason"] or "管理员停用" if changed["state"] == "disabled" else None
    kept = await put_row(request, EndpointTable, changed | {"disabled_reason": reason})
    return EndpointOut.model_validate(shown_row(request, kept))


@router.delete("/endpoints/{row_id}", status_code=204)
async def delete_endpoint(row_id: UUID, viewer: Administrator, request: Request) -> None:
    """Disabled rather than removed when pushes were made to it: their record stays."""
    await endpoint_row(request, viewer, row_id)
    async with app_of(request).doors.transaction() as connection:
        if not await reference.delete_endpoint(connection, row_id, app_of(request).clock()):
            raise not_found("推送地址", row_id)


async def _standing(request: Request, row: Row) -> Row:
    """Active when it is proven or agrees by itself, else it waits to be proven."""
    app = app_of(request)
    if row.get("verified_at") is None and (not app.tryout.required or await app.tryout.consents(row)):
        row = row | {"verified_at": app.clock()}
    proven = row.get("verified_at")
    return {"state": "active" if proven else "unverified", "verified_at": proven}


def _secrets(tryout: Tryout, endpoint: EndpointIn, options: dict[str, Any]) -> Row:
    """What signs: made here, or given by the other side."""
    if not tryout.makes_secret(endpoint.kind):
        return {"secret": endpoint.secret or "", "more_secrets": []}
    if endpoint.secret is not None:
        error = FieldError("secret", "made_here", "这类地址的密钥由本服务生成，请去掉 secret。")
        raise Problem(422, "invalid_request", "请求内容有误，请按 errors 逐项修改后重发。", (error,))
    beside = [{"secret": new_sm3_secret(), "until": None}] if options.get("sm3") else []
    return {"secret": new_secret(), "more_secrets": beside}


def made(request: Request, row: Row) -> EndpointMade:
    """With the secrets that were made here, to be shown this once."""
    ours = app_of(request).tryout.makes_secret(row["kind"])
    beside = [one["secret"] for one in row["more_secrets"] if one["until"] is None]
    secrets = {"secret": row["secret"] if ours else None, "sm3_secret": beside[0] if ours and beside else None}
    return EndpointMade.model_validate(shown_row(request, row) | secrets)
