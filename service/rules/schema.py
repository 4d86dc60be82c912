"""The shape of a rulebook file. What needs the fact vocabulary is checked in `conditions` and `checking`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from service.rules.validation import Part

Text = Annotated[str, StringConstraints(min_length=1)]
Prefix = Annotated[str, StringConstraints(pattern=r"^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})$")]
LevelWord = Literal["blue", "yellow", "orange", "red"]
Expectation = Literal["hit", "clear", "not_evaluated"]
NATIONAL = "national"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_prefixes(value: Any) -> Any:
    """`national` stands for no restriction at all."""
    if value == NATIONAL:
        return []
    if value == [] or (isinstance(value, str) and not value.isdigit()):
        raise ValueError(f"‘region’ 要写 {NATIONAL} 或区划代码前缀列表，得到 ‘{value}’")
    return _as_list(value)


Region = Annotated[list[Prefix], BeforeValidator(_as_prefixes)]


class SpanPart(Part):
    """From which day to which day, both included; a missing end is open."""

    from_: date | None = Field(default=None, alias="from")
    to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> SpanPart:
        if not self.is_ordered(self.from_, self.to):
            raise ValueError(f"失效日期 {self.to} 早于生效日期 {self.from_}")
        return self

    @staticmethod
    def is_ordered(first: date | None, last: date | None) -> bool:
        return first is None or last is None or first <= last

    def covers(self, on: date) -> bool:
        return (self.from_ is None or self.from_ <= on) and (self.to is None or on <= self.to)


def span_text(spans: Sequence[SpanPart]) -> str:
    """The days that all spans cover, in Chinese."""
    first = max((span.from_ for span in spans if span.from_), default=None)
    last = min((span.to for span in spans if span.to), default=None)
    if first is None and last is None:
        return "一直有效"
    return f"{first or '一直'} 起" + (f"至 {last}" if last else "")


class BasisPart(Part):
    """A law with its article, or a published source. `unverified`: no text of it could be read."""

    law: Text | None = None
    article: Text | None = None
    source: Text | None = None
    unverified: bool = False

    @model_validator(mode="after")
    def _law_or_source(self) -> BasisPart:
        if (self.law is None) != (self.article is None) or (self.law is None) == (self.source is None):
            raise ValueError("依据要写 law 和 article，或者只写 source")
        return self

    @property
    def text(self) -> str:
        words = f"《{self.law}》{self.article}" if self.law else str(self.source)
        return f"{words}（未核实）" if self.unverified else words


class ThenPart(Part):
    """What a hit says. `level_floor` None: the rule only advises or asks for the upward report.

    `dimension` and `score` (risk points on it) are for rulebooks about projects; judging matters does not read them.
    """

    level_floor: LevelWord | None = None
    advice: Annotated[list[Text], BeforeValidator(_as_list)] = Field(min_length=1)
    statutory_report: bool = False
    life_danger: bool = False
    dimension: Text | None = None
    score: float | None = Field(default=None, ge=0)


class ExamplePart(Part):
    """A rule's own test: these facts and no others, and the answer they must get."""

    given: dict[str, Any]
    expect: Expectation


class RulePart(Part):
    """One rule as it is written."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*-\d{2,5}$")]
    name: Text
    basis: list[BasisPart] = Field(min_length=1)
    effective: SpanPart | None = None
    region: Region = Field(default_factory=list)
    when: dict[str, Any]
    then: ThenPart
    note: Text | None = None
    tests: list[ExamplePart] = Field(min_length=1)


class RulesetPart(Part):
    """The head of a file; each rule is read apart so that one bad rule does not hide the faults of the next."""

    ruleset: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str = ""
    version: Text
    facts: Text | None = None  # the vocabulary the rules ask; checked when given
    source: Text | None = None
    effective: SpanPart = SpanPart()
    rules: list[Any] = Field(min_length=1)


RULE_INSIDE: dict[str, type[BaseModel]] = {
    "effective": SpanPart,
    "basis": BasisPart,
    "then": ThenPart,
    "tests": ExamplePart,
}
