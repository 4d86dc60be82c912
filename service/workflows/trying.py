"""Try an endpoint at once: a signed test body that is no warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from service.delivery.channels.webhook import PushResult, WebhookChannel
from service.delivery.guard import AddressGuard
from service.delivery.message import test_body
from service.store.engine import Row, new_id


@dataclass(frozen=True, slots=True)
class Tryout:
    """The channel that pushes use, for one push by hand."""

    channel: WebhookChannel
    guard: AddressGuard
    clock: Callable[[], datetime]

    async def check_url(self, url: str) -> None:
        """Raises Problem when pushes may never go to this address."""
        await self.guard.check_url(url)

    async def push(self, endpoint: Row) -> PushResult:
        now = self.clock()
        message_id = f"msg_{new_id().hex}"
        return await self.channel.push(
            endpoint["url"], [endpoint["secret"]], message_id, test_body(now), int(now.timestamp())
        )
