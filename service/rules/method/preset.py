"""One method as plain values: its scales, cuts and tables, each with its source and whether that could be verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from service.domain.assessing import Advice, Criterion, Grade
from service.domain.projects import ProjectKind
from service.rules.method.cuts import ClassCuts, CountRules, GradeCuts, Number, Origin, Scale


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
