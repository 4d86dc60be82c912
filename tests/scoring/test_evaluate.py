from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from service.scoring.evaluate import MEASURES, Marks, Numbers, calibration_error, caught_in_top, measure


@pytest.fixture
def drawn() -> tuple[Marks, Numbers]:
    """2,000 outcomes drawn from their probabilities; rounded, so that there are ties."""
    dice = np.random.default_rng(1)
    probability = np.round(dice.beta(1, 8, 2000), 2)
    return dice.random(2000) < probability, probability


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("auc", roc_auc_score),
        ("average_precision", average_precision_score),
        ("brier", brier_score_loss),
        ("log_loss", lambda truth, p: log_loss(truth, np.clip(p, 1e-12, 1 - 1e-12))),
    ],
)
def test_a_measure_agrees_with_the_reference_library(
    drawn: tuple[Marks, Numbers], name: str, reference: object
) -> None:
    truth, probability = drawn
    assert callable(reference)
    assert MEASURES[name](truth, probability) == pytest.approx(reference(truth, probability), abs=1e-9)


def test_true_probabilities_are_calibrated_and_doubled_ones_are_not(drawn: tuple[Marks, Numbers]) -> None:
    truth, probability = drawn
    assert calibration_error(truth, probability) < 0.03
    assert calibration_error(truth, np.minimum(2 * probability, 1.0)) > 0.08


def test_a_constant_catches_no_more_than_its_share() -> None:
    truth = np.arange(200) < 20
    assert caught_in_top(truth, np.full(200, 0.1)) == pytest.approx(0.05)


def test_an_interval_holds_its_value_and_repeats_with_its_seed(drawn: tuple[Marks, Numbers]) -> None:
    truth, probability = drawn
    matters = [str(number // 4) for number in range(2000)]
    measured = measure(truth, probability, matters, 3)
    assert measured["auc"].low < measured["auc"].value < measured["auc"].high
    assert measured == measure(truth, probability, matters, 3)
