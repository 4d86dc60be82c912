"""What the shipped rulebook says about matters, and what it must never ask."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from service.domain.judging import Answer, Finding
from service.domain.levels import Level
from service.domain.matters import ProjectSnapshot
from service.domain.words import Source
from service.rules.checking import examples, failed_examples
from service.rules.conditions import leaves
from service.rules.engine import evaluate
from service.rules.facts import facts_of
from service.rules.grading import Cuts, level
from service.rules.rulebook import Rulebook
from tests.rules.making import AREA, ON, score, snapshot

CUTS = Cuts(0.1, 0.25, 0.5)


def findings_of(incident: Rulebook, area: str = AREA, on: date = ON, **matter: Any) -> dict[str, Finding]:
    return {each.rule_id: each for each in evaluate(incident, facts_of(snapshot(**matter)), area, on)}


def test_every_rule_passes_its_own_tests(incident: Rulebook) -> None:
    assert not [failure for rule in incident.rules for failure in failed_examples(rule, incident.vocabulary)]


def test_every_rule_has_seen_a_hit_and_a_clear(incident: Rulebook) -> None:
    for rule in incident.rules:
        got = {finding.answer for _, _, finding in examples(rule, incident.vocabulary)}
        assert {Answer.HIT, Answer.CLEAR} <= got, rule.part.id


def test_there_are_rules_for_every_level_and_for_advice_alone(incident: Rulebook) -> None:
    floors = [rule.part.then.level_floor for rule in incident.rules]
    assert len(floors) >= 32
    assert set(floors) == {"red", "orange", "yellow", "blue", None}


def test_no_rule_asks_through_which_petition_channel_a_report_came(incident: Rulebook) -> None:
    petition = {Source.LETTER, Source.VISIT, Source.SUPERIOR, Source.LEADER_MAILBOX}
    words = incident.vocabulary.facts["sources"].words
    assert words is not None
    assert petition.isdisjoint(words)
    asked = {leaf.fact.name for rule in incident.rules for leaf in leaves(rule.tree)}
    assert "sources" not in asked


def test_a_matter_is_judged_alike_through_whatever_channel_it_came(incident: Rulebook) -> None:
    answers = {
        source: tuple(finding.answer for finding in findings_of(incident, sources=frozenset({source.value})).values())
        for source in Source
    }
    assert len(set(answers.values())) == 1


def test_advice_answers_pays_hears_or_mediates_and_never_polices(incident: Rulebook) -> None:
    banned = (
        "劝返",
        "稳控",
        "拦截",
        "训诫",
        "拘留",
        "布控",
        "盯防",
        "监视",
        "约束",
        "打击",
        "截访",
        "重点人员",
        "处罚",
    )
    for rule in incident.rules:
        for advice in rule.part.then.advice:
            assert not [word for word in banned if word in advice], rule.part.id


def test_every_basis_of_our_own_making_says_it_is_unverified(incident: Rulebook) -> None:
    for rule in incident.rules:
        for basis in rule.part.basis:
            if basis.source and ("本项目" in basis.source or "单一来源" in basis.source):
                assert basis.unverified, rule.part.id


def test_a_single_quiet_report_hits_nothing(incident: Rulebook) -> None:
    found = findings_of(incident, category="neighbours.noise", first_level="neighbours")
    assert [each.rule_id for each in found.values() if each.answer is Answer.HIT] == []


def test_missing_head_counts_are_not_taken_for_small_ones(incident: Rulebook) -> None:
    found = findings_of(incident)
    for rule_id in ("IN-111", "IN-201", "IN-301", "IN-321"):
        assert found[rule_id].answer is Answer.NOT_EVALUATED


LEVELS = [
    ({"signals": frozenset({"self_harm_threatened"})}, Level.RED, True),
    ({"signals": frozenset({"death"})}, Level.RED, True),
    ({"present_max": 100}, Level.RED, False),
    ({"present_max": 12, "signals": frozenset({"sensitive_place"})}, Level.RED, False),
    ({"people_max": 150, "signals": frozenset({"gathering_announced"})}, Level.RED, False),
    ({"present_max": 30}, Level.ORANGE, False),
    ({"signals": frozenset({"road_blocked"})}, Level.ORANGE, False),
    ({"report_count": 4, "reports_72h": 3, "reports_prev_72h": 1}, Level.ORANGE, False),
    ({"category": "urban_rural.demolition", "signals": frozenset({"utilities_cut"})}, Level.ORANGE, False),
    ({"project": ProjectSnapshot("demolition", "signing", 2)}, Level.ORANGE, False),
    ({"text_signals": frozenset({"death", "self_harm_threatened", "road_blocked"})}, Level.ORANGE, False),
    ({"people_max": 5}, Level.YELLOW, False),
    ({"reports_after_reply": 1}, Level.YELLOW, False),
    ({"missed_clocks": 1}, Level.YELLOW, False),
    ({"people_max": 4}, Level.BLUE, False),
]


@pytest.mark.parametrize(("matter", "expected", "life_danger"), LEVELS)
def test_the_level_table_holds(incident: Rulebook, matter: dict[str, Any], expected: Level, life_danger: bool) -> None:
    judged = level(list(findings_of(incident, **matter).values()), score(None), CUTS)
    assert judged.level is expected
    assert judged.life_danger is life_danger


def test_a_league_grades_heads_lower_than_the_country(incident: Rulebook) -> None:
    league, elsewhere = (findings_of(incident, area, present_max=1000) for area in ("152500000000", AREA))
    assert league["IN-123"].answer is Answer.HIT
    assert league["IN-123"].statutory_report
    assert "IN-123" not in elsewhere


def test_the_wage_practice_of_anqing_stays_in_anqing(incident: Rulebook) -> None:
    matter = {"people_max": 12, "opened_at": snapshot().at.replace(day=10)}
    assert findings_of(incident, "340803000000", **matter)["IN-322"].answer is Answer.HIT
    assert "IN-322" not in findings_of(incident, AREA, **matter)


def test_the_election_rule_starts_with_its_law(incident: Rulebook) -> None:
    matter = {"category": "civil_affairs.election"}
    assert "IN-402" not in findings_of(incident, on=date(2025, 12, 31), **matter)
    assert findings_of(incident, on=date(2026, 1, 1), **matter)["IN-402"].answer is Answer.HIT
