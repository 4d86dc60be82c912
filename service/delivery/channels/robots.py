"""What the robots of group chats have in common: one JSON POST, and an answer 200 that may still say no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import BaseModel

from service.delivery.parcel import Parcel, Proof, Tools
from service.delivery.posting import Poster, Request
from service.delivery.reading import read
from service.delivery.result import PushResult, Verdict
from service.domain.incidents import Strict


class NoOptions(Strict):
    """Nothing to choose."""


class RobotChannel:
    """A robot in a group; its address is its key. Subclasses say how it is spoken to and which codes mean what."""

    Options: ClassVar[type[BaseModel]] = NoOptions
    proof: ClassVar[Proof] = Proof.CODE
    makes_secret: ClassVar[bool] = False
    url_is_secret: ClassVar[bool] = True
    code_names: ClassVar[tuple[str, ...]] = ("errcode",)
    too_fast: ClassVar[frozenset[int]] = frozenset()
    gone: ClassVar[frozenset[int]] = frozenset()

    def __init__(self, tools: Tools) -> None:
        self._guard = tools.guard
        self._poster = Poster(tools.client, tools.total_seconds)

    def request(self, parcel: Parcel, text: str) -> tuple[str, dict[str, Any]]:
        """Address and JSON of one message."""
        raise NotImplementedError

    async def check(self, url: str) -> None:
        await self._guard.check_url(url)

    async def push(self, parcel: Parcel) -> PushResult:
        url, said = self.request(parcel, read(parcel.body).text)
        content = json.dumps(said, ensure_ascii=False).encode()
        request = Request(url, {"Content-Type": "application/json; charset=utf-8"}, content)
        return self._judged(await self._poster.send(request, parcel.now_unix))

    def _judged(self, result: PushResult) -> PushResult:
        if result.verdict is not Verdict.DELIVERED:
            return result
        code = code_in(result.response_head, self.code_names)
        if code == 0:
            return result
        verdict = Verdict.THROTTLE if code in self.too_fast else Verdict.RETRY
        verdict = Verdict.GONE if code in self.gone else verdict
        return replace(result, error="refused_by_gateway", verdict=verdict)


def code_in(answer: str, names: tuple[str, ...]) -> int | None:
    """The number by which an answer says how it went; None when it has none."""
    try:
        told: Any = json.loads(answer)
    except ValueError:
        return None
    codes = [told[name] for name in names if name in told] if isinstance(told, Mapping) else []
    return codes[0] if codes and isinstance(codes[0], int) else None
