"""The shape of the files of a law book: its index, its fact dictionaries, its rules."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from service.domain.projects import ProjectKind
from service.rules.schema import BasisPart, ExamplePart, Region, SpanPart, Text
from service.rules.validation import Part
from service.rules.vocabulary import FactPart

ALL = "all"
EXAMPLE_DAY = date(2026, 7, 1)
"""The day on which a rule's own test asks unless it says another."""

KindWord = Literal[
    "land_expropriation",
    "house_expropriation",
    "construction",
    "introduction",
    "restructuring",
    "asset_disposal",
    "village_election",
    "community_election",
    "policy",
]
SeverityWord = Literal["block", "warn", "clock", "info"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Fraction = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,3}/[1-9]\d{0,3}$")]
Pair = Annotated[list[Name], Field(min_length=2, max_length=2)]


Length = Annotated[int, Field(ge=-1000, le=1000)]


def _as_kinds(value: Any) -> Any:
    return [kind.value for kind in ProjectKind] if value == ALL else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Kinds = Annotated[list[KindWord], BeforeValidator(_as_kinds), Field(min_length=1)]


class IndexPart(Part):
    """The one file that names the others, relative to its own folder, in the order in which they are read."""

    lawbook: Name
    title: Text
    version: Text
    facts: list[Text] = Field(min_length=1)
    rules: list[Text] = Field(min_length=1)


class LawFactPart(FactPart):
    """A fact; `kinds` when it is asked of other kinds of projects than the rest of its dictionary."""

    kinds: Kinds | None = None


class PartOfPart(Part):
    """Two counts and the share the first must have of the second, written as a fraction."""

    part: Name
    whole: Name
    share: Fraction


class DerivedPart(Part):
    """A fact made of others: exactly one of the formulas."""

    name: Name
    label: Text
    days: Pair | None = None  # from the first date to the second
    workdays: Pair | None = None  # the same, counting working days
    in_order: Annotated[list[Name], Field(min_length=2)] | None = None  # no date before the one that stands before it
    share: Pair | None = None  # part and whole
    more_than: PartOfPart | None = None
    at_least: PartOfPart | None = None

    @model_validator(mode="after")
    def _one_formula(self) -> DerivedPart:
        given = [name for name in FORMULAS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"推算的事实要写一个算法：{'、'.join(FORMULAS)}")
        return self


FORMULAS = ("days", "workdays", "in_order", "share", "more_than", "at_least")


class DictionaryPart(Part):
    """A fact dictionary. `fixed` gives facts their value for a whole kind: they are then not asked of it."""

    dictionary: Name
    kinds: Kinds
    words: dict[Name, dict[str, Text]] = Field(default_factory=dict)
    facts: list[LawFactPart] = Field(default_factory=list)
    derived: list[DerivedPart] = Field(default_factory=list)
    fixed: dict[KindWord, dict[Name, Any]] = Field(default_factory=dict)


class DuePart(Part):
    """When a clock runs out: so long after a date (before it when negative).

    With `done` the clock is itself a condition: it is hit when that date is later, or still unknown afterwards.
    """

    from_: Name = Field(alias="from")
    days: Length | None = None
    workdays: Length | None = None
    months: Length | None = None
    years: Annotated[int, Field(ge=-100, le=100)] | None = None
    done: Name | None = None

    @model_validator(mode="after")
    def _one_length(self) -> DuePart:
        if sum(length is not None for length in (self.days, self.workdays, self.months, self.years)) != 1:
            raise ValueError("期限要写 days、workdays、months、years 之一")
        return self


class LawExamplePart(ExamplePart):
    """A rule's own test, with the day it asks on and the day the clock must then run out."""

    on: date = EXAMPLE_DAY
    due: date | None = None


class LawRulePart(Part):
    """One check. A hit means that what the law asks is not fulfilled; for `info`, that its hint applies."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z]\d{2}(-[A-Z0-9]+)*$")]
    name: Text
    kinds: Kinds
    severity: SeverityWord
    region: Region = Field(default_factory=list)
    overrides: Annotated[list[Text], BeforeValidator(_as_list)] = Field(default_factory=list)
    effective: SpanPart | None = None
    when: dict[str, Any] | None = None
    due: DuePart | None = None
    basis: list[BasisPart] = Field(min_length=1)
    remedy: Text
    note: Text | None = None
    tests: list[LawExamplePart] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_condition(self) -> LawRulePart:
        if self.when is None and (self.due is None or self.due.done is None):
            raise ValueError("要写 when，或写带 done 的 due")
        return self

    @property
    def row(self) -> str:
        """The number of the check in the table of checks: V07 for V07-J2."""
        return self.id.split("-")[0]


class LawRulesPart(Part):
    """The head of a file of rules. `only_if` is a condition that every rule of the file has besides its own."""

    rulefile: Name
    title: Text
    effective: SpanPart = SpanPart()
    only_if: dict[str, Any] | None = None
    rules: list[Any] = Field(min_length=1)


RULE_INSIDE: dict[str, type[BaseModel]] = {
    "effective": SpanPart,
    "basis": BasisPart,
    "due": DuePart,
    "tests": LawExamplePart,
}
DICTIONARY_INSIDE: dict[str, type[BaseModel]] = {
    "facts": LawFactPart,
    "derived": DerivedPart,
    "more_than": PartOfPart,
    "at_least": PartOfPart,
}
