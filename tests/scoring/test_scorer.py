from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.matters import MatterSnapshot, PlaceHistory
from service.scoring.artefact import load_model
from service.scoring.definitions import FEATURES
from service.scoring.features import NAMES, feature_hash, features
from service.scoring.scorer import LEAST_EFFECT, REASONS_SHOWN, ModelParts, Part, Scorer, not_scored, sigmoid
from tests.scoring.makers import NOON, scorer, snapshot, straight
from tests.scoring.test_artefact import MODELS

COUNTS = st.integers(0, 5000)
SIGNALS = st.frozensets(st.sampled_from(["hazard", "injury", "road_blocked", "payment_overdue", "no_answer"]))


@st.composite
def snapshots(draw: st.DrawFn) -> MatterSnapshot:
    """Any plausible matter whose head-counts are known."""
    first = draw(COUNTS)
    people = {"people_first": first, "people_max": first + draw(COUNTS), "people_latest": first}
    reports = {"report_count": draw(st.integers(1, 200)), "reports_72h": draw(st.integers(0, 50))}
    answers = {"reports_after_reply": draw(st.integers(0, 20)), "missed_clocks": draw(st.integers(0, 9))}
    return snapshot(
        **people,
        **reports,
        **answers,
        present_max=draw(COUNTS),
        signals=draw(SIGNALS),
        text_signals=draw(SIGNALS),
        replied_at=draw(st.sampled_from([None, NOON.replace(day=7)])),
        place=PlaceHistory(draw(COUNTS), draw(COUNTS), 0, draw(COUNTS), draw(st.integers(0, 50))),
    )


@pytest.fixture(scope="module")
def shipped() -> Scorer:
    return load_model(MODELS)


def log_odds(probability: float | None) -> float:
    assert probability is not None
    return math.log(probability / (1 - probability))


def test_a_batch_is_answered_in_order_and_like_single_matters() -> None:
    batch = [snapshot(people_max=people) for people in (12, 40, 200)]
    assert scorer().score(batch) == [scorer().score([one])[0] for one in batch]
    assert scorer().score([]) == []


def test_a_score_says_which_model_read_which_row() -> None:
    score = scorer().score([snapshot()])[0]
    assert score.model_version == "test"
    assert score.features == features(snapshot())
    assert score.feature_hash == feature_hash(score.features)
    assert score.synthetic is True
    assert score.why_none is None


@given(one=snapshots())
@settings(max_examples=60, deadline=None)
def test_the_effects_of_all_groups_add_up_to_the_log_odds(shipped: Scorer, one: MatterSnapshot) -> None:
    score = shipped.score([one])[0]
    assert shipped.baseline + sum(shipped.effects(score.features).values()) == pytest.approx(
        log_odds(score.probability), abs=1e-6
    )


@given(one=snapshots())
@settings(max_examples=60, deadline=None)
def test_a_reason_is_what_the_probability_would_be_without_its_group(shipped: Scorer, one: MatterSnapshot) -> None:
    score = shipped.score([one])[0]
    for reason in score.reasons:
        assert log_odds(score.probability) - reason.effect == pytest.approx(log_odds(reason.without), abs=1e-6)


def test_only_the_groups_that_moved_most_are_told_strongest_first() -> None:
    score = scorer().score([snapshot(people_max=500, signals=frozenset({"hazard", "payment_overdue"}))])[0]
    strengths = [abs(reason.effect) for reason in score.reasons]
    assert len(strengths) == REASONS_SHOWN
    assert strengths == sorted(strengths, reverse=True)
    assert min(strengths) >= LEAST_EFFECT


def test_a_reason_reads_as_a_sentence_with_both_probabilities() -> None:
    base = snapshot(signals=frozenset({"payment_overdue"}))
    score = scorer(signal_payment=9.0).score([base])[0]
    without = scorer(signal_payment=9.0).score([replace(base, signals=frozenset())])[0]
    assert score.probability is not None
    assert without.probability is not None
    assert score.reasons[0].text == (
        f"若无“款项逾期”等履约情况，概率由 {score.probability:.2f} 降至 {without.probability:.2f}"
    )


def test_what_lowers_the_risk_is_told_as_a_rise_without_it() -> None:
    score = scorer(settled_share=-9.0).score([snapshot(settled_on_spot_count=3)])[0]
    assert any("升至" in reason.text for reason in score.reasons if reason.group == "settled")


def test_a_missing_value_has_its_own_weight() -> None:
    unknown = snapshot(people_max=None, people_first=None, people_latest=None)
    made = scorer(people_log=1.0, people_growth=0.0)
    missing, zero = made.score([unknown, snapshot(people_max=0, people_first=0, people_latest=0)])
    assert log_odds(missing.probability) - log_odds(zero.probability) == pytest.approx(0.4)  # four features at 0.1


def test_a_matter_that_must_not_be_estimated_has_a_reason_and_no_number() -> None:
    score = not_scored("尚不知是否涉及五人以上，不作估计")
    assert (score.probability, score.why_none) == (None, "尚不知是否涉及五人以上，不作估计")


def test_extreme_log_odds_stay_probabilities() -> None:
    assert (sigmoid(-1e6), sigmoid(1e6), sigmoid(0.0)) == (0.0, 1.0, 0.5)


@given(one=snapshots(), more=st.integers(1, 5000))
@settings(max_examples=100, deadline=None)
def test_more_people_never_lower_the_risk(shipped: Scorer, one: MatterSnapshot, more: int) -> None:
    assert one.people_max is not None
    assert one.present_max is not None
    assert one.people_latest is not None
    larger: list[dict[str, Any]] = [
        {"people_max": one.people_max + more},
        {"people_latest": one.people_latest + more, "people_max": max(one.people_max, one.people_latest + more)},
        {"present_max": one.present_max + more},
    ]
    for change in larger:
        assert raised(shipped, one, change)


@given(one=snapshots(), more=st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_missed_clocks_and_repeats_never_lower_the_risk(shipped: Scorer, one: MatterSnapshot, more: int) -> None:
    assert raised(shipped, one, {"missed_clocks": one.missed_clocks + more})
    assert raised(shipped, one, {"reports_after_reply": one.reports_after_reply + more})


@given(one=snapshots(), signals=SIGNALS)
@settings(max_examples=100, deadline=None)
def test_a_further_danger_signal_never_lowers_the_risk(
    shipped: Scorer, one: MatterSnapshot, signals: frozenset[str]
) -> None:
    assert raised(shipped, one, {"signals": one.signals | signals})
    assert raised(shipped, one, {"text_signals": one.text_signals | signals})


@given(one=snapshots(), name=st.sampled_from([f.name for f in FEATURES if f.sign]), step=st.floats(0.001, 20))
@settings(max_examples=200, deadline=None)
def test_no_feature_with_a_direction_moves_the_risk_against_it(
    shipped: Scorer, one: MatterSnapshot, name: str, step: float
) -> None:
    row, sign = features(one), next(feature.sign for feature in FEATURES if feature.name == name)
    before = shipped.score_row({**row, name: row[name] or 0.0}).probability
    after = shipped.score_row({**row, name: (row[name] or 0.0) + step}).probability
    assert before is not None
    assert after is not None
    assert sign * (after - before) >= -1e-12


@given(one=snapshots())
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_the_probability(shipped: Scorer, one: MatterSnapshot) -> None:
    score = shipped.score([one])[0]
    assert score.probability is not None
    assert score.low is not None
    assert score.high is not None
    assert 0 <= score.low <= score.probability <= score.high <= 1
    assert score.high > score.low


def test_what_the_model_has_not_seen_is_said(shipped: Scorer) -> None:
    usual, crowd, strange = shipped.score(
        [snapshot(), snapshot(people_max=10**7), snapshot(category="sea.wreck", first_level="sea")]
    )
    assert usual.outside == ()
    assert crowd.outside == ("“涉及人数”超出训练时见过的范围",)
    assert strange.outside == ("该类别在训练中没有出现过",)


def test_a_gap_where_training_had_none_is_outside() -> None:
    parts = {name: straight(0.3, gaps=name != "people_log") for name in NAMES}
    model = Scorer(ModelParts("test", 30, True, -2.0, parts))
    assert model.score([snapshot(people_max=None)])[0].outside == ("“涉及人数”超出训练时见过的范围",)


def test_a_part_is_straight_between_its_knots_and_level_beyond_them() -> None:
    part = Part((0.0, 1.0, 3.0), (0.0, 2.0, 3.0), -1.0, None)
    assert [part.of(value) for value in (-5, 0, 0.5, 1, 2, 3, 99)] == pytest.approx([0, 0, 1, 2, 2.5, 3, 3])
    assert part.of(None) == -1.0


def raised(model: Scorer, one: MatterSnapshot, change: dict[str, Any]) -> bool:
    """Not lowered, but for the last digit of a float."""
    before, after = (score.probability for score in model.score([one, replace(one, **change)]))
    assert before is not None
    assert after is not None
    return after >= before - 1e-12
