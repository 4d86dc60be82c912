"""One LISTEN connection per process. A notification only wakes; rows are read by their numbers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

import psycopg

from service.store.engine import plain_url

LOG = logging.getLogger(__name__)
RETRY_SECONDS = 1.0


class Bell:
    """Something to wait on that many may hear; ringing while nobody waits is not lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, heard: int, seconds: float) -> int:
        """Wait until rung more often than `heard`, or for so long; gives how often it was rung."""
        if self.rung == heard:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._event.wait(), seconds)
        return self.rung


class Line:
    """Whether notifications reach this process, and how often the connection for them was made."""

    def __init__(self) -> None:
        self.up = False
        self.times = 0


async def listen(url: str, heard: Mapping[str, Callable[[], None]], line: Line) -> None:
    """Call back for each channel until cancelled. Reconnects by itself, then calls all: something may be missed."""
    while True:
        try:
            await _listen_once(url, heard, line)
        except psycopg.Error as error:
            LOG.warning("listen connection lost, trying again", extra={"cause": type(error).__name__})
        finally:
            line.up = False
        await asyncio.sleep(RETRY_SECONDS)


async def _listen_once(url: str, heard: Mapping[str, Callable[[], None]], line: Line) -> None:
    async with await psycopg.AsyncConnection.connect(plain_url(url), autocommit=True) as connection:
        for channel in heard:
            await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        line.up, line.times = True, line.times + 1
        for call in heard.values():  # in one go with `up`: nothing kept from before may be used after it
            call()
        async for notification in connection.notifies():
            heard[notification.channel]()
