from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from service.domain.problems import Problem
from service.scoring.artefact import load_model, parts_of
from service.scoring.comparison import Split, true_probability
from service.scoring.definitions import FEATURES
from service.scoring.features import NAMES, features
from service.scoring.replay import Example
from service.scoring.scorer import Scorer
from service.scoring.simulate import SimulatedDistrict
from service.scoring.train import Fitted, artefact_of, table_of, train


def test_the_served_model_agrees_with_the_trained_pipeline(
    fitted: Fitted, small_split: Split, examples: list[Example]
) -> None:
    served = Scorer(parts_of(json.loads(json.dumps(artefact_of(fitted, small_split, "test")))))
    answers = [score.probability for score in served.score([example.snapshot for example in examples])]
    assert np.abs(np.array(answers, dtype=float) - fitted.probability(table_of(examples))).max() <= 1e-9


def test_the_table_says_missing_where_the_row_does(examples: list[Example]) -> None:
    table = table_of(examples[:200])
    assert np.isnan(table).any()
    for line, example in zip(table, examples, strict=False):
        row = features(example.snapshot)
        assert [None if np.isnan(v) else v for v in line] == [row[name] for name in NAMES]


def test_no_weight_contradicts_the_expected_sign(fitted: Fitted, small_split: Split) -> None:
    weights = artefact_of(fitted, small_split, "test")["weights"]
    assert all(feature.sign * weights[feature.name]["per_unit"] >= 0 for feature in FEATURES)


def test_a_run_is_repeated_by_its_seed_and_loads(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert "合成" in train(tmp_path / folder, seed=3, districts=2, days=330)
    (one,), (two,) = ((tmp_path / folder).glob("escalation-*") for folder in ("one", "two"))
    assert one.name == two.name == f"escalation-{load_model(one).version}"
    for file in ("model.json", "card.json", "card.md"):
        assert (one / file).read_bytes() == (two / file).read_bytes()


def test_too_short_a_run_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="too_few_escalations"):
        train(tmp_path, seed=3, districts=2, days=70)


def test_the_true_probability_tells_who_will_escalate(district: SimulatedDistrict, settled: list[Example]) -> None:
    dice = Random(1)
    came, did_not = ([e for e in settled if e.outcome() is answer] for answer in (True, False))
    sample = dice.sample(came, 40) + dice.sample(did_not, 40)
    risks = [true_probability(district.truth[e.matter], e, district.parameters, dice) for e in sample]
    assert np.mean(risks[:40]) > 1.8 * np.mean(risks[40:])
