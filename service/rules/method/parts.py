"""The shape of the tables in the methods file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from service.rules.schema import Text
from service.rules.validation import Part

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]
Share = Annotated[float, Field(ge=0, le=1)]
GradeWord = Literal["low", "middle", "high"]
RiskWord = Literal["major", "large", "ordinary", "small"]
CriterionWord = Literal["legality", "reasonableness", "feasibility", "controllability"]
AdviceWord = Literal["proceed", "partly", "postpone", "rework", "refuse"]
MOST_BANDS = 9  # the search for the cheapest measures writes a band as four bits


class SourcedPart(Part):
    """Numbers with their source."""

    source: Text
    unverified: bool


class TablePart(SourcedPart):
    """A table that presets name."""

    name: Name


class CutPart(Part):
    """Where something begins: `from` (included) or `above` (not)."""

    from_: float | None = Field(default=None, alias="from")
    above: float | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> CutPart:
        if (self.from_ is None) == (self.above is None):
            raise ValueError("分界要写 from（含）或 above（不含），只写一个")
        return self


class BandPart(Part):
    """One step of a scale."""

    code: Code
    name: Text
    low: Share
    high: Share
    mid: Share

    @model_validator(mode="after")
    def _in_order(self) -> BandPart:
        if not self.low <= self.mid <= self.high:
            raise ValueError(f"代表值 {self.mid:g} 不在 {self.low:g} 与 {self.high:g} 之间")
        return self


class ScalePart(TablePart):
    """The steps of p or q, the lowest first."""

    bands: list[BandPart] = Field(min_length=2, max_length=MOST_BANDS)

    @model_validator(mode="after")
    def _rising_to_one(self) -> ScalePart:
        borders = [border for band in self.bands for border in (band.low, band.high)]
        if borders != sorted(borders) or borders[0] != 0 or borders[-1] != 1:
            raise ValueError(f"‘{self.name}’ 的各档要从 0 起逐档升高到 1")
        return self


class ClassCutPart(CutPart):
    """Where a class of R begins."""

    risk: RiskWord


class ClassesPart(TablePart):
    """All four cuts of R, the highest first."""

    cuts: list[ClassCutPart] = Field(min_length=4, max_length=4)

    @model_validator(mode="after")
    def _falling(self) -> ClassesPart:
        if [cut.risk for cut in self.cuts] != ["major", "large", "ordinary", "small"]:
            raise ValueError("单因素等级要依次写 major、large、ordinary、small")
        values = [_value(cut) for cut in self.cuts]
        if values != sorted(values, reverse=True):
            raise ValueError("单因素等级的分界要逐级降低")
        return self


class CountRulePart(Part):
    """So many factors of a class make at least a grade."""

    grade: GradeWord
    risk: RiskWord
    least: int = Field(ge=1)
    note: Text | None = None


class CountsPart(TablePart):
    """The count rules of one source."""

    rules: list[CountRulePart] = Field(min_length=1)


class _RisingPart(TablePart):
    high: CutPart
    middle: CutPart

    @model_validator(mode="after")
    def _in_order(self) -> _RisingPart:
        if _value(self.middle) > _value(self.high):
            raise ValueError(f"‘{self.name}’ 的中档分界高于高档分界")
        return self


class GradeCutsPart(_RisingPart):
    """Cuts of the index, of participants, of points."""


class NamedPart(Part):
    """A possible event or a direct indicator."""

    code: Code
    name: Text
    grade: GradeWord


class EventsPart(TablePart):
    """The possible events of one source."""

    kinds: list[NamedPart] = Field(min_length=1)


class OppositionPart(_RisingPart):
    """Shares of opposition and the direct indicators beside them."""

    indicators: list[NamedPart] = Field(default_factory=list)


class OutcomePart(Part):
    """What one grade means."""

    advice: AdviceWord
    text: Text


class DecisionPart(TablePart):
    """What each grade means."""

    high: OutcomePart
    middle: OutcomePart
    low: OutcomePart


class NumberPart(SourcedPart):
    """One number with its source."""

    value: float = Field(ge=0)


class DoubtsPart(Part):
    """From when on a survey is doubted."""

    name: Name
    many: NumberPart
    identical: NumberPart
    coverage: NumberPart


class AhpPart(SourcedPart):
    """RI by n from 1, the largest CR and the largest ratio of a comparison."""

    most_inconsistent: Share
    random_index: list[float] = Field(min_length=3)
    largest_ratio: float = Field(ge=1)


class MissingPart(SourcedPart):
    """The grade an unanswered column counts as at least."""

    floor: GradeWord


class ItemPart(Part):
    """One factor of the checklist."""

    id: Code
    name: Text
    criterion: CriterionWord | None = None


class CategoryPart(Part):
    """One of the eight categories."""

    id: Name
    name: Text
    weight: float = Field(gt=0)
    criterion: CriterionWord
    items: list[ItemPart] = Field(min_length=1)


class IntensityPart(Part):
    """How strongly people oppose, as a weight."""

    code: Code
    name: Text
    weight: Share


class HundredItemPart(Part):
    """One row of the 100-point table."""

    id: Code
    criterion: CriterionWord
    name: Text
    most: float = Field(gt=0)
    options: dict[str, float] = Field(default_factory=dict)
    opinion: bool = False

    @model_validator(mode="after")
    def _points_within(self) -> HundredItemPart:
        if self.opinion == bool(self.options):
            raise ValueError(f"‘{self.id}’ 要写 options，或者写 opinion: true，只写一个")
        if any(not 0 <= points <= self.most for points in self.options.values()):
            raise ValueError(f"‘{self.id}’ 的得分要在 0 与满分 {self.most:g} 之间")
        return self


class HundredPart(TablePart):
    """A 100-point table."""

    cuts: Name
    dimensions: dict[CriterionWord, float]
    intensities: list[IntensityPart] = Field(min_length=1)
    notes: list[Text]
    items: list[HundredItemPart] = Field(min_length=1)

    @model_validator(mode="after")
    def _dimensions_are_sums(self) -> HundredPart:
        for criterion, told in self.dimensions.items():
            summed = sum(item.most for item in self.items if item.criterion == criterion)
            if summed != told:
                raise ValueError(f"‘{criterion}’ 各项满分合计 {summed:g}，不是 {told:g}")
        return self


def _value(cut: CutPart) -> float:
    return cut.above if cut.above is not None else cut.from_ or 0
