"""Empty the outbox: claim (short transaction) → push → note (short transaction)."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from service.delivery.channels.webhook import PushResult, Verdict, WebhookChannel
from service.delivery.schedule import next_attempt
from service.domain.levels import Level
from service.store import outbox
from service.store.engine import Row, new_id
from service.store.listener import Bell

LOG = logging.getLogger(__name__)
GONE = "410：接收方要求停止推送"
POLL_SECONDS = 1.0  # the net under NOTIFY, and how soon a retry that came due is seen
STOP_SECONDS = 5.0  # for pushes under way when the service stops; what is cut off is given back and pushed again
FAILURES_IN_A_ROW = 3  # after which an endpoint gets one push at a time, so that dead ones do not take all places


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
        channel: WebhookChannel,
        limits: PushLimits,
        clock: Callable[[], datetime],
        bell: Bell,
    ) -> None:
        self._engine, self._channel, self._limits = engine, channel, limits
        self._clock, self._bell = clock, bell
        self._under_way: dict[asyncio.Task[None], Row] = {}
        self._failures: Counter[UUID] = Counter()  # in a row, by endpoint
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled; pushes under way are then let finish, for STOP_SECONDS."""
        try:
            while True:
                heard = self._bell.rung
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
        failing = [endpoint for endpoint, times in self._failures.items() if times >= FAILURES_IN_A_ROW]
        busy = [row["endpoint_id"] for row in rows] + failing * (self._limits.each - 1)
        return outbox.Room(free, self._limits.each, busy, [row["id"] for row in rows])

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
        result = await self._channel.push(
            row["url"], [row["secret"]], row["message_id"], bytes(row["body"]), int(started.timestamp())
        )
        try:
            await self._note(row, started, result)
        except Exception as error:  # not noted: the lease ends and it is pushed again with the same id
            LOG.warning("cannot note a push", extra={"cause": type(error).__name__, "message_id": row["message_id"]})

    async def _note(self, row: Row, started: datetime, result: PushResult) -> None:
        now = self._clock()
        verdict = _verdict(row, result, now)
        attempt = {
            "id": new_id(),
            "outbox_id": row["id"],
            "number": row["attempts"],
            "started_at": started,
            "milliseconds": result.milliseconds,
            "status": result.status,
            "error": result.error,
            "response_head": result.response_head,
        }
        self._remember(row["endpoint_id"], result)
        gone = result.verdict is Verdict.GONE
        async with self._engine.begin() as connection:
            if gone:
                await outbox.disable_endpoint(connection, row["endpoint_id"], GONE)
            noted = await outbox.finish(connection, row, attempt, verdict)
            if gone:
                await outbox.give_up_owed(connection, row["endpoint_id"], GONE, now)
        if noted:
            self.counts[verdict["state"]] += 1
        if noted and verdict["state"] == "given_up":
            about = {"message_id": row["message_id"], "warning_id": str(row["warning_id"]), "attempts": row["attempts"]}
            LOG.error("push given up", extra=about)

    def _remember(self, endpoint: UUID, result: PushResult) -> None:
        if result.verdict is Verdict.DELIVERED:
            self._failures.pop(endpoint, None)
        else:
            self._failures[endpoint] += 1


def _verdict(row: Row, result: PushResult, now: datetime) -> Row:
    """What follows from one try."""
    told = {"last_status": result.status, "last_error": result.error}
    if result.verdict is Verdict.DELIVERED:
        return {"state": "delivered", "due_at": None, "done_at": now, **told}
    level = Level.of_rank(4 - row["priority"])
    gone = result.verdict is Verdict.GONE
    due = None if gone else next_attempt(level, row["attempts"], now, result.setback, random.random())
    if due is None:
        return {"state": "given_up", "due_at": None, "done_at": now, **told}
    return {"state": "pending", "due_at": due, "done_at": None, **told}
