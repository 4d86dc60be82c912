"""The trained line beside its rivals: the base rate, history alone, models out of the box, and the true probability
nobody can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

import numpy as np

from service.scoring.definitions import DISRUPTION, HARM
from service.scoring.evaluate import Numbers, auc, log_loss, measure
from service.scoring.learning.conformal import COVERAGE, Judged, covered
from service.scoring.learning.line import sigmoid
from service.scoring.learning.numbered import STRETCHES, Numbered, NumberRows
from service.scoring.replay import HORIZON_DAYS, Example
from service.scoring.rivals import Predict
from service.scoring.simulate import SimulatedDistrict
from service.scoring.simulation.life import MatterTruth
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.simulation.truth import true_risks

ORACLE_EXAMPLES = 1500  # at most, and a quarter of the test; more would outlast the training itself
SMALLEST_SLICE = 10  # escalating snapshots; below it an AUC is a rumour
BINS = 10  # of the calibration plot, equally many snapshots in each


@dataclass(slots=True)
class Split:
    """Examples by part; `later` and `unseen` are the two tests, `left_out` lies in a gap or in the warm-up."""

    training: list[Example] = field(default_factory=list)
    later: list[Example] = field(default_factory=list)
    unseen: list[Example] = field(default_factory=list)
    left_out: int = 0

    def parts(self) -> dict[str, list[Example]]:
        names = ("training", "later", "unseen")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Judging:
    """What is judged: the model by horizon in days, its rivals at the served horizon, and how examples become rows."""

    learned: Mapping[int, Numbered]
    rivals: Mapping[str, Predict]
    rows_of: Callable[[Sequence[Example]], NumberRows]

    def model(self, examples: Sequence[Example], horizon: int = HORIZON_DAYS) -> Numbers:
        """[n] probabilities."""
        return sigmoid(self.learned[horizon].log_odds(self.rows_of(examples)))


def compared(split: Split, judging: Judging, lived: list[SimulatedDistrict], seed: int) -> dict[str, Any]:
    """Metrics as plain values: per test part and predictor, by horizon, the comparison with the truth, intervals,
    calibration and the weak slices."""
    tests = {part: split.parts()[part] for part in ("later", "unseen")}
    return {
        **{part: _part(examples, judging, seed) for part, examples in tests.items()},
        "horizons": {part: _horizons(examples, judging) for part, examples in tests.items()},
        "best_reachable": _oracle(split.later, judging, lived, seed),
        "interval": {part: _interval(examples, judging) for part, examples in tests.items()},
        "calibration": _calibration(split.later + split.unseen, judging),
        "slices": _slices(split, judging),
    }


def true_probability(truth: MatterTruth, example: Example, p: SimulationParameters, dice: Random) -> float:
    """The probability of the example's label at the model's horizon, from the hidden state of that moment."""
    risks = true_risks(truth, example.at, p, dice)
    return next(risk.probability for risk in risks if risk.days == HORIZON_DAYS)


def _part(examples: list[Example], judging: Judging, seed: int) -> dict[str, Any]:
    table = judging.rows_of(examples).table
    told = {"model": judging.model(examples), **{name: rival(table) for name, rival in judging.rivals.items()}}
    return {name: _measured(examples, probability, seed) for name, probability in told.items()}


def _measured(examples: list[Example], probability: Numbers, seed: int) -> dict[str, Any]:
    measured = measure(_came(examples), probability, [example.matter for example in examples], seed)
    return {name: {key: _known(value) for key, value in asdict(one).items()} for name, one in measured.items()}


def _horizons(examples: list[Example], judging: Judging) -> dict[str, Any]:
    """For each horizon: share that escalates, AUC, log loss, and the log loss of that share said for everyone."""
    told = {}
    for days in judging.learned:
        came, said = _came(examples, days), judging.model(examples, days)
        base = np.full(len(came), came.mean())
        numbers = {"came": came.mean(), "auc": auc(came, said), "log_loss": log_loss(came, said)}
        told[str(days)] = {name: _known(float(n)) for name, n in (numbers | {"of_share": log_loss(came, base)}).items()}
    return told


def _interval(examples: list[Example], judging: Judging) -> dict[str, Any]:
    """Stated coverage, the share of groups of like cases for which it held, mean width, and share lying outside."""
    predicted = judging.learned[HORIZON_DAYS].predict(judging.rows_of(examples))
    order = np.argsort(np.argsort([example.at.timestamp() for example in examples], kind="stable"), kind="stable")
    judged = Judged(predicted.probability, _came(examples), order * STRETCHES // len(order), predicted.classes)
    held = covered(judged, predicted.low, predicted.high)
    return {
        "coverage": COVERAGE,
        "held": None if held is None else round(held, 3),
        "mean_width": _known(float((predicted.high - predicted.low).mean())),
        "outside": _known(float(np.mean([bool(why) for why in predicted.outside]))),
    }


def _calibration(examples: list[Example], judging: Judging) -> list[dict[str, Any]]:
    """Bins of equally many snapshots: mean probability said, and the share that came."""
    said, came = judging.model(examples), _came(examples)
    bins = np.array_split(np.argsort(said, kind="stable"), BINS)
    return [{"examples": len(b), "said": _known(said[b].mean()), "came": _known(came[b].mean())} for b in bins]


def _came(examples: list[Example], horizon: int = HORIZON_DAYS) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array([example.outcome(horizon) for example in examples], dtype=bool)


def _oracle(examples: list[Example], judging: Judging, lived: list[SimulatedDistrict], seed: int) -> dict[str, Any]:
    """Model and true probability on the same sample of the later test."""
    dice = Random(f"{seed}:oracle")
    sample = dice.sample(examples, min(ORACLE_EXAMPLES, len(examples) // 4))
    truths = {key: truth for district in lived for key, truth in district.truth.items()}
    p = lived[0].parameters
    true = np.array([true_probability(truths[example.matter], example, p, dice) for example in sample])
    return {
        "examples": len(sample),
        "true_probability": _measured(sample, true, seed),
        "model": _measured(sample, judging.model(sample), seed),
    }


def _slices(split: Split, judging: Judging) -> dict[str, Any]:
    """AUC where it is hard, on both tests together."""
    examples = split.later + split.unseen
    probability = judging.model(examples)
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
    truth = _came(examples)[mask]
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
