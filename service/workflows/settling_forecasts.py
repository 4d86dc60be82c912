"""What came of each forecast, said by the same labels as in training, as far as it is known by now."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from service.scoring.label_definition import LabelDefinition, load_definition
from service.scoring.labels import History, is_settled, label
from service.store import forecasts
from service.store.engine import Row
from service.workflows.counting_scores import LOOK_AGAIN
from service.workflows.known_histories import histories
from service.workflows.parts import Doors

AT_ONCE = 200
MOST_BATCHES = 50  # in one round; the next comes minutes later


async def settle_forecasts(doors: Doors, now: datetime) -> int:
    """Look again at every forecast that is due; gives how many."""
    definition, number = load_definition(), 0
    for _ in range(MOST_BATCHES):
        async with doors.transaction() as connection:
            due = await forecasts.due(connection, now, AT_ONCE)
            if due:
                known = await histories(connection, {row["matter_id"] for row in due})
                await forecasts.keep_labels(connection, [_looked_at(row, known, now, definition) for row in due])
        number += len(due)
        if len(due) < AT_ONCE:
            break
    return number


def _looked_at(row: Row, known: dict[UUID, History], now: datetime, definition: LabelDefinition) -> Row:
    at, horizon = row["at"], row["horizon_days"]
    said = label(known[row["matter_id"]], at, horizon, now, definition)
    settles = at + timedelta(days=horizon + definition.settling_days)
    again = None if is_settled(at, horizon, now, definition) else min(now + LOOK_AGAIN, settles)
    return {name: row[name] for name in ("month", "matter_id", "version")} | {"label": said, "check_at": again}
