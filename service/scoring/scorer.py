"""Features → probability and reasons, in plain Python: no numerical library is imported to serve.

The model is a line in log-odds. A feature's part is `weight * value`, or `when_missing` where the value is None, so the
probability falls apart into one additive effect per group against the `reference` row: the usual state in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

from service.domain.judging import Score, ScoreReason
from service.domain.matters import MatterSnapshot
from service.domain.quick import quick
from service.scoring.definitions import FEATURES, GROUPS
from service.scoring.features import Row, feature_hash, features

REASONS_SHOWN = 4  # more are noise to a reader
_score, _score_reason = quick(Score), quick(ScoreReason)
_SENTENCES = {name: group.sentence for name, group in GROUPS.items()}
LEAST_EFFECT = 0.1  # log-odds; less changes no probability visibly


@dataclass(frozen=True, slots=True)
class Weight:
    """One feature's part, calibration included. All in log-odds; `reference` None means usually missing."""

    per_unit: float
    when_missing: float
    reference: float | None

    def part(self, value: float | None) -> float:
        return self.when_missing if value is None else self.per_unit * value


@dataclass(frozen=True, slots=True)
class ModelParts:
    """What an artefact holds. `weights` has one entry for each of FEATURES."""

    version: str
    horizon_days: int
    synthetic: bool
    intercept: float
    weights: Mapping[str, Weight]


class Scorer:
    """A loaded model. Stateless after construction, so one may serve every thread."""

    def __init__(self, model: ModelParts) -> None:
        self.version = model.version
        self.horizon_days = model.horizon_days
        self.synthetic = model.synthetic
        self._groups = tuple(GROUPS)
        weights = [(f.name, model.weights[f.name], self._groups.index(f.group)) for f in FEATURES]
        references = [weight.part(weight.reference) for _, weight, _ in weights]
        self.baseline = model.intercept + sum(references)
        self._lines = tuple(
            (name, weight.per_unit, weight.when_missing - reference, reference, group)
            for (name, weight, group), reference in zip(weights, references, strict=True)
        )

    def score(self, snapshots: Sequence[MatterSnapshot]) -> list[Score]:
        """One score per snapshot, in order; one call for a batch."""
        return [self.score_row(features(snapshot)) for snapshot in snapshots]

    def score_row(self, row: Row) -> Score:
        """The score of a row made by `features`."""
        effects = self._effects(row)
        log_odds = self.baseline + sum(effects)
        probability = sigmoid(log_odds)
        return _score(
            probability,
            None,
            self._reasons(effects, log_odds, probability),
            self.horizon_days,
            self.version,
            feature_hash(row),
            row,
            self.synthetic,
        )

    def effects(self, row: Row) -> dict[str, float]:
        """Log-odds each group adds to `baseline`; together they give the score's log-odds exactly."""
        return dict(zip(self._groups, self._effects(row), strict=True))

    def _effects(self, row: Row) -> list[float]:
        effects = [0.0] * len(self._groups)
        for name, per_unit, if_missing, reference, group in self._lines:
            value = row[name]
            effects[group] += if_missing if value is None else per_unit * value - reference
        return effects

    def _reasons(self, effects: list[float], log_odds: float, probability: float) -> tuple[ScoreReason, ...]:
        moved = sorted([(-abs(e), g, e) for g, e in enumerate(effects) if e >= LEAST_EFFECT or e <= -LEAST_EFFECT])
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
