from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import pytest

from service.domain.assessing import Grade, Graded
from service.rules.method.cheapest import cheapest
from service.rules.method.cuts import MethodError
from service.rules.method.factors import factor_table
from service.rules.method.given import Expected, FactorGiven, Given
from service.rules.method.grading import grade
from service.rules.method.plan import Lowering, MeasureOption, made_plan
from service.rules.method.sweep import lowest_indices
from tests.rules.method.making import factor, given, preset, random_case

# seed, factors, measures, of them against several factors
SMALL = [
    *((seed, 2 + seed % 6, 1 + seed % 8, seed % 4) for seed in range(60)),
    *((seed, 4 + seed % 4, 8, 8) for seed in range(60, 75)),
    *((seed, 30, 9, 3) for seed in range(75, 85)),
]


def _taken(answers: Given, chosen: Sequence[MeasureOption]) -> Graded:
    """The grade by the ordinary way, every lowering worked out from the bands again."""
    down: dict[str, list[int]] = {}
    for lowering in [each for measure in chosen for each in measure.lowers]:
        bands = down.setdefault(lowering.factor_id, [0, 0])
        bands[0] += lowering.p_bands
        bands[1] += lowering.q_bands
    return grade(preset(), replace(answers, factors=tuple(_lower(each, down) for each in answers.factors)))


def _lower(each: FactorGiven, down: dict[str, list[int]]) -> FactorGiven:
    method, (p_down, q_down) = preset(), down.get(each.factor_id, [0, 0])
    p, q = method.probability.value(each.p or 0, "p"), method.impact.value(each.q or 0, "q")
    return replace(each, p=method.probability.moved(p, -p_down), q=method.impact.moved(q, -q_down))


def _every(measures: Sequence[MeasureOption]) -> Iterator[tuple[MeasureOption, ...]]:
    for size in range(len(measures) + 1):
        yield from combinations(measures, size)


@pytest.mark.parametrize(("seed", "factors", "measures", "several"), SMALL)
def test_the_search_agrees_with_trying_everything(seed: int, factors: int, measures: int, several: int) -> None:
    answers, options = random_case(seed, factors, measures, several)
    tried = [(sum(m.cost for m in chosen), _taken(answers, chosen)) for chosen in _every(options)]
    found = cheapest(preset(), answers, options)
    good = [(cost, graded.index) for cost, graded in tried if graded.grade is Grade.LOW]
    told = (found.cheapest.cost, found.cheapest.index) if found.cheapest else None
    assert told == min(good, default=None)
    lowest: list[tuple[int, float]] = []
    for cost, index in sorted((cost, graded.index or 0.0) for cost, graded in tried):
        if not lowest or index < lowest[-1][1]:
            lowest.append((cost, index))
    assert [(choice.cost, choice.index) for choice in found.frontier] == lowest


@pytest.mark.parametrize(("seed", "several"), [(33, 14), (46, 6)])
def test_it_agrees_for_fourteen_measures_too(seed: int, several: int) -> None:
    answers, options = random_case(seed, 7, 14, several)
    everything = _taken(answers, options)
    assert everything.grade is Grade.LOW, "the case must be one that can be solved"
    assert _taken(answers, ()).grade is not Grade.LOW
    found = cheapest(preset(), answers, options).cheapest
    assert found is not None
    cheaper = [chosen for chosen in _every(options) if sum(m.cost for m in chosen) < found.cost]
    assert not any(_taken(answers, chosen).grade is Grade.LOW for chosen in cheaper)


@pytest.mark.parametrize("seed", range(10))
def test_what_a_choice_says_is_what_its_measures_do(seed: int) -> None:
    answers, options = random_case(seed, 6, 10, 3)
    found = cheapest(preset(), answers, options)
    for choice in [*found.frontier, *([found.cheapest] if found.cheapest else [])]:
        chosen = [measure for measure in options if measure.measure_id in choice.measures]
        graded = _taken(answers, chosen)
        assert (choice.cost, choice.index, choice.grade) == (
            sum(measure.cost for measure in chosen),
            graded.index,
            graded.grade,
        )


def test_the_lowest_band_is_the_end() -> None:
    deep = MeasureOption("m", "一步到底", 5, (Lowering("f1", 9, 9),))
    found = cheapest(preset(), given(factor("f1", "S", "S")), [deep]).cheapest
    assert found is not None
    assert (found.cost, found.index, found.measures) == (5, 0.01, ("m",))


def test_a_grade_that_is_low_already_costs_nothing() -> None:
    found = cheapest(preset(), given(), [MeasureOption("m", "不需要", 5, (Lowering("f1", 1),))]).cheapest
    assert found is not None
    assert (found.cost, found.measures) == (0, ())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"factors": (factor("f1", "S", "S"),)}, "全部措施一起也不能"),
        ({"factors": (factor("f1", "S", None),)}, "风险因素表不全"),
        ({"expected": Expected(("strike",), 0)}, "其他各栏已是高"),
        ({"survey": None}, "其他各栏已是中"),
    ],
)
def test_why_no_measures_help_is_said(changes: dict[str, object], why: str) -> None:
    weak = MeasureOption("m", "作用有限", 1, (Lowering("f1", 0, 1),))
    found = cheapest(preset(), given(**changes), [weak])
    assert found.cheapest is None
    assert found.why_none is not None
    assert found.why_none.startswith(why)


def test_measures_too_entangled_to_search_are_refused() -> None:
    answers, options = random_case(1, 8, 14, 14)
    method = preset()
    plan = made_plan(method, factor_table(method, answers), options)
    assert lowest_indices(plan)
    with pytest.raises(MethodError, match="牵连太多"):
        lowest_indices(plan, most_partial=10)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([MeasureOption("m", "m", -1, ())], "费用不能小于 0"),
        ([MeasureOption("m", "m", 1, (Lowering("f9"),))], "没有因素 f9"),
        ([MeasureOption("m", "m", 1, (Lowering("f1", -1),))], "档数不能小于 0"),
        ([MeasureOption("m", "m", 1, ()), MeasureOption("m", "m", 2, ())], "措施 m 重复"),
    ],
)
def test_measures_that_cannot_be_are_refused(wrong: list[MeasureOption], said: str) -> None:
    with pytest.raises(MethodError, match=said):
        cheapest(preset(), given(), wrong)
