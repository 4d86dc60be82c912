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
    after: Annotated[
        int | None, Query(ge=0, lt=2**63, description="start after this number; default: from now on")
    ] = None,
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
    app.metrics.listeners.inc()
    try:
        first = await _first(app, seq)
        yield first
        async for event in _events(app, int(first.id or seq), viewer):
            yield event
    finally:
        app.metrics.listeners.dec()


async def _first(app: App, seq: int) -> ServerSentEvent:
    """Where this stream resumes: a bare id, so that a client cut off before any event knows it too; or `reset`.

    A reset means that events between the client's number and this one are not kept, or that its number comes from
    another history (a backup was put back): the client must read the feed anew and then go on from here.
    """
    async with app.engine.connect() as connection:
        head, oldest = await feed.head(connection), await feed.oldest_event(connection)
    oldest = head + 1 if oldest is None else oldest
    if oldest - 1 <= seq <= head:
        return ServerSentEvent(id=str(seq))
    resumed = head if seq > head else oldest - 1
    return ServerSentEvent(event="reset", raw_data=f'{{"oldest":{oldest}}}', id=str(resumed))


async def _events(app: App, seq: int, viewer: Viewer) -> AsyncIterator[ServerSentEvent]:
    while not app.stopping() and await app.keys.still_valid(viewer, app.clock()):
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
