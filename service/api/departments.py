"""Who hears and who answers: departments, endpoints, subscriptions, responsibilities, standing orders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, Field, StringConstraints
from sqlmodel import SQLModel

from service.api.access import READERS, may
from service.api.shapes import Out
from service.api.state import App, app_of
from service.delivery.signing import new_secret
from service.domain.incidents import AreaCode, Strict
from service.domain.levels import Level
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Scope
from service.store import reference
from service.store.engine import Row, new_id
from service.store.keys import Viewer
from service.store.tables_service import (
    DepartmentTable,
    EndpointTable,
    ResponsibilityTable,
    StandingOrderTable,
    SubscriptionTable,
)

router = APIRouter(prefix="/v1", tags=["departments 单位"])
Administrator = Annotated[Viewer, may(Scope.ADMINISTER)]
Reader = Annotated[Viewer, may(*READERS)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Categories = Annotated[list[str], Field(min_length=1, max_length=200)]


class DepartmentIn(Strict):
    """A department; `is_coordinator` with an area makes it the coordinating office (综治中心) there."""

    name: Name
    is_coordinator: bool = False
    area: AreaCode | None = None


class DepartmentOut(DepartmentIn, Out):
    id: UUID
    created_at: datetime


class DepartmentChange(Strict):
    name: Name | None = None
    is_coordinator: bool | None = None
    area: AreaCode | None = None


class EndpointIn(Strict):
    department_id: UUID
    url: Annotated[str, Field(max_length=2000)]


class EndpointOut(Out):
    """An endpoint; its secret is shown once, when it is made."""

    id: UUID
    department_id: UUID
    url: str
    state: str
    disabled_reason: str | None
    created_at: datetime


class EndpointMade(EndpointOut):
    secret: str


class EndpointChange(Strict):
    url: Annotated[str, Field(max_length=2000)] | None = None
    state: Annotated[str, Field(pattern="^(active|disabled)$")] | None = None


class TryOut(Out):
    """How a test push went."""

    delivered: bool
    status: int | None
    error: str | None
    milliseconds: int


class SubscriptionIn(Strict):
    """Which warnings are pushed: an area subtree (none: everywhere), categories (none: all), a least level."""

    department_id: UUID
    area: AreaCode | None = None
    categories: Categories | None = None
    minimum_level: Level


class SubscriptionOut(SubscriptionIn, Out):
    id: UUID
    created_at: datetime


class SubscriptionChange(Strict):
    area: AreaCode | None = None
    categories: Categories | None = None
    minimum_level: Level | None = None


class ResponsibilityIn(Strict):
    """Who leads and who takes part for a category (none: any) in an area subtree (责任清单)."""

    area: AreaCode
    category: str | None = None
    lead_id: UUID
    participant_ids: Annotated[tuple[UUID, ...], Field(max_length=50)] = ()
    source: Annotated[str, Field(min_length=1, max_length=200)]


class ResponsibilityOut(ResponsibilityIn, Out):
    id: UUID


class StandingOrderIn(Strict):
    """These levels leave at once in an area (none: everywhere), without waiting for a person's confirmation."""

    levels: Annotated[list[Level], Field(min_length=1, max_length=2)]
    area: AreaCode | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None


class StandingOrderOut(Out):
    id: UUID
    levels: list[Level]
    area: str | None
    reason: str
    recorded_by: str
    valid_from: datetime
    valid_to: datetime | None


@router.get("/departments")
async def get_departments(_: Reader, request: Request) -> list[DepartmentOut]:
    return [DepartmentOut.model_validate(row) for row in await _all(request, DepartmentTable, "name")]


@router.post("/departments", status_code=201)
async def post_department(department: DepartmentIn, _: Administrator, request: Request) -> DepartmentOut:
    row = {"id": new_id(), **department.model_dump(), "created_at": app_of(request).clock()}
    if any(known["name"] == row["name"] for known in await _all(request, DepartmentTable, "name")):
        raise Problem(
            409, "name_taken", f"已有名为“{row['name']}”的单位。", (FieldError("name", "taken", "请换一个名称。"),)
        )
    return DepartmentOut.model_validate(await _put(request, DepartmentTable, row))


@router.patch("/departments/{row_id}")
async def patch_department(row_id: UUID, change: DepartmentChange, _: Administrator, request: Request) -> DepartmentOut:
    row = await _one(request, DepartmentTable, row_id)
    return DepartmentOut.model_validate(
        await _put(request, DepartmentTable, row | change.model_dump(exclude_unset=True))
    )


@router.delete("/departments/{row_id}", status_code=204)
async def delete_department(row_id: UUID, _: Administrator, request: Request) -> None:
    for model, column in (
        (EndpointTable, "department_id"),
        (SubscriptionTable, "department_id"),
        (ResponsibilityTable, "lead_id"),
    ):
        if any(row[column] == row_id for row in await _all(request, model, "id")):
            raise Problem(409, "in_use", "该单位仍有推送地址、订阅或牵头职责，请先删除或改派。")
    await _delete(request, DepartmentTable, row_id)


@router.get("/endpoints")
async def get_endpoints(_: Administrator, request: Request) -> list[EndpointOut]:
    return [EndpointOut.model_validate(row) for row in await _all(request, EndpointTable, "created_at")]


@router.post("/endpoints", status_code=201)
async def post_endpoint(endpoint: EndpointIn, _: Administrator, request: Request) -> EndpointMade:
    """An address for a department's warnings. The secret is shown this once."""
    app = app_of(request)
    await _one(request, DepartmentTable, endpoint.department_id, "department_id")
    await app.tryout.check_url(endpoint.url)
    row = {
        "id": new_id(), **endpoint.model_dump(), "secret": new_secret(), "state": "active", "disabled_reason": None,
        "created_at": app.clock(),
    }  # fmt: skip
    return EndpointMade.model_validate(await _put(request, EndpointTable, row))


@router.patch("/endpoints/{row_id}")
async def patch_endpoint(row_id: UUID, change: EndpointChange, _: Administrator, request: Request) -> EndpointOut:
    row = await _one(request, EndpointTable, row_id)
    if change.url:
        await app_of(request).tryout.check_url(change.url)
    changed = row | change.model_dump(exclude_none=True)
    reason = None if changed["state"] == "active" else changed["disabled_reason"] or "管理员停用"
    return EndpointOut.model_validate(await _put(request, EndpointTable, changed | {"disabled_reason": reason}))


@router.delete("/endpoints/{row_id}", status_code=204)
async def delete_endpoint(row_id: UUID, _: Administrator, request: Request) -> None:
    """Disabled rather than removed when pushes were made to it: their record stays."""
    async with app_of(request).doors.transaction() as connection:
        if not await reference.delete_endpoint(connection, row_id, app_of(request).clock()):
            raise not_found("推送地址", row_id)


@router.post("/endpoints/{row_id}/test")
async def post_endpoint_test(row_id: UUID, _: Administrator, request: Request) -> TryOut:
    """Send a signed test body now and say how it went."""
    result = await app_of(request).tryout.push(await _one(request, EndpointTable, row_id))
    delivered = result.status is not None and 200 <= result.status < 300
    return TryOut(delivered=delivered, status=result.status, error=result.error, milliseconds=result.milliseconds)


@router.get("/subscriptions")
async def get_subscriptions(_: Reader, request: Request) -> list[SubscriptionOut]:
    return [SubscriptionOut.model_validate(row) for row in await _all(request, SubscriptionTable, "created_at")]


@router.post("/subscriptions", status_code=201)
async def post_subscription(subscription: SubscriptionIn, _: Administrator, request: Request) -> SubscriptionOut:
    await _one(request, DepartmentTable, subscription.department_id, "department_id")
    await _check_place(request, subscription.area, subscription.categories)
    row = {"id": new_id(), **subscription.model_dump(), "created_at": app_of(request).clock()}
    return SubscriptionOut.model_validate(await _put(request, SubscriptionTable, row))


@router.patch("/subscriptions/{row_id}")
async def patch_subscription(
    row_id: UUID, change: SubscriptionChange, _: Administrator, request: Request
) -> SubscriptionOut:
    row = await _one(request, SubscriptionTable, row_id)
    await _check_place(request, change.area, change.categories)
    return SubscriptionOut.model_validate(
        await _put(request, SubscriptionTable, row | change.model_dump(exclude_unset=True))
    )


@router.delete("/subscriptions/{row_id}", status_code=204)
async def delete_subscription(row_id: UUID, _: Administrator, request: Request) -> None:
    await _delete(request, SubscriptionTable, row_id)


@router.get("/responsibilities")
async def get_responsibilities(_: Reader, request: Request) -> list[ResponsibilityOut]:
    return [ResponsibilityOut.model_validate(row) for row in await _all(request, ResponsibilityTable, "area, category")]


@router.post("/responsibilities", status_code=201)
async def post_responsibility(entry: ResponsibilityIn, _: Administrator, request: Request) -> ResponsibilityOut:
    """Set who answers for a category in an area; the same category and area again replaces the entry."""
    for department_id in (entry.lead_id, *entry.participant_ids):
        await _one(request, DepartmentTable, department_id, "lead_id / participant_ids")
    await _check_place(request, entry.area, [entry.category] if entry.category else None)
    row = {"id": new_id(), **entry.model_dump()}
    await _put(request, ResponsibilityTable, row, ("area", "category"))
    kept = await _all(request, ResponsibilityTable, "area, category")
    same = next(r for r in kept if (r["area"], r["category"]) == (entry.area, entry.category))
    return ResponsibilityOut.model_validate(same)


@router.delete("/responsibilities/{row_id}", status_code=204)
async def delete_responsibility(row_id: UUID, _: Administrator, request: Request) -> None:
    await _delete(request, ResponsibilityTable, row_id)


@router.get("/standing-orders")
async def get_standing_orders(_: Reader, request: Request) -> list[StandingOrderOut]:
    return [StandingOrderOut.model_validate(row) for row in await _all(request, StandingOrderTable, "valid_from, id")]


@router.post("/standing-orders", status_code=201)
async def post_standing_order(order: StandingOrderIn, viewer: Administrator, request: Request) -> StandingOrderOut:
    """Record that levels leave at once; who recorded it and why stays on every warning that leaves by it."""
    await _check_place(request, order.area, None)
    now = app_of(request).clock()
    row = {"id": new_id(), **order.model_dump(), "recorded_by": viewer.name}
    return StandingOrderOut.model_validate(
        await _put(request, StandingOrderTable, row | {"valid_from": order.valid_from or now})
    )


@router.delete("/standing-orders/{row_id}", status_code=204)
async def delete_standing_order(row_id: UUID, _: Administrator, request: Request) -> None:
    """End an order now; the record of it stays."""
    row = await _one(request, StandingOrderTable, row_id)
    await _put(request, StandingOrderTable, row | {"valid_to": app_of(request).clock()})


async def _all(request: Request, model: type[SQLModel], order: str) -> list[Row]:
    async with app_of(request).engine.connect() as connection:
        return await reference.rows(connection, model, order)


async def _one(request: Request, model: type[SQLModel], row_id: UUID, field: str | None = None) -> Row:
    """The row: 404 when it is what was asked for, 422 when it is only named in `field`."""
    async with app_of(request).engine.connect() as connection:
        row = await reference.row(connection, model, row_id)
    if row is None and field is None:
        raise not_found("记录", row_id)
    if row is None:
        error = FieldError(field or "", "unknown", f"没有编号为 {row_id} 的记录。")
        raise Problem(422, "invalid_request", "引用的记录不存在。", (error,))
    return row


async def _put(request: Request, model: type[SQLModel], row: Row, key: tuple[str, ...] = ("id",)) -> Row:
    async with app_of(request).doors.transaction() as connection:
        await reference.put(connection, model, [row], key)
    return row


async def _delete(request: Request, model: type[SQLModel], row_id: UUID) -> None:
    async with app_of(request).doors.transaction() as connection:
        if not await reference.delete(connection, model, row_id):
            raise not_found("记录", row_id)


async def _check_place(request: Request, area: str | None, categories: list[str] | None) -> None:
    app: App = app_of(request)
    async with app.engine.connect() as connection:
        known = await app.doors.reference.get(connection)
    errors: list[FieldError] = []
    if area is not None and area not in known.areas:
        errors.append(FieldError("area", "unknown_area", f"没有区划代码 {area}；请用 GET /v1/areas 查询。"))
    for index, code in enumerate(categories or []):
        if code not in app.engines.catalogue.categories:
            like = app.engines.catalogue.category_like(code)
            hint = f"，是否想写 {like} (did you mean {like}?)" if like else ""
            errors.append(FieldError(f"categories.{index}", "unknown_category", f"没有事项类别 {code}{hint}。"))
    if errors:
        raise Problem(422, "invalid_request", "请求内容有误，请按 errors 逐项修改。", tuple(errors))
