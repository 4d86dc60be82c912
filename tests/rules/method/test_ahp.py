from __future__ import annotations

import pytest

from service.rules.method.ahp import Ahp, ahp
from service.rules.method.cuts import MethodError
from service.rules.method.given import Pair
from tests.rules.method.making import preset

THREE = (Pair("a", "b", 2), Pair("a", "c", 5), Pair("b", "c", 3))


def weighed(items: str, *pairs: Pair) -> Ahp:
    return ahp(tuple(items), pairs, preset().ahp)


def test_a_known_example() -> None:
    """1 2 5 / ½ 1 3 / ⅕ ⅓ 1: λmax = 3.0037, CR = 0.003."""
    found = weighed("abc", *THREE)
    assert found.weights == pytest.approx((0.5816, 0.3090, 0.1095), abs=5e-5)
    assert found.lambda_max == pytest.approx(3.0037, abs=5e-5)
    assert (found.ci, found.ri) == (pytest.approx(0.00185, abs=5e-6), 0.58)
    assert found.cr == pytest.approx(found.ci / 0.58)


def test_consistent_comparisons_give_their_own_ratios() -> None:
    true = dict(zip("abcdefgh", (8, 7, 6, 5, 4, 3, 2, 1), strict=True))
    pairs = [Pair(a, b, true[a] / true[b]) for a in true for b in true if a < b]
    found = weighed("abcdefgh", *pairs)
    assert found.weights == pytest.approx([value / 36 for value in true.values()])
    assert found.cr == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("items", "pairs", "weights"), [("a", (), (1,)), ("ab", (Pair("b", "a", 9),), (0.1, 0.9))])
def test_one_or_two_items_cannot_disagree(items: str, pairs: tuple[Pair, ...], weights: tuple[float, ...]) -> None:
    found = weighed(items, *pairs)
    assert found.weights == pytest.approx(weights)
    assert found.cr == 0


def test_the_worst_pair_of_a_contradiction_is_named() -> None:
    true = {"a": 8, "b": 4, "c": 2, "d": 1}
    pairs = [Pair(a, b, true[a] / true[b]) for a in true for b in true if a < b and (a, b) != ("b", "d")]
    with pytest.raises(MethodError, match=r"CR = \d\.\d+，大于 0.1；最不合的一对是 b 与 d，给出 0\.25，由权重应约为"):
        weighed("abcd", *pairs, Pair("b", "d", 1 / 4))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (THREE[:2], "缺少 b 与 c"),
        (THREE[:1], "缺少 a 与 c、b 与 c"),
        ((*THREE, Pair("b", "a", 0.4)), "b 与 a 的两次比较互相矛盾"),
        ((*THREE, Pair("a", "a", 2)), "a 与 a 的两次比较互相矛盾"),
        ((*THREE, Pair("a", "d", 2)), "‘d’ 不在"),
        ((Pair("a", "b", 10), *THREE[1:]), "1/9 与 9 之间"),
        ((Pair("a", "b", 0), *THREE[1:]), "1/9 与 9 之间"),
        ((Pair("a", "b", float("nan")), *THREE[1:]), "1/9 与 9 之间"),
    ],
)
def test_comparisons_that_cannot_be_used_are_refused(pairs: tuple[Pair, ...], said: str) -> None:
    with pytest.raises(MethodError, match=said):
        weighed("abc", *pairs)


def test_the_same_comparison_told_both_ways_is_one() -> None:
    assert weighed("abc", *THREE, Pair("b", "a", 0.5)) == weighed("abc", *THREE)


def test_more_items_than_the_table_has_are_refused() -> None:
    with pytest.raises(MethodError, match="1 至 15 项，得到 16 项"):
        weighed("abcdefghijklmnop")
