"""Cursors of pages that go from the newest change back: opaque to the client, instant and id to us."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from service.domain.problems import FieldError, Problem
from service.store.engine import Row


def cursor_of(row: Row) -> str:
    """With Z instead of +00:00: a plus sign in an address that nobody escaped is read as a space."""
    return f"{row['updated_at'].astimezone(UTC).isoformat().replace('+00:00', 'Z')}~{row['id']}"


def position(before: str | None) -> tuple[datetime, UUID] | None:
    """What a cursor says. Raises Problem 422 when it is none of ours."""
    if before is None:
        return None
    try:
        at, row_id = before.split("~")
        return datetime.fromisoformat(at), UUID(row_id)
    except ValueError:
        error = FieldError("before", "bad_cursor", "应为上一页返回的 next 原样。")
        raise Problem(422, "invalid_request", "翻页游标有误。", (error,)) from None
