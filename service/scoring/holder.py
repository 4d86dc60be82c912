"""Which models score at this moment. Swapped whole, so that one batch is scored by the same ones throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.judging import Score, Shadow
from service.domain.matters import MatterSnapshot
from service.domain.quick import changed
from service.scoring.features import feature_hash, features
from service.scoring.pooling import Pooler
from service.scoring.scorer import Scorer


@dataclass(frozen=True, slots=True)
class InUse:
    """`champion` None: the rules judge alone, `why_none` (Chinese) says why. `shadows` score and are not heard."""

    champion: Scorer | None
    why_none: str | None = None
    shadows: tuple[Scorer, ...] = ()
    pooler: Pooler | None = None  # learned from outcomes of the champion; None: the stated one

    def score(self, snapshots: Sequence[MatterSnapshot]) -> list[Score]:
        """One score per snapshot, in order; without a champion each says why and keeps what the shadows said."""
        scores = self.champion.score(snapshots) if self.champion else [self._unheard(one) for one in snapshots]
        return [self._shadowed(one) for one in scores] if self.shadows else scores

    def _unheard(self, snapshot: MatterSnapshot) -> Score:
        why = f"没有可用的模型，仅按规则研判：{self.why_none}"
        if not self.shadows:
            return Score(None, why)
        row = features(snapshot)
        return Score(None, why, features=row, feature_hash=feature_hash(row))

    def _shadowed(self, score: Score) -> Score:
        said = [Shadow(model.version, model.probability(score.features)) for model in self.shadows]
        return changed(score, shadows=tuple(said))


class ModelHolder:
    """Keeps the models in use of one process."""

    def __init__(self, current: InUse) -> None:
        self.current = current
