"""Thresholds as data: by name, region and day, each with its source and whether it could be verified."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints

from service.rules.plain_yaml import Path as At
from service.rules.positions import Document, LoadFailure, hint, read_source
from service.rules.schema import Region, SpanPart, Text
from service.rules.validation import Part, validated

T = TypeVar("T")
THRESHOLDS_FILE = Path(__file__).with_name("thresholds.yaml")
MOST_KNOWN = 20_000  # answers remembered; some 200 bytes each
_ALWAYS = (date.min, date.max)


class ThresholdError(LookupError):
    """A threshold that is not there: the name is unknown, or nothing is in force in that area on that day."""

    def __str__(self) -> str:
        return str(self.args[0])


class ThresholdFileError(LoadFailure):
    """A thresholds file that cannot be used; `errors` holds every fault with its position."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of one threshold: where ('' is the whole country), from when to when (both included), and why."""

    value: float
    region: str
    first: date
    last: date
    source: str
    unverified: bool

    def covers(self, area: str, on: date) -> bool:
        return area.startswith(self.region) and self.first <= on <= self.last


@dataclass(frozen=True, slots=True)
class Threshold:
    """`unit` and `meaning` are Chinese; entries stand with the most specific region first, then the latest day."""

    name: str
    meaning: str
    unit: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """All thresholds of one file; `sha256` is that of its canonical form."""

    name: str
    version: str
    sha256: str
    by_name: dict[str, Threshold]
    _known: dict[tuple[str, str, date], Entry] = field(default_factory=dict, compare=False, repr=False)
    _made: dict[tuple[Any, str, date], Any] = field(default_factory=dict, compare=False, repr=False)

    def value(self, name: str, area: str, on: date) -> float:
        """The number in force in an area (12 digits) on a day, in the threshold's unit. Raises ThresholdError."""
        return self.entry(name, area, on).value

    def entry(self, name: str, area: str, on: date) -> Entry:
        """The same with its region, days and source. Looked up once: every report asks for ten."""
        key = (name, area, on)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = self._find(name, area, on)
        return known

    def made(self, make: Callable[[Thresholds, str, date], T], area: str, on: date) -> T:
        """`make(self, area, on)`, kept: what a judge or a policy needs in one area on one day are many numbers."""
        key = (make, area, on)
        if key not in self._made:
            if len(self._made) >= MOST_KNOWN:
                self._made.clear()
            self._made[key] = make(self, area, on)
        found: T = self._made[key]
        return found

    def _find(self, name: str, area: str, on: date) -> Entry:
        threshold = self.by_name.get(name)
        if threshold is None:
            raise ThresholdError(f"没有名为 ‘{name}’ 的阈值{hint(name, self.by_name)}")
        for entry in threshold.entries:
            if entry.covers(area, on):
                return entry
        raise ThresholdError(f"阈值 ‘{name}’ 在 {area} 于 {on} 没有生效的值")


class _EntryPart(Part):
    value: float
    region: Region = Field(default_factory=list)
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None
    source: Text
    unverified: bool = False


class _ValuePart(Part):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
    meaning: Text
    unit: Text
    minimum: float | None = None
    maximum: float | None = None
    entries: list[_EntryPart] = Field(min_length=1)


class _ThresholdsPart(Part):
    thresholds: Text
    version: Text
    values: list[_ValuePart] = Field(min_length=1)


def load_thresholds(source: Path | str | bytes = THRESHOLDS_FILE, name: str | None = None) -> Thresholds:
    """Read and check a thresholds file: a Path is a file, a str or bytes its text. Raises ThresholdFileError."""
    document = read_source(source, name)
    part = None
    if not document.errors:
        part = validated(_ThresholdsPart, document, (), {"values": _ValuePart, "entries": _EntryPart})
    by_name = _by_name(part.values, document) if part else {}
    if part is None or document.errors:
        raise ThresholdFileError(document.errors)
    canonical = json.dumps(document.data, ensure_ascii=False, sort_keys=True, default=str)
    return Thresholds(part.thresholds, part.version, hashlib.sha256(canonical.encode()).hexdigest(), by_name)


def _by_name(parts: Iterable[_ValuePart], document: Document) -> dict[str, Threshold]:
    found: dict[str, Threshold] = {}
    for place, part in enumerate(parts):
        here: At = ("values", place)
        if part.name in found:
            document.fault((*here, "name"), f"阈值 ‘{part.name}’ 重复")
        for number, entry in enumerate(part.entries):
            _check_entry(part, entry, document, (*here, "entries", number))
        entries = [each for entry in part.entries for each in _entries(entry)]
        _check_overlap(part.entries, document, (*here, "entries"))
        ordered = sorted(entries, key=lambda entry: (len(entry.region), entry.first), reverse=True)
        found[part.name] = Threshold(part.name, part.meaning, part.unit, tuple(ordered))
    return found


def _entries(part: _EntryPart) -> list[Entry]:
    first, last = part.from_ or _ALWAYS[0], part.to or _ALWAYS[1]
    return [
        Entry(_number(part.value), region, first, last, part.source, part.unverified) for region in part.region or [""]
    ]


def _number(value: float) -> float:
    """Whole numbers as int, so that 5 people do not print as 5.0."""
    return int(value) if float(value).is_integer() else value


def _check_entry(part: _ValuePart, entry: _EntryPart, document: Document, here: At) -> None:
    if part.minimum is not None and entry.value < part.minimum:
        document.fault((*here, "value"), f"‘{part.name}’ 不能小于 {part.minimum:g}，得到 {entry.value:g}")
    if part.maximum is not None and entry.value > part.maximum:
        document.fault((*here, "value"), f"‘{part.name}’ 不能大于 {part.maximum:g}，得到 {entry.value:g}")
    if not SpanPart.is_ordered(entry.from_, entry.to):
        document.fault((*here, "to"), f"失效日期 {entry.to} 早于生效日期 {entry.from_}")


def _check_overlap(parts: list[_EntryPart], document: Document, here: At) -> None:
    """Two values of one region that start on the same day: which is meant cannot be known."""
    seen: set[tuple[str, date]] = set()
    for place, part in enumerate(parts):
        keys = {(entry.region, entry.first) for entry in _entries(part)}
        for region, _ in sorted(keys & seen):
            document.fault((*here, place), f"{region or '全国'} 有两个同日生效的值")
        seen |= keys
