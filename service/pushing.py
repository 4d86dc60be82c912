"""What empties the outbox: inside a serving process, or as a process of its own (`weiyu push`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from service.delivery.formats.bulletin import Naming
from service.delivery.guard import AddressGuard, Resolver, parse_allow, system_resolver
from service.delivery.kinds import Channels
from service.delivery.mail_server import parse_smtp
from service.delivery.parcel import Tools
from service.delivery.transport import GuardedClient, new_client
from service.settings import Settings
from service.store.engine import open_engine
from service.store.listener import Bell, Line, listen
from service.store.outbox import OUTBOX_CHANNEL
from service.workflows.push_warnings import Pusher, PushLimits

CONNECTIONS = 4  # a claim and a note take a millisecond each; the push itself holds none
Clock = Callable[[], datetime]


def channels_of(settings: Settings, guard: AddressGuard, client: GuardedClient) -> Channels:
    """All ways to push, with what the settings say of them."""
    if settings.smtp:
        parse_smtp(settings.smtp)  # a mail server that cannot be read stops the start
    source = naming_of(settings).tag("warnings")
    return Channels(Tools(guard, client, settings.push_timeout_s, settings.link_base, settings.smtp, source))


def naming_of(settings: Settings) -> Naming:
    """What a demo tells is an exercise."""
    return Naming(settings.authority, settings.link_base, settings.timezone, exercise=settings.demo)


@contextlib.asynccontextmanager
async def pushing(settings: Settings, url: str, channels: Channels, bell: Bell, clock: Clock) -> AsyncIterator[Pusher]:
    """Push what is owed until this ends; pushes under way are then let finish. Somebody else rings the bell."""
    engine = open_engine(url, CONNECTIONS)  # of its own, so that a burst of reports does not hold up pushes
    pusher = Pusher(engine, channels, _limits(settings), clock, bell)
    work = asyncio.create_task(pusher.run())
    try:
        yield pusher
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await engine.dispose()


async def push_until(
    asked_to_stop: asyncio.Event, settings: Settings, url: str, clock: Clock, resolve: Resolver = system_resolver
) -> Pusher:
    """A whole process's work: woken by NOTIFY, with a slow poll underneath, until it is asked to stop."""
    guard, bell = AddressGuard(parse_allow(settings.push_allow), resolve), Bell()
    async with new_client(guard) as client:
        channels = channels_of(settings, guard, client)
        listening = asyncio.create_task(listen(url, {OUTBOX_CHANNEL: bell.ring}, Line()))
        try:
            async with pushing(settings, url, channels, bell, clock) as pusher:
                await asked_to_stop.wait()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return pusher


def _limits(settings: Settings) -> PushLimits:
    """The lease is longer than any push may take, so that a push under way is never claimed by another process."""
    lease = timedelta(seconds=settings.push_timeout_s * 2 + 30)
    return PushLimits(settings.push_workers, settings.push_per_endpoint, lease)
