"""What counts as an escalation, read from labels.yaml: signals, horizons, and numbers per region and day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from service.domain.catalogue import load_catalogue
from service.domain.yaml_files import read_yaml

LABELS_FILE = Path(__file__).with_name("labels.yaml")
Value = Literal["least_people", "growth_people", "growth_times"]
VALUES: tuple[Value, ...] = ("least_people", "growth_people", "growth_times")
Text = Annotated[str, StringConstraints(min_length=1)]
Days = Annotated[int, Field(ge=1, le=366)]


class LabelDefinitionError(ValueError):
    """A definition that cannot be used; the text says in Chinese what is wrong and where."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Signal(_Part):
    anew_after_days: Days | None = None


class _Entry(_Part):
    value: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    region: list[Annotated[str, StringConstraints(pattern=r"^\d{2,12}$")]] = Field(default_factory=lambda: [""])
    from_: date = Field(default=date.min, alias="from")
    to: date = date.max
    source: Text
    unverified: bool = False


class _Value(_Part):
    name: Value
    meaning: Text
    unit: Text
    entries: Annotated[list[_Entry], Field(min_length=1)]


class _File(_Part):
    label: Text
    version: Text
    source: Text
    unverified: bool = False
    horizons: Annotated[list[Days], Field(min_length=1)]
    disruption: dict[str, _Signal]
    harm: dict[str, _Signal]
    text_makes_an_escalation: bool
    settling_days: Annotated[int, Field(ge=0, le=60)]
    values: list[_Value]

    @model_validator(mode="after")
    def _whole(self) -> _File:
        unknown = sorted({*self.disruption, *self.harm} - set(load_catalogue().signals))
        missing = sorted(set(VALUES) - {value.name for value in self.values})
        if unknown or missing:
            raise ValueError(f"不认识的信号 {unknown}，缺少的数值 {missing}")
        if self.horizons != sorted(set(self.horizons)):
            raise ValueError("horizons 要从小到大，不重复")
        return self


@dataclass(frozen=True, slots=True)
class LabelDefinition:
    """Everything `label` needs. `anew_after`: days per signal, None where it counts the first time only."""

    name: str
    version: str
    sha256: str
    horizons: tuple[int, ...]
    disruption: frozenset[str]
    harm: frozenset[str]
    anew_after: dict[str, int | None]
    text_makes_an_escalation: bool
    settling_days: int
    entries: dict[str, tuple[tuple[str, date, date, float], ...]]  # most specific region first, then the latest day

    def value(self, name: Value, area: str, on: date) -> float:
        """The number in force in an area (12 digits) on a day. Raises LabelDefinitionError where none is."""
        for region, first, last, value in self.entries[name]:
            if area.startswith(region) and first <= on <= last:
                return value
        raise LabelDefinitionError(f"升级定义中的 ‘{name}’ 在 {area} 于 {on} 没有生效的值")


@cache
def load_definition(source: Path = LABELS_FILE) -> LabelDefinition:
    """Read and check a definition. Raises LabelDefinitionError."""
    read = read_yaml(source)
    try:
        part = _File.model_validate(read)
    except ValidationError as error:
        wrong = "；".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise LabelDefinitionError(f"{source.name} 有误：{wrong}") from None
    signals = dict(chain(part.disruption.items(), part.harm.items()))
    return LabelDefinition(
        name=part.label,
        version=part.version,
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        horizons=tuple(part.horizons),
        disruption=frozenset(part.disruption),
        harm=frozenset(part.harm),
        anew_after={code: signal.anew_after_days for code, signal in signals.items()},
        text_makes_an_escalation=part.text_makes_an_escalation,
        settling_days=part.settling_days,
        entries={value.name: tuple(_ordered(value)) for value in part.values},
    )


def _ordered(value: _Value) -> list[tuple[str, date, date, Any]]:
    rows = [(region, one.from_, one.to, one.value) for one in value.entries for region in one.region]
    return sorted(rows, key=lambda row: (len(row[0]), row[1]), reverse=True)
