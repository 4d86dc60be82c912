"""The shape of the methods file: its tables, and the presets that put them together."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.rules.method.parts import (
    AhpPart,
    BandPart,
    CategoryPart,
    ClassesPart,
    CountRulePart,
    CountsPart,
    DecisionPart,
    DoubtsPart,
    EventsPart,
    GradeCutsPart,
    HundredPart,
    IntensityPart,
    ItemPart,
    MissingPart,
    Name,
    NamedPart,
    OppositionPart,
    ScalePart,
)
from service.rules.schema import Region, SpanPart, Text
from service.rules.validation import Part

ColumnWord = Literal["index", "count", "event", "participants", "opposition", "veto", "hundred"]
KindWord = Literal[
    "land_expropriation",
    "house_expropriation",
    "construction",
    "introduction",
    "restructuring",
    "asset_disposal",
    "policy",
]


class PresetPart(Part):
    """Which tables make one method, where and from when on."""

    name: Name
    title: Text
    region: Region
    kinds: list[KindWord] = Field(default_factory=list)
    effective: SpanPart = SpanPart()
    by_name_only: bool = False
    columns: list[ColumnWord] = Field(min_length=1)
    probability: Name = "probability"
    impact: Name = "impact"
    classes: Name = "standard"
    counts: Name = "standard"
    index: Name = "index"
    participants: Name = "participants"
    events: Name = "standard"
    opposition: Name
    decision: Name
    doubts: Name = "standard"
    hundred: Name | None = None


class MethodsPart(Part):
    """The whole file."""

    methods: Text
    version: Text
    scales: list[ScalePart]
    classes: list[ClassesPart]
    counts: list[CountsPart]
    grade_cuts: list[GradeCutsPart]
    events: list[EventsPart]
    oppositions: list[OppositionPart]
    decisions: list[DecisionPart]
    doubts: list[DoubtsPart]
    ahp: AhpPart
    missing: MissingPart
    weights_source: Text
    weights_unverified: bool
    checklist_source: Text
    checklist_unverified: bool
    categories: list[CategoryPart] = Field(min_length=1)
    hundreds: list[HundredPart]
    presets: list[PresetPart] = Field(min_length=1)


INSIDE: dict[str, type[BaseModel]] = {
    "scales": ScalePart, "bands": BandPart, "classes": ClassesPart, "counts": CountsPart, "rules": CountRulePart,
    "grade_cuts": GradeCutsPart, "events": EventsPart, "kinds": NamedPart, "oppositions": OppositionPart,
    "indicators": NamedPart, "decisions": DecisionPart, "doubts": DoubtsPart, "ahp": AhpPart, "missing": MissingPart,
    "categories": CategoryPart, "items": ItemPart, "hundreds": HundredPart, "intensities": IntensityPart,
    "presets": PresetPart, "effective": SpanPart,
}  # fmt: skip
