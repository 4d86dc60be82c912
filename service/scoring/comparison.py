"""The trained line beside its rivals: the base rate, history alone, and the true probability nobody can see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

import numpy as np

from service.scoring.definitions import DISRUPTION, HARM
from service.scoring.evaluate import Numbers, auc, measure
from service.scoring.replay import HORIZON_DAYS, Example
from service.scoring.simulate import SimulatedDistrict
from service.scoring.simulation.life import MatterTruth
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.simulation.truth import true_risks

ORACLE_EXAMPLES = 1500  # at most, and a quarter of the test; more would outlast the training itself
SMALLEST_SLICE = 10  # escalating snapshots; below it an AUC is a rumour

Predict = Callable[[list[Example]], Numbers]


@dataclass(slots=True)
class Split:
    """Examples by part; `later` and `unseen` are the two tests, `left_out` lies in a gap or in the warm-up."""

    training: list[Example] = field(default_factory=list)
    calibration: list[Example] = field(default_factory=list)
    later: list[Example] = field(default_factory=list)
    unseen: list[Example] = field(default_factory=list)
    left_out: int = 0

    def parts(self) -> dict[str, list[Example]]:
        names = ("training", "calibration", "later", "unseen")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Rivals:
    """The model and what it must beat."""

    model: Predict
    history: Predict
    base_rate: float


def compared(split: Split, rivals: Rivals, lived: list[SimulatedDistrict], seed: int) -> dict[str, Any]:
    """Metrics as plain values: per test part and predictor, the comparison with the truth, and the weak slices."""
    by_part = {part: _part(split.parts()[part], rivals, seed) for part in ("later", "unseen")}
    return {**by_part, "best_reachable": _oracle(split.later, rivals, lived, seed), "slices": _slices(split, rivals)}


def true_probability(truth: MatterTruth, example: Example, p: SimulationParameters, dice: Random) -> float:
    """The probability of the example's label at the model's horizon, from the hidden state of that moment."""
    risks = true_risks(truth, example.at, p, dice)
    return next(risk.probability for risk in risks if risk.days == HORIZON_DAYS)


def _part(examples: list[Example], rivals: Rivals, seed: int) -> dict[str, Any]:
    predictions = {
        "model": rivals.model(examples),
        "history_only": rivals.history(examples),
        "base_rate": np.full(len(examples), rivals.base_rate),
    }
    return {name: _measured(examples, probability, seed) for name, probability in predictions.items()}


def _measured(examples: list[Example], probability: Numbers, seed: int) -> dict[str, Any]:
    truth = np.array([example.outcome() for example in examples], dtype=bool)
    measured = measure(truth, probability, [example.matter for example in examples], seed)
    return {name: {key: _known(value) for key, value in asdict(one).items()} for name, one in measured.items()}


def _oracle(examples: list[Example], rivals: Rivals, lived: list[SimulatedDistrict], seed: int) -> dict[str, Any]:
    """Model and true probability on the same sample of the later test."""
    dice = Random(f"{seed}:oracle")
    sample = dice.sample(examples, min(ORACLE_EXAMPLES, len(examples) // 4))
    truths = {key: truth for district in lived for key, truth in district.truth.items()}
    p = lived[0].parameters
    true = np.array([true_probability(truths[example.matter], example, p, dice) for example in sample])
    return {
        "examples": len(sample),
        "true_probability": _measured(sample, true, seed),
        "model": _measured(sample, rivals.model(sample), seed),
    }


def _slices(split: Split, rivals: Rivals) -> dict[str, Any]:
    """AUC where it is hard, on both tests together."""
    examples = split.later + split.unseen
    probability = rivals.model(examples)
    tests: dict[str, Callable[[Example], bool]] = {
        "first report only": lambda e: e.snapshot.report_count == 1,
        "no head-count yet": lambda e: e.snapshot.people_max is None,
        "no escalation in the place's year": lambda e: e.snapshot.place.escalated_365d == 0,
        "of a project": lambda e: e.snapshot.project is not None,
        "escalated before": lambda e: not e.snapshot.signals.isdisjoint(DISRUPTION | HARM),
        "already answered": lambda e: e.snapshot.replied_at is not None,
    }
    for level in sorted({e.snapshot.first_level for e in examples}):
        tests[f"category {level}"] = lambda e, level=level: e.snapshot.first_level == level  # type: ignore[misc]
    masks = {name: np.array([test(e) for e in examples], dtype=bool) for name, test in tests.items()}
    return {name: _slice(examples, probability, mask) for name, mask in masks.items()}


def _slice(examples: list[Example], probability: Numbers, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    truth = np.array([example.outcome() for example in examples], dtype=bool)[mask]
    enough = SMALLEST_SLICE <= truth.sum() < truth.size
    return {
        "examples": int(truth.size),
        "positives": int(truth.sum()),
        "auc": round(auc(truth, probability[mask]), 4) if enough else None,
        "said": round(float(probability[mask].mean()), 4) if truth.size else None,
        "came": round(float(truth.mean()), 4) if truth.size else None,
    }


def _known(value: float) -> float | None:
    """Four digits; JSON has no NaN."""
    return None if np.isnan(value) else round(value, 4)
