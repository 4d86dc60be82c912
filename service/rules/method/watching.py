"""What happened, held against what was predicted. Pure: the same matters and factors give the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from service.rules.method.watch_table import WatchTable


class Shown(StrEnum):
    """Whether a predicted factor showed up; NOT_WATCHABLE: no report can show it, somebody has to look."""

    SHOWED_UP = "showed_up"
    DID_NOT = "did_not"
    NOT_WATCHABLE = "not_watchable"


@dataclass(frozen=True, slots=True)
class Predicted:
    """A factor of the assessment."""

    factor_id: str
    category: str
    name: str


@dataclass(frozen=True, slots=True)
class TiedMatter:
    """A matter tied to a project; `days` holds how many reports each local day brought."""

    id: UUID
    category: str
    signals: frozenset[str]
    level: str | None
    days: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class DayCount:
    """Reports of one local day."""

    day: date
    reports: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How much happened: matters, their reports, matters by level, reports by day."""

    matters: int
    reports: int
    levels: dict[str, int]
    days: tuple[DayCount, ...]


@dataclass(frozen=True, slots=True)
class FactorWatch:
    """One predicted factor with what shows it."""

    factor_id: str
    category: str
    name: str
    answer: Shown
    counts: Counts


@dataclass(frozen=True, slots=True)
class Unforeseen:
    """Matters of one category that no predicted factor explains."""

    category: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watch saw; `counts` is everything tied to the project."""

    factors: tuple[FactorWatch, ...]
    unforeseen: tuple[Unforeseen, ...]
    counts: Counts

    def named(self, answer: Shown) -> list[str]:
        """The factors with that answer."""
        return [factor.factor_id for factor in self.factors if factor.answer is answer]


def watch(table: WatchTable, predicted: Sequence[Predicted], matters: Sequence[TiedMatter]) -> Watched:
    """Hold the matters tied to a project against the factors that were predicted."""
    showing = {factor.factor_id: _showing(table, factor, matters) for factor in predicted}
    explained = {matter.id for found in showing.values() for matter in found}
    rest = [matter for matter in matters if matter.id not in explained]
    return Watched(
        factors=tuple(_factor(table, factor, showing[factor.factor_id]) for factor in predicted),
        unforeseen=tuple(
            Unforeseen(category, counted([matter for matter in rest if matter.category == category]))
            for category in sorted({matter.category for matter in rest})
        ),
        counts=counted(matters),
    )


def counted(matters: Collection[TiedMatter]) -> Counts:
    days: Counter[date] = Counter()
    for matter in matters:
        days.update(matter.days)
    levels = Counter(matter.level for matter in matters if matter.level is not None)
    return Counts(len(matters), days.total(), dict(sorted(levels.items())), _by_day(days.items()))


def _by_day(days: Iterable[tuple[date, int]]) -> tuple[DayCount, ...]:
    return tuple(DayCount(day, reports) for day, reports in sorted(days))


def _showing(table: WatchTable, factor: Predicted, matters: Sequence[TiedMatter]) -> list[TiedMatter]:
    lines = table.shown_by(factor.factor_id, factor.category)
    return [matter for matter in matters if any(line.fits(matter.category, matter.signals) for line in lines)]


def _factor(table: WatchTable, factor: Predicted, found: list[TiedMatter]) -> FactorWatch:
    watchable = bool(table.shown_by(factor.factor_id, factor.category))
    answer = Shown.SHOWED_UP if found else Shown.DID_NOT if watchable else Shown.NOT_WATCHABLE
    return FactorWatch(factor.factor_id, factor.category, factor.name, answer, counted(found))
