"""One HTTP request of a push, through the guarded client, bounded in time and size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from service.delivery.guard import inspect
from service.delivery.result import FORESEEN, HEAD_BYTES, Answer, PushResult, error_name, result_of
from service.delivery.transport import TOTAL_SECONDS
from service.domain.problems import Problem

BODY_CAP = 64 * 1024  # bytes read at most
USER_AGENT = "Weiyu-Webhook/1"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    url: str
    headers: Mapping[str, str]
    content: bytes
    method: str = "POST"


class Poster:
    """Sends through a client from `new_client`, which holds the guard; `total_seconds` bounds a whole attempt."""

    def __init__(self, client: httpx.AsyncClient, total_seconds: float = TOTAL_SECONDS) -> None:
        self._client = client
        self._total_seconds = total_seconds

    async def send(self, request: Request, now_unix: int) -> PushResult:
        """One attempt. Nothing a receiver does raises."""
        return (await self.ask(request, now_unix))[0]

    async def ask(self, request: Request, now_unix: int) -> tuple[PushResult, httpx.Headers]:
        """One attempt, with the headers that were answered."""
        answer, heard = Answer(), httpx.Headers()
        started = time.perf_counter()
        try:
            inspect(request.url)
            async with asyncio.timeout(self._total_seconds):
                await self._exchange(request, answer, heard)
        except Problem as problem:
            answer.error = problem.code
        except FORESEEN as error:
            answer.error = error_name(error)
        return result_of(answer, round((time.perf_counter() - started) * 1000), now_unix), heard

    async def _exchange(self, request: Request, answer: Answer, heard: httpx.Headers) -> None:
        fixed = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        headers = {**request.headers, **fixed}
        async with self._client.stream(
            request.method, request.url, content=request.content, headers=headers
        ) as response:
            answer.status = response.status_code
            answer.retry_after = response.headers.get("retry-after")
            heard.update(response.headers)
            await _read(response, answer)


async def _read(response: httpx.Response, answer: Answer) -> None:
    """Reads to the end or to the cap, undecoded: a small answer must not unpack into a large one."""
    size = 0
    async for part in response.aiter_raw():
        answer.head += part[: HEAD_BYTES - len(answer.head)]
        size += len(part)
        if size > BODY_CAP:
            answer.error = "too_large"
            return
