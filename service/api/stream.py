"""The stream: every change of every warning in sight, as server-sent events that can be resumed."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.types import Receive, Scope, Send

from service.api.access import READERS, may
from service.api.broadcast import EventOut, in_sight
from service.api.state import App, app_of
from service.domain.problems import FieldError, Problem
from service.store import feed
from service.store.keys import Viewer
from service.store.troubles import traits_of

LOG = logging.getLogger(__name__)
PING = b": ping\n\n"  # so that proxies keep a quiet stream
router = APIRouter(prefix="/v1/warnings", tags=["warnings 预警"])


async def _resumed(
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[
        int | None, Query(ge=0, lt=2**63, description="start after this number; default: from now on")
    ] = None,
) -> int | None:
    """After which number to start; None: from now on."""
    if last_event_id is None:
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19):
        error = FieldError("Last-Event-ID", "not_a_number", "应为收到过的事件 id 原样（数字）。")
        raise Problem(422, "invalid_request", "Last-Event-ID 有误。", (error,))
    return int(last_event_id)


class EventStream(Response):
    """One open stream. All it has of its own is the number it came to: a slow client holds up and fills nothing.

    A response of our own: the framework's event stream has four tasks and two queues for each client.
    """

    media_type = "text/event-stream"

    def __init__(self, app: App, viewer: Viewer, seq: int, first: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._app = app
        self._viewer = viewer
        self._seq = seq
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Until the client leaves, the key is refused, or the service stops."""
        self._app.metrics.listeners.inc()
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        writing = asyncio.create_task(self._write(send))
        try:
            while (await receive())["type"] != "http.disconnect":  # also when the answer has ended
                pass
        finally:
            self._app.metrics.listeners.dec()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, send: Send) -> None:
        """However it ends, the answer ends well: the client comes back with the last number it saw."""
        try:
            await send({"type": "http.response.body", "body": self._first, "more_body": True})
            with self._app.broadcast.listening(self._viewer.key_id):
                await self._follow(send)
        except Exception as error:
            LOG.warning("a stream ended early", extra=traits_of(error))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(self, send: Send) -> None:
        broadcast, sight, pings = self._app.broadcast, self._viewer.sight, self._app.broadcast.pings
        while not (self._app.stopping() or self._viewer.key_id in broadcast.refused):
            woken, ring = broadcast.woken, broadcast.ring
            if ring is not None and self._seq < ring.start:
                events, self._seq = await broadcast.behind(self._seq)
            else:
                events = ring.after(self._seq) if ring is not None else []
                self._seq = events[-1].seq if events else self._seq
            heard = in_sight(events, sight) or (PING if pings != broadcast.pings else b"")
            pings = broadcast.pings
            if heard:
                await send({"type": "http.response.body", "body": heard, "more_body": True})
            elif not events:
                await broadcast.wait(woken)


def _described() -> dict[str, Any]:
    """What an event looks like, as OpenAPI says it: its data is a JSON text."""
    shape = EventOut.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    shape.pop("$defs")  # all of them are in the description already
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": shape}
    properties = {"data": data, "event": {"type": "string"}, "id": {"type": "string"}}
    return {"text/event-stream": {"itemSchema": {"type": "object", "properties": properties}}}


@router.get("/stream", status_code=200, response_class=EventStream, responses={200: {"content": _described()}})
async def get_stream(
    viewer: Annotated[Viewer, may(*READERS)],
    request: Request,
    seq: Annotated[int | None, Depends(_resumed)],
) -> EventStream:
    """Events from now on, or after `Last-Event-ID` (or `after`); a client that returns misses nothing."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        head, oldest = await feed.bounds(connection)
    return EventStream(app, viewer, *_first(head if seq is None else seq, head, oldest))


def _first(seq: int, head: int, oldest: int) -> tuple[int, bytes]:
    """Where this stream resumes: a bare id, so that a client cut off before any event knows it too; or `reset`.

    A reset means that events between the client's number and this one are not kept, or that its number comes from
    another history (a backup was put back): the client must read the feed anew and then go on from here.
    """
    if oldest - 1 <= seq <= head:
        return seq, f"id: {seq}\n\n".encode()
    resumed = head if seq > head else oldest - 1
    return resumed, f'event: reset\ndata: {{"oldest":{oldest}}}\nid: {resumed}\n\n'.encode()
