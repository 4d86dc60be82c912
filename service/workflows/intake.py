"""Reports that wait at the same moment go into the database together (group commit)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from service.domain.incidents import ReportResult
from service.domain.problems import Problem
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import report_incidents

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    arrivals: Sequence[Arrival]
    answer: asyncio.Future[list[ReportResult]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Intake:
    """Gathers waiting reports into groups of at most `group_limit`; refuses with 503 when too many wait.

    Two writers take turns: while one waits for the disk, the other gathers.
    """

    def __init__(self, doors: Doors, engines: Engines, clock: Callable[[], datetime], limits: tuple[int, int]) -> None:
        self._doors, self._engines, self._clock = doors, engines, clock
        self._group_limit, self._waiting_limit = limits
        self._waiting: list[_Waiting] = []
        self._count = 0
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writers: list[asyncio.Task[None]] = []

    async def report(self, arrivals: Sequence[Arrival]) -> list[ReportResult]:
        """Answers once the reports are in the database for good. Raises Problem `busy` under too much load."""
        if self._count and self._count + len(arrivals) > self._waiting_limit:  # alone, even a large batch may come in
            raise Problem(503, "busy", "待写入的报告过多，请按 Retry-After 稍后重发；已应答的报告不会丢失。")
        waiting = _Waiting(arrivals)
        self._waiting.append(waiting)
        self._count += len(arrivals)
        self._idle.clear()
        self._more.set()
        return await waiting.answer

    @contextlib.asynccontextmanager
    async def running(self, writers: int = 2) -> AsyncIterator[None]:
        """Write groups until left; what waits then is still written and answered."""
        self._writers = [asyncio.create_task(self._write()) for _ in range(writers)]
        try:
            yield
        finally:
            await self._idle.wait()
            for writer in self._writers:
                writer.cancel()
            await asyncio.gather(*self._writers, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            group = self._take()
            if not group:
                continue
            try:
                await self._write_group(group)
            finally:
                self._count -= sum(len(waiting.arrivals) for waiting in group)
                if not self._count:
                    self._idle.set()

    def _take(self) -> list[_Waiting]:
        taken, size = 0, 0
        for waiting in self._waiting:
            if taken and size + len(waiting.arrivals) > self._group_limit:
                break
            taken, size = taken + 1, size + len(waiting.arrivals)
        group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        if not self._waiting:
            self._more.clear()
        return group

    async def _write_group(self, group: list[_Waiting]) -> None:
        try:
            arrivals = [arrival for waiting in group for arrival in waiting.arrivals]
            results = await report_incidents(self._doors, self._engines, arrivals, self._clock())
        except Exception as error:
            await self._one_by_one(group, error)
            return
        for waiting in group:
            mine, results = results[: len(waiting.arrivals)], results[len(waiting.arrivals) :]
            _answer(waiting, mine)

    async def _one_by_one(self, group: list[_Waiting], error: Exception) -> None:
        """One bad report spoils only itself: a failed group is tried again request by request."""
        if len(group) > 1:
            LOG.warning("group failed, writing its requests one by one", extra={"cause": type(error).__name__})
            for waiting in group:
                await self._write_group([waiting])
        elif not group[0].answer.done():
            group[0].answer.set_exception(error)


def _answer(waiting: _Waiting, results: list[ReportResult]) -> None:
    if not waiting.answer.done():  # a client that went away does not hold up the others
        waiting.answer.set_result(results)
