from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.judging import Answer, Finding, Score
from service.domain.levels import Level
from service.rules.grading import Cuts, cuts_for, level
from service.rules.thresholds import load_thresholds
from service.scoring.drawn import probability
from service.scoring.pooling import POOLING_FILE, STEPS, Pooler, Pooling, PoolingError, load_pooling
from service.scoring.prior import load_prior
from service.scoring.scorer import sigmoid
from service.scoring.stacking import Scored, enough, learned_both, learned_rules, pooled, three_ways

STATED = load_pooling()
LEVELS = [None, *Level]
CUTS = Cuts(0.1, 0.25, 0.5)
odds = st.floats(-12, 12)


def scored(count: int, model: float, rules: float, seed: int = 2) -> Scored:
    """Matters of one row whose true log-odds are -2 + model · said + rules · (rank of the level - 1)."""
    dice = np.random.default_rng(seed)
    said = dice.normal(-2, 1, count)
    ranks = dice.choice(4, count, p=[0.4, 0.3, 0.2, 0.1])
    came = dice.random(count) < probability(-2 + model * (said + 2) + rules * (ranks - 1))
    return Scored(said, [Level.of_rank(int(rank) + 1) for rank in ranks], came, [f"m{place}" for place in range(count)])


def test_before_outcomes_suffice_the_stated_pooling_holds() -> None:
    assert learned_both(scored(199, 1.0, 0.0), STATED) is STATED.both
    assert learned_rules(scored(199, 1.0, 0.0), STATED) is STATED.rules


def test_many_rows_of_few_matters_are_few_outcomes() -> None:
    many = scored(2000, 1.0, 0.0)
    few = Scored(many.model, many.by_rules, many.escalated, [f"m{place % 100}" for place in range(2000)])
    assert enough(many, STATED)
    assert not enough(few, STATED)


def test_the_stated_weights_of_rules_and_model_add_up_to_one() -> None:
    for rank, said in ((1, 0.05), (2, 0.1), (3, 0.25), (4, 0.5)):
        odds = float(np.log(said / (1 - said)))
        assert STATED.both.log_odds(odds, Level.of_rank(rank)) == pytest.approx(odds)


def test_what_a_level_says_alone_is_the_cut_off_of_the_default_costs(cuts: Cuts) -> None:
    said = [sigmoid(STATED.rules.log_odds(9.0, step)) for step in STEPS]
    assert said == pytest.approx([cuts.yellow, cuts.orange, cuts.red])
    assert STATED.rules.log_odds(9.0, None) == pytest.approx(load_prior().line.constant)


@given(odds, odds, st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_a_graver_finding_or_score_never_lowers_the_stated_probability(a: float, b: float, one, two) -> None:
    low, high = sorted((one, two), key=lambda level: level.rank if level else 0)
    assert STATED.both.log_odds(min(a, b), low) <= STATED.both.log_odds(max(a, b), high) + 1e-9


@pytest.mark.parametrize("rules", [-1.0, 0.0, 1.0])
def test_a_graver_finding_or_score_never_lowers_a_learned_probability(rules: float) -> None:
    both = learned_both(scored(3000, -0.5, rules), STATED)
    assert both.learned
    assert both.model >= 0
    assert all(step >= 0 for step in both.steps.values())


def test_what_rules_know_beyond_the_model_is_learned() -> None:
    both = learned_both(scored(6000, 1.0, 0.9), STATED)
    assert both.model == pytest.approx(1.0, abs=0.15)
    assert all(0.5 < step < 1.2 for step in both.steps.values())


def test_rules_that_know_nothing_more_get_no_say_in_the_probability() -> None:
    both = learned_both(scored(6000, 1.0, 0.0), STATED)
    assert max(both.steps.values()) < 0.15


def test_learned_pooling_is_no_worse_than_rules_or_model_alone() -> None:
    before, after = scored(2000, 0.8, 0.5, 1), scored(2000, 0.8, 0.5, 2)
    told = three_ways(after, learned_both(before, STATED), learned_rules(before, STATED), seed=1)
    assert set(told) == {"rules", "model", "both"}
    losses = {name: measured["log_loss"].value for name, measured in told.items()}
    assert losses["both"] < min(losses["rules"], losses["model"])


def test_rows_and_single_scores_are_pooled_alike() -> None:
    some = scored(50, 1.0, 0.5)
    alone = [sigmoid(STATED.both.log_odds(float(said), by)) for said, by in zip(some.model, some.by_rules, strict=True)]
    assert pooled(some, STATED.both) == pytest.approx(alone)


@given(odds, st.sampled_from(LEVELS))
def test_a_serving_process_pools_as_the_stated_weights_say(model: float, by_rules: Level | None) -> None:
    said = Pooler(STATED).pooled(sigmoid(model), by_rules)
    assert said.both == pytest.approx(sigmoid(STATED.both.log_odds(model, by_rules)))
    assert said.rules == pytest.approx(sigmoid(STATED.rules.log_odds(model, by_rules)))
    assert said.version == STATED.version


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_a_model_that_is_certain_is_pooled_without_infinity(certain: float) -> None:
    assert abs(Pooler(STATED).pooled(certain, Level.RED).both - certain) < 1e-3


@given(odds, st.sampled_from(LEVELS))
def test_pooled_by_the_stated_weights_lies_between_rules_and_model(model: float, by_rules: Level | None) -> None:
    said = Pooler(STATED).pooled(sigmoid(model), by_rules)
    low, high = sorted((said.rules, sigmoid(model)))
    assert low - 1e-9 <= said.both <= high + 1e-9


@given(odds, st.sampled_from([level for level in Level if level is not Level.BLUE]), st.booleans())
def test_no_pooled_probability_lowers_a_floor(model: float, floor: Level, life: bool) -> None:
    silenced = Pooling(-20.0, 0.1, dict.fromkeys(STEPS, 0.0), learned=True)
    said = sigmoid(silenced.log_odds(model, floor))
    hit = Finding("IN-1", "规则", Answer.HIT, floor, life_danger=life, statutory_report=True)
    judgement = level([hit], Score(probability=said), CUTS)
    assert judgement.level.rank >= floor.rank
    assert judgement.life_danger is life
    assert judgement.statutory_report_required


def test_levels_whose_probability_falls_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "pooling.yaml"
    file.write_text(POOLING_FILE.read_text("utf-8").replace("orange: 0.25", "orange: 0.05"), "utf-8")
    with pytest.raises(PoolingError, match="不随级别下降"):
        load_pooling(file)


@pytest.fixture
def cuts() -> Cuts:
    """Those of thresholds.yaml anywhere in the country."""
    return cuts_for(load_thresholds(), "990101001001", date(2026, 6, 10))
