"""What came of an attempt, as a value: its name, its verdict, and what the receiver asked for."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum

import httpcore

from service.delivery.guard import DeniedAddress, UnresolvableName
from service.delivery.schedule import Setback

HEAD_BYTES = 2_000  # of the response are kept as proof


class Verdict(StrEnum):
    """What the attempt means for the queue."""

    DELIVERED = "delivered"
    RETRY = "retry"
    THROTTLE = "throttle"  # again, but slower
    GONE = "gone"  # 410: the receiver wants no more; switch the endpoint off


@dataclass(frozen=True, slots=True)
class PushResult:
    """One attempt. `verdict` decides; `error` names what was wrong and may stand beside a delivery (`too_large`).

    Errors: timeout, refused, unreachable, unresolvable, tls, broken_response, connection_lost, denied_address,
    denied_port, plain_http, redirect, bad_status, too_large, refused_by_gateway (200, but its body says no),
    mail_refused, mail_unauthenticated, channel_missing, or the code of a Problem (endpoint_…, bad_secret, no_secret).
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
class Answer:
    """What is known so far: a receiver that hangs after its status line has still said its status."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    head: bytearray = field(default_factory=bytearray)
    verdict: Verdict | None = None  # where a channel knows better than the status tells


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


def result_of(answer: Answer, milliseconds: int, now_unix: int) -> PushResult:
    """What is known of an answer, judged."""
    error = answer.error or _status_error(answer.status)
    head = answer.head.decode("utf-8", "replace").replace("\x00", "\ufffd")  # a text column takes no NUL
    asked = seconds_asked(answer.retry_after, now_unix)
    verdict = answer.verdict or verdict_of(answer.status, error)
    return PushResult(answer.status, error, milliseconds, head, asked, verdict)


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

FORESEEN = (OSError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
