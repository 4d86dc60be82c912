"""What no first address of a department took within the patience of its level goes to the standby as well."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from service.delivery.schedule import patience_of
from service.domain.levels import Level
from service.store import outbox, standing
from service.store.engine import Beside, Row, insert_all
from service.store.outbox import OUTBOX_CHANNEL
from service.workflows.switching_off import owed_row

PATIENCE = [patience_of(Level.of_rank(4 - priority)) for priority in range(4)]  # 0 red … 3 blue


async def take_over(engine: AsyncEngine, now: datetime) -> int:
    """Owe the standby what came late; gives how many pushes. Any number of processes may do so at once."""
    async with engine.begin() as connection:
        late = await standing.to_take_over(connection, now, PATIENCE)
        if late:
            rows = [_row(one, now) for one in late]
            await insert_all(connection, [outbox.owed_to_standby(rows)], Beside(notify=(OUTBOX_CHANNEL,)))
    return len(late)


def _row(late: Row, now: datetime) -> Row:
    owed = owed_row(late["warning_id"], late["revision"], late["standby_id"], bytes(late["body"]), now)
    why = f"后备通道：首选通道（{late['kind']}）未能及时送达；{late['why']}"
    return owed | {"priority": late["priority"], "why": why}
