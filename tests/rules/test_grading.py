"""One place judges: each row states the rule it proves."""

from __future__ import annotations

from datetime import date

import pytest

from service.domain.judging import Answer, Finding, Judgement, Pooled, Score, ScoreReason
from service.domain.levels import Level
from service.rules.grading import Cuts, cut_off, cuts_for, level
from service.rules.thresholds import ThresholdError, load_thresholds
from tests.rules.making import AREA, ON, hit, score

CUTS = Cuts(0.1, 0.25, 0.5)
BLUE, YELLOW, ORANGE, RED = Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED

TABLE = [
    # rule floor, probability, level, needs a look, why
    (None, None, BLUE, False, "nothing known: every open matter deserves an answer"),
    (None, 0.05, BLUE, False, "a low probability says no more than blue"),
    (None, 0.1, YELLOW, False, "a cut-off belongs to its level"),
    (None, 0.3, ORANGE, True, "the model alone reaches orange"),
    (None, 0.99, ORANGE, True, "the model alone never reaches red"),
    (BLUE, 0.99, ORANGE, True, "a blue rule does not open red"),
    (YELLOW, 0.99, ORANGE, True, "a yellow rule does not open red"),
    (ORANGE, 0.49, ORANGE, False, "below the red cut-off nothing is red"),
    (ORANGE, 0.5, RED, False, "model above red and rules at least orange"),
    (RED, None, RED, False, "a red rule needs no model"),
    (RED, 0.01, RED, True, "the model never lowers, but a person looks"),
    (ORANGE, 0.01, ORANGE, True, "orange against blue is two ranks"),
    (YELLOW, 0.01, YELLOW, False, "yellow against blue is one rank"),
    (YELLOW, 0.3, ORANGE, False, "orange against yellow is one rank"),
    (ORANGE, None, ORANGE, False, "without a model nothing differs"),
]


@pytest.mark.parametrize(("floor", "probability", "expected", "look", "why"), TABLE, ids=[row[-1] for row in TABLE])
def test_rules_and_model_together(
    floor: Level | None, probability: float | None, expected: Level, look: bool, why: str
) -> None:
    judged = level([hit(floor)] if floor else [], score(probability), CUTS)
    assert (judged.level, judged.needs_look) == (expected, look), why
    assert judged.rule_level is floor
    assert judged.model_used is (probability is not None)


LEARNED = [
    # rule floor, model's probability, both as learned, level, why
    (None, 0.05, 0.3, ORANGE, "what was learned of both raises"),
    (None, 0.3, 0.15, YELLOW, "and lowers what the model alone would say"),
    (None, 0.3, 0.9, ORANGE, "red is not learned"),
    (ORANGE, 0.3, 0.9, ORANGE, "the model itself must confirm red"),
    (ORANGE, 0.5, 0.3, RED, "and does, whatever both say"),
    (ORANGE, 0.01, 0.01, ORANGE, "a floor holds"),
    (RED, 0.01, 0.01, RED, "also a red one"),
]


@pytest.mark.parametrize(("floor", "alone", "both", "expected", "why"), LEARNED, ids=[row[-1] for row in LEARNED])
def test_a_learned_probability_of_both_judges_in_the_models_place(
    floor: Level | None, alone: float, both: float, expected: Level, why: str
) -> None:
    judged = level([hit(floor)] if floor else [], Score(alone, pooled=Pooled(0.1, both, "1", learned=True)), CUTS)
    assert judged.level is expected, why
    assert judged.model_level is CUTS.level_of(alone)
    assert judged.needs_look is level([hit(floor)] if floor else [], Score(alone), CUTS).needs_look
    assert f"{both:.0%}" in next(reason.text for reason in judged.reasons if reason.code == "pooled")
    assert expected in [reason.level for reason in judged.reasons]


@pytest.mark.parametrize(("floor", "alone", "both", "expected", "why"), LEARNED, ids=[row[-1] for row in LEARNED])
def test_a_stated_probability_of_both_judges_nothing(
    floor: Level | None, alone: float, both: float, expected: Level, why: str
) -> None:
    hits = [hit(floor)] if floor else []
    assert level(hits, Score(alone, pooled=Pooled(0.1, both, "1")), CUTS) == level(hits, Score(alone), CUTS)


def codes(judged: Judgement) -> list[str]:
    return [reason.code for reason in judged.reasons if reason.kind == "judge"]


def test_every_level_above_blue_has_a_reason_of_that_level() -> None:
    for floor, probability, expected, *_ in TABLE:
        judged = level([hit(floor)] if floor else [], score(probability), CUTS)
        assert expected in [reason.level for reason in judged.reasons]


def test_without_a_probability_a_reason_says_why_rules_judge_alone() -> None:
    judged = level([], score(None), CUTS)
    assert codes(judged) == ["base", "no_model"]
    assert "涉及人数不足五人" in judged.reasons[-1].text


def test_a_held_back_model_is_said() -> None:
    assert "model_ceiling" in codes(level([], score(0.9), CUTS))
    assert "model_ceiling" not in codes(level([hit(ORANGE)], score(0.9), CUTS))
    assert "model_and_rules" in codes(level([hit(ORANGE)], score(0.9), CUTS))


def test_reasons_name_the_rule_the_model_and_that_it_learnt_from_simulation() -> None:
    spoken = Score(0.3, reasons=(ScoreReason("people", "涉及人数在增加", 0.2, 0.5),))
    judged = level([hit(ORANGE, "IN-201")], spoken, CUTS)
    assert [(reason.kind, reason.code) for reason in judged.reasons] == [
        ("rule", "IN-201"),
        ("model", "probability"),
        ("model", "people"),
    ]
    assert judged.reasons[0].text == "示例规则（依据：示例）"
    assert "30%" in judged.reasons[1].text
    assert "模拟数据" in judged.reasons[1].text


def test_measures_come_once_each_those_of_the_highest_rules_first() -> None:
    findings = [
        hit(BLUE, "A-01", advice=("丙", "甲")),
        hit(RED, "A-02", advice=("甲", "乙")),
        hit(None, "A-03", advice=("丁", "乙")),
    ]
    assert level(findings, score(None), CUTS).measures == ("甲", "乙", "丙", "丁")


def test_flags_come_from_hits_only() -> None:
    silent = Finding("A-01", "x", Answer.CLEAR)
    assert not level([silent], score(None), CUTS).statutory_report_required
    judged = level([silent, hit(RED, statutory_report=True), hit(RED, life_danger=True)], score(None), CUTS)
    assert judged.statutory_report_required
    assert judged.life_danger


def test_rules_that_could_not_answer_are_counted_and_raise_nothing() -> None:
    open_question = Finding("A-01", "x", Answer.NOT_EVALUATED, missing=("people_present",))
    judged = level([open_question, open_question], score(None), CUTS)
    assert judged.level is BLUE
    assert "有 2 条规则因缺少事实未能判断" in judged.reasons[-1].text


def test_a_cut_off_weighs_the_two_costs() -> None:
    assert cut_off(missed=18, needless=2) == 0.1
    assert cut_off(missed=1, needless=1) == 0.5


def test_the_shipped_costs_give_rising_cut_offs() -> None:
    assert cuts_for(load_thresholds(), AREA, ON) == Cuts(0.1, 0.25, 0.5)


def test_costs_whose_cut_offs_fall_are_refused() -> None:
    rows = "".join(
        f"- {{name: model.cost_{kind}.{name}, meaning: 义, unit: 工时, entries: [{{value: {value}, source: 例}}]}}\n"
        for name, missed, needless in (("yellow", 1, 1), ("orange", 9, 1), ("red", 1, 9))
        for kind, value in (("missed", missed), ("needless", needless))
    )
    thresholds = load_thresholds(f"thresholds: demo\nversion: a\nvalues:\n{rows}")
    with pytest.raises(ThresholdError, match="没有随级别升高"):
        cuts_for(thresholds, AREA, date(2026, 1, 1))
