"""One method as plain values: its scales, cuts and tables, each with its source and whether that could be verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from service.domain.assessing import Advice, Criterion, Grade, RiskClass
from service.domain.projects import ProjectKind


class MethodError(ValueError):
    """What was given cannot be used. `where` names the part of `Given`; the text (Chinese) says what to do."""

    def __init__(self, where: str, text: str) -> None:
        self.where = where
        super().__init__(f"{where}：{text}")


def worst(grades: Iterable[Grade]) -> Grade:
    """The highest of some grades; 低 of none."""
    return max(grades, key=lambda grade: grade.rank, default=Grade.LOW)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where numbers come from. `unverified`: no text of it could be read, or it is our own choice."""

    source: str
    unverified: bool


@dataclass(frozen=True, slots=True)
class Number:
    """One number with its source."""

    value: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Cut:
    """A border; `inclusive`: the number itself has reached it."""

    value: float
    inclusive: bool

    def reached(self, number: float) -> bool:
        return number >= self.value if self.inclusive else number > self.value


@dataclass(frozen=True, slots=True)
class Band:
    """One step of a scale, 0–1."""

    code: str
    name: str
    low: float
    high: float
    mid: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The steps of p or q, the lowest first. A number between two published ranges belongs to the higher one."""

    bands: tuple[Band, ...]
    origin: Origin

    def value(self, given: str | float, where: str) -> float:
        """The number itself, or the middle of the band of that code or name. Raises MethodError."""
        if isinstance(given, str):
            for band in self.bands:
                if given in (band.code, band.name):
                    return band.mid
            known = "、".join(f"{band.code} {band.name}" for band in self.bands)
            raise MethodError(where, f"没有 ‘{given}’ 这一档，可用 {known}")
        if isinstance(given, bool) or not 0 <= given <= 1:
            raise MethodError(where, f"要在 0 与 1 之间，得到 {given}")
        return float(given)

    def level(self, value: float) -> int:
        """The place of a number's band, 0 the lowest."""
        return next(place for place, band in enumerate(self.bands) if value <= band.high)

    def moved(self, value: float, steps: int) -> float:
        """The middle of the band so many steps away; the number itself where the scale ends or for no step."""
        here = self.level(value)
        there = min(max(here + steps, 0), len(self.bands) - 1)
        return value if there == here else self.bands[there].mid


@dataclass(frozen=True, slots=True)
class ClassCuts:
    """The class of R = p × q; the highest class first, 微小 below the last."""

    cuts: tuple[tuple[RiskClass, Cut], ...]
    origin: Origin

    def risk(self, r: float) -> RiskClass:
        return next((risk for risk, cut in self.cuts if cut.reached(r)), RiskClass.TINY)


@dataclass(frozen=True, slots=True)
class CountRule:
    """So many factors of one class or above make at least a grade."""

    grade: Grade
    risk: RiskClass
    least: int
    note: str | None


@dataclass(frozen=True, slots=True)
class CountRules:
    """All of them; 低 when none is met.

    A class counts with those above it. Taken by the letter (one 重大 and four 较大 are 中, five 较大 are 高), the
    table would punish whoever makes a factor smaller.
    """

    rules: tuple[CountRule, ...]
    origin: Origin

    def grade(self, counts: Mapping[RiskClass, int]) -> Grade:
        return worst(rule.grade for rule in self.met(counts))

    def met(self, counts: Mapping[RiskClass, int]) -> tuple[CountRule, ...]:
        above = dict(zip(RiskClass, accumulate(counts.get(risk, 0) for risk in RiskClass), strict=True))
        return tuple(rule for rule in self.rules if above[rule.risk] >= rule.least)


@dataclass(frozen=True, slots=True)
class GradeCuts:
    """Where 高 and 中 begin."""

    high: Cut
    middle: Cut
    origin: Origin

    def grade(self, number: float) -> Grade:
        if self.high.reached(number):
            return Grade.HIGH
        return Grade.MIDDLE if self.middle.reached(number) else Grade.LOW


@dataclass(frozen=True, slots=True)
class Named:
    """A possible event or a direct indicator (一票否决), and the grade it fixes at least."""

    code: str
    name: str
    grade: Grade


@dataclass(frozen=True, slots=True)
class NamedTable:
    """All events or indicators of one source."""

    kinds: tuple[Named, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a grade means for the decision."""

    advice: Advice
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What each grade means for the decision."""

    outcomes: Mapping[Grade, Outcome]
    origin: Origin


@dataclass(frozen=True, slots=True)
class DoubtCuts:
    """From when on a survey is doubted: `many` answers, a share `identical`, a share answered below `coverage`."""

    many: Number
    identical: Number
    coverage: Number


@dataclass(frozen=True, slots=True)
class AhpTable:
    """`random_index[n-1]` is RI of n; `most` the largest CR; `largest_ratio` the end of the scale of comparisons."""

    random_index: tuple[float, ...]
    most: float
    largest_ratio: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Item:
    """One factor of the checklist and the test (四性) it speaks to."""

    item_id: str
    name: str
    criterion: Criterion


@dataclass(frozen=True, slots=True)
class Category:
    """One of the eight categories; weights are shares of the eight, which need not sum to 1."""

    category_id: str
    name: str
    weight: float
    criterion: Criterion
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """The eight categories. `origin` is that of the items, `weights` that of the weights."""

    categories: tuple[Category, ...]
    origin: Origin
    weights: Origin

    def category(self, category_id: str) -> Category | None:
        return next((each for each in self.categories if each.category_id == category_id), None)

    def criterion(self, factor_id: str, category_id: str) -> Criterion | None:
        """The item's own test, or that of its category for a factor which is not in the list."""
        category = self.category(category_id)
        if category is None:
            return None
        return next((item.criterion for item in category.items if item.item_id == factor_id), category.criterion)


@dataclass(frozen=True, slots=True)
class HundredItem:
    """One row of the 100-point table; `opinion`: its points come from shares and intensities, not from an option."""

    item_id: str
    criterion: Criterion
    name: str
    most: float
    options: Mapping[str, float]
    opinion: bool


@dataclass(frozen=True, slots=True)
class HundredTable:
    """Points of risk per item, summed and brought to 100, with what is inconsistent in the source as notes."""

    items: tuple[HundredItem, ...]
    intensities: Mapping[str, float]
    cuts: GradeCuts
    notes: tuple[str, ...]
    origin: Origin

    @property
    def most(self) -> float:
        return sum(item.most for item in self.items)


@dataclass(frozen=True, slots=True)
class MethodPreset:
    """One method in force: which columns it asks for and the tables that answer them. `last` is included."""

    name: str
    title: str
    regions: tuple[str, ...]  # prefixes of the division code; '' is the whole country
    kinds: frozenset[ProjectKind]  # empty: every kind
    by_name_only: bool
    first: date
    last: date
    columns: tuple[str, ...]
    probability: Scale
    impact: Scale
    classes: ClassCuts
    counts: CountRules
    index: GradeCuts
    participants: GradeCuts
    events: NamedTable
    opposition: GradeCuts
    indicators: NamedTable
    decision: Decision
    doubts: DoubtCuts
    ahp: AhpTable
    missing: Grade
    missing_origin: Origin
    checklist: Checklist
    hundred: HundredTable | None
    version: str
    sha256: str
