"""Which incident rulebook judges: the one that ships (or the file named in the settings), or one an administrator put.

A new one is compiled aside and its tests are run; a whole one takes over in every process, else the last good stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.rules.positions import LoadError
from service.rules.rulebook import Rulebook, RulebookHolder
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
    _seen: float = 0.0

    async def put(self, text: bytes, by: str, now: datetime) -> tuple[LoadError, ...]:
        """Take over a rulebook for every process, or give its faults and change nothing."""
        reload = self.holder.reload(text, "rulebook.yaml")
        if reload.errors:
            return tuple(reload.errors)
        async with self.doors.transaction() as connection:
            await _keep(connection, self.holder.current, text.decode(), now)
            await kept.activate(connection, self.holder.current.sha256, by, now)
            await change(connection)
        return ()

    async def drop(self) -> None:
        """Go back to the rulebook of the file, in every process."""
        async with self.doors.transaction() as connection:
            await kept.deactivate(connection)
            await change(connection)
        self.holder.reload(self.file)

    async def keep_current(self, now: datetime) -> None:
        """Remember the text of the rulebook that judges, so that its judgements can be read years later."""
        async with self.doors.transaction() as connection:
            if await kept.active(connection) is None:
                await _keep(connection, self.holder.current, self.file.read_text("utf-8"), now)

    async def follow(self) -> None:
        """Take over what another process put, or what changed in the file. A faulty one is logged and left."""
        async with self.doors.engine.connect() as connection:
            active = await kept.active(connection)
        if active is not None:
            if active["hash"] != self.holder.current.sha256:
                self._swap(active["body"].encode(), active["name"])
            return
        changed = self.file.stat().st_mtime
        if changed != self._seen:
            self._seen = changed
            self._swap(self.file, self.file.name)

    def _swap(self, source: Path | bytes, name: str) -> None:
        reload = self.holder.reload(source, name) if isinstance(source, bytes) else self.holder.reload(source)
        for error in reload.errors:
            LOG.error("rulebook refused, the last good one stays", extra={"error": str(error)})


async def _keep(connection: AsyncConnection, rulebook: Rulebook, text: str, now: datetime) -> None:
    row: dict[str, Any] = {"hash": rulebook.sha256, "name": rulebook.name, "version": rulebook.version}
    await kept.keep(connection, {**row, "body": text, "taken_at": now})
