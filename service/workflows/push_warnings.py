"""Empty the outbox: claim (short transaction) → push → note (short transaction)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from service.delivery.channels.webhook import PushResult, Verdict, WebhookChannel
from service.delivery.schedule import next_attempt
from service.domain.levels import Level
from service.store import outbox
from service.store.engine import Row, new_id
from service.store.listener import Bell
from service.workflows.parts import Doors

LOG = logging.getLogger(__name__)
POLL_SECONDS = 1.0  # the net under NOTIFY, and how soon a retry that came due is seen
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class PushLimits:
    """`workers` pushes at once in all, `each` at once per endpoint, `lease` before a dead pusher's claim comes due."""

    workers: int
    each: int
    lease: timedelta = timedelta(seconds=90)


class Pusher:
    """Pushes what is owed until stopped. Any number of these may run on one database."""

    def __init__(
        self, doors: Doors, channel: WebhookChannel, limits: PushLimits, clock: Callable[[], datetime], bell: Bell
    ) -> None:
        self._doors, self._channel, self._limits = doors, channel, limits
        self._clock, self._bell = clock, bell
        self._under_way: dict[asyncio.Task[None], UUID] = {}
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled; pushes under way are then let finish, for STOP_SECONDS."""
        heard = -1
        try:
            while True:
                heard = self._bell.rung
                while await self._start_due():
                    pass  # until nothing more is due or no place is free
                await self._wait(heard)
        finally:
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=STOP_SECONDS)

    async def drain(self) -> int:
        """Push all that is due now and wait for it; gives how many pushes were tried."""
        tried = 0
        while started := await self._start_due():
            tried += started
            await asyncio.wait(self._under_way, return_when=asyncio.ALL_COMPLETED)
        return tried

    async def _wait(self, heard: int) -> None:
        """For the bell, the poll, or a free place while more may be due than could be started."""
        waits = {asyncio.create_task(self._bell.wait(heard, POLL_SECONDS)), *self._under_way}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending - self._under_way.keys():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _start_due(self) -> int:
        free = self._limits.workers - len(self._under_way)
        if free <= 0:
            return 0
        busy = Counter(self._under_way.values())
        full = [endpoint for endpoint, number in busy.items() if number >= self._limits.each]
        try:
            async with self._doors.transaction() as connection:
                each = min(self._limits.each, free)
                claimed = await outbox.claim(connection, self._clock(), self._limits.lease, each, full)
        except Exception as error:  # the database may be away; the outbox waits
            LOG.warning("cannot claim pushes", extra={"cause": type(error).__name__})
            return 0
        for row in claimed:
            task = asyncio.create_task(self._push(row))
            self._under_way[task] = row["endpoint_id"]
            task.add_done_callback(self._under_way.pop)
        return len(claimed)

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
        async with self._doors.transaction() as connection:
            await outbox.finish(connection, row, attempt, verdict)
            if result.verdict is Verdict.GONE:
                await outbox.disable_endpoint(connection, row["endpoint_id"], "410：接收方要求停止推送", now)
        self.counts[verdict["state"]] += 1
        if verdict["state"] == "given_up":
            about = {"message_id": row["message_id"], "warning_id": str(row["warning_id"]), "attempts": row["attempts"]}
            LOG.error("push given up", extra=about)


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
