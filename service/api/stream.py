"""The stream: every change of every warning in sight, as server-sent events that can be resumed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.api.access import READERS, may
from service.api.shapes import WarningOut, warning_out
from service.api.state import App, app_of
from service.domain.problems import FieldError, Problem
from service.store import feed
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.reference import Reference

POLL_SECONDS = 1.0  # the net under NOTIFY
EVENTS_AT_ONCE = 500
router = APIRouter(prefix="/v1/warnings", tags=["warnings 预警"])


class EventOut(WarningOut):
    """A warning as it was right after one change; `type` and `note` say what changed and why."""

    type: str
    note: str | None


async def _start(
    request: Request,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[int | None, Query(ge=0, description="start after this number; default: from now on")] = None,
) -> int:
    """After which number to start. A dependency, so that a bad one is refused before the stream begins."""
    if last_event_id is not None:
        if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19):
            error = FieldError("Last-Event-ID", "not_a_number", "应为收到过的事件 id 原样（数字）。")
            raise Problem(422, "invalid_request", "Last-Event-ID 有误。", (error,))
        return int(last_event_id)
    if after is not None:
        return after
    async with app_of(request).engine.connect() as connection:
        return await feed.head(connection)


@router.get("/stream", response_class=EventSourceResponse)
async def get_stream(
    viewer: Annotated[Viewer, may(*READERS)],
    request: Request,
    seq: Annotated[int, Depends(_start)],
) -> AsyncIterator[ServerSentEvent]:
    """Events from now on, or after `Last-Event-ID` (or `after`); a client that returns misses nothing."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        oldest = await feed.oldest_event(connection)
    if oldest is not None and 0 < seq < oldest - 1:  # older than what is kept: the client must read the feed anew
        yield ServerSentEvent(event="reset", raw_data=f'{{"oldest":{oldest}}}', id=str(oldest - 1))
    app.metrics.listeners.inc()
    try:
        async for event in _events(app, seq, viewer):
            yield event
    finally:
        app.metrics.listeners.dec()


async def _events(app: App, seq: int, viewer: Viewer) -> AsyncIterator[ServerSentEvent]:
    while not app.stopping():
        heard = app.events.rung
        async with app.engine.connect() as connection:
            reference = await app.doors.reference.get(connection)
            rows = await feed.events_after(connection, seq, EVENTS_AT_ONCE)
        for row in rows:
            seq = row["seq"]
            if feed.seen_by(row, viewer.sight):
                yield _event(app, reference, row)
        if len(rows) < EVENTS_AT_ONCE:
            await app.events.wait(heard, POLL_SECONDS)


def _event(app: App, reference: Reference, row: Row) -> ServerSentEvent:
    shown = warning_out({**row["body"], "seq": row["seq"]}, app.engines.catalogue, reference)
    data = EventOut(**shown.model_dump(), type=row["type"], note=row["note"])
    return ServerSentEvent(event=f"warning.{row['type']}", raw_data=data.model_dump_json(), id=str(row["seq"]))
