"""The stated prior: points per feature, read from prior.yaml, as a line in log-odds. Plain Python, pure.

log-odds = logit(base rate) + Σ ln 2 / points_to_double · points · (value - usual) / step. A missing value has the
points stated for it. The line is the same kind of line as a trained one, so that outcomes of a district can move it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import log, log1p
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from service.domain.yaml_files import read_yaml
from service.scoring.definitions import FEATURES
from service.scoring.features import NAMES, Row

PRIOR_FILE = Path(__file__).with_name("prior.yaml")
Text = Annotated[str, StringConstraints(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Above = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_SIGNS = {feature.name: feature.sign for feature in FEATURES}
_GROUP_OF = {feature.name: feature.group for feature in FEATURES}


class PriorError(ValueError):
    """A prior that cannot be used; the text says in Chinese what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Slope:
    """One feature's part in log-odds: `per_unit` times the distance from `usual`, or `when_missing`. `step`: one step
    of the feature in its own unit, in which its weight is judged and drawn towards the prior."""

    per_unit: float
    when_missing: float
    usual: float = 0.0
    step: float = 1.0

    def part(self, value: float | None) -> float:
        return self.when_missing if value is None else self.per_unit * (value - self.usual)


@dataclass(frozen=True, slots=True)
class PriorLine:
    """log-odds = `constant` + the parts of `slopes` (one for each of FEATURES)."""

    constant: float
    slopes: Mapping[str, Slope]

    @property
    def usual(self) -> list[float]:
        """Usual values in the order of NAMES."""
        return [self.slopes[name].usual for name in NAMES]

    @property
    def steps(self) -> list[float]:
        """Steps in the order of NAMES."""
        return [self.slopes[name].step for name in NAMES]

    def log_odds(self, row: Row) -> float:
        """Of a row made by `features`."""
        return self.constant + sum(slope.part(row[name]) for name, slope in self.slopes.items())

    def groups(self, row: Row) -> dict[str, float]:
        """Log-odds that each group adds to `constant`; together with it they give `log_odds`."""
        told: dict[str, float] = {}
        for name, slope in self.slopes.items():
            told[_GROUP_OF[name]] = told.get(_GROUP_OF[name], 0.0) + slope.part(row[name])
        return told

    def plain(self) -> dict[str, Any]:
        """`intercept` and `weights` as an artefact holds them, where a known value's part is value · per_unit."""
        moved = {name: slope.per_unit * slope.usual for name, slope in self.slopes.items()}
        weights = {
            name: {
                "per_unit": slope.per_unit,
                "when_missing": slope.when_missing + moved[name],
                "reference": slope.usual,
            }
            for name, slope in self.slopes.items()
        }
        return {"intercept": self.constant - sum(moved.values()), "weights": weights}


@dataclass(frozen=True, slots=True)
class Sureness:
    """Standard deviations of the prior in log-odds: of the constant, of all points stretched together (a share), and of
    each feature per step."""

    constant: float
    stretch: float
    feature: float


@dataclass(frozen=True, slots=True)
class Prior:
    """What prior.yaml says. `reasons` by feature; `silent` are features without points or not named."""

    version: str
    sha256: str
    unverified: bool
    line: PriorLine
    sure: Sureness
    reasons: Mapping[str, str]
    silent: tuple[str, ...]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Feature(_Part):
    step: Literal["doubling", "unit"]
    points: Finite
    usual: Finite
    missing: Finite = 0.0
    reason: Text

    @model_validator(mode="after")
    def _counts(self) -> _Feature:
        if self.step == "doubling" and self.usual < 0:
            raise ValueError("usual 是个数，不能为负")
        return self


class _Points(_Part):
    points: Above
    reason: Text


class _Share(_Part):
    share: Above
    reason: Text


class _Sure(_Part):
    base_rate: _Points
    stretch: _Share
    feature: _Points


class _File(_Part):
    prior: Text
    version: Text
    source: Text
    unverified: bool = False
    base_rate: Annotated[float, Field(gt=0, lt=1)]
    points_to_double: Above
    sure: _Sure
    features: dict[str, _Feature]

    @model_validator(mode="after")
    def _agrees(self) -> _File:
        unknown = sorted(set(self.features) - set(_SIGNS))
        against = sorted(name for name, said in self.features.items() if said.points * _SIGNS.get(name, 0) < 0)
        if unknown or against:
            raise ValueError(f"不认识的特征 {unknown}，分值方向与特征定义相反 {against}")
        return self


@cache
def load_prior(source: Path = PRIOR_FILE) -> Prior:
    """Read and check a prior. Raises PriorError."""
    try:
        part = _File.model_validate(read_yaml(source))
    except ValidationError as error:
        wrong = "；".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise PriorError(f"{source.name} 有误：{wrong}") from None
    point = log(2) / part.points_to_double
    slopes = {name: _slope(part.features.get(name), point) for name in _SIGNS}
    return Prior(
        version=part.version,
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        unverified=part.unverified,
        line=PriorLine(log(part.base_rate / (1 - part.base_rate)), slopes),
        sure=Sureness(part.sure.base_rate.points * point, part.sure.stretch.share, part.sure.feature.points * point),
        reasons={name: feature.reason for name, feature in part.features.items()},
        silent=tuple(name for name, slope in slopes.items() if not slope.per_unit and not slope.when_missing),
    )


def _slope(said: _Feature | None, point: float) -> Slope:
    """Features that count in logarithms are ln(1 + n): a doubling is ln 2, the usual count n stands as ln(1 + n)."""
    if said is None:
        return Slope(0.0, 0.0)
    step, usual = (log(2), log1p(said.usual)) if said.step == "doubling" else (1.0, said.usual)
    return Slope(point * said.points / step, point * said.missing, usual, step)


def line_of(intercept: float, weights: Mapping[str, Mapping[str, float]], like: PriorLine) -> PriorLine:
    """A trained line (an artefact's `intercept` and `weights`) as a line around the usual values and steps of `like`,
    so that it can be the prior of a district in place of the stated one. Log-odds stay the same.
    """
    moved = {name: weights[name]["per_unit"] * slope.usual for name, slope in like.slopes.items()}
    slopes = {
        name: Slope(weights[name]["per_unit"], weights[name]["when_missing"] - moved[name], slope.usual, slope.step)
        for name, slope in like.slopes.items()
    }
    return PriorLine(intercept + sum(moved.values()), slopes)
