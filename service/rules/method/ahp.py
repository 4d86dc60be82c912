"""Weights from comparisons in pairs (层次分析法): principal eigenvector, and whether the comparisons agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from service.rules.method.cuts import MethodError
from service.rules.method.given import Pair
from service.rules.method.preset import AhpTable

WHERE = "comparisons"
MOST_ROUNDS, STILL = 1000, 1e-13
RECIPROCAL = 1e-6
Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Ahp:
    """Weights in the order of `items`, Σ = 1; λmax, CI, RI and CR as usual (CR 0 for one or two items)."""

    items: tuple[str, ...]
    weights: tuple[float, ...]
    lambda_max: float
    ci: float
    ri: float
    cr: float


def ahp(items: Sequence[str], pairs: Sequence[Pair], table: AhpTable) -> Ahp:
    """Raises MethodError: too many items, an unknown or missing or contradicting pair, CR above the table's limit."""
    size = len(items)
    if not 1 <= size <= len(table.random_index):
        raise MethodError(WHERE, f"两两比较只用于 1 至 {len(table.random_index)} 项，得到 {size} 项")
    matrix = _matrix(items, pairs, table)
    weights, lambda_max = _principal(matrix)
    ri = table.random_index[size - 1]
    ci = max((lambda_max - size) / (size - 1), 0.0) if size > 1 else 0.0
    cr = ci / ri if ri else 0.0
    if cr > table.most:
        raise MethodError(WHERE, _inconsistent(items, matrix, weights, (cr, table.most)))
    return Ahp(tuple(items), tuple(weights), lambda_max, ci, ri, cr)


def _matrix(items: Sequence[str], pairs: Sequence[Pair], table: AhpTable) -> Matrix:
    place = {item: number for number, item in enumerate(items)}
    known: dict[tuple[int, int], float] = {(number, number): 1.0 for number in range(len(items))}
    for pair in pairs:
        _check(pair, place, table)
        here = (place[pair.a], place[pair.b])
        _note(known, here, pair)
    missing = [(a, b) for a in items for b in items if place[a] < place[b] and (place[a], place[b]) not in known]
    if missing:
        raise MethodError(WHERE, "两两比较不全，缺少 " + "、".join(f"{a} 与 {b}" for a, b in missing))
    return [[known[row, column] for column in range(len(items))] for row in range(len(items))]


def _check(pair: Pair, place: dict[str, int], table: AhpTable) -> None:
    for item in (pair.a, pair.b):
        if item not in place:
            raise MethodError(WHERE, f"‘{item}’ 不在比较的各项之中")
    largest = table.largest_ratio * (1 + RECIPROCAL)
    if not isfinite(pair.ratio) or not 1 / largest <= pair.ratio <= largest:
        raise MethodError(
            WHERE, f"{pair.a} 与 {pair.b} 之比要在 1/{table.largest_ratio:g} 与 {table.largest_ratio:g} 之间"
        )


def _note(known: dict[tuple[int, int], float], here: tuple[int, int], pair: Pair) -> None:
    """Both directions. A second telling of a pair must say the same, and one with itself 1."""
    for spot, ratio in ((here, pair.ratio), (here[::-1], 1 / pair.ratio)):
        told = known.setdefault(spot, ratio)
        if abs(told / ratio - 1) > RECIPROCAL:
            raise MethodError(WHERE, f"{pair.a} 与 {pair.b} 的两次比较互相矛盾（应互为倒数）")


def _principal(matrix: Matrix) -> tuple[list[float], float]:
    """By power iteration: all entries are above zero, so it comes to rest at the one vector that is so too."""
    size = len(matrix)
    weights, total = [1 / size] * size, float(size)
    for _ in range(MOST_ROUNDS):
        product = [sum(a * w for a, w in zip(row, weights, strict=True)) for row in matrix]
        total = sum(product)
        moved = [value / total for value in product]
        rest = max(abs(new - old) for new, old in zip(moved, weights, strict=True)) < STILL
        weights = moved
        if rest:
            break
    return weights, total


def _inconsistent(items: Sequence[str], matrix: Matrix, weights: list[float], cr: tuple[float, float]) -> str:
    def strain(spot: tuple[int, int]) -> float:
        row, column = spot
        ratio = matrix[row][column] * weights[column] / weights[row]
        return round(max(ratio, 1 / ratio), 9)  # of three items all pairs strain alike: the first is named

    spots = [(row, column) for row in range(len(items)) for column in range(row + 1, len(items))]
    row, column = max(spots, key=strain)
    return (
        f"比较不一致：CR = {cr[0]:.3f}，大于 {cr[1]:g}；最不合的一对是 {items[row]} 与 {items[column]}，"
        f"给出 {matrix[row][column]:.3g}，由权重应约为 {weights[row] / weights[column]:.3g}"
    )
