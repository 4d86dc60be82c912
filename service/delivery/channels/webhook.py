"""A push as one signed POST: Standard Webhooks, on wish as a CloudEvent."""

from __future__ import annotations

import json
import secrets
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel

from service.delivery import cloudevents
from service.delivery.message import challenge_body
from service.delivery.parcel import Address, Parcel, Proof, Tools
from service.delivery.posting import Poster, Request
from service.delivery.result import PushResult, Verdict
from service.delivery.signing import headers
from service.domain.incidents import Strict
from service.domain.problems import Problem

_CONSENT_SECONDS = 5.0


class WebhookOptions(Strict):
    """`format` of the body; `sm3`: an HMAC-SM3 signature beside the standard one (商用密码)."""

    format: Literal["standard", "cloudevents", "cloudevents-binary"] = "standard"
    sm3: bool = False


class WebhookChannel:
    """Signed POSTs to a department's own system."""

    Options: ClassVar[type[BaseModel]] = WebhookOptions
    proof: ClassVar[Proof] = Proof.ANSWER
    makes_secret: ClassVar[bool] = True
    url_is_secret: ClassVar[bool] = False

    def __init__(self, tools: Tools) -> None:
        self._guard, self._source = tools.guard, tools.source
        self._origin = urlsplit(tools.link_base).hostname or "weiyu"
        self._poster = Poster(tools.client, tools.total_seconds)
        self._quick = Poster(tools.client, min(tools.total_seconds, _CONSENT_SECONDS))

    async def check(self, url: str) -> None:
        await self._guard.check_url(url)

    async def push(self, parcel: Parcel) -> PushResult:
        packed = self._packed(parcel)
        try:
            signed = headers(parcel.address.secrets, parcel.message_id, parcel.now_unix, packed.content)
        except Problem as problem:
            return PushResult(None, problem.code, 0, "", None, Verdict.RETRY)
        request = Request(parcel.address.url, {**signed, **packed.headers}, packed.content)
        return await self._poster.send(request, parcel.now_unix)

    async def consents(self, url: str, now_unix: int) -> bool:
        """Whether the receiver agrees to be pushed to (CloudEvents' abuse protection: OPTIONS, and it names us)."""
        request = Request(url, {"WebHook-Request-Origin": self._origin}, b"", "OPTIONS")
        result, heard = await self._quick.ask(request, now_unix)
        allowed = heard.get("webhook-allowed-origin", "").strip().lower()
        return result.verdict is Verdict.DELIVERED and allowed in ("*", self._origin.lower())

    async def echoes(self, address: Address, message_id: str, now_unix: int) -> tuple[bool, PushResult]:
        """Whether the receiver gives back a challenge that it got in a signed POST."""
        challenge = secrets.token_urlsafe(24)
        result = await self.push(Parcel(address, message_id, challenge_body(now_unix, challenge), now_unix))
        return result.verdict is Verdict.DELIVERED and _echoed(result.response_head) == challenge, result

    def _packed(self, parcel: Parcel) -> cloudevents.Packed:
        form = parcel.address.options.get("format", "standard")
        if form == "standard":
            return cloudevents.Packed({"Content-Type": "application/json"}, parcel.body)
        pack = cloudevents.binary if form == "cloudevents-binary" else cloudevents.structured
        packed = pack(parcel.message_id, parcel.body, self._source)
        packed.headers["WebHook-Request-Origin"] = self._origin
        return packed


def _echoed(answer: str) -> str | None:
    """The challenge in an answer: the text alone, or `{"challenge": …}`."""
    try:
        told: Any = json.loads(answer)
    except ValueError:
        return answer.strip()
    return told.get("challenge") if isinstance(told, dict) else str(told)
