"""The feed as whole documents in the formats of others: read narrowed, written once for all who may have it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncEngine

from service.api.pages import KeptBytes
from service.api.shapes import warning_out
from service.delivery.formats import atom, cloud_events, json_feed
from service.delivery.formats.bulletin import Bulletin, Naming
from service.domain.catalogue import Catalogue
from service.store import bulletins
from service.store.bulletins import BulletinQuestion
from service.store.engine import Row
from service.store.listener import Line
from service.store.once import Once
from service.store.reference import Reference
from service.store.views import Sight

BLOCK = 50  # archived documents end at multiples of this number, so that their addresses do not move
LEAST = 20  # changes that every document of an archive has, as far as there are so many
Filters = tuple[tuple[str, str], ...]  # what was asked besides the place in the feed, as the address says it


class Documents:
    """Reads and renders. What is kept belongs to one connection of the listener: after a gap all is read again."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, naming: Naming, line: Line) -> None:
        self.naming = naming
        self._engine = engine
        self._catalogue = catalogue
        self._line = line
        self._kept = KeptBytes()
        self._under_way: Once[bytes] = Once()
        self._changed: tuple[object, datetime | None] = (None, None)

    async def changed_at(self, head: int) -> datetime | None:
        """When the change with the newest number happened; asked of the database once for each head."""
        key = (self._line.times, head)
        if self._changed[0] != key:
            async with self._engine.connect() as connection:
                self._changed = (key, await bulletins.changed_at(connection, head))
        return self._changed[1]

    async def get(self, tag: str, make: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """What was made under this tag, or what is made now."""
        key = (self._line.times, tag)
        kept = self._kept.get(key)
        if kept is None:
            kept = await self._under_way.do(key, make)
            self._kept.put(key, kept)
        return kept

    async def read(self, question: BulletinQuestion, sight: Sight, reference: Reference) -> list[Bulletin]:
        async with self._engine.connect() as connection:
            rows = await bulletins.told(connection, question, sight)
        return [bulletin_of(row, self._catalogue, reference) for row in rows]

    async def atom(self, question: BulletinQuestion, sight: Sight, reference: Reference, filters: Filters) -> bytes:
        """One document of the archive: so many changes, down to the end of a block."""
        found = await self.read(question, sight, reference)
        floor = 0 if len(found) < question.limit else (found[LEAST - 1].seq - 1) // BLOCK * BLOCK
        shown = [bulletin for bulletin in found if bulletin.seq > floor]
        path, here = "/v1/warnings.atom", (("before", question.before),) if question.before else ()
        at = atom.Document(
            feed=f"?{urlencode(filters)}" if filters else "",
            self_link=self.address(path, *filters, *here),
            current=self.address(path, *filters),
            previous=self.address(path, *filters, ("before", floor + 1)) if floor else None,
            archived=question.before is not None,
        )
        return atom.document(shown, at, self.naming)

    async def json(self, question: BulletinQuestion, sight: Sight, reference: Reference, filters: Filters) -> bytes:
        found = await self.read(question, sight, reference)
        path, asked = "/v1/warnings.json", (*filters, ("limit", question.limit))
        here = (("before", question.before),) if question.before else ()
        older = self.address(path, *asked, ("before", found[-1].seq)) if len(found) == question.limit else None
        return json_feed.document(found, self.address(path, *asked, *here), older, self.naming)

    async def events(self, question: BulletinQuestion, sight: Sight, reference: Reference) -> bytes:
        return cloud_events.batch(await self.read(question, sight, reference), self.naming)

    def address(self, path: str, *asked: tuple[str, object]) -> str:
        return self.naming.base + path + (f"?{urlencode(asked)}" if asked else "")


def bulletin_of(row: Row, catalogue: Catalogue, reference: Reference) -> Bulletin:
    """A row of the events as the formats are written from it."""
    shown = warning_out({**row["body"], "seq": row["seq"]}, catalogue, reference)
    first_level = catalogue.first_level(shown.category) if shown.category in catalogue.categories else shown.category
    said = {name: getattr(shown, name) for name in _AS_SHOWN}
    return Bulletin(
        **said,
        kind=row["type"],
        at=row["at"],
        note=row["note"],
        first_level=first_level,
        outcome=shown.outcome.value if shown.outcome else None,
        reasons=tuple(reason.text for reason in shown.reasons),
        measures=tuple(shown.measures),
    )


_AS_SHOWN = (
    "id", "seq", "revision", "level", "issued_level", "state", "unverified", "area", "area_name", "category",
    "category_name", "headline", "opened_at", "issued_at", "resolved_at", "statutory_report_required", "confirmed_by",
)  # fmt: skip
