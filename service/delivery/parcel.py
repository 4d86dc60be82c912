"""What a channel is handed, what it is made with, and what every channel offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import httpx
from pydantic import BaseModel

from service.delivery.guard import AddressGuard
from service.delivery.result import PushResult


@dataclass(frozen=True, slots=True)
class Address:
    """Where a push goes. `secrets`: the current one first, then old ones still in their grace and those beside."""

    url: str
    secrets: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)  # as the channel's `Options` describes them


@dataclass(frozen=True, slots=True)
class Parcel:
    """One push at one moment: `body` is what `message.body` made, `now_unix` in seconds."""

    address: Address
    message_id: str  # the same for every attempt
    body: bytes
    now_unix: int


@dataclass(frozen=True, slots=True)
class Tools:
    """What channels are made with. `link_base`: this service's own address; `smtp`: the mail server, as an address;
    `source`: how this service is called in CloudEvents."""

    guard: AddressGuard
    client: httpx.AsyncClient
    total_seconds: float
    link_base: str
    smtp: str | None = None
    source: str = "tag:weiyu,2026:warnings"


class Proof(StrEnum):
    """How an address shows that it is the department's before its first warning."""

    ANSWER = "answer"  # the machine there answers a challenge
    CODE = "code"  # somebody there reads a code and an administrator brings it back


class Channel(Protocol):
    """One way to push. Nothing that a receiver does raises."""

    Options: ClassVar[type[BaseModel]]
    proof: ClassVar[Proof]
    makes_secret: ClassVar[bool]  # else the other side gives one, or there is none
    url_is_secret: ClassVar[bool]  # what is in the address opens the way: it is shown shortened

    async def check(self, url: str) -> None:
        """Raises Problem (422, `endpoint_…`) unless a push may go there as things stand."""

    async def push(self, parcel: Parcel) -> PushResult:
        """One attempt."""
