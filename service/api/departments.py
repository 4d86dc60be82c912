"""Who hears and who answers: departments, endpoints, subscriptions, responsibilities, standing orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from service.api.access import READERS, may
from service.api.department_shapes import (
    DepartmentChange,
    DepartmentIn,
    DepartmentOut,
    EndpointChange,
    EndpointIn,
    EndpointMade,
    EndpointOut,
    ResponsibilityIn,
    ResponsibilityOut,
    StandingOrderIn,
    StandingOrderOut,
    SubscriptionChange,
    SubscriptionIn,
    SubscriptionOut,
    TryOut,
)
from service.api.state import App, app_of
from service.delivery.signing import new_secret
from service.domain.areas import contains
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


@router.get("/departments")
async def get_departments(_: Reader, request: Request) -> list[DepartmentOut]:
    return [DepartmentOut.model_validate(row) for row in await _all(request, DepartmentTable, "name")]


@router.post("/departments", status_code=201)
async def post_department(department: DepartmentIn, viewer: Administrator, request: Request) -> DepartmentOut:
    row = {"id": new_id(), **department.model_dump(), "created_at": app_of(request).clock()}
    _within(viewer, row["area"])
    await _check_department(request, row)
    return DepartmentOut.model_validate(await _put(request, DepartmentTable, row))


@router.patch("/departments/{row_id}")
async def patch_department(
    row_id: UUID, change: DepartmentChange, viewer: Administrator, request: Request
) -> DepartmentOut:
    old = await _one(request, DepartmentTable, row_id)
    row = old | change.model_dump(exclude_unset=True)
    _within(viewer, old["area"], row["area"])
    await _check_department(request, row)
    return DepartmentOut.model_validate(await _put(request, DepartmentTable, row))


@router.delete("/departments/{row_id}", status_code=204)
async def delete_department(row_id: UUID, viewer: Administrator, request: Request) -> None:
    _within(viewer, (await _one(request, DepartmentTable, row_id))["area"])
    async with app_of(request).engine.connect() as connection:
        if await reference.department_in_use(connection, row_id):
            detail = "该单位仍有推送地址、订阅、牵头或配合职责、密钥，或承办过预警，不能删除；请先改派，或改名停用。"
            raise Problem(409, "in_use", detail)
    await _delete(request, DepartmentTable, row_id)


@router.get("/endpoints")
async def get_endpoints(viewer: Administrator, request: Request) -> list[EndpointOut]:
    departments = {row["id"]: row["area"] for row in await _all(request, DepartmentTable, "id")}
    rows = await _all(request, EndpointTable, "created_at")
    return [EndpointOut.model_validate(row) for row in rows if _is_within(viewer, departments[row["department_id"]])]


@router.post("/endpoints", status_code=201)
async def post_endpoint(endpoint: EndpointIn, viewer: Administrator, request: Request) -> EndpointMade:
    """An address for a department's warnings. The secret is shown this once."""
    app = app_of(request)
    department = await _one(request, DepartmentTable, endpoint.department_id, "department_id")
    _within(viewer, department["area"])
    await app.tryout.check_url(endpoint.url)
    row = {
        "id": new_id(), **endpoint.model_dump(), "secret": new_secret(), "state": "active", "disabled_reason": None,
        "created_at": app.clock(),
    }  # fmt: skip
    return EndpointMade.model_validate(await _put(request, EndpointTable, row))


@router.patch("/endpoints/{row_id}")
async def patch_endpoint(row_id: UUID, change: EndpointChange, viewer: Administrator, request: Request) -> EndpointOut:
    row = await _endpoint(request, viewer, row_id)
    if "url" in change.model_fields_set:
        await app_of(request).tryout.check_url(change.url)
    changed = row | change.model_dump(exclude_unset=True)
    reason = None if changed["state"] == "active" else changed["disabled_reason"] or "管理员停用"
    return EndpointOut.model_validate(await _put(request, EndpointTable, changed | {"disabled_reason": reason}))


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


@router.get("/subscriptions")
async def get_subscriptions(_: Reader, request: Request) -> list[SubscriptionOut]:
    return [SubscriptionOut.model_validate(row) for row in await _all(request, SubscriptionTable, "created_at")]


@router.post("/subscriptions", status_code=201)
async def post_subscription(subscription: SubscriptionIn, viewer: Administrator, request: Request) -> SubscriptionOut:
    department = await _one(request, DepartmentTable, subscription.department_id, "department_id")
    _within(viewer, department["area"], subscription.area)
    await _check_place(request, subscription.area, subscription.categories)
    row = {"id": new_id(), **subscription.model_dump(), "created_at": app_of(request).clock()}
    return SubscriptionOut.model_validate(await _put(request, SubscriptionTable, row))


@router.patch("/subscriptions/{row_id}")
async def patch_subscription(
    row_id: UUID, change: SubscriptionChange, viewer: Administrator, request: Request
) -> SubscriptionOut:
    old = await _one(request, SubscriptionTable, row_id)
    row = old | change.model_dump(exclude_unset=True)
    _within(viewer, old["area"], row["area"])
    await _check_place(request, change.area, change.categories)
    return SubscriptionOut.model_validate(await _put(request, SubscriptionTable, row))


@router.delete("/subscriptions/{row_id}", status_code=204)
async def delete_subscription(row_id: UUID, viewer: Administrator, request: Request) -> None:
    _within(viewer, (await _one(request, SubscriptionTable, row_id))["area"])
    await _delete(request, SubscriptionTable, row_id)


@router.get("/responsibilities")
async def get_responsibilities(_: Reader, request: Request) -> list[ResponsibilityOut]:
    return [ResponsibilityOut.model_validate(row) for row in await _all(request, ResponsibilityTable, "area, category")]


@router.post("/responsibilities", status_code=201)
async def post_responsibility(entry: ResponsibilityIn, viewer: Administrator, request: Request) -> ResponsibilityOut:
    """Set who answers for a category in an area; the same category and area again replaces the entry."""
    _within(viewer, entry.area)
    await _one(request, DepartmentTable, entry.lead_id, "lead_id")
    for index, department_id in enumerate(entry.participant_ids):
        await _one(request, DepartmentTable, department_id, f"participant_ids.{index}")
    await _check_place(request, entry.area, None if entry.category is None else [entry.category], "category")
    row = {"id": new_id(), **entry.model_dump()}
    await _put(request, ResponsibilityTable, row, ("area", "category"))
    kept = await _all(request, ResponsibilityTable, "area, category")
    same = next(r for r in kept if (r["area"], r["category"]) == (entry.area, entry.category))
    return ResponsibilityOut.model_validate(same)


@router.delete("/responsibilities/{row_id}", status_code=204)
async def delete_responsibility(row_id: UUID, viewer: Administrator, request: Request) -> None:
    _within(viewer, (await _one(request, ResponsibilityTable, row_id))["area"])
    await _delete(request, ResponsibilityTable, row_id)


@router.get("/standing-orders")
async def get_standing_orders(_: Reader, request: Request) -> list[StandingOrderOut]:
    return [StandingOrderOut.model_validate(row) for row in await _all(request, StandingOrderTable, "valid_from, id")]


@router.post("/standing-orders", status_code=201)
async def post_standing_order(order: StandingOrderIn, viewer: Administrator, request: Request) -> StandingOrderOut:
    """Record that levels leave at once; who recorded it and why stays on every warning that leaves by it."""
    _within(viewer, order.area)
    await _check_place(request, order.area, None)
    begins = order.valid_from or app_of(request).clock()
    if order.valid_to is not None and order.valid_to <= begins:
        error = FieldError("valid_to", "before_valid_from", "应晚于 valid_from。")
        raise Problem(422, "invalid_request", "常设指令的期限有误。", (error,))
    row = {"id": new_id(), **order.model_dump(), "recorded_by": viewer.name, "valid_from": begins}
    return StandingOrderOut.model_validate(await _put(request, StandingOrderTable, row))


@router.delete("/standing-orders/{row_id}", status_code=204)
async def delete_standing_order(row_id: UUID, viewer: Administrator, request: Request) -> None:
    """End an order now; the record of it stays."""
    row = await _one(request, StandingOrderTable, row_id)
    _within(viewer, row["area"])
    now = app_of(request).clock()
    if row["valid_to"] is None or row["valid_to"] > now:  # when an ended one ended is not rewritten
        await _put(request, StandingOrderTable, row | {"valid_to": now})


def _is_within(viewer: Viewer, area: str | None) -> bool:
    """Whether a key may manage what holds for an area (none: everywhere)."""
    return viewer.area is None or (area is not None and contains(viewer.area, area))


def _within(viewer: Viewer, *areas: str | None) -> None:
    if not all(_is_within(viewer, area) for area in areas):
        raise Problem(403, "outside_key_area", f"本密钥只能管理区域 {viewer.area} 范围内的设置，请写明其中的区域。")


async def _endpoint(request: Request, viewer: Viewer, row_id: UUID) -> Row:
    row = await _one(request, EndpointTable, row_id)
    _within(viewer, (await _one(request, DepartmentTable, row["department_id"]))["area"])
    return row


async def _all(request: Request, model: reference.ReferenceTable, order: str) -> list[Row]:
    async with app_of(request).engine.connect() as connection:
        return await reference.rows(connection, model, order)


async def _one(request: Request, model: reference.ReferenceTable, row_id: UUID, field: str | None = None) -> Row:
    """The row: 404 when it is what was asked for, 422 when it is only named in `field`."""
    async with app_of(request).engine.connect() as connection:
        row = await reference.row(connection, model, row_id)
    if row is None and field is None:
        raise not_found("记录", row_id)
    if row is None:
        error = FieldError(field or "", "unknown", f"没有编号为 {row_id} 的记录。")
        raise Problem(422, "invalid_request", "引用的记录不存在。", (error,))
    return row


async def _put(request: Request, model: reference.ReferenceTable, row: Row, key: tuple[str, ...] = ("id",)) -> Row:
    async with app_of(request).doors.transaction() as connection:
        await reference.put(connection, model, [row], key)
    return row


async def _delete(request: Request, model: reference.ReferenceTable, row_id: UUID) -> None:
    async with app_of(request).doors.transaction() as connection:
        if not await reference.delete(connection, model, row_id):
            raise not_found("记录", row_id)


async def _check_department(request: Request, row: Row) -> None:
    if any(
        known["name"] == row["name"] and known["id"] != row["id"]
        for known in await _all(request, DepartmentTable, "name")
    ):
        raise Problem(
            409, "name_taken", f"已有名为“{row['name']}”的单位。", (FieldError("name", "taken", "请换一个名称。"),)
        )
    await _check_place(request, row["area"], None)


async def _check_place(
    request: Request, area: str | None, categories: Sequence[str] | None, field: str = "categories"
) -> None:
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
            where = field if field == "category" else f"{field}.{index}"
            errors.append(FieldError(where, "unknown_category", f"没有事项类别 {code}{hint}。"))
    if errors:
        raise Problem(422, "invalid_request", "请求内容有误，请按 errors 逐项修改。", tuple(errors))
