"""What came of each forecast, said by the same labels as in training, as far as it is known by now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.words import Outcome
from service.scoring.label_definition import LabelDefinition, load_definition
from service.scoring.labels import Ending, History, Told, is_settled, label
from service.store import forecasts
from service.store.engine import Row
from service.workflows.counting_scores import LOOK_AGAIN
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


async def histories(connection: AsyncConnection, matter_ids: Collection[UUID]) -> dict[UUID, History]:
    """What became known of each of these matters; one that was merged has the history of the one it went into."""
    told: dict[UUID, list[Told]] = {}
    areas: dict[UUID, str] = {}
    for row in await forecasts.reports_of(connection, matter_ids):
        areas[row["matter_id"]] = row["area"]
        told.setdefault(row["matter_id"], []).append(_told(row))
    replies: dict[UUID, list[datetime]] = {}
    endings: dict[UUID, list[Ending]] = {}
    for row in await forecasts.entries_of(connection, matter_ids):
        if row["kind"] == "replied":
            replies.setdefault(row["matter_id"], []).append(row["at"])
        else:
            endings.setdefault(row["matter_id"], []).append(_ending(row))
    return {
        one: History(
            areas.get(one, ""), tuple(told.get(one, ())), tuple(replies.get(one, ())), tuple(endings.get(one, ()))
        )
        for one in matter_ids
    }


def _looked_at(row: Row, known: dict[UUID, History], now: datetime, definition: LabelDefinition) -> Row:
    at, horizon = row["at"], row["horizon_days"]
    said = label(known[row["matter_id"]], at, horizon, now, definition)
    settles = at + timedelta(days=horizon + definition.settling_days)
    again = None if is_settled(at, horizon, now, definition) else min(now + LOOK_AGAIN, settles)
    return {name: row[name] for name in ("month", "matter_id", "version")} | {"label": said, "check_at": again}


def _told(row: Row) -> Told:
    stated, read = frozenset(row["signals"]), frozenset(row["text_signals"])
    return Told(row["occurred_at"], row["received_at"], stated, read, row["people"])


def _ending(row: Row) -> Ending:
    said = row["data"]
    return Ending(datetime.fromisoformat(said["outcome_at"]), row["at"], Outcome(said["outcome"]))
