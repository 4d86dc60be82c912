"""Pure ASGI around every request: counted, timed, limited, with safe headers. No message text is logged."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.errors import problem_of_status, problem_response
from service.workflows.metrics import Metrics

_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
READING = {"GET", "HEAD", "OPTIONS"}


class Measured:
    """Counts and times requests by route template, so that ids in addresses do not multiply the series.

    `written` is called when the answer to a writing request begins, before the client can ask what came of it.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, written: Callable[[], None]) -> None:
        self._app = app
        self._metrics = metrics
        self._written = written

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_SAFE]
                self._metrics.began_after(_route(scope), time.perf_counter() - started)
                if scope["method"] not in READING:
                    self._written()
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._metrics.answered(scope["method"], _route(scope), status)


class BodyLimit:
    """Refuses a body of more than `most` bytes, announced or not, as problem+json; the framework's own speaks plain."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _announced(scope) > self._most:
            await problem_response(problem_of_status(HTTPException(413)))(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)


def _announced(scope: Scope) -> int:
    for name, given in scope["headers"]:
        if name == b"content-length" and given.isdigit():
            return int(given)
    return 0


def _route(scope: Any) -> str:
    route = scope.get("route")
    return getattr(route, "path", None) or "unknown"
