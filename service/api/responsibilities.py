"""Responsibilities: who leads and who takes part (责任清单)."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request

from service.api.department_shapes import ResponsibilityIn, ResponsibilityOut
from service.api.settings_rows import Administrator, Reader, all_rows, check_place, delete_row, one_row, put_row, within
from service.store.engine import new_id
from service.store.tables_service import DepartmentTable, ResponsibilityTable

router = APIRouter(prefix="/v1", tags=["responsibilities 责任清单"])


@router.get("/responsibilities")
async def get_responsibilities(_: Reader, request: Request) -> list[ResponsibilityOut]:
    return [
        ResponsibilityOut.model_validate(row) for row in await all_rows(request, ResponsibilityTable, "area, category")
    ]


@router.post("/responsibilities", status_code=201)
async def post_responsibility(entry: ResponsibilityIn, viewer: Administrator, request: Request) -> ResponsibilityOut:
    """Set who answers for a category in an area; the same category and area again replaces the entry."""
    within(viewer, entry.area)
    await one_row(request, DepartmentTable, entry.lead_id, "lead_id")
    for index, department_id in enumerate(entry.participant_ids):
        await one_row(request, DepartmentTable, department_id, f"participant_ids.{index}")
    await check_place(request, entry.area, None if entry.category is None else [entry.category], "category")
    row = {"id": new_id(), **entry.model_dump()}
    await put_row(request, ResponsibilityTable, row, ("area", "category"))
    kept = await all_rows(request, ResponsibilityTable, "area, category")
    same = next(r for r in kept if (r["area"], r["category"]) == (entry.area, entry.category))
    return ResponsibilityOut.model_validate(same)


@router.delete("/responsibilities/{row_id}", status_code=204)
async def delete_responsibility(row_id: UUID, viewer: Administrator, request: Request) -> None:
    within(viewer, (await one_row(request, ResponsibilityTable, row_id))["area"])
    await delete_row(request, ResponsibilityTable, row_id)
