"""What this process remembers of the open matters of each place, so that a report is compared without reading them all.

Every change of a matter happens under its place's lock and raises the place's number, which the row keeps. Under the
lock the memory reads what changed since the number it knows; nothing else can be new. It is a copy: a process that
starts, or forgets, reads again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.matters import Matter
from service.domain.words import MatterStatus
from service.store import matters
from service.store.matters import Place
from service.text.likeness import Sketch, SketchIndex

MARGIN = timedelta(days=90)  # read further back than asked, so that reports out of order do not read again and again
MOST_REMEMBERED = 60_000  # open matters of all places; some 3 kB each


@dataclass(slots=True)
class PlaceIndex:
    """The open matters of one place at one number, and an index that finds the like of a text among them.

    The index may know more than the matters: what a group opened and then did not commit, and what ended. Whoever
    asks it looks each answer up in `matters` and among its own.
    """

    since: datetime  # matters without a report since then were not read
    seq: int = 0
    matters: dict[UUID, Matter] = field(default_factory=dict)
    _index: SketchIndex[UUID] = field(default_factory=SketchIndex)
    _indexed: set[UUID] = field(default_factory=set)

    def add(self, matter_id: UUID, sketch: Sketch) -> None:
        if matter_id not in self._indexed:
            self._indexed.add(matter_id)
            self._index.add(matter_id, sketch)

    def alike(self, sketch: Sketch, least: float) -> list[tuple[UUID, float]]:
        """Matters at least so alike (0–1) with their likeness, most alike first."""
        return self._index.best(sketch, least)

    def take(self, changed: Iterable[Matter]) -> None:
        """Matters as they are now; those no longer open are dropped."""
        for matter in changed:
            if matter.status is not MatterStatus.OPEN:
                self.matters.pop(matter.id, None)
            else:
                known = self.matters.get(matter.id)
                self.matters[matter.id] = matter
                if matter.id not in self._indexed or (known and known.sketch != matter.sketch):
                    self._indexed.add(matter.id)
                    self._index.add(matter.id, Sketch.from_bytes(matter.sketch))
        if len(self._indexed) > 2 * len(self.matters) + 100:  # mostly matters that ended
            self._indexed = set(self.matters)
            self._index = SketchIndex((m.id, Sketch.from_bytes(m.sketch)) for m in self.matters.values())


class PlaceMemory:
    """One per process. Only ever brought up to date by its writers, each holding the locks of the places it uses."""

    def __init__(self) -> None:
        self._places: OrderedDict[Place, PlaceIndex] = OrderedDict()

    async def recall(
        self, connection: AsyncConnection, locked: Mapping[Place, int], since: datetime
    ) -> dict[Place, PlaceIndex]:
        """These places as they are under their locks; `locked` gives the number each place has in this transaction."""
        known = {place: self._known(place, seq, since) for place, seq in locked.items()}
        stale = {place: index.seq for place, index in known.items() if index.seq < locked[place] - 1}
        changed = await matters.changed_in_places(connection, stale, since - MARGIN)
        for place in stale:
            known[place].take(changed.get(place, ()))
            known[place].seq = locked[place] - 1
        return known

    def learn(self, changed: Collection[Matter], locked: Mapping[Place, int]) -> None:
        """What this process just committed, so that it need not read it back."""
        by_place: dict[Place, list[Matter]] = {}
        for matter in changed:
            by_place.setdefault(matters.place_of(matter), []).append(matter)
        for place, seq in locked.items():
            index = self._places.get(place)
            if index is not None and index.seq == seq - 1:
                index.take(by_place.get(place, ()))
                index.seq = seq
        self._forget_too_many()

    def _known(self, place: Place, seq: int, since: datetime) -> PlaceIndex:
        index = self._places.get(place)
        # A number above the lock's means another database's past; a since before ours means matters never read.
        if index is None or index.seq >= seq or since < index.since:
            index = PlaceIndex(since - MARGIN)
            self._places[place] = index
        self._places.move_to_end(place)
        return index

    def _forget_too_many(self) -> None:
        remembered = sum(len(index.matters) for index in self._places.values())
        while remembered > MOST_REMEMBERED and len(self._places) > 1:
            remembered -= len(self._places.popitem(last=False)[1].matters)
