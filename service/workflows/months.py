"""Room for the months to come: partitions are made ahead, and what found none is moved to its own."""

from __future__ import annotations

import logging
from datetime import datetime

from service.store import partitions
from service.workflows.parts import Doors

LOG = logging.getLogger(__name__)


async def make_months(doors: Doors, now: datetime) -> int:
    """Make the partitions that are missing, each in a transaction of its own; gives how many."""
    made = 0
    for table in partitions.PARTITIONED:
        async with doors.transaction() as connection:
            missing = await partitions.missing_months(connection, table, now)
        for month in missing:
            async with doors.transaction() as connection:
                moved = await partitions.make_month(connection, table, month)
            LOG.info("partition made", extra={"table": table, "month": f"{month:%Y-%m}", "moved": moved})
            made += 1
    return made
