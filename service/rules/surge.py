"""集中爆发: many new matters at once in one place, or of one kind in one county. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from service.domain.areas import county_of
from service.domain.levels import Level, highest
from service.rules.together import place_of

MOST_LISTED = 30  # matters named in one warning; the rest are counted


@dataclass(frozen=True, slots=True)
class SurgeLimits:
    """How many are many, for one area and day. `place_matters` within one place of `area_digits`, `kind_matters` of
    one first-level category within one county, opened within `window_hours`."""

    window_hours: float
    area_digits: int
    place_matters: int
    kind_matters: int


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An open matter that was opened, and happened, within the window."""

    id: str
    area: str
    category: str
    first_level: str
    level: Level
    is_small: bool = False  # of a few people: counted, not named


@dataclass(frozen=True, slots=True)
class Surge:
    """Many matters at once. `key` names it; `first_level` None: of whatever kind, in one place."""

    place: str
    first_level: str | None
    matters: tuple[Newcomer, ...]

    @property
    def key(self) -> str:
        return f"{self.place}/surge" + (f"/{self.first_level}" if self.first_level else "")

    @property
    def members(self) -> frozenset[str]:
        return frozenset(f"matter/{one.id}" for one in self.matters)

    @property
    def category(self) -> str:
        """The first-level category of most of them; of two alike the first by code."""
        counts = Counter(one.first_level for one in self.matters)
        return min(counts, key=lambda code: (-counts[code], code))


def surges(newcomers: Iterable[Newcomer], limits: Callable[[str], SurgeLimits]) -> list[Surge]:
    """Every place and every kind in a county with too many newcomers, in the order of their keys.

    A kind all of whose newcomers are at one place that surges is not told twice.
    """
    places: dict[str, list[Newcomer]] = defaultdict(list)
    kinds: dict[tuple[str, str], list[Newcomer]] = defaultdict(list)
    for one in sorted(newcomers, key=lambda one: (-one.level.rank, one.id)):
        places[place_of(one.area, limits(one.area).area_digits)].append(one)
        kinds[county_of(one.area).ljust(len(one.area), "0"), one.first_level].append(one)
    found = [Surge(place, None, tuple(there)) for place, there in places.items() if _is_many(there, place, limits)]
    covered = [surge.members for surge in found]
    for (county, first_level), of_kind in kinds.items():
        surge = Surge(county, first_level, tuple(of_kind))
        if len(of_kind) >= limits(county).kind_matters and not any(surge.members <= members for members in covered):
            found.append(surge)
    return sorted(found, key=lambda surge: surge.key)


def listed(surge: Surge, category_name: Callable[[str], str], area_name: Callable[[str], str]) -> Sequence[str]:
    """The matters in words, the gravest first, without anything of their texts; the rest counted."""
    named = [one for one in surge.matters if not one.is_small]
    lines = [
        f"{category_name(one.category)}（{one.level.zh}），{area_name(one.area)}，事项 {one.id}"
        for one in named[:MOST_LISTED]
    ]
    more = len(surge.matters) - len(lines)
    return [*lines, *([f"另有 {more} 件，只计数"] if more else [])]


def gravest(surge: Surge) -> Level:
    return highest(*(one.level for one in surge.matters)) or Level.BLUE


def _is_many(there: Sequence[Newcomer], place: str, limits: Callable[[str], SurgeLimits]) -> bool:
    return len(there) >= limits(place).place_matters
