from __future__ import annotations

from itertools import pairwise, product

import pytest

from service.domain.assessing import Grade, RiskClass
from service.rules.method.cuts import MethodError
from service.rules.method.factors import factor_table
from service.rules.method.given import Pair
from service.rules.method.grading import grade
from tests.rules.method.making import factor, given, preset

# Rows p from 很高 down, columns q from 严重 down.
LOOKUP = """
0.81 重大|0.63 较大|0.45 较大|0.27 一般|0.09 较小
0.63 较大|0.49 较大|0.35 一般|0.21 一般|0.07 较小
0.45 较大|0.35 一般|0.25 一般|0.15 较小|0.05 较小
0.27 一般|0.21 一般|0.15 较小|0.09 较小|0.03 微小
0.09 较小|0.07 较小|0.05 较小|0.03 微小|0.01 微小
"""
CELLS = [
    (p, q, *cell.split())
    for p, row in zip("SHMLN", LOOKUP.split("\n")[1:-1], strict=True)
    for q, cell in zip("SHMLN", row.split("|"), strict=True)
]


@pytest.mark.parametrize(("p", "q", "r", "risk"), CELLS)
def test_every_cell_of_the_table_of_bands(p: str, q: str, r: str, risk: str) -> None:
    score = factor_table(preset(), given(factor(p=p, q=q))).scores[0]
    assert (score.r, score.risk.zh) == (float(r), risk)


@pytest.mark.parametrize(
    ("p", "q", "risk"),
    [
        (0.8, 0.8, RiskClass.LARGE),
        (0.8, 0.801, RiskClass.MAJOR),
        (0.6, 0.6, RiskClass.ORDINARY),
        (0.6, 0.601, RiskClass.LARGE),
        (0.4, 0.4, RiskClass.SMALL),
        (0.4, 0.401, RiskClass.ORDINARY),
        (0.2, 0.2, RiskClass.TINY),
        (0.2, 0.201, RiskClass.SMALL),
        (1, 1, RiskClass.MAJOR),
        (0, 1, RiskClass.TINY),
    ],
)
def test_a_product_on_a_border_belongs_to_the_lower_class(p: float, q: float, risk: RiskClass) -> None:
    assert factor_table(preset(), given(factor(p=p, q=q))).scores[0].risk is risk


@pytest.mark.parametrize(
    ("number", "code"), [(0.2, "N"), (0.205, "L"), (0.4, "L"), (0.605, "H"), (0.8, "H"), (0.81, "S")]
)
def test_a_number_between_two_published_ranges_belongs_to_the_higher(number: float, code: str) -> None:
    scale = preset().probability
    assert scale.bands[scale.level(number)].code == code


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan"), True, "X", "很大"])
def test_what_is_no_rating_is_refused(wrong: float | str) -> None:
    for changed in (factor(p=wrong), factor(q=wrong), factor(p=None, q=wrong)):
        with pytest.raises(MethodError, match=r"factors\.f1"):
            factor_table(preset(), given(changed))


def test_a_band_may_be_told_by_its_chinese_name() -> None:
    score = factor_table(preset(), given(factor(p="很高", q="可忽略"))).scores[0]
    assert (score.p, score.q) == (0.9, 0.1)


@pytest.mark.parametrize(
    ("factors", "said"),
    [((factor(), factor()), "重复"), ((factor(category="weather"),), "没有 ‘weather’ 这一类")],
)
def test_factors_that_cannot_be_are_refused(factors: tuple[object, ...], said: str) -> None:
    with pytest.raises(MethodError, match=said):
        factor_table(preset(), given(*factors))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        ("", Grade.LOW),
        ("一一一一", Grade.LOW),
        ("一一一一一", Grade.MIDDLE),
        ("较", Grade.LOW),
        ("较一一一", Grade.LOW),
        ("较一一一一", Grade.MIDDLE),
        ("较较", Grade.MIDDLE),
        ("较较较较", Grade.MIDDLE),
        ("较较较较较", Grade.HIGH),
        ("重", Grade.MIDDLE),
        ("重较较较", Grade.MIDDLE),
        ("重较较较较", Grade.HIGH),
        ("重重", Grade.HIGH),
    ],
)
def test_the_count_rule(bands: str, expected: Grade) -> None:
    rating = {"重": "S", "较": "H", "一": "M"}
    filler = [factor(f"tiny{n}") for n in range(200)]  # keeps the index out of the way
    rows = [factor(f"f{n}", rating[band], rating[band]) for n, band in enumerate(bands)]
    reasons = {reason.code: reason.grade for reason in grade(preset(), given(*rows, *filler)).reasons}
    assert (reasons["count"], reasons["index"]) == (expected, Grade.LOW)


@pytest.mark.parametrize("steps", list(product(range(3), repeat=4)))
def test_making_a_factor_smaller_never_makes_the_count_worse(steps: tuple[int, ...]) -> None:
    risks = list(RiskClass)
    counts = dict(zip(risks, steps, strict=False))
    before = preset().counts.grade(counts)
    for higher, lower in pairwise(risks):
        if counts.get(higher):
            moved = counts | {higher: counts[higher] - 1, lower: counts.get(lower, 0) + 1}
            assert preset().counts.grade(moved).rank <= before.rank


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.359, Grade.LOW),
        (0.36, Grade.MIDDLE),
        (0.64, Grade.MIDDLE),
        (0.641, Grade.HIGH),
        (0, Grade.LOW),
        (1, Grade.HIGH),
    ],
)
def test_the_bands_of_the_index(p: float, expected: Grade) -> None:
    graded = grade(preset(), given(factor(p=p, q=1)))
    assert graded.index == p
    assert graded.reasons[0].grade is expected
    assert f"{p:.4f}" in graded.reasons[0].text


def test_the_index_is_the_weighted_sum() -> None:
    rows = (factor("a", "S", "S", weight=0.25), factor("b", "M", "L", weight=0.75))
    assert grade(preset(), given(*rows)).index == pytest.approx(0.25 * 0.81 + 0.75 * 0.15)


def test_one_major_factor_is_not_hidden_by_many_small_ones() -> None:
    rows = [factor("f0", "S", "S"), *(factor(f"f{n}") for n in range(1, 50))]
    graded = grade(preset(), given(*rows))
    assert graded.index is not None
    assert graded.index < 0.05
    assert graded.grade is Grade.MIDDLE


def test_a_categorys_weight_is_shared_by_its_factors_and_all_weights_are_one() -> None:
    rows = (factor("a", category="society"), factor("b", category="society"), factor("c", category="management"))
    weights = factor_table(preset(), given(*rows)).weighing.weights
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["a"] == weights["b"] == pytest.approx(0.05 / 0.36)
    assert weights["c"] == pytest.approx(0.26 / 0.36)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (0.5, 0.49, "权重之和要为 1，得到 0.990000"),
        (0.5, None, "还缺 b 的"),
        (1.5, -0.5, "权重要在 0 与 1 之间：a、b"),
        (0.5, 0.500002, "权重之和"),
    ],
)
def test_weights_that_do_not_fit_are_refused(first: float, second: float | None, said: str) -> None:
    with pytest.raises(MethodError, match=said):
        factor_table(preset(), given(factor("a", weight=first), factor("b", weight=second)))


def test_comparisons_of_categories_give_the_weights() -> None:
    rows = (factor("a", category="society"), factor("b", category="society"), factor("c", category="management"))
    weighing = factor_table(preset(), given(*rows, comparisons=(Pair("management", "society", 3),))).weighing
    assert weighing.origin == "ahp"
    assert weighing.weights == pytest.approx({"a": 0.125, "b": 0.125, "c": 0.75})


def test_comparisons_of_factors_give_the_weights() -> None:
    weighing = factor_table(preset(), given(factor("a"), factor("b"), comparisons=(Pair("a", "b", 4),))).weighing
    assert weighing.weights == pytest.approx({"a": 0.8, "b": 0.2})


def test_weights_both_given_and_compared_are_refused() -> None:
    rows = (factor("a", weight=0.5), factor("b", weight=0.5))
    with pytest.raises(MethodError, match="权重已经直接给出"):
        factor_table(preset(), given(*rows, comparisons=(Pair("a", "b", 4),)))
