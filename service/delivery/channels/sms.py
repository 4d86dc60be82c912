"""短信网关: whatever an operator's gateway wants, as a template; the numbers of duty offices stand in it."""

from __future__ import annotations

import json
from dataclasses import replace
from string import Template
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote_plus

from pydantic import BaseModel, Field

from service.delivery.parcel import Parcel, Proof, Tools
from service.delivery.posting import Poster, Request
from service.delivery.reading import read
from service.delivery.result import PushResult, Verdict
from service.domain.incidents import Strict

_TYPES = {"json": "application/json; charset=utf-8", "form": "application/x-www-form-urlencoded; charset=utf-8"}


class SmsOptions(Strict):
    """`template` holds `$text` and, if wanted, `$id` where the gateway has its own key against repeats.

    What is put in is quoted for its `body`. `accepted`: what the answer holds when the gateway took it.
    """

    body: Literal["json", "form"] = "json"
    template: Annotated[str, Field(min_length=5, max_length=2000, pattern=r"\$(text\b|\{text\})")]
    header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")] = "Authorization"  # takes the secret
    accepted: Annotated[str, Field(max_length=200)] = ""
    characters: Annotated[int, Field(ge=20, le=500)] = 200


class SmsChannel:
    """One POST to a gateway per push."""

    Options: ClassVar[type[BaseModel]] = SmsOptions
    proof: ClassVar[Proof] = Proof.CODE
    makes_secret: ClassVar[bool] = False
    url_is_secret: ClassVar[bool] = True

    def __init__(self, tools: Tools) -> None:
        self._guard = tools.guard
        self._poster = Poster(tools.client, tools.total_seconds)

    async def check(self, url: str) -> None:
        await self._guard.check_url(url)

    async def push(self, parcel: Parcel) -> PushResult:
        options = SmsOptions.model_validate(parcel.address.options)
        headers = {"Content-Type": _TYPES[options.body]}
        if parcel.address.secrets:
            headers[options.header] = parcel.address.secrets[0]
        request = Request(parcel.address.url, headers, _filled(options, parcel).encode())
        result = await self._poster.send(request, parcel.now_unix)
        if result.verdict is Verdict.DELIVERED and options.accepted not in result.response_head:
            return replace(result, error="refused_by_gateway", verdict=Verdict.RETRY)
        return result


def _filled(options: SmsOptions, parcel: Parcel) -> str:
    reading = read(parcel.body)
    link = f" {reading.link}" if reading.link else ""
    said = " ".join([reading.title, *reading.lines])[: options.characters - len(link)] + link
    quote = quote_plus if options.body == "form" else _in_json
    return Template(options.template).safe_substitute(text=quote(said), id=quote(parcel.message_id))


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
