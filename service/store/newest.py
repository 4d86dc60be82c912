"""The feed's head and the reference data, kept for a moment: what a poll that finds nothing new needs to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from service.store import feed
from service.store.listener import Line
from service.store.reference import Reference, ReferenceCache

KEPT_SECONDS = 1.0  # counted from the beginning of the reading; the net under NOTIFY


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest feed number, and the reference data of the same moment or later."""

    head: int
    reference: Reference


class Newest:
    """Keeps what was read until a notification, a write of this process or KEPT_SECONDS says to read again.

    Without a working LISTEN connection nothing is kept: then the database is asked each time.
    """

    def __init__(
        self, engine: AsyncEngine, reference: ReferenceCache, line: Line, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._reference = reference
        self._line = line
        self._tick = tick
        self._reading: asyncio.Task[Latest] | None = None
        self._began = 0.0

    def forget(self) -> None:
        """Read again for whoever asks from now on; a reading under way may not know what just changed."""
        self._reading = None

    async def get(self) -> Latest:
        """What is kept, or what the database says now. Those who ask during a reading share it."""
        if not self._line.up:
            return await self._read()
        reading = self._reading
        if reading is None or self._tick() - self._began >= KEPT_SECONDS or _failed(reading):
            self._began = self._tick()
            reading = self._reading = asyncio.create_task(self._read())
            reading.add_done_callback(_failed)  # seen, also when every caller gave up
        return reading.result() if reading.done() else await asyncio.shield(reading)

    async def _read(self) -> Latest:
        async with self._engine.connect() as connection:
            head = await feed.head(connection)  # before everything else: a tag may be too old, never too new
            return Latest(head, await self._reference.get(connection))


def _failed(reading: asyncio.Task[Latest]) -> bool:
    return reading.done() and (reading.cancelled() or reading.exception() is not None)
