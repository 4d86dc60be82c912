"""From the rows a play left behind to the values that are judged."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.levels import Level
from service.scoring.backtest.known import Moment, PlayedMatter
from service.scoring.labels import History
from service.store import played
from service.store.engine import Row
from service.workflows.backtest.play import Play
from service.workflows.known_histories import by_matter, history_of
from service.workflows.parts import Engines

YEAR = timedelta(days=365)
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All matters of a play, when each report was received, and which versions judged."""

    matters: tuple[PlayedMatter, ...]
    received: tuple[datetime, ...]
    reminders: int
    model_version: str | None


async def gather(
    connection: AsyncConnection, engines: Engines, play: Play, departments: Mapping[UUID, str]
) -> Gathered:
    """Read what was judged and what became known, matter by matter in the order in which they opened."""
    told = by_matter(await played.told(connection))
    entries = by_matter(await played.entries(connection))
    judged = by_matter(await played.judgements(connection))
    places = _escalations(await played.escalated_days(connection))
    matters = []
    for row in await played.matters(connection):
        known = _Known(row, told[row["id"]], entries[row["id"]], places[row["county"], row["first_level"]])
        moments = tuple(known.moment(one, engines) for one in judged[row["id"]])
        department = departments.get(row["lead_id"])
        name = play.name_of(row["id"])
        matters.append(PlayedMatter(name, row["area"], row["first_level"], department, moments, known.history()))
    received = sorted(one["received_at"] for rows in told.values() for one in rows)
    version = engines.scorer.version if engines.scorer else None
    return Gathered(tuple(matters), tuple(received), await played.reminders(connection), version)


class _Known:
    """One matter's rows, asked what was known at a moment."""

    def __init__(self, row: Row, told: Sequence[Row], entries: Sequence[Row], place: Sequence[date]) -> None:
        self._row, self._told, self._entries, self._place = row, told, entries, place
        self._received = [one["received_at"] for one in told]
        self._largest = list(accumulate((_people(one) for one in told), max))
        self._replies = [one["at"] for one in entries if one["kind"] == "replied"]

    def moment(self, judged: Row, engines: Engines) -> Moment:
        at, features = judged["at"], judged["features"] or {}
        return Moment(
            at=at,
            level=Level(judged["level"]),
            rule_level=_level(judged["rule_level"]),
            model_level=_level(judged["model_level"]),
            probability=judged["probability"],
            place_rate=features.get("history_escalated"),
            people=self._people_known(at),
            with_history=self._place_escalated(engines.day(at)) or self._was_repeated(at),
            needs_look=judged["needs_look"],
        )

    def history(self) -> History:
        """What the label is made of."""
        return history_of(self._row["area"], self._told, self._entries)

    def _people_known(self, at: datetime) -> int:
        """As Matter.known_people: the largest count given by then, or one for each report."""
        reports = bisect_right(self._received, at)
        return max(self._largest[reports - 1], reports) if reports else 0

    def _place_escalated(self, today: date) -> bool:
        """Whether the place closed an escalated matter within the year before today."""
        return bisect_left(self._place, today) > bisect_left(self._place, today - YEAR)

    def _was_repeated(self, at: datetime) -> bool:
        first = self._replies[0] if self._replies else None
        return first is not None and any(first < one["occurred_at"] and one["received_at"] <= at for one in self._told)


def _escalations(rows: Sequence[Row]) -> defaultdict[Place, list[date]]:
    """The days, in order, on which each place closed escalated matters."""
    found: defaultdict[Place, list[date]] = defaultdict(list)
    for row in rows:
        found[row["county"], row["first_level"]].append(row["day"])
    return found


def _people(row: Row) -> int:
    return max(row["people_affected"] or 0, row["people_present"] or 0)


def _level(name: str | None) -> Level | None:
    return Level(name) if name else None
