"""Who is compared: the service as it warns, its two halves alone, and what an office could do without any of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from service.domain.levels import Level
from service.scoring.backtest.known import Moment
from service.scoring.pooling import Pooler, load_pooling

Rank = tuple[float, float]
Test = Callable[[Moment], bool]
WARNED = (Level.YELLOW, Level.ORANGE, Level.RED)
MANY_PEOPLE = (5, 10, 30, 50, 100)  # "warn on everything above n people": an office would pick one of these


@dataclass(frozen=True, slots=True)
class Predictor:
    """`rank` orders moments, the most urgent highest; None: it says nothing. `own` are its own thresholds by name."""

    title: str  # Chinese
    rank: Callable[[Moment], Rank | None]
    own: Mapping[str, Test]


def _of_both(moment: Moment) -> Rank:
    return (moment.level.rank, moment.probability or 0.0)


def _of_rules(moment: Moment) -> Rank:
    return (moment.rule_level.rank if moment.rule_level else 0, 0.0)


def _of_model(moment: Moment) -> Rank | None:
    return None if moment.probability is None else (moment.probability, 0.0)


def _of_pooled(moment: Moment) -> Rank | None:
    """Both as one probability by the stated weights of pooling.yaml; in service it is reported and judges nothing."""
    if moment.probability is None:
        return None
    return (_pooler().pooled(moment.probability, moment.rule_level).both, 0.0)


@cache
def _pooler() -> Pooler:
    return Pooler(load_pooling())


def _of_history(moment: Moment) -> Rank | None:
    return None if moment.place_rate is None else (moment.place_rate, 0.0)


def _of_people(moment: Moment) -> Rank:
    return (moment.people, 0.0)


def _at_levels(of: Callable[[Moment], Level | None]) -> dict[str, Test]:
    return {level.value: _at_least(of, level) for level in WARNED}


def _at_least(of: Callable[[Moment], Level | None], least: Level) -> Test:
    def test(moment: Moment) -> bool:
        said = of(moment)
        return said is not None and said.rank >= least.rank

    return test


def _touching(people: int) -> Test:
    return lambda moment: moment.people >= people


PREDICTORS: dict[str, Predictor] = {
    "both": Predictor("规则与模型（本服务）", _of_both, _at_levels(lambda moment: moment.level)),
    "rules": Predictor("只用规则", _of_rules, _at_levels(lambda moment: moment.rule_level)),
    "model": Predictor("只用模型", _of_model, _at_levels(lambda moment: moment.model_level)),
    "pooled": Predictor("规则与模型合成的概率（约定权重，只作参考）", _of_pooled, {}),
    "history": Predictor("只看当地同类历史", _of_history, {}),
    "people": Predictor("人数多就预警", _of_people, {f"people_{n}": _touching(n) for n in MANY_PEOPLE}),
}
