"""One reader per process for all its streams: an event is read once, rendered once, given to all who may see it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from service.api.shapes import WarningOut, warning_out
from service.domain.catalogue import Catalogue
from service.store import feed, keys
from service.store.engine import Row
from service.store.listener import Bell
from service.store.once import Once
from service.store.reference import Reference
from service.store.troubles import DatabaseTrouble, traits_of
from service.store.views import Sight
from service.workflows.parts import Clock, Doors

LOG = logging.getLogger(__name__)
POLL_SECONDS = 1.0  # the net under NOTIFY; also how often the keys of open streams are looked at
PING_SECONDS = 15.0
RING_EVENTS = 1000
RING_BYTES = 4_000_000
PRIMED_EVENTS = 200  # read when the first listener comes: after a restart all come back with a recent number
READ_AT_ONCE = 100
GIVEN_AT_ONCE = 20  # some 50 kB: what one slow client can make the server hold
PARTS_KEPT = 100  # of what those who catch up read, some 5 MB
WOKEN_AT_ONCE = 100  # between two of these, other requests have their turn


class EventOut(WarningOut):
    """A warning as it was right after one change; `type` and `note` say what changed and why."""

    type: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it goes out; `seen` has what `feed.seen_by` asks."""

    seq: int
    seen: Row
    data: bytes


class Ring:
    """The newest events in order: every one kept with a number above `start`, up to `head`."""

    def __init__(self, start: int) -> None:
        self.start = self.head = start
        self._events: list[Told] = []
        self._bytes = 0

    def add(self, events: Sequence[Told]) -> None:
        """Append events in order; what is over the bound leaves at the other end."""
        for event in events:
            self._events.append(event)
            self._bytes += len(event.data)
            self.head = event.seq
        gone = 0
        while len(self._events) - gone > RING_EVENTS or self._bytes > RING_BYTES:
            self._bytes -= len(self._events[gone].data)
            self.start = self._events[gone].seq
            gone += 1
        del self._events[:gone]

    def after(self, seq: int) -> list[Told]:
        """The next events after a number, at most GIVEN_AT_ONCE."""
        place = bisect_right(self._events, seq, key=lambda event: event.seq)
        return self._events[place : place + GIVEN_AT_ONCE]


class Broadcast:
    """Reads the feed while anybody listens. A listener has nothing here but its place in line."""

    def __init__(self, doors: Doors, catalogue: Catalogue, clock: Clock, events: Bell) -> None:
        self._doors = doors
        self._catalogue = catalogue
        self._clock = clock
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._listening: Counter[str] = Counter()  # open streams by key
        self._waiting: list[asyncio.Future[None]] = []
        self._one_behind = asyncio.Lock()  # those who catch up take turns, and never the reader's own connection
        self._looked = self._pinged = time.monotonic()
        self._catching_up: Once[list[Told]] = Once()
        self._parts: dict[tuple[int, int], list[Told]] = {}
        self.ring: Ring | None = None
        self.refused: set[str] = set()
        self.woken = 0
        self.pings = 0

    @contextlib.contextmanager
    def listening(self, key_id: str) -> Iterator[None]:
        """A stream of this key is open."""
        self._listening[key_id] += 1
        if self.ring is None:
            self._events.ring()
        try:
            yield
        finally:
            self._listening[key_id] -= 1
            if not self._listening[key_id]:
                del self._listening[key_id]

    async def run(self) -> None:
        """Until cancelled. While the database is away streams stay open and hear nothing."""
        while True:
            heard = self._events.rung
            try:
                await self._look()
            except DatabaseTrouble as error:
                LOG.warning("streams wait for the database", extra=traits_of(error))
                await asyncio.sleep(POLL_SECONDS)
            except Exception:
                LOG.exception("the reader of the streams stumbled")
                await asyncio.sleep(POLL_SECONDS)
            await self._events.wait(heard, POLL_SECONDS)

    async def wait(self, woken: int) -> None:
        """Until there may be something new since `woken` was read."""
        if self.woken == woken:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    def wake_all(self) -> None:
        """Wake every listener soon. May be called from a signal's handler, which runs in the middle of anything."""
        self._loop.call_soon_threadsafe(lambda: _wake(self._taken()))

    def _taken(self) -> list[asyncio.Future[None]]:
        """All who wait, who are woken now and will not wait again for what they have seen."""
        self.woken += 1
        waiting, self._waiting = self._waiting, []
        return waiting

    async def behind(self, seq: int) -> tuple[list[Told], int]:
        """For a listener behind the ring: the next events from the database, and up to where all is told by them.

        Read in parts of GIVEN_AT_ONCE numbers, so that those who come back together read and render each part once.
        """
        assert self.ring is not None
        begin = seq - seq % GIVEN_AT_ONCE
        until = min(begin + GIVEN_AT_ONCE, self.ring.start)
        part = await self._catching_up.do((begin, until), lambda: self._part(begin, until))
        return [event for event in part if event.seq > seq], until

    async def _part(self, begin: int, until: int) -> list[Told]:
        kept = self._parts.get((begin, until))
        if kept is None:
            async with self._one_behind, self._doors.engine.connect() as connection:
                reference = await self._doors.reference.get(connection)
                rows = await feed.events_after(connection, begin, GIVEN_AT_ONCE)
            kept = [self._told(row, reference) for row in rows if row["seq"] <= until]
            if len(self._parts) >= PARTS_KEPT:
                self._parts.clear()
            self._parts[begin, until] = kept
        return kept

    async def _look(self) -> None:
        if not self._listening:  # nobody listens: what happens meanwhile is read when somebody comes
            self.ring = None
            self._parts.clear()
            return
        async with self._doors.engine.connect() as connection:
            news = await self._look_at_keys(connection)
            reference = await self._doors.reference.get(connection)
            if self.ring is None:
                self.ring, news = Ring(max(await feed.head(connection) - PRIMED_EVENTS, 0)), True
            rows = await feed.events_after(connection, self.ring.head, READ_AT_ONCE)
        self.ring.add([self._told(row, reference) for row in rows])
        if len(rows) == READ_AT_ONCE:
            self._events.ring()  # there is more
        if rows or news:
            await self._wake_in_turns()

    async def _look_at_keys(self, connection: AsyncConnection) -> bool:
        """Once per POLL_SECONDS; gives whether listeners must hear of it."""
        now = time.monotonic()
        if now - self._looked < POLL_SECONDS:
            return False
        self.refused = await keys.refused(connection, self._listening, self._clock())
        self._looked = now
        quiet = now - self._pinged >= PING_SECONDS
        if quiet:
            self._pinged, self.pings = now, self.pings + 1
        return quiet or bool(self.refused)

    async def _wake_in_turns(self) -> None:
        waiting = self._taken()
        for place in range(0, len(waiting), WOKEN_AT_ONCE):
            _wake(waiting[place : place + WOKEN_AT_ONCE])
            await asyncio.sleep(0)

    def _told(self, row: Row, reference: Reference) -> Told:
        shown = warning_out({**row["body"], "seq": row["seq"]}, self._catalogue, reference)
        event = EventOut(**shown.model_dump(), type=row["type"], note=row["note"])
        data = f"event: warning.{row['type']}\ndata: {event.model_dump_json()}\nid: {row['seq']}\n\n"
        return Told(row["seq"], {name: row[name] for name in ("area", "restricted", "department_ids")}, data.encode())


def in_sight(events: Sequence[Told], sight: Sight) -> bytes:
    """What one viewer hears of these events. Of a single event all get the same bytes, not a copy."""
    seen = [event.data for event in events if feed.seen_by(event.seen, sight)]
    return seen[0] if len(seen) == 1 else b"".join(seen)


def _wake(waiting: Sequence[asyncio.Future[None]]) -> None:
    for one in waiting:
        if not one.done():
            one.set_result(None)
