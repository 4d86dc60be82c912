"""The search itself: measure after measure, keeping of the partial choices only those that can still be best."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from math import inf

from service.domain.assessing import Grade, RiskClass
from service.rules.method.cuts import MethodError
from service.rules.method.factors import UNITS
from service.rules.method.grading import Ground
from service.rules.method.plan import Plan, State

BITS = 4  # of p or of q of one open factor in a key
DIGIT = (1 << BITS) - 1
MOST_PARTIAL = 500_000  # partial choices remembered at once; some 150 bytes each

Label = tuple[int, int, int]  # cost, units of the closed factors, bits of the measures taken
Counts = tuple[int, ...]  # of the closed factors, for each limited class those of it or above
Key = tuple[int, Counts]  # bands already taken off the open factors, and the counts
Labels = dict[Key, list[Label]]


@dataclass(frozen=True, slots=True)
class _Limits:
    """What a choice must keep to: cost, units of the index, and how many factors of a class or above."""

    cost: float
    units: float
    counts: tuple[tuple[RiskClass, int], ...]
    known: tuple[tuple[int, int], ...]  # cost and units of choices already found, cost rising and units falling
    partial: int


def lowest_indices(plan: Plan, most_partial: int = MOST_PARTIAL) -> list[int]:
    """The choices (bits of measures) that no other beats in cost and index, rising cost. Raises MethodError."""
    limits = _Limits(inf, inf, (), _quick_choices(plan), most_partial)
    return [chosen for _, _, chosen in _Sweep(plan, limits).labels()]


def cheapest_low(plan: Plan, ground: Ground) -> int | None:
    """The choice of the lowest cost, then the lowest index, that makes the grade 低; None when none does.

    Raises MethodError when the measures touch each other in more ways than can be remembered.
    """
    every = (1 << len(plan.steps)) - 1
    if ground.grade(*plan.outcome(every)) is not Grade.LOW:
        return None  # a measure never makes a grade worse: what all together do not reach, none reaches
    affordable = plan.cost(_thinned(plan, ground, every))
    limits = _Limits(affordable, _most_units(ground), _most_counts(ground), (), MOST_PARTIAL)
    return min(_Sweep(plan, limits).labels())[2]


def _thinned(plan: Plan, ground: Ground, chosen: int) -> int:
    """All measures, the dearest left out one by one while the grade stays: no cheapest choice costs more."""
    for step in sorted(plan.steps, key=lambda step: -step.cost):
        without = chosen & ~(1 << step.bit)
        if ground.grade(*plan.outcome(without)) is Grade.LOW:
            chosen = without
    return chosen


def _quick_choices(plan: Plan) -> tuple[tuple[int, int], ...]:
    """One measure more each time, the one that lowers the index most for its cost: not the best, but known early."""
    chosen, left = 0, list(plan.steps)
    known = [(0, plan.outcome(0)[0])]
    while left:
        gains = [(plan.outcome(chosen | 1 << step.bit)[0] - known[-1][1], step) for step in left]
        units, step = min(gains, key=lambda gain: gain[0] / max(gain[1].cost, 0.5))
        left.remove(step)
        chosen |= 1 << step.bit
        known.append((known[-1][0] + step.cost, known[-1][1] + units))
    return tuple(known)


def _most_units(ground: Ground) -> float:
    """The largest sum of w·p·q in units that still is 低."""
    low, high = 0, 2 * UNITS
    if ground.grade(high, {}) is Grade.LOW:
        return inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ground.grade(middle, {}) is Grade.LOW else (low, middle)
    return low


def _most_counts(ground: Ground) -> tuple[tuple[RiskClass, int], ...]:
    if "count" not in ground.factor_columns:
        return ()
    least: dict[RiskClass, int] = {}
    for rule in ground.preset.counts.rules:
        if rule.grade is not Grade.LOW:
            least[rule.risk] = min(rule.least, least.get(rule.risk, rule.least))
    return tuple((risk, number - 1) for risk, number in least.items())


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of a choice of bands after a step: which stay open, what closes, and the least the rest can add."""

    open: int
    units: int
    counts: Counts
    least_units: int
    least_counts: Counts


class _Sweep:
    """One plan, swept once."""

    def __init__(self, plan: Plan, limits: _Limits) -> None:
        self._plan, self._limits = plan, limits
        self._most = tuple(most for _, most in limits.counts)
        rank = {risk: place for place, risk in enumerate(RiskClass)}
        # By class of a factor: what it adds to each limited count.
        self._adds = {risk: tuple(int(rank[risk] <= rank[most]) for most, _ in limits.counts) for risk in RiskClass}
        self._left = _bands_left(plan)
        self._known_costs = [cost for cost, _ in limits.known]

    def labels(self) -> list[Label]:
        """All complete choices within the limits that no other beats in cost and index, sorted."""
        rest = [self._adds[risk] for risk in self._plan.rest_counts.elements()]
        labels: Labels = {(0, self._sum(rest)): [(0, self._plan.rest_units, 0)]}
        for place in range(len(self._plan.steps)):
            labels = self._next(place, labels)
        return _best(labels.values())

    def _next(self, place: int, labels: Labels) -> Labels:
        step = self._plan.steps[place]
        fates: dict[int, _Fate] = {}
        grown: dict[Key, list[list[Label]]] = {}
        for (bands, counts), each in labels.items():
            for taken, cost, bit in ((bands, 0, 0), (self._lowered(bands, place), step.cost, 1 << step.bit)):
                fate = fates.get(taken) or fates.setdefault(taken, self._fate(taken, place))
                now = self._sum((counts, fate.counts))
                if self._within(now, fate.least_counts):
                    grown.setdefault((fate.open, now), []).append(self._moved(each, fate, cost, bit))
        best = {key: each for key, lists in grown.items() if (each := _best(lists))}
        if sum(map(len, best.values())) > self._limits.partial:
            raise MethodError("measures", "措施与因素之间牵连太多，算不完：请减少措施，或者把一项措施只对应一两个因素")
        return best

    def _moved(self, labels: list[Label], fate: _Fate, cost: int, bit: int) -> list[Label]:
        most_cost = self._limits.cost - cost
        most_units = self._limits.units - fate.units - fate.least_units
        units = fate.units
        return [
            (c + cost, u + units, chosen | bit)
            for c, u, chosen in labels
            if c <= most_cost and u <= most_units and u + units + fate.least_units <= self._known_units(c + cost)
        ]

    def _known_units(self, cost: int) -> float:
        """The fewest units known for at most that cost: who cannot come as low is not needed."""
        place = bisect_right(self._known_costs, cost)
        return self._limits.known[place - 1][1] if place else inf

    def _within(self, counts: Counts, least: Counts) -> bool:
        return all(a + b <= most for a, b, most in zip(counts, least, self._most, strict=True))

    def _sum(self, counts: Iterable[Counts]) -> Counts:
        return tuple(map(sum, zip(*counts, strict=True))) or (0,) * len(self._most)

    def _lowered(self, bands: int, place: int) -> int:
        for factor, p_bands, q_bands in self._plan.steps[place].lowers:
            p, q = _digits(bands, factor)
            p_most, q_most = self._plan.factors[factor].deepest
            bands = _with_digits(bands, factor, (min(p + p_bands, p_most), min(q + q_bands, q_most)))
        return bands

    def _fate(self, bands: int, place: int) -> _Fate:
        still, closed, later = bands, list[State](), list[State]()
        for number, factor in enumerate(self._plan.factors):
            p, q = _digits(bands, number)
            left = self._left[place + 1].get(number)
            if left:
                later.append(factor.state(p + left[0], q + left[1]))
            elif number in self._left[place]:
                closed.append(factor.state(p, q))
                still = _with_digits(still, number, (0, 0))
        return _Fate(still, *self._added(closed), *self._added(later))

    def _added(self, states: list[State]) -> tuple[int, Counts]:
        return sum(state.units for state in states), self._sum([self._adds[state.risk] for state in states])


def _bands_left(plan: Plan) -> list[dict[int, tuple[int, int]]]:
    """By step, and once after the last: what this step and the later ones can take off each factor together."""
    left: dict[int, tuple[int, int]] = {}
    found = [dict(left)]
    for step in reversed(plan.steps):
        for factor, p_bands, q_bands in step.lowers:
            p, q = left.get(factor, (0, 0))
            left[factor] = (p + p_bands, q + q_bands)
        found.append(dict(left))
    return found[::-1]


def _digits(bands: int, factor: int) -> tuple[int, int]:
    both = bands >> 2 * BITS * factor
    return both & DIGIT, both >> BITS & DIGIT


def _with_digits(bands: int, factor: int, both: tuple[int, int]) -> int:
    shift = 2 * BITS * factor
    cleared = bands & ~((1 << 2 * BITS) - 1 << shift)
    return cleared | (both[0] | both[1] << BITS) << shift


def _best(lists: Iterable[list[Label]]) -> list[Label]:
    """Of all labels those with fewer units than every cheaper one, sorted."""
    best: list[Label] = []
    fewest = inf
    for label in sorted(chain.from_iterable(lists)):
        if label[1] < fewest:
            fewest = label[1]
            best.append(label)
    return best
