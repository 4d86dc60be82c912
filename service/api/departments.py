"""Departments: offices that hear and answer, never people."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request

from service.api.department_shapes import DepartmentChange, DepartmentIn, DepartmentOut
from service.api.settings_rows import Administrator, Reader, all_rows, check_place, delete_row, one_row, put_row, within
from service.api.state import app_of
from service.domain.problems import FieldError, Problem
from service.store import reference
from service.store.engine import Row, new_id
from service.store.tables_service import DepartmentTable

router = APIRouter(prefix="/v1", tags=["departments 单位"])


@router.get("/departments")
async def get_departments(_: Reader, request: Request) -> list[DepartmentOut]:
    return [DepartmentOut.model_validate(row) for row in await all_rows(request, DepartmentTable, "name")]


@router.get("/departments/{row_id}")
async def get_department(row_id: UUID, _: Reader, request: Request) -> DepartmentOut:
    return DepartmentOut.model_validate(await one_row(request, DepartmentTable, row_id))


@router.post("/departments", status_code=201)
async def post_department(department: DepartmentIn, viewer: Administrator, request: Request) -> DepartmentOut:
    row = {"id": new_id(), **department.model_dump(), "created_at": app_of(request).clock()}
    within(viewer, row["area"])
    await _check_department(request, row)
    return DepartmentOut.model_validate(await put_row(request, DepartmentTable, row))


@router.patch("/departments/{row_id}")
async def patch_department(
    row_id: UUID, change: DepartmentChange, viewer: Administrator, request: Request
) -> DepartmentOut:
    old = await one_row(request, DepartmentTable, row_id)
    row = old | change.model_dump(exclude_unset=True)
    within(viewer, old["area"], row["area"])
    await _check_department(request, row)
    return DepartmentOut.model_validate(await put_row(request, DepartmentTable, row))


@router.delete("/departments/{row_id}", status_code=204)
async def delete_department(row_id: UUID, viewer: Administrator, request: Request) -> None:
    within(viewer, (await one_row(request, DepartmentTable, row_id))["area"])
    async with app_of(request).engine.connect() as connection:
        if await reference.department_in_use(connection, row_id):
            detail = (
                "该单位仍有推送地址、订阅、路由、牵头或配合职责、密钥，或承办过预警、项目，不能删除；请改派或改名停用。"
            )
            raise Problem(409, "in_use", detail)
    await delete_row(request, DepartmentTable, row_id)


async def _check_department(request: Request, row: Row) -> None:
    if any(
        known["name"] == row["name"] and known["id"] != row["id"]
        for known in await all_rows(request, DepartmentTable, "name")
    ):
        raise Problem(
            409, "name_taken", f"已有名为“{row['name']}”的单位。", (FieldError("name", "taken", "请换一个名称。"),)
        )
    await check_place(request, row["area"], None)
    await _check_supervisor(request, row)


async def _check_supervisor(request: Request, row: Row) -> None:
    """The supervising department is there, and supervising leads round to nobody."""
    above = {known["id"]: known["supervisor_id"] for known in await all_rows(request, DepartmentTable, "id")}
    at, passed = row["supervisor_id"], {row["id"]}
    while at is not None:
        if at not in above:
            error = FieldError("supervisor_id", "unknown", f"没有编号为 {at} 的单位。")
            raise Problem(422, "invalid_request", "主管单位不存在。", (error,))
        if at in passed:
            error = FieldError("supervisor_id", "circular", "主管关系绕成了圈，请改为上一级单位。")
            raise Problem(422, "invalid_request", "单位不能由自己或自己的下属主管。", (error,))
        passed.add(at)
        at = above[at]
