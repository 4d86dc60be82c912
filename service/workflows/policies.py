"""Which escalation policy is in force: the one that ships, or one an administrator put; a faulty one never is."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from service.rules.escalation import (
    ESCALATION_FILE,
    EscalationFileError,
    EscalationHolder,
    EscalationPolicy,
    load_escalation,
)
from service.rules.positions import LoadError
from service.store import policies as kept
from service.store.reference import change
from service.workflows.parts import Doors

LOG = logging.getLogger(__name__)
FILE = "escalation.yaml"


@dataclass(slots=True)
class Policies:
    """Keeps this process's escalation policy in step with the database."""

    doors: Doors
    holder: EscalationHolder
    shipped: EscalationPolicy

    async def put(self, text: bytes, by: str, now: datetime) -> tuple[LoadError, ...]:
        """Take over a policy for every process, or give its faults and change nothing."""
        try:
            policy = await asyncio.to_thread(load_escalation, text, FILE, self.holder.channels)
        except EscalationFileError as failure:
            return failure.errors
        async with self.doors.transaction() as connection:
            await _keep(connection, policy, text.decode("utf-8-sig"), now)
            await kept.activate(connection, policy.sha256, by, now)
            await change(connection)
        await self.follow()
        return ()

    async def drop(self) -> None:
        """Go back to the policy that ships, in every process."""
        async with self.doors.transaction() as connection:
            await kept.deactivate(connection)
            await change(connection)
        await self.follow()

    async def keep_shipped(self, now: datetime) -> None:
        """Remember the text that ships, so that a step taken by it can be explained years later."""
        async with self.doors.transaction() as connection:
            await _keep(connection, self.shipped, ESCALATION_FILE.read_text("utf-8"), now)

    async def follow(self) -> None:
        """Take over what was put or dropped in any process. A faulty one is logged, and the last good one stays."""
        async with self.doors.engine.connect() as connection:
            active = await kept.active(connection)
        if active is None:
            self.holder.current = self.shipped
        elif active["hash"] != self.holder.current.sha256:
            for error in await asyncio.to_thread(self.holder.reload, active["body"].encode(), FILE):
                LOG.error("escalation policy refused, the last good one stays", extra={"error": str(error)})


async def _keep(connection: AsyncConnection, policy: EscalationPolicy, text: str, now: datetime) -> None:
    row = {"hash": policy.sha256, "version": policy.version, "body": text, "taken_at": now}
    await kept.keep(connection, row)
