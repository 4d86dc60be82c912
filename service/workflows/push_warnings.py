"""Empty the outbox: claim (short transaction) → push → note (short transaction)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from service.delivery.kinds import Channels
from service.delivery.parcel import Address, Parcel
from service.delivery.schedule import ENDURANCE
from service.store import outbox
from service.store.engine import Row
from service.store.listener import Bell
from service.workflows.noting import Notebook
from service.workflows.taking_over import take_over

LOG = logging.getLogger(__name__)
POLL_SECONDS = 1.0  # the net under NOTIFY, and how soon a retry that came due is seen
STOP_SECONDS = 5.0  # for pushes under way when the service stops; what is cut off is given back and pushed again
TEND_SECONDS = 5.0  # between looks for what the standby takes over and for what a clock set back has parked


@dataclass(frozen=True, slots=True)
class PushLimits:
    """`workers` pushes at once in all, `each` at once per endpoint, `lease` before a dead pusher's claim comes due."""

    workers: int
    each: int
    lease: timedelta = timedelta(seconds=90)


class Pusher:
    """Pushes what is owed until stopped. Any number of these may run on one database."""

    def __init__(
        self,
        engine: AsyncEngine,
        channels: Channels,
        limits: PushLimits,
        clock: Callable[[], datetime],
        bell: Bell,
    ) -> None:
        self._engine, self._channels, self._limits = engine, channels, limits
        self._clock, self._bell = clock, bell
        self._notebook = Notebook(engine, clock, channels.tools.link_base)
        self._under_way: dict[asyncio.Task[None], Row] = {}
        self._tended = 0.0  # by the loop's own time, which nobody sets back

    @property
    def counts(self) -> Counter[str]:
        """How many pushes came to which end."""
        return self._notebook.counts

    async def run(self) -> None:
        """Until cancelled; pushes under way are then let finish, for STOP_SECONDS."""
        try:
            while True:
                heard = self._bell.rung
                await self._tend_now_and_then()
                while await self._start_due():
                    pass  # until nothing more is due or no place is free
                await self._wait(heard)
        finally:
            await self._stop()

    async def drain(self) -> int:
        """Push all that is due now and wait for it; gives how many pushes were tried."""
        tried = 0
        while started := await self._start_due():
            tried += started
            await asyncio.wait(self._under_way, return_when=asyncio.ALL_COMPLETED)
        return tried

    async def tend(self) -> None:
        """Owe the standby what came too late, and make due again what a clock set back has parked."""
        now = self._clock()
        async with self._engine.begin() as connection:
            parked = await outbox.unpark(connection, now, self._limits.lease)
        if parked:
            LOG.warning("pushes from a time to come are due now: the clock was set back", extra={"pushes": parked})
        await take_over(self._engine, now)

    async def _tend_now_and_then(self) -> None:
        moment = asyncio.get_running_loop().time()
        if moment - self._tended < TEND_SECONDS:
            return
        self._tended = moment
        try:
            await self.tend()
        except Exception as error:  # the database may be away; the next look comes
            LOG.warning("cannot tend the outbox", extra={"cause": type(error).__name__})

    async def _wait(self, heard: int) -> None:
        """For the bell, the poll, or a free place while more may be due than could be started."""
        bell = asyncio.create_task(self._bell.wait(heard, POLL_SECONDS))
        try:
            await asyncio.wait({bell, *self._under_way}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            bell.cancel()
            await asyncio.gather(bell, return_exceptions=True)

    async def _start_due(self) -> int:
        free = self._limits.workers - len(self._under_way)
        if free <= 0:
            return 0
        try:
            async with self._engine.begin() as connection:
                claimed = await outbox.claim(connection, self._clock(), self._limits.lease, self._room(free))
        except Exception as error:  # the database may be away; the outbox waits
            LOG.warning("cannot claim pushes", extra={"cause": type(error).__name__})
            return 0
        for row in claimed:
            task = asyncio.create_task(self._push(row))
            self._under_way[task] = row
            task.add_done_callback(self._under_way.pop)
        return len(claimed)

    def _room(self, free: int) -> outbox.Room:
        rows = self._under_way.values()
        busy, held = [row["endpoint_id"] for row in rows], [row["id"] for row in rows]
        return outbox.Room(free, self._limits.each, busy, held, ENDURANCE.doubtful, ENDURANCE.pause.total_seconds())

    async def _stop(self) -> None:
        under_way = dict(self._under_way)
        if not under_way:
            return
        _, late = await asyncio.wait(under_way, timeout=STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        async with self._engine.begin() as connection:
            await outbox.give_back(connection, [under_way[task] for task in late], self._clock())

    async def _push(self, row: Row) -> None:
        started = self._clock()
        address = Address(row["url"], secrets_of(row, started), row["options"])
        parcel = Parcel(address, row["message_id"], bytes(row["body"]), int(started.timestamp()))
        result = await self._channels.of(row["kind"]).push(parcel)
        await self._notebook.note(row, started, result)


def secrets_of(endpoint: Row, now: datetime) -> tuple[str, ...]:
    """The current secret, those beside it, and old ones that are still in their grace."""
    more = [one["secret"] for one in endpoint["more_secrets"] if _holds(one, now)]
    return tuple(secret for secret in (endpoint["secret"], *more) if secret)


def _holds(one: Row, now: datetime) -> bool:
    return one.get("until") is None or now < datetime.fromisoformat(one["until"])
