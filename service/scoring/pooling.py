"""Rules and model as one probability, in plain Python. It raises or lowers the score, never the floors of rules.

log-odds = constant + model · log-odds of the model + the steps of every level up to that of the rules. Steps are not
negative, so a graver finding never lowers the probability. Which numbers hold is stated in pooling.yaml, or learned
from outcomes by `stacking`. Levels are still judged by grading, in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.domain.judging import Pooled
from service.domain.levels import Level
from service.domain.quick import quick
from service.domain.yaml_files import read_yaml
from service.scoring.scorer import sigmoid

POOLING_FILE = Path(__file__).with_name("pooling.yaml")
_pooled = quick(Pooled)
STEPS = (Level.YELLOW, Level.ORANGE, Level.RED)
Within = Annotated[float, Field(gt=0, lt=1)]
Above = Annotated[float, Field(gt=0, allow_inf_nan=False)]


NEXT_TO_CERTAIN = 1e-9  # a probability nearer to 0 or 1 has no log-odds to speak of


class PoolingError(ValueError):
    """A pooling that cannot be used; the text says in Chinese what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Pooling:
    """`model` multiplies the model's log-odds; `steps` by level, not negative. `learned` from outcomes, or stated."""

    constant: float
    model: float
    steps: Mapping[Level, float]
    learned: bool = False

    def log_odds(self, model: float, by_rules: Level | None) -> float:
        """Of both; `model` in log-odds, `by_rules` the highest floor of the findings that hit, None where none did."""
        return self.constant + self.model * model + sum(self.steps[level] for level in reached(by_rules))


@dataclass(frozen=True, slots=True)
class Stated:
    """What pooling.yaml says: `both` pools rules and model, `rules` is the rules alone (no weight for the model)."""

    version: str
    unverified: bool
    both: Pooling
    rules: Pooling
    enough_matters: int
    enough_escalated: int
    sure_constant: float
    sure_weights: float


class Pooler:
    """The stated pooling, for the scores of a serving process. Stateless after construction."""

    def __init__(self, stated: Stated) -> None:
        self._version, self._weight = stated.version, stated.both.model
        self._said = {
            level: (sigmoid(stated.rules.log_odds(0.0, level)), stated.both.log_odds(0.0, level))
            for level in (None, *Level)
        }

    def pooled(self, model: float, by_rules: Level | None) -> Pooled:
        """Of the model's probability and the highest floor of the findings that hit, None where none did."""
        rules, constant = self._said[by_rules]
        return _pooled(rules, sigmoid(constant + self._weight * _within(model)), self._version)


def _within(probability: float) -> float:
    return _log_odds(min(max(probability, NEXT_TO_CERTAIN), 1 - NEXT_TO_CERTAIN))


def reached(by_rules: Level | None) -> tuple[Level, ...]:
    """The levels above blue, up to that of the rules."""
    return STEPS[: by_rules.rank - 1] if by_rules else ()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Enough(_Part):
    matters: Annotated[int, Field(ge=1)]
    escalated: Annotated[int, Field(ge=1)]


class _Sure(_Part):
    constant: Above
    weights: Above


class _File(_Part):
    pooling: str
    version: str
    source: str
    unverified: bool = False
    model_weight: Within
    rule_probability: dict[Literal["blue", "yellow", "orange", "red"], Within]
    enough: _Enough
    sure: _Sure

    @model_validator(mode="after")
    def _rises(self) -> _File:
        told = [self.rule_probability.get(level.value) for level in (Level.BLUE, *STEPS)]
        if None in told or told != sorted(each for each in told if each):
            raise ValueError("rule_probability 须写明四级，且不随级别下降")
        return self


@cache
def load_pooling(source: Path = POOLING_FILE) -> Stated:
    """Read and check a pooling. Raises PoolingError."""
    try:
        part = _File.model_validate(read_yaml(source))
    except ValidationError as error:
        wrong = "；".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise PoolingError(f"{source.name} 有误：{wrong}") from None
    odds = {level: _log_odds(part.rule_probability[level.value]) for level in (Level.BLUE, *STEPS)}
    return Stated(
        version=part.version,
        unverified=part.unverified,
        both=_stated(odds, 1 - part.model_weight, part.model_weight),
        rules=_stated(odds, 1.0, 0.0),
        enough_matters=part.enough.matters,
        enough_escalated=part.enough.escalated,
        sure_constant=part.sure.constant,
        sure_weights=part.sure.weights,
    )


def _stated(odds: Mapping[Level, float], rules: float, model: float) -> Pooling:
    steps = {level: rules * (odds[level] - odds[Level.of_rank(level.rank - 1)]) for level in STEPS}
    return Pooling(rules * odds[Level.BLUE], model, steps)


def _log_odds(probability: float) -> float:
    return log(probability / (1 - probability))
