"""The factor table: p, q, weight and class of every factor, the index I = Σ w·p·q, and how many of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.assessing import FactorScore, RiskClass
from service.rules.method.ahp import Ahp, ahp
from service.rules.method.cuts import MethodError
from service.rules.method.given import FactorGiven, Given
from service.rules.method.preset import MethodPreset

DIGITS = 9  # 0.8 × 0.8 is 0.6400000000000001: a product on a border must not cross it by rounding of the machine
UNITS = 10**12  # the index is summed in whole units, so that no order of summing gives another grade
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Weighing:
    """Weights by factor id, Σ = 1, and where from: preset, given or ahp."""

    weights: Mapping[str, float]
    origin: str
    unverified: bool
    consistency: Ahp | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """All factors of which p and q are known, their sums, and those of which something is missing."""

    scores: tuple[FactorScore, ...]
    units: int
    counts: Mapping[RiskClass, int]
    missing: tuple[FactorGiven, ...]
    weighing: Weighing

    @property
    def index(self) -> float:
        """Of the known factors: a lower bound while some are missing."""
        return index_of(self.units)


def index_of(units: int) -> float:
    return round(units / UNITS, DIGITS)


def units_of(weight: float, r: float) -> int:
    return round(weight * r * UNITS)


def product(p: float, q: float) -> float:
    return round(p * q, DIGITS)


def factor_table(preset: MethodPreset, given: Given) -> Table:
    """Raises MethodError for a rating outside its scale, an unknown category, a factor given twice, wrong weights."""
    _check_factors(preset, given.factors)
    weighing = _weighing(preset, given)
    scores = tuple(
        _score(preset, factor, weighing.weights[factor.factor_id])
        for factor in given.factors
        if factor.p is not None and factor.q is not None
    )
    return Table(
        scores=scores,
        units=sum(units_of(score.weight, score.r) for score in scores),
        counts=Counter(score.risk for score in scores),
        missing=tuple(factor for factor in given.factors if factor.p is None or factor.q is None),
        weighing=weighing,
    )


def rated(preset: MethodPreset, factor: FactorGiven) -> tuple[float | None, float | None]:
    """p and q as numbers. Raises MethodError."""
    where = f"factors.{factor.factor_id}"
    p = None if factor.p is None else preset.probability.value(factor.p, f"{where}.p")
    q = None if factor.q is None else preset.impact.value(factor.q, f"{where}.q")
    return p, q


def _check_factors(preset: MethodPreset, factors: Sequence[FactorGiven]) -> None:
    seen: set[str] = set()
    for factor in factors:
        if factor.factor_id in seen:
            raise MethodError("factors", f"因素 ‘{factor.factor_id}’ 重复")
        seen.add(factor.factor_id)
        if preset.checklist.category(factor.category) is None:
            raise MethodError(f"factors.{factor.factor_id}.category", f"没有 ‘{factor.category}’ 这一类因素")
        if factor.p is None or factor.q is None:
            rated(preset, factor)  # the other one may still be wrong


def _score(preset: MethodPreset, factor: FactorGiven, weight: float) -> FactorScore:
    p, q = rated(preset, factor)
    r = product(p or 0.0, q or 0.0)
    return FactorScore(
        factor.factor_id, factor.category, factor.name, p or 0.0, q or 0.0, weight, r, preset.classes.risk(r)
    )


def _weighing(preset: MethodPreset, given: Given) -> Weighing:
    factors = given.factors
    explicit = any(factor.weight is not None for factor in factors)
    if given.comparisons and explicit:
        raise MethodError("comparisons", "权重已经直接给出，不能又由两两比较得出")
    if given.comparisons:
        return _compared(preset, given)
    if explicit:
        return Weighing(_explicit(factors), "given", unverified=False)
    shares = {category.category_id: category.weight for category in preset.checklist.categories}
    return Weighing(_spread(factors, shares), "preset", preset.checklist.weights.unverified)


def _explicit(factors: Sequence[FactorGiven]) -> dict[str, float]:
    without = [factor.factor_id for factor in factors if factor.weight is None]
    if without:
        raise MethodError("factors", f"给了一部分权重，还缺 {'、'.join(without)} 的")
    weights = {factor.factor_id: float(factor.weight or 0) for factor in factors}
    wrong = [name for name, weight in weights.items() if not 0 <= weight <= 1]
    if wrong:
        raise MethodError("factors", f"权重要在 0 与 1 之间：{'、'.join(wrong)}")
    total = sum(weights.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise MethodError("factors", f"权重之和要为 1，得到 {total:.6f}")
    return weights


def _spread(factors: Sequence[FactorGiven], shares: Mapping[str, float]) -> dict[str, float]:
    """A category's share equally over its chosen factors; categories without any drop out, the rest comes to 1."""
    chosen = Counter(factor.category for factor in factors)
    total = sum(shares[category] for category in chosen)
    return {each.factor_id: shares[each.category] / chosen[each.category] / total for each in factors}


def _compared(preset: MethodPreset, given: Given) -> Weighing:
    named = {item for pair in given.comparisons for item in (pair.a, pair.b)}
    categories = list(dict.fromkeys(factor.category for factor in given.factors))
    over_categories = named <= set(categories)
    items = categories if over_categories else [factor.factor_id for factor in given.factors]
    found = ahp(items, given.comparisons, preset.ahp)
    shares = dict(zip(found.items, found.weights, strict=True))
    weights = _spread(given.factors, shares) if over_categories else shares
    return Weighing(weights, "ahp", preset.ahp.origin.unverified, found)
