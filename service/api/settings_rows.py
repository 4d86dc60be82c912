"""What the routes of departments and what hangs on them share: rows by id, and which areas a key may manage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Request

from service.api.access import READERS, may
from service.api.state import App, app_of
from service.domain.areas import contains
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Scope
from service.store import reference
from service.store.engine import Row
from service.store.keys import Viewer

Administrator = Annotated[Viewer, may(Scope.ADMINISTER)]
Reader = Annotated[Viewer, may(*READERS)]


def is_within(viewer: Viewer, area: str | None) -> bool:
    """Whether a key may manage what holds for an area (none: everywhere)."""
    return viewer.area is None or (area is not None and contains(viewer.area, area))


def within(viewer: Viewer, *areas: str | None) -> None:
    if not all(is_within(viewer, area) for area in areas):
        raise Problem(403, "outside_key_area", f"本密钥只能管理区域 {viewer.area} 范围内的设置，请写明其中的区域。")


async def all_rows(request: Request, model: reference.ReferenceTable, order: str) -> list[Row]:
    async with app_of(request).engine.connect() as connection:
        return await reference.rows(connection, model, order)


async def one_row(request: Request, model: reference.ReferenceTable, row_id: UUID, field: str | None = None) -> Row:
    """The row: 404 when it is what was asked for, 422 when it is only named in `field`."""
    async with app_of(request).engine.connect() as connection:
        row = await reference.row(connection, model, row_id)
    if row is None and field is None:
        raise not_found("记录", row_id)
    if row is None:
        error = FieldError(field or "", "unknown", f"没有编号为 {row_id} 的记录。")
        raise Problem(422, "invalid_request", "引用的记录不存在。", (error,))
    return row


async def put_row(request: Request, model: reference.ReferenceTable, row: Row, key: tuple[str, ...] = ("id",)) -> Row:
    async with app_of(request).doors.transaction() as connection:
        await reference.put(connection, model, [row], key)
    return row


async def delete_row(request: Request, model: reference.ReferenceTable, row_id: UUID) -> None:
    async with app_of(request).doors.transaction() as connection:
        if not await reference.delete(connection, model, row_id):
            raise not_found("记录", row_id)


async def check_place(
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
