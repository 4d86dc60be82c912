"""The cheapest measures that reach 低, and how low the index comes for each amount of money. Exact.

Measures meet only in the factors they lower, so the search takes measure after measure and remembers of each partial
choice just the bands of the factors that a later measure can still lower. A factor whose last measure is through is
closed: its share of the index and its class are added up. Among choices that leave the same bands open only those
stay which no other beats in cost, index and counts at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.domain.assessing import Grade
from service.rules.method.columns import columns_of
from service.rules.method.factors import Table, factor_table, index_of
from service.rules.method.given import Given
from service.rules.method.grading import Ground, ground_of
from service.rules.method.plan import MeasureOption, Plan, made_plan
from service.rules.method.preset import MethodPreset
from service.rules.method.sweep import cheapest_low, lowest_indices


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of measures: what it costs together, and the index and grade it leads to."""

    cost: int
    index: float
    grade: Grade
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """`cheapest` None: no set reaches 低, and `why_none` says why. `frontier`: rising cost, falling index; each is the
    lowest index for its cost."""

    cheapest: Choice | None
    why_none: str | None
    frontier: tuple[Choice, ...]


def cheapest(preset: MethodPreset, given: Given, measures: Sequence[MeasureOption]) -> WhatIf:
    """Starts from the values before any measures. Of sets that cost the same the one with the lower index.

    Raises MethodError for what cannot be used: an unknown factor, a cost below zero, a measure given
    twice, or measures so entangled that the search would not end.
    """
    table = factor_table(preset, given)
    columns = columns_of(preset, given, table)
    ground = ground_of(preset, columns, table)
    plan = made_plan(preset, table, measures)
    frontier = _falling(_choice(plan, ground, chosen) for chosen in lowest_indices(plan))
    found = cheapest_low(plan, ground) if ground.fixed is Grade.LOW and not ground.missing else None
    return WhatIf(
        cheapest=None if found is None else _choice(plan, ground, found),
        why_none=None if found is not None else _why_none(ground, table),
        frontier=frontier,
    )


def _choice(plan: Plan, ground: Ground, chosen: int) -> Choice:
    units, counts = plan.outcome(chosen)
    return Choice(plan.cost(chosen), index_of(units), ground.grade(units, counts), plan.names(chosen))


def _falling(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Without those whose index is lower only in digits that the index is not told to."""
    kept: list[Choice] = []
    for choice in choices:
        if not kept or choice.index < kept[-1].index:
            kept.append(choice)
    return tuple(kept)


def _why_none(ground: Ground, table: Table) -> str:
    if ground.missing:
        return "风险因素表不全，无法计算" if table.missing else "没有风险因素，无法计算"
    if ground.fixed is not Grade.LOW:
        return f"其他各栏已是{ground.fixed.zh}，降低因素的概率和影响不能使等级降为低"
    return "全部措施一起也不能使等级降为低"
