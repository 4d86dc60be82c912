"""Note what came of pushes, in groups: whatever ended while the last group was written goes into the next one."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.delivery.result import PushResult, Verdict
from service.delivery.schedule import ENDURANCE, next_attempt
from service.domain.levels import Level
from service.store import outbox, standing
from service.store.engine import Row, new_id
from service.store.outbox import Tried
from service.workflows.switching_off import switch_off

LOG = logging.getLogger(__name__)
GONE = "410：接收方要求停止推送"
WORN_OUT = f"连续 {ENDURANCE.ends // timedelta(days=1)} 天推送失败"
MOST_AT_ONCE = 200  # pushes noted in one transaction
_BREAKER = standing.Breaker(ENDURANCE.opens, ENDURANCE.pause)


@dataclass(frozen=True, slots=True)
class Pushed:
    """One attempt that ended."""

    row: Row  # as claimed
    started: datetime
    result: PushResult
    noted: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Notebook:
    """Writes what came of attempts; `counts` are the ends of pushes, by their state."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime], link_base: str) -> None:
        self._engine, self._clock, self._link_base = engine, clock, link_base
        self._waiting: list[Pushed] = []
        self._writing: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()

    async def note(self, row: Row, started: datetime, result: PushResult) -> None:
        """Returns when it is written, or when it cannot be: the lease then ends and the push is made again."""
        pushed = Pushed(row, started, result)
        self._waiting.append(pushed)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await pushed.noted

    async def _write_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                await self._write(group)
            except Exception as error:
                LOG.warning("cannot note pushes", extra={"cause": type(error).__name__, "pushes": len(group)})
            for pushed in group:
                if not pushed.noted.done():
                    pushed.noted.set_result(None)

    async def _write(self, group: Sequence[Pushed]) -> None:
        now = self._clock()
        tries = [Tried(one.row, _attempt(one), _verdict(one, now)) for one in group]
        async with self._engine.begin() as connection:
            off = await self._stand(connection, group, now)  # endpoints before their pushes, as everybody locks them
            noted = await outbox.finish(connection, tries)
            for endpoint_id, reason in off.items():
                await switch_off(connection, endpoint_id, reason, (now, self._link_base))
        for one in tries:
            if one.claimed["id"] in noted:
                self._tell(one)

    async def _stand(self, connection: AsyncConnection, group: Sequence[Pushed], now: datetime) -> dict[UUID, str]:
        """Keep how the endpoints stand; gives those to switch off, each with the reason."""
        taken, failures, gone = _standings(group)
        if failures:
            await standing.lock(connection, taken | failures.keys())
        if taken:
            await standing.note_well(connection, taken)
        stand = await standing.note_failing(connection, failures, now, _BREAKER) if failures else []
        worn = {row["id"]: WORN_OUT for row in stand if row["failing_since"] <= now - ENDURANCE.ends}
        return worn | dict.fromkeys(gone, GONE)

    def _tell(self, one: Tried) -> None:
        self.counts[one.verdict["state"]] += 1
        if one.verdict["state"] == "given_up":
            row = one.claimed
            about = {"message_id": row["message_id"], "warning_id": str(row["warning_id"]), "attempts": row["attempts"]}
            LOG.error("push given up", extra=about)


def _standings(group: Sequence[Pushed]) -> tuple[set[UUID], Counter[UUID], set[UUID]]:
    """Endpoints that took a push, how often those that took none failed, and those that want no more."""
    taken = {one.row["endpoint_id"] for one in group if one.result.verdict is Verdict.DELIVERED}
    failures = Counter(one.row["endpoint_id"] for one in group if one.row["endpoint_id"] not in taken)
    return taken, failures, {one.row["endpoint_id"] for one in group if one.result.verdict is Verdict.GONE}


def _attempt(pushed: Pushed) -> Row:
    return {
        "id": new_id(),
        "outbox_id": pushed.row["id"],
        "endpoint_id": pushed.row["endpoint_id"],
        "number": pushed.row["attempts"],
        "started_at": pushed.started,
        "milliseconds": pushed.result.milliseconds,
        "status": pushed.result.status,
        "error": pushed.result.error,
        "response_head": pushed.result.response_head,
    }


def _verdict(pushed: Pushed, now: datetime) -> Row:
    """What follows from one try."""
    row, result = pushed.row, pushed.result
    told = {"last_status": result.status, "last_error": result.error, "touched_at": now}
    if result.verdict is Verdict.DELIVERED:
        return {"state": "delivered", "due_at": None, "done_at": now, **told}
    level, counted = Level.of_rank(4 - row["priority"]), row["attempts"] - row["forgiven"]
    gone = result.verdict is Verdict.GONE
    due = None if gone else next_attempt(level, counted, now, result.setback, random.random())
    if due is None:
        return {"state": "given_up", "due_at": None, "done_at": now, **told}
    return {"state": "pending", "due_at": due, "done_at": None, **told}
