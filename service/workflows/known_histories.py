"""What became known of matters, as the label reads it: one way from kept rows to a history, live and played."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.words import Outcome
from service.scoring.labels import Ending, History, Told
from service.store import forecasts
from service.store.engine import Row

Rows = defaultdict[UUID, list[Row]]


async def histories(connection: AsyncConnection, matter_ids: Collection[UUID]) -> dict[UUID, History]:
    """What became known of each of these matters; one that was merged has the history of the one it went into."""
    told = by_matter(await forecasts.reports_of(connection, matter_ids))
    entries = by_matter(await forecasts.entries_of(connection, matter_ids))
    areas = {one: rows[0]["area"] for one, rows in told.items()}
    return {one: history_of(areas.get(one, ""), told[one], entries[one]) for one in matter_ids}


def history_of(area: str, told: Iterable[Row], entries: Iterable[Row]) -> History:
    """From rows of reports (instants, signals, head-counts) and of replies and closings (at, kind, data)."""
    by_kind = defaultdict[str, list[Row]](list)
    for row in entries:
        by_kind[row["kind"]].append(row)
    replies, endings = (row["at"] for row in by_kind["replied"]), map(_ending, by_kind["closed"])
    return History(area, tuple(map(_told, told)), tuple(replies), tuple(endings))


def by_matter(rows: Iterable[Row]) -> Rows:
    """Rows by their `matter_id`, in the order given; empty where there are none."""
    found: Rows = defaultdict(list)
    for row in rows:
        found[row["matter_id"]].append(row)
    return found


def _told(row: Row) -> Told:
    stated, read = frozenset(row["signals"]), frozenset(row["text_signals"])
    affected, present = row["people_affected"], row["people_present"]
    return Told(row["occurred_at"], row["received_at"], stated, read, affected if affected is not None else present)


def _ending(row: Row) -> Ending:
    said = row["data"]
    return Ending(datetime.fromisoformat(said["outcome_at"]), row["at"], Outcome(said["outcome"]))
