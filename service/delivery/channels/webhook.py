"""A push as one signed POST. What came back is a value; nothing a receiver does raises."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum

import httpcore
import httpx

from service.delivery.guard import DeniedAddress, UnresolvableName, inspect
from service.delivery.schedule import Setback
from service.delivery.signing import headers
from service.delivery.transport import TOTAL_SECONDS
from service.domain.problems import Problem

HEAD_BYTES = 2_000  # of the response are kept as proof
BODY_CAP = 64 * 1024  # bytes read at most
USER_AGENT = "Weiyu-Webhook/1"


class Verdict(StrEnum):
    """What the attempt means for the queue."""

    DELIVERED = "delivered"
    RETRY = "retry"
    THROTTLE = "throttle"  # again, but slower
    GONE = "gone"  # 410: the receiver wants no more; switch the endpoint off


@dataclass(frozen=True, slots=True)
class PushResult:
    """One attempt. `verdict` decides; `error` names what was wrong and may stand beside a delivery (`too_large`).

    Errors: timeout, refused, unreachable, unresolvable, tls, broken_response, connection_lost,
    denied_address, denied_port, plain_http, redirect, bad_status, too_large, or the code of a Problem
    (endpoint_…, bad_secret, no_secret).
    """

    status: int | None
    error: str | None
    milliseconds: int
    response_head: str  # the first 2 kB, for the department's own log; never shown to another one
    retry_after: float | None  # seconds the receiver asked for
    verdict: Verdict

    @property
    def setback(self) -> Setback:
        """What the schedule needs to know of a failed attempt."""
        return Setback(self.verdict is Verdict.THROTTLE or self.error == "timeout", self.retry_after)


@dataclass(slots=True)
class _Answer:
    """What is known so far: a receiver that hangs after its status line has still said its status."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    head: bytearray = field(default_factory=bytearray)


class WebhookChannel:
    """Pushes through a client from `new_client`, which holds the guard; `total_seconds` bounds a whole attempt."""

    def __init__(self, client: httpx.AsyncClient, total_seconds: float = TOTAL_SECONDS) -> None:
        self._client = client
        self._total_seconds = total_seconds

    async def push(self, url: str, secrets: Sequence[str], message_id: str, body: bytes, now_unix: int) -> PushResult:
        """One attempt. `secrets`: the current key first, then old ones still in their grace; `now_unix` in seconds."""
        answer = _Answer()
        started = time.perf_counter()
        try:
            inspect(url)
            signed = headers(secrets, message_id, now_unix, body)
            async with asyncio.timeout(self._total_seconds):
                await self._post(url, signed, body, answer)
        except Problem as problem:
            answer.error = problem.code
        except _FORESEEN as error:
            answer.error = error_name(error)
        return _result(answer, round((time.perf_counter() - started) * 1000), now_unix)

    async def _post(self, url: str, signed: dict[str, str], body: bytes, answer: _Answer) -> None:
        fixed = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        async with self._client.stream("POST", url, content=body, headers=signed | fixed) as response:
            answer.status = response.status_code
            answer.retry_after = response.headers.get("retry-after")
            await _read(response, answer)


async def _read(response: httpx.Response, answer: _Answer) -> None:
    """Reads to the end or to the cap, undecoded: a small answer must not unpack into a large one."""
    size = 0
    async for part in response.aiter_raw():
        answer.head += part[: HEAD_BYTES - len(answer.head)]
        size += len(part)
        if size > BODY_CAP:
            answer.error = "too_large"
            return


def verdict_of(status: int | None, error: str | None) -> Verdict:
    """2xx alone is success, and only once its answer has ended or been cut at our cap; the rest is tried again."""
    if status == 410:
        return Verdict.GONE
    if status in (429, 502, 504):
        return Verdict.THROTTLE
    answered = status is not None and 200 <= status < 300
    return Verdict.DELIVERED if answered and error in (None, "too_large") else Verdict.RETRY


def seconds_asked(retry_after: str | None, now_unix: int) -> float | None:
    """Retry-After (seconds or an HTTP date) as seconds from now, never negative; None if absent or unreadable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])  # nine digits are thirty years: the schedule clamps anyway
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_unix)
    except (ValueError, OverflowError):
        return None


def error_name(error: BaseException) -> str:
    """The stable name of what went wrong, from the error or from what caused it."""
    if isinstance(error, DeniedAddress):
        return error.objection.value
    chain = list(_causes(error))
    return next((name for kind, name in _NAMES if any(isinstance(one, kind) for one in chain)), "connection_lost")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__  # httpcore raises `from None`: the cause is left in the context


def _result(answer: _Answer, milliseconds: int, now_unix: int) -> PushResult:
    error = answer.error or _status_error(answer.status)
    head = answer.head.decode("utf-8", "replace").replace("\x00", "\ufffd")  # a text column takes no NUL
    asked = seconds_asked(answer.retry_after, now_unix)
    return PushResult(answer.status, error, milliseconds, head, asked, verdict_of(answer.status, error))


def _status_error(status: int | None) -> str | None:
    if status is None or 200 <= status < 300:
        return None
    return "redirect" if 300 <= status < 400 else "bad_status"


# Read top to bottom: the first kind found anywhere in the chain of causes gives the name.
_NAMES: tuple[tuple[type[BaseException], str], ...] = (
    (UnresolvableName, "unresolvable"),
    (httpcore.TimeoutException, "timeout"),
    (TimeoutError, "timeout"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (httpcore.ConnectError, "unreachable"),
    (httpcore.ProtocolError, "broken_response"),
)

_FORESEEN = (OSError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
