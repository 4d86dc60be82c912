"""The usual way to serve a model: the fitted scikit-learn pipeline itself, asked with `predict_proba`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from service.domain.judging import Score
from service.domain.matters import MatterSnapshot
from service.scoring.replay import Example
from service.scoring.replay import examples as examples_of
from service.scoring.simulate import simulate
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.train import labels_of, table_of


class Learned:
    """Stands where the scorer stands. No reasons: `predict_proba` gives none."""

    synthetic = True  # it learns from simulated matters, as the shipped model does

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def score(self, snapshots: Sequence[MatterSnapshot]) -> list[Score]:
        return [Score(probability=self.probability(snapshot)) for snapshot in snapshots]

    def probability(self, snapshot: MatterSnapshot) -> float:
        return float(self.pipeline.predict_proba(_table([snapshot]))[0, 1])

    def probabilities(self, snapshots: Sequence[MatterSnapshot]) -> list[float]:
        said: list[float] = self.pipeline.predict_proba(_table(snapshots))[:, 1].tolist()
        return said


def examples() -> list[Example]:
    """Simulated matters as known at many moments."""
    lived = simulate(SimulationParameters(), 3, datetime(2025, 9, 1, tzinfo=UTC), 240)
    return [example for example in examples_of(lived) if example.outcome() is not None]


def fitted(known: list[Example]) -> Learned:
    """The same kind of line over the same features as the model that ships."""
    pipeline = make_pipeline(
        SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )
    return Learned(pipeline.fit(table_of(known), labels_of(known)))


def _table(snapshots: Sequence[MatterSnapshot]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return table_of([Example("", s.opened_at, s, {}, frozenset()) for s in snapshots])
