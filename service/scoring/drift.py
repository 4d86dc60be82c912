"""How far what a model meets has moved from what it met when it began here: bins, counts, PSI. Pure.

A reference is made from the first scores a model gives in this service: bins of each feature and of the score, and the
shares of categories. Afterwards only counts per bin and day are kept, so no comparison reads history.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from service.scoring.features import NAMES

BINS = 10  # deciles: what the usual limits of PSI were set for
USUAL_SHARE = 0.02  # a category below it is counted with the others
SMOOTHING = 0.5  # added to each bin, so that an empty one has a logarithm
AWAITED = 20.0  # so many were to be expected, and hardly any came: one chance in 50,000
GONE = 0.2  # of its usual share; what is left are old matters, which keep their category
MOVED_SHARE = 0.7  # of what a category lost, found again in one other: it was renamed, not rarer
SCORE = "score"
CATEGORY = "category"
Counts = dict[str, list[int]]  # per input: how many in each bin, the missing ones last


@dataclass(frozen=True, slots=True)
class Met:
    """One score as it was given: the row it rested on, the probability, the matter's category."""

    features: Mapping[str, float | None]
    probability: float
    category: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Edges per input (a value on an edge lies above it), names of the usual categories, and the counts in all bins.

    Categories have one bin each and a last one for all others.
    """

    scores: int
    edges: Mapping[str, Sequence[float]]
    categories: Sequence[str]
    counts: Counts

    @classmethod
    def of(cls, met: Sequence[Met]) -> Reference:
        """Made from the first scores, any number above none."""
        values = {name: [one.features.get(name) for one in met] for name in NAMES}
        values[SCORE] = [one.probability for one in met]
        edges = {name: _edges([value for value in column if value is not None]) for name, column in values.items()}
        seen = Counter(one.category for one in met)
        usual = sorted(code for code, number in seen.items() if number >= USUAL_SHARE * len(met))
        empty = cls(len(met), edges, usual, {})
        return cls(len(met), edges, usual, empty.count(met))

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Reference:
        """From what `kept` gave."""
        return cls(kept["scores"], kept["edges"], kept["categories"], kept["counts"])

    def kept(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "scores": self.scores, "edges": dict(self.edges), "categories": list(self.categories), "counts": self.counts
        }  # fmt: skip

    def count(self, met: Iterable[Met]) -> Counts:
        """How many of these scores fall in each bin of each input."""
        counts: Counts = {name: [0] * (len(edges) + 2) for name, edges in self.edges.items()}
        places = {code: place for place, code in enumerate(self.categories)}
        counts[CATEGORY] = [0] * (len(places) + 1)
        for one in met:
            for name, edges in self.edges.items():
                value = one.probability if name == SCORE else one.features.get(name)
                counts[name][-1 if value is None else bisect_right(edges, value)] += 1
            counts[CATEGORY][places.get(one.category, -1)] += 1
        return counts


@dataclass(frozen=True, slots=True)
class Moved:
    """How far one input moved. `psi` without what chance alone would give (`noise`); shares of missing, 0–1."""

    psi: float
    noise: float
    missing: float
    missing_before: float


def moved(before: Sequence[int], now: Sequence[int]) -> Moved:
    """Both counted in the same bins, the missing ones last; neither all zero."""
    share_before, share_now = _shares(before), _shares(now)
    raw = sum((n - b) * log(n / b) for b, n in zip(share_before, share_now, strict=True))
    used = sum(b + n > 0 for b, n in zip(before, now, strict=True))
    # The index of two samples of one population is chi-squared with so many degrees of freedom, times the bracket.
    noise = max(used - 1, 0) * (1 / sum(before) + 1 / sum(now))
    return Moved(max(raw - noise, 0.0), noise, now[-1] / sum(now), before[-1] / sum(before))


def total(days: Iterable[Counts]) -> Counts:
    """Counts of several days together."""
    found: Counts = {}
    for counts in days:
        for name, bins in counts.items():
            found[name] = [a + b for a, b in zip(found.get(name) or [0] * len(bins), bins, strict=True)]
    return found


def renamed(reference: Reference, now: Counts) -> list[str]:
    """Usual categories all but gone while one other, or all unusual ones together, grew by most of what they had."""
    before, here = reference.counts[CATEGORY], now[CATEGORY]
    old, new = [n / sum(before) for n in before], [n / sum(here) for n in here]
    most = max((n - o for o, n in zip(old, new, strict=True)), default=0.0)
    awaited = [place for place, share in enumerate(old[:-1]) if share * sum(here) >= AWAITED]
    gone = [place for place in awaited if new[place] <= GONE * old[place]]
    return [reference.categories[place] for place in gone if most >= MOVED_SHARE * old[place]]


def _edges(values: Sequence[float]) -> list[float]:
    """Deciles; each value by itself where there are few. The commonest value never swallows all bins."""
    distinct = sorted(set(values))
    if len(distinct) <= BINS:
        return distinct[1:]
    ordered = sorted(values)
    deciles = {ordered[len(ordered) * part // BINS] for part in range(1, BINS)}
    return sorted((deciles | {distinct[1]}) - {distinct[0]})


def _shares(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + SMOOTHING * len(counts)
    return [(count + SMOOTHING) / whole for count in counts]
