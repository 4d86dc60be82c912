"""Pages of the feed as bytes: each revision of a warning is rendered once, each page once for all who may have it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api.shapes import WarningOut, warning_out
from service.domain.catalogue import Catalogue
from service.store import feed
from service.store.engine import Row
from service.store.listener import Line
from service.store.newest import Latest
from service.store.once import Once
from service.store.reference import Reference
from service.store.views import Sight

KEPT_BYTES = 8_000_000  # of pages, and as much of single warnings: some 80 pages and 4,000 warnings
_WARNING = TypeAdapter(WarningOut)


class KeptBytes:
    """Bytes by key, at most so many of them; what was not asked for the longest leaves first."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self.size = 0

    def get(self, key: Hashable) -> bytes | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, value: bytes) -> None:
        """Keep a value; one that is larger than all may be together is not kept."""
        self.size += len(value) - len(self._kept.pop(key, b""))
        self._kept[key] = value
        while self.size > self._most:
            _, gone = self._kept.popitem(last=False)
            self.size -= len(gone)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of one sight at one state of the feed. `tag` names all three: equal tags, equal answers."""

    question: feed.FeedQuestion
    sight: Sight
    latest: Latest
    tag: str


class Pages:
    """Renders pages. What is kept belongs to one connection of the listener: after a gap all is read again."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, line: Line) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._line = line
        self._pages = KeptBytes()
        self._warnings = KeptBytes()
        self._under_way: Once[bytes] = Once()

    async def page(self, asked: Asked) -> bytes:
        """A WarningPage as JSON."""
        key = (self._line.times, asked.tag)
        kept = self._pages.get(key)
        if kept is None:
            kept = await self._under_way.do(key, lambda: self._read(asked))
            self._pages.put(key, kept)
        return kept

    async def _read(self, asked: Asked) -> bytes:
        """The database says which warnings are in sight, always; only what it must say of them depends on us."""
        question, reference = asked.question, asked.latest.reference
        async with self._engine.connect() as connection:
            numbers = await feed.numbers_after(connection, question, asked.sight)
            shown = {number: self._warnings.get(self._key(number, reference)) for number in numbers}
            missing = [number for number, found in shown.items() if found is None]
            rows = await feed.warnings_numbered(connection, missing, asked.sight) if missing else []
        for row in rows:
            shown[row["seq"]] = self._rendered(row, reference)
        following = numbers[-1] if numbers else question.after
        return page_of([one for one in shown.values() if one], following, len(numbers) == question.limit)

    def _rendered(self, row: Row, reference: Reference) -> bytes:
        rendered = _WARNING.dump_json(warning_out(row, self._catalogue, reference))
        self._warnings.put(self._key(row["seq"], reference), rendered)
        return rendered

    def _key(self, number: int, reference: Reference) -> Hashable:
        return self._line.times, reference.version, number


def page_of(items: Sequence[bytes], following: int, more: bool) -> bytes:
    """A WarningPage put together from rendered warnings."""
    return b'{"items":[%s],"next":%d,"more":%s}' % (b",".join(items), following, b"true" if more else b"false")
