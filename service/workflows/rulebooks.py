"""Which incident rulebook judges: the one that ships (or the file named in the settings), or one an administrator put.

A new one is compiled aside and its tests are run; a whole one takes over in every process, else the last good stays.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.rules.positions import LoadError
from service.rules.rulebook import Rulebook, RulebookError, RulebookHolder, load_rulebook
from service.store import rulebooks as kept
from service.store.reference import change
from service.workflows.parts import Doors

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Rulebooks:
    """Keeps this process's rulebook in step with the database and with the file it was started with."""

    doors: Doors
    holder: RulebookHolder
    file: Path
    _seen: float | None = None  # when the file read last was written

    async def put(self, text: bytes, by: str, now: datetime) -> tuple[LoadError, ...]:
        """Take over a rulebook for every process, or give its faults and change nothing."""
        try:
            rulebook = await asyncio.to_thread(load_rulebook, text, self.holder.current.vocabulary, "rulebook.yaml")
        except RulebookError as failure:
            return failure.errors
        async with self.doors.transaction() as connection:
            await _keep(connection, rulebook, text.decode("utf-8-sig"), now)
            await kept.activate(connection, rulebook.sha256, by, now)
            await change(connection)
        await self.follow()
        return ()

    async def drop(self) -> None:
        """Go back to the rulebook of the file, in every process."""
        async with self.doors.transaction() as connection:
            await kept.deactivate(connection)
            await change(connection)
        await self.follow()

    async def keep_current(self, now: datetime) -> None:
        """Remember the text of the rulebook that judges, so that its judgements can be read years later."""
        async with self.doors.transaction() as connection:
            if await kept.active(connection) is None:
                await _keep(connection, self.holder.current, self.file.read_text("utf-8-sig"), now)

    async def follow(self) -> None:
        """Take over what was put or dropped in any process, or what changed in the file. A faulty one is logged."""
        async with self.doors.engine.connect() as connection:
            active = await kept.active(connection)
        if active is not None:
            self._seen = None  # once it is dropped the file is read again
            if active["hash"] != self.holder.current.sha256:
                await self._swap(active["body"].encode(), active["name"])
            return
        changed = self.file.stat().st_mtime
        if changed != self._seen:
            self._seen = changed
            if await self._swap(self.file, self.file.name):
                await self.keep_current(datetime.fromtimestamp(changed, UTC))

    async def _swap(self, source: Path | bytes, name: str) -> bool:
        reload = await asyncio.to_thread(self.holder.reload, source, name)
        for error in reload.errors:
            LOG.error("rulebook refused, the last good one stays", extra={"error": str(error)})
        return reload.accepted


async def _keep(connection: AsyncConnection, rulebook: Rulebook, text: str, now: datetime) -> None:
    row: dict[str, Any] = {"hash": rulebook.sha256, "name": rulebook.name, "version": rulebook.version}
    await kept.keep(connection, {**row, "body": text, "taken_at": now})
