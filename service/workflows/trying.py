"""What is done with an address by hand: looked at, proven, tried. Nothing of it is a warning."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from service.delivery.channels.webhook import WebhookChannel
from service.delivery.kinds import Channels
from service.delivery.message import code_body, example_body, test_body
from service.delivery.parcel import Address, Parcel, Proof
from service.delivery.result import PushResult, Verdict
from service.domain.problems import Problem
from service.store.engine import Row, new_id
from service.workflows.push_warnings import secrets_of

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is read for another
CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Tryout:
    """The channels that pushes use, for one push by hand."""

    channels: Channels
    clock: Callable[[], datetime]
    required: bool = True  # an address must prove itself before its first warning

    def makes_secret(self, kind: str) -> bool:
        """Whether the secret of such an address is made here."""
        return self.channels.of(kind).makes_secret

    async def check(self, kind: str, url: str) -> None:
        """Raises Problem when pushes of this kind may never go to this address."""
        await self.channels.of(kind).check(url)

    async def consents(self, endpoint: Row) -> bool:
        """Whether a new address agrees by itself, before anybody there knows a secret."""
        channel = self.channels.of(endpoint["kind"])
        if not isinstance(channel, WebhookChannel):
            return False
        return await channel.consents(endpoint["url"], int(self.clock().timestamp()))

    async def push(self, endpoint: Row) -> PushResult:
        """A body that says it is a test."""
        return await self._push(endpoint, test_body(self.clock()))

    async def push_example(self, endpoint: Row) -> PushResult:
        """A body as warnings have it, of nothing that happened."""
        return await self._push(endpoint, example_body(self.clock(), self.channels.tools.link_base))

    async def challenge(self, endpoint: Row) -> Row:
        """Ask the address to prove itself; gives what changes: it is active, or a code is waited for.

        Raises Problem 409 `endpoint_unproven` with what went wrong.
        """
        channel = self.channels.of(endpoint["kind"])
        if channel.proof is Proof.ANSWER and isinstance(channel, WebhookChannel):
            return await self._answered(endpoint, channel)
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        result = await self._push(endpoint, code_body(self.clock(), code))
        if result.verdict is not Verdict.DELIVERED:
            raise _unproven(f"验证码未能送达（{result.error}）")
        return {"challenge": code}

    def bring_back(self, endpoint: Row, code: str) -> Row:
        """What changes when somebody brings the code back; raises Problem 409 `endpoint_unproven`."""
        awaited = endpoint["challenge"]
        if awaited is None or not secrets.compare_digest(awaited.encode(), code.strip().upper().encode()):
            raise _unproven("验证码不对，请重新发送")
        return self._proven(endpoint)

    async def _answered(self, endpoint: Row, channel: WebhookChannel) -> Row:
        now = self.clock()
        if await self.consents(endpoint):
            return self._proven(endpoint)
        address = Address(endpoint["url"], secrets_of(endpoint, now), endpoint["options"])
        echoed, result = await channel.echoes(address, _new_message_id(), int(now.timestamp()))
        if not echoed:
            raise _unproven(f"地址没有原样返回 challenge（状态 {result.status}，{result.error or '内容不符'}）")
        return self._proven(endpoint)

    def _proven(self, endpoint: Row) -> Row:
        state = "active" if endpoint["state"] == "unverified" else endpoint["state"]
        return {"state": state, "verified_at": self.clock(), "challenge": None}

    async def _push(self, endpoint: Row, body: bytes) -> PushResult:
        now = self.clock()
        address = Address(endpoint["url"], secrets_of(endpoint, now), endpoint["options"])
        parcel = Parcel(address, _new_message_id(), body, int(now.timestamp()))
        return await self.channels.of(endpoint["kind"]).push(parcel)


def _new_message_id() -> str:
    return f"msg_{new_id().hex}"


def _unproven(why: str) -> Problem:
    detail = (
        f"推送地址未通过验证：{why}。网页地址应同意 OPTIONS 握手，或在收到 endpoint.challenge 时原样返回 challenge。"
    )
    return Problem(409, "endpoint_unproven", detail)
