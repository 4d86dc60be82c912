from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from service.domain.problems import Problem
from service.scoring.artefact import load_model, parts_of
from service.scoring.comparison import true_probability
from service.scoring.definitions import FEATURES
from service.scoring.features import NAMES, features
from service.scoring.label_definition import load_definition
from service.scoring.learning.chaining import folds_of
from service.scoring.learning.numbered import Numbered, NumberRows
from service.scoring.learning.rates import blocks_of
from service.scoring.replay import HORIZON_DAYS, Example
from service.scoring.scorer import Scorer
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.train import artefact_of, fit, labels_of, rows_of, split_of, table_of, train
from tests.scoring.makers import NOON


def test_the_served_model_agrees_with_the_trained_one(
    learned: Numbered, taught: list[Example], examples: list[Example]
) -> None:
    served = Scorer(parts_of(json.loads(json.dumps(artefact_of(learned, taught, "test")))))
    answers = served.score([example.snapshot for example in examples])
    told = learned.predict(rows_of(examples))
    for name, said in (("probability", told.probability), ("low", told.low), ("high", told.high)):
        served_said = np.array([getattr(answer, name) for answer in answers], dtype=float)
        assert np.abs(served_said - said).max() <= 1e-6
    assert 0 < sum(bool(why) for why in told.outside) < len(examples)
    assert [bool(answer.outside) for answer in answers] == [bool(why) for why in told.outside]


def test_the_served_model_agrees_where_nothing_is_known_and_far_beyond_what_was_seen(
    learned: Numbered, taught: list[Example]
) -> None:
    served = Scorer(parts_of(artefact_of(learned, taught, "test")))
    table = np.array([[np.nan] * len(NAMES), [1e3] * len(NAMES), [-1e3] * len(NAMES)])
    told = learned.predict(NumberRows(table, np.zeros(3), ["labour"] * 3, ["a", "b", "c"]))
    rows = [dict(zip(NAMES, [None if np.isnan(v) else v for v in line], strict=True)) for line in table.tolist()]
    answers = [served.score_row(row, "labour") for row in rows]
    assert [answer.probability for answer in answers] == pytest.approx(told.probability.tolist(), abs=1e-6)
    assert all(answer.outside for answer in answers[1:])


def test_the_table_says_missing_where_the_row_does(examples: list[Example]) -> None:
    table = table_of(examples[:200])
    assert np.isnan(table).any()
    for line, example in zip(table, examples, strict=False):
        row = features(example.snapshot)
        assert [None if np.isnan(v) else v for v in line] == [row[name] for name in NAMES]


def test_no_part_moves_against_the_expected_sign(learned: Numbered, taught: list[Example]) -> None:
    parts = artefact_of(learned, taught, "test")["parts"]
    for feature in FEATURES:
        told = parts[feature.name]["log_odds"]
        assert all(feature.sign * (after - before) >= -1e-12 for before, after in pairwise(told)), feature.name


def test_every_label_that_teaches_was_known_before_the_test_began(parameters: SimulationParameters) -> None:
    quiet = [replace(parameters, county=f"99010{n}", new_matters=2.0) for n in (1, 2)]
    lived = [simulate(one, 4, NOON - timedelta(days=200), 200) for one in quiet]
    split, censored = split_of(lived, 1)
    assert censored
    began = min(example.opened_at for example in split.later)
    settling = parameters.label.settling_days
    assert max(one.at for one in split.training) + timedelta(days=HORIZON_DAYS + settling) <= began
    assert {one.matter for one in split.training}.isdisjoint({one.matter for one in [*split.later, *split.unseen]})


def test_each_block_is_judged_by_what_was_learned_from_labels_known_before_it(taught: list[Example]) -> None:
    rows, ahead = rows_of(taught), HORIZON_DAYS + load_definition().settling_days
    folds = folds_of(labels_of(taught), blocks_of(rows.times, ahead))
    assert len(folds) > 1
    for fold in folds:
        assert rows.times[fold.learned].max() + ahead < rows.times[fold.judged].min()


def test_too_few_labels_to_judge_on_are_refused_with_the_reason(settled: list[Example]) -> None:
    with pytest.raises(Problem, match="too_few_escalations"):
        fit(settled[:300], 0)


def test_a_model_no_better_than_history_is_not_written(learned: Numbered, settled: list[Example]) -> None:
    poor = replace(learned, chosen=replace(learned.chosen, way="history"))
    with pytest.raises(Problem, match="no_better_than_history"):
        artefact_of(poor, settled, "test")


def test_a_run_is_repeated_by_its_seed_and_loads(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert "合成" in train(tmp_path / folder, seed=3, districts=2, days=300)
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
