"""Features → probability and reasons, in plain Python: no numerical library is imported to serve.

The model is a bent line in log-odds: a feature's part is read off straight pieces between knots, level beyond the outer
ones, or is `when_missing` where the value is None. So the probability falls apart into one additive effect per group
against the `reference` row: the usual state in training.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, inf, log1p, sqrt

from service.domain.judging import Score, ScoreReason
from service.domain.matters import MatterSnapshot
from service.domain.quick import quick
from service.scoring.definitions import FEATURES, GROUPS
from service.scoring.features import Row, features, hash_of, in_order

REASONS_SHOWN = 4  # more are noise to a reader
_score, _score_reason = quick(Score), quick(ScoreReason)
_SENTENCES = {name: group.sentence for name, group in GROUPS.items()}
LEAST_EFFECT = 0.1  # log-odds; less changes no probability visibly
LEAST_SPREAD = 1e-4  # of a share: near 0 and 1 the interval keeps a width
ALL_PRIOR = 1.0  # what learned from simulated matters alone is prior through and through: no real outcome is in it
UNKNOWN_KIND = "该类别在训练中没有出现过"

LOOKED_UP = 200  # counts; larger ones are worked out
COMMON = [*map(float, range(3)), *map(log1p, range(1, LOOKED_UP))]  # flags, kinds, and counts as `features` tells them
Piece = tuple[float, float, bool]  # slope, constant, whether it lies outside what was seen


@dataclass(frozen=True, slots=True)
class Part:
    """One feature's part in log-odds, calibration included: `log_odds[i]` at the value `at[i]`, straight in between.

    `reference` None means usually missing. Values outside `within`, and gaps where `gaps` is false, were never seen.
    """

    at: tuple[float, ...]
    log_odds: tuple[float, ...]
    when_missing: float
    reference: float | None
    within: tuple[float, float] = (-inf, inf)
    gaps: bool = True

    @property
    def speaks(self) -> bool:
        """Whether any value, or its lack, changes the log-odds."""
        return len({*self.log_odds, self.when_missing}) > 1

    def of(self, value: float | None) -> float:
        """The part of one value."""
        if value is None:
            return self.when_missing
        knots, pieces = self.pieces(0.0)
        slope, constant, _ = pieces[bisect_right(knots, value)]
        return slope * value + constant

    def pieces(self, reference: float) -> tuple[tuple[float, ...], tuple[Piece, ...]]:
        """Knots in order, and the piece below, between and above them, less `reference`."""
        low, high = self.within
        knots = sorted({*self.at, low, high})
        middles = [knots[0] - 1, *((a + b) / 2 for a, b in pairwise(knots)), knots[-1] + 1]
        middles = [min(max(middle, self.at[0] - 1), self.at[-1] + 1) for middle in middles]
        beyond = [True, *(not low <= a < high for a in knots[:-1]), True]
        told = [(*self._piece(middle), out) for middle, out in zip(middles, beyond, strict=True)]
        return tuple(knots), tuple((slope, constant - reference, out) for slope, constant, out in told)

    def common(self, reference: float) -> dict[float | None, float]:
        """What common values that were seen add, looked up instead of worked out; None among them where gaps were."""
        low, high = self.within
        told: dict[float | None, float] = {v: self.of(v) - reference for v in COMMON if low <= v < high}
        return told | {None: self.when_missing - reference} if self.gaps else told

    def _piece(self, inside: float) -> tuple[float, float]:
        """Slope and constant of the piece that holds `inside`."""
        place = bisect_right(self.at, inside)
        if place in (0, len(self.at)):
            return 0.0, self.log_odds[max(place - 1, 0)]
        (x0, x1), (y0, y1) = self.at[place - 1 : place + 1], self.log_odds[place - 1 : place + 1]
        slope = (y1 - y0) / (x1 - x0)
        return slope, y0 - slope * x0


@dataclass(frozen=True, slots=True)
class Interval:
    """Half widths in standard errors of the share in a group of `cell` like cases; None: too little was judged."""

    cell: int = 50
    otherwise: float | None = None
    by_kind: Mapping[str, float] = field(default_factory=dict)

    def ends(self, probability: float, kind: str) -> tuple[float, float]:
        """Low and high; 0 and 1 where nothing is known."""
        width = self.by_kind.get(kind, self.otherwise)
        if width is None:
            return 0.0, 1.0
        spread = probability * (1.0 - probability)
        reach = width * sqrt((spread if spread > LEAST_SPREAD else LEAST_SPREAD) / self.cell)
        low, high = probability - reach, probability + reach
        return (low if low > 0.0 else 0.0), (high if high < 1.0 else 1.0)


@dataclass(frozen=True, slots=True)
class ModelParts:
    """What an artefact holds. `parts` has one entry for each of FEATURES; `kinds` first levels seen (empty: any)."""

    version: str
    horizon_days: int
    synthetic: bool
    intercept: float
    parts: Mapping[str, Part]
    interval: Interval = Interval()
    kinds: frozenset[str] = frozenset()


class Scorer:
    """A loaded model. Stateless after construction, so one may serve every thread."""

    def __init__(self, model: ModelParts) -> None:
        self.version = model.version
        self.horizon_days = model.horizon_days
        self.synthetic = model.synthetic
        self._interval, self._kinds = model.interval, model.kinds
        self._prior_share = ALL_PRIOR if model.synthetic else None
        self._groups = tuple(GROUPS)
        self._used = frozenset(name for name, part in model.parts.items() if part.speaks)
        parts = [(f.name, model.parts[f.name], self._groups.index(f.group)) for f in FEATURES]
        references = [part.of(part.reference) for _, part, _ in parts]
        self.baseline = model.intercept + sum(references)
        self._lines = tuple(
            (part.common(reference).get, (*part.pieces(reference), part.when_missing - reference), group)
            for (_, part, group), reference in zip(parts, references, strict=True)
        )

    @property
    def used(self) -> frozenset[str]:
        """The features that can change a probability at all."""
        return self._used

    def score(self, snapshots: Sequence[MatterSnapshot]) -> list[Score]:
        """One score per snapshot, in order; one call for a batch."""
        return [self.score_row(features(snapshot), snapshot.first_level) for snapshot in snapshots]

    def score_row(self, row: Row, kind: str = "") -> Score:
        """The score of a row made by `features`; `kind` is the matter's first-level category, "" when not told."""
        values = in_order(row)
        effects, unseen = self._effects(values)
        log_odds = self.baseline + sum(effects)
        probability = sigmoid(log_odds)
        low, high = self._interval.ends(probability, kind)
        strange = kind and self._kinds and kind not in self._kinds
        return _score(
            probability,
            None,
            self._reasons(effects, log_odds, probability),
            self.horizon_days,
            self.version,
            hash_of(values),
            row,
            self.synthetic,
            (),
            low,
            high,
            self._outside(unseen, bool(strange)) if unseen or strange else (),
            self._prior_share,
            None,
        )

    def probability(self, row: Row) -> float:
        """The probability alone, for who scores in shadow and gives no reasons."""
        return sigmoid(self.baseline + sum(self._effects(in_order(row))[0]))

    def effects(self, row: Row) -> dict[str, float]:
        """Log-odds each group adds to `baseline`; together they give the score's log-odds exactly."""
        return dict(zip(self._groups, self._effects(in_order(row))[0], strict=True))

    def _effects(self, values: Sequence[float | None]) -> tuple[list[float], list[int]]:
        """Effect of each group, and the groups in which something lies outside what was seen."""
        effects, unseen = [0.0] * len(self._groups), list[int]()
        for value, (common, others, group) in zip(values, self._lines, strict=True):
            effect = common(value)
            if effect is None:
                knots, pieces, if_missing = others
                slope, constant, beyond = (
                    (0.0, if_missing, True) if value is None else pieces[bisect_right(knots, value)]
                )
                effect = slope * value + constant if value else constant
                if beyond:
                    unseen.append(group)
            effects[group] += effect
        return effects, unseen

    def _outside(self, unseen: list[int], strange: bool) -> tuple[str, ...]:
        titles = dict.fromkeys(GROUPS[self._groups[group]].title for group in unseen)
        told = [f"“{title}”超出训练时见过的范围" for title in titles]
        return (*([UNKNOWN_KIND] if strange else []), *told)

    def _reasons(self, effects: list[float], log_odds: float, probability: float) -> tuple[ScoreReason, ...]:
        moved = [(-abs(e), g, e) for g, e in enumerate(effects) if e >= LEAST_EFFECT or e <= -LEAST_EFFECT]
        moved.sort()
        now = (probability, f"{probability:.2f}")
        return tuple([_reason(self._groups[g], e, sigmoid(log_odds - e), now) for _, g, e in moved[:REASONS_SHOWN]])


def not_scored(why: str) -> Score:
    """The answer for a matter that must not be estimated, with the Chinese reason; the workflow decides which."""
    return Score(probability=None, why_none=why)


def sigmoid(log_odds: float) -> float:
    """Log-odds → probability, without overflow at either end."""
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-log_odds))
    grown = exp(log_odds)
    return grown / (1.0 + grown)


def _reason(group: str, effect: float, without: float, now: tuple[float, str]) -> ScoreReason:
    """`now`: the probability with this group, and as it is written."""
    word = "降至" if effect > 0 else "升至"
    before, after = now[1], f"{without:.2f}"
    if before == after:
        before, after = f"{now[0]:.4f}", f"{without:.4f}"
    return _score_reason(group, f"{_SENTENCES[group]}，概率由 {before} {word} {after}", without, effect)
