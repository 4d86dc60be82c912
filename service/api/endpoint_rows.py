"""What the routes of endpoints share: the row by its id, its kind, its options, and what of it may be shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError

from service.api.errors import field_errors, invalid_request
from service.api.settings_rows import one_row, within
from service.api.state import app_of
from service.delivery.kinds import KINDS, shown
from service.domain.problems import FieldError
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.tables_service import DepartmentTable, EndpointTable
from service.workflows.trying import Tryout


async def endpoint_row(request: Request, viewer: Viewer, row_id: UUID) -> Row:
    """The endpoint, if this key manages its department's area."""
    row = await one_row(request, EndpointTable, row_id)
    within(viewer, (await one_row(request, DepartmentTable, row["department_id"]))["area"])
    return row


def known_kind(kind: str) -> None:
    """Raises Problem 422 for a kind that no channel has."""
    if kind not in KINDS:
        raise invalid_request((FieldError("kind", "unknown_kind", f"推送方式只能是：{'、'.join(KINDS)}。"),))


def options_of(tryout: Tryout, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options as kept, with their defaults. Raises Problem 422 naming each wrong one."""
    try:
        return tryout.channels.of(kind).Options.model_validate(given).model_dump()
    except ValidationError as error:
        wrong = field_errors(error.errors(include_url=False, include_input=False))
        named = tuple(FieldError(f"options.{one.field}", one.code, one.detail) for one in wrong)
        raise invalid_request(named) from None


def shown_row(request: Request, row: Row) -> Row:
    """The row with an address that opens the way by itself shortened."""
    channel = app_of(request).tryout.channels.of(row["kind"])
    return row | {"url": shown(row["url"])} if channel.url_is_secret else row
