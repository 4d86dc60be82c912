"""What empties the outbox: inside a serving process, or as a process of its own (`weiyu push`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from service.delivery.channels.webhook import WebhookChannel
from service.delivery.guard import AddressGuard, parse_allow
from service.delivery.transport import new_client
from service.settings import Settings
from service.store.engine import open_engine
from service.store.listener import Bell, Line, listen
from service.store.outbox import OUTBOX_CHANNEL
from service.workflows.push_warnings import Pusher, PushLimits

CONNECTIONS = 4  # a claim and a note take a millisecond each; the push itself holds none
Clock = Callable[[], datetime]


@contextlib.asynccontextmanager
async def pushing(
    settings: Settings, url: str, channel: WebhookChannel, bell: Bell, clock: Clock
) -> AsyncIterator[Pusher]:
    """Push what is owed until this ends; pushes under way are then let finish. Somebody else rings the bell."""
    engine = open_engine(url, CONNECTIONS)  # of its own, so that a burst of reports does not hold up pushes
    pusher = Pusher(engine, channel, _limits(settings), clock, bell)
    work = asyncio.create_task(pusher.run())
    try:
        yield pusher
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await engine.dispose()


async def push_until(asked_to_stop: asyncio.Event, settings: Settings, url: str, clock: Clock) -> Pusher:
    """A whole process's work: woken by NOTIFY, with a slow poll underneath, until it is asked to stop."""
    guard, bell = AddressGuard(parse_allow(settings.push_allow)), Bell()
    async with new_client(guard) as client:
        channel = WebhookChannel(client, settings.push_timeout_s)
        listening = asyncio.create_task(listen(url, {OUTBOX_CHANNEL: bell.ring}, Line()))
        try:
            async with pushing(settings, url, channel, bell, clock) as pusher:
                await asked_to_stop.wait()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return pusher


def _limits(settings: Settings) -> PushLimits:
    """The lease is longer than any push may take, so that a push under way is never claimed by another process."""
    lease = timedelta(seconds=settings.push_timeout_s * 2 + 30)
    return PushLimits(settings.push_workers, settings.push_per_endpoint, lease)
