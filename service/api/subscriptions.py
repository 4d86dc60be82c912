"""Subscriptions: which warnings a department wants to hear."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request

from service.api.department_shapes import SubscriptionChange, SubscriptionIn, SubscriptionOut
from service.api.settings_rows import Administrator, Reader, all_rows, check_place, delete_row, one_row, put_row, within
from service.api.state import app_of
from service.store.engine import new_id
from service.store.tables_service import DepartmentTable, SubscriptionTable

router = APIRouter(prefix="/v1", tags=["subscriptions 订阅"])


@router.get("/subscriptions")
async def get_subscriptions(_: Reader, request: Request) -> list[SubscriptionOut]:
    return [SubscriptionOut.model_validate(row) for row in await all_rows(request, SubscriptionTable, "created_at")]


@router.get("/subscriptions/{row_id}")
async def get_subscription(row_id: UUID, _: Reader, request: Request) -> SubscriptionOut:
    return SubscriptionOut.model_validate(await one_row(request, SubscriptionTable, row_id))


@router.post("/subscriptions", status_code=201)
async def post_subscription(subscription: SubscriptionIn, viewer: Administrator, request: Request) -> SubscriptionOut:
    department = await one_row(request, DepartmentTable, subscription.department_id, "department_id")
    within(viewer, department["area"], subscription.area)
    await check_place(request, subscription.area, subscription.categories)
    row = {"id": new_id(), **subscription.model_dump(), "created_at": app_of(request).clock()}
    return SubscriptionOut.model_validate(await put_row(request, SubscriptionTable, row))


@router.patch("/subscriptions/{row_id}")
async def patch_subscription(
    row_id: UUID, change: SubscriptionChange, viewer: Administrator, request: Request
) -> SubscriptionOut:
    old = await one_row(request, SubscriptionTable, row_id)
    row = old | change.model_dump(exclude_unset=True)
    within(viewer, old["area"], row["area"])
    await check_place(request, change.area, change.categories)
    return SubscriptionOut.model_validate(await put_row(request, SubscriptionTable, row))


@router.delete("/subscriptions/{row_id}", status_code=204)
async def delete_subscription(row_id: UUID, viewer: Administrator, request: Request) -> None:
    within(viewer, (await one_row(request, SubscriptionTable, row_id))["area"])
    await delete_row(request, SubscriptionTable, row_id)
