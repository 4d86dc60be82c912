"""The short way through the framework, for the one route that is called the most.

A `Direct` route is declared like any other, so the description of the API and the test that every route is guarded see
it; but it reads key and body itself. That halves what the framework costs (docs/decisions/0013-the-hot-path.md), and a
wrong key is refused before the body is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from service.api.access import Guard
from service.api.errors import field_errors, invalid_request, not_json

_JSON = "application/json"


class Direct(APIRoute):
    """For routes of the form (body, viewer, request) → Response: one JSON body, one guard, no other parameters."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        guards = [part.call for part in self.dependant.dependencies if isinstance(part.call, Guard)]
        bodies: list[Any] = [field.field_info.annotation for field in self.dependant.body_params]
        if len(guards) != 1 or len(bodies) != 1 or self.dependant.query_params or self.dependant.path_params:
            raise TypeError(f"{self.path}: a direct route takes one body and one guard, nothing else")
        guard, body, endpoint = guards[0], TypeAdapter(bodies[0]), self.endpoint

        async def answer(request: Request) -> Response:
            viewer = await guard(request)
            response: Response = await endpoint(_read(body, await _body(request)), viewer, request)
            return response

        return answer


async def _body(request: Request) -> bytes:
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != _JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise not_json()
    return body


def _read(adapter: TypeAdapter[Any], body: bytes) -> Any:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise invalid_request(field_errors(error.errors(include_url=False, include_input=False))) from None
