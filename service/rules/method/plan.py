"""Measures and the factors they lower, made ready for the search: small whole numbers instead of names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.assessing import FactorScore, RiskClass
from service.rules.method.cuts import MethodError
from service.rules.method.factors import Table, product, units_of
from service.rules.method.preset import MethodPreset


@dataclass(frozen=True, slots=True)
class Lowering:
    """How many whole bands a measure takes off one factor's p and q; never below the lowest."""

    factor_id: str
    p_bands: int = 0
    q_bands: int = 0


@dataclass(frozen=True, slots=True)
class MeasureOption:
    """A measure that could be taken. `cost`: a whole number, in whatever unit all measures share."""

    measure_id: str
    name: str
    cost: int
    lowers: tuple[Lowering, ...]


@dataclass(frozen=True, slots=True)
class State:
    """One factor with its p and q so many bands down: its units of the index and its class."""

    units: int
    risk: RiskClass


@dataclass(frozen=True, slots=True)
class FactorPlan:
    """One factor that some measure lowers. `states[p down][q down]`, each as far as the scale goes."""

    states: tuple[tuple[State, ...], ...]

    @property
    def deepest(self) -> tuple[int, int]:
        return len(self.states) - 1, len(self.states[0]) - 1

    def state(self, p_down: int, q_down: int) -> State:
        p_most, q_most = self.deepest
        return self.states[min(p_down, p_most)][min(q_down, q_most)]


@dataclass(frozen=True, slots=True)
class Step:
    """One measure: its bit, its cost, and (place of the factor, p bands, q bands) for what it lowers."""

    bit: int
    cost: int
    lowers: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Factors in play by place, steps in the order of searching, and the sum of the factors nobody lowers."""

    factors: tuple[FactorPlan, ...]
    steps: tuple[Step, ...]
    rest_units: int
    rest_counts: Counter[RiskClass]
    measure_ids: tuple[str, ...]

    def names(self, chosen: int) -> tuple[str, ...]:
        return tuple(name for place, name in enumerate(self.measure_ids) if chosen >> place & 1)

    def cost(self, chosen: int) -> int:
        return sum(step.cost for step in self.steps if chosen >> step.bit & 1)

    def outcome(self, chosen: int) -> tuple[int, Counter[RiskClass]]:
        """Units of the index and counts of classes when the measures of these bits are taken."""
        down = [[0, 0] for _ in self.factors]
        for step in self.steps:
            for place, p_bands, q_bands in step.lowers if chosen >> step.bit & 1 else ():
                down[place][0] += p_bands
                down[place][1] += q_bands
        states = [factor.state(*bands) for factor, bands in zip(self.factors, down, strict=True)]
        return self.rest_units + sum(s.units for s in states), self.rest_counts + Counter(s.risk for s in states)


def made_plan(preset: MethodPreset, table: Table, measures: Sequence[MeasureOption]) -> Plan:
    """Raises MethodError for a factor that is not in the table, a cost or a number of bands that cannot be."""
    _check(table, measures)
    lowered = {lowering.factor_id for measure in measures for lowering in measure.lowers}
    in_play = [score for score in table.scores if score.factor_id in lowered]
    place = {score.factor_id: number for number, score in enumerate(in_play)}
    rest = [score for score in table.scores if score.factor_id not in lowered]
    steps = [_step(bit, measure, place) for bit, measure in enumerate(measures)]
    return Plan(
        factors=tuple(_factor(preset, score) for score in in_play),
        steps=tuple(_ordered(steps)),
        rest_units=sum(units_of(score.weight, score.r) for score in rest),
        rest_counts=Counter(score.risk for score in rest),
        measure_ids=tuple(measure.measure_id for measure in measures),
    )


def _check(table: Table, measures: Sequence[MeasureOption]) -> None:
    known = {score.factor_id for score in table.scores} | {factor.factor_id for factor in table.missing}
    twice = [name for name, times in Counter(measure.measure_id for measure in measures).items() if times > 1]
    if twice:
        raise MethodError("measures", f"措施 {'、'.join(twice)} 重复")
    for measure in measures:
        where = f"measures.{measure.measure_id}"
        if measure.cost < 0:
            raise MethodError(where, f"费用不能小于 0，得到 {measure.cost}")
        strange = [each.factor_id for each in measure.lowers if each.factor_id not in known]
        if strange:
            raise MethodError(where, f"没有因素 {'、'.join(strange)}")
        if any(each.p_bands < 0 or each.q_bands < 0 for each in measure.lowers):
            raise MethodError(where, "措施只能降低概率和影响，档数不能小于 0")


def _step(bit: int, measure: MeasureOption, place: dict[str, int]) -> Step:
    lowers = [(place[each.factor_id], each.p_bands, each.q_bands) for each in measure.lowers if each.factor_id in place]
    return Step(bit, measure.cost, tuple(lowers))


def _factor(preset: MethodPreset, score: FactorScore) -> FactorPlan:
    p_steps = range(preset.probability.level(score.p) + 1)
    q_steps = range(preset.impact.level(score.q) + 1)
    return FactorPlan(tuple(tuple(_state(preset, score, p, q) for q in q_steps) for p in p_steps))


def _state(preset: MethodPreset, score: FactorScore, p_down: int, q_down: int) -> State:
    r = product(preset.probability.moved(score.p, -p_down), preset.impact.moved(score.q, -q_down))
    return State(units_of(score.weight, r), preset.classes.risk(r))


def _ordered(steps: list[Step]) -> list[Step]:
    """Always next the measure that leaves the fewest factors open: what is open multiplies what is remembered."""
    left, order, touched = list(steps), list[Step](), set[int]()
    while left:
        chosen = min((_left_open(step, left, touched), step.bit, step) for step in left)[2]
        left.remove(chosen)
        order.append(chosen)
        touched |= _factors(chosen)
    return order


def _left_open(step: Step, left: list[Step], touched: set[int]) -> int:
    later = {place for other in left if other is not step for place in _factors(other)}
    return len((touched | _factors(step)) & later)


def _factors(step: Step) -> set[int]:
    return {place for place, _, _ in step.lowers}
