"""Three answers, complete traces, regions and dates."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.catalogue import load_catalogue
from service.domain.judging import Answer, Condition, Finding
from service.domain.levels import Level
from service.rules.conditions import TreeReader, all_of, any_of, compiled
from service.rules.engine import completeness, evaluate, evaluate_many
from service.rules.facts import matter_vocabulary
from service.rules.kept import MOST_KEPT
from service.rules.positions import Document
from service.rules.rule import Rule, RuleCompiler
from service.rules.rulebook import load_rulebook
from service.rules.schema import RulePart, SpanPart
from service.rules.vocabulary import MISSING, FactError, FactVocabulary
from tests.rules.making import AREA, ON, RULEBOOK, rule, rulebook_text

VOCABULARY = matter_vocabulary(load_catalogue())


def compiled_rule(when: dict[str, Any]) -> Rule:
    """A rule with these conditions and no tests of its own asked."""
    document = Document("test")
    tree = TreeReader(document, VOCABULARY, None).read(when, ())
    assert tree is not None, document.errors
    return RuleCompiler().compile(RulePart.model_validate(rule(when=when)), tree, SpanPart())


def answer(when: dict[str, Any], facts: dict[str, Any]) -> Finding:
    return compiled_rule(when).finding(VOCABULARY.reader(VOCABULARY.facts).read(facts))


# --------------------------------------------------------------------------- Kleene

KLEENE = [
    # left, right, and, or
    (True, True, True, True),
    (True, False, False, True),
    (True, None, None, True),
    (False, True, False, True),
    (False, False, False, False),
    (False, None, False, None),
    (None, True, None, True),
    (None, False, False, None),
    (None, None, None, None),
]


@pytest.mark.parametrize(("left", "right", "both", "either"), KLEENE)
def test_and_and_or_follow_kleene(
    left: bool | None, right: bool | None, both: bool | None, either: bool | None
) -> None:
    assert all_of((left, right)) is both
    assert any_of((left, right)) is either


@pytest.mark.parametrize(
    ("people", "expected"),
    [(40, Answer.CLEAR), (3, Answer.HIT), (None, Answer.NOT_EVALUATED), (MISSING, Answer.NOT_EVALUATED)],
)
def test_not_turns_true_and_false_and_leaves_unknown(people: Any, expected: Answer) -> None:
    when = {"not": {"field": "people_present", "op": ">=", "value": 30}}
    assert answer(when, {"people_present": people}).answer is expected


# --------------------------------------------------------------------------- operators

OPERATORS = [
    ("people_present", "==", 5, 5, 6),
    ("people_present", "!=", 5, 6, 5),
    ("people_present", "<", 5, 4, 5),
    ("people_present", "<=", 5, 5, 6),
    ("people_present", ">", 5, 6, 5),
    ("people_present", ">=", 5, 5, 4),
    ("people_present", "in", [1, 2], 2, 3),
    ("place_reports_ratio", ">", 1, 1.5, 1.0),
    ("growing", "==", True, True, False),
    ("category", "==", "labour", "labour", "other"),
    ("category", "in", ["labour", "tort"], "tort", "other"),
    ("signals", "contains", "death", {"death", "injury"}, {"injury"}),
    ("signals", "contains_any", ["death", "injury"], ["injury"], []),
    ("signals", "contains_all", ["death", "injury"], {"injury", "death"}, {"injury"}),
]


@pytest.mark.parametrize(("field", "op", "value", "holds", "fails"), OPERATORS)
def test_each_operator_hits_clears_and_knows_when_it_does_not_know(
    field: str, op: str, value: Any, holds: Any, fails: Any
) -> None:
    when = {"field": field, "op": op, "value": value}
    assert answer(when, {field: holds}).answer is Answer.HIT
    assert answer(when, {field: fails}).answer is Answer.CLEAR
    assert answer(when, {}).answer is Answer.NOT_EVALUATED


def test_known_and_missing_answer_about_knowing_itself() -> None:
    known, missing = ({"field": "people_present", "op": op} for op in ("known", "missing"))
    assert answer(known, {"people_present": 0}).answer is Answer.HIT
    assert answer(known, {}).answer is Answer.CLEAR
    assert answer(missing, {}).answer is Answer.HIT
    assert answer(missing, {"people_present": 0}).answer is Answer.CLEAR


def test_zero_is_not_missing() -> None:
    when = {"field": "people_present", "op": "<", "value": 5}
    assert answer(when, {"people_present": 0}).answer is Answer.HIT
    assert answer(when, {"people_present": None}).answer is Answer.NOT_EVALUATED


# --------------------------------------------------------------------------- traces


def test_the_trace_shows_every_condition_even_when_the_first_decides() -> None:
    when = {
        "all": [
            {"field": "people_present", "op": ">=", "value": 30},
            {"field": "signals", "op": "contains_any", "value": ["injury", "death"]},
            {"field": "days_open", "op": ">", "value": 60},
        ]
    }
    finding = answer(when, {"people_present": 3, "signals": {"violence", "injury"}})
    assert finding.answer is Answer.CLEAR
    assert finding.trace == (
        Condition("people_present", ">=", 30, 3, False),
        Condition("signals", "contains_any", ("death", "injury"), ("injury", "violence"), True),
        Condition("days_open", ">", 60, None, None),
    )


def test_an_answer_that_could_not_be_given_names_the_facts_it_lacked() -> None:
    when = {
        "all": [{"field": name, "op": ">=", "value": 1} for name in ("people_present", "days_open", "report_count")]
    }
    assert answer(when, {"report_count": 2}).missing == ("people_present", "days_open")
    assert answer(when, {"report_count": 0}).missing == ()


def test_only_a_hit_carries_level_advice_and_flags() -> None:
    then = {"level_floor": "red", "advice": "先救助", "statutory_report": True, "life_danger": True}
    basis = [{"law": "某法", "article": "第一条"}, {"source": "某文", "unverified": True}]
    book = load_rulebook(rulebook_text(rule(then=then, basis=basis)), VOCABULARY)
    hit, clear = (evaluate(book, {"people_present": count}, AREA, ON)[0] for count in (30, 29))
    assert (hit.level_floor, hit.advice, hit.statutory_report, hit.life_danger) == (Level.RED, ("先救助",), True, True)
    assert (clear.level_floor, clear.advice, clear.statutory_report, clear.life_danger) == (None, (), False, False)
    assert hit.basis == clear.basis == ("《某法》第一条", "某文（未核实）")
    assert hit.unverified
    assert clear.unverified


def test_findings_made_fast_are_the_frozen_values_they_claim_to_be() -> None:
    finding = answer({"field": "people_present", "op": ">=", "value": 30}, {"people_present": 31})
    same = Finding(
        finding.rule_id, finding.name, Answer.HIT, Level.ORANGE, ("到场听取诉求",), ("示例",),
        trace=(Condition("people_present", ">=", 30, 31, True),),
    )  # fmt: skip
    assert finding == same
    assert type(finding) is Finding
    with pytest.raises(AttributeError):
        finding.name = "x"  # type: ignore[misc]


def test_answers_stay_right_when_more_values_come_than_are_kept() -> None:
    kept = compiled_rule({"field": "people_present", "op": ">=", "value": 30})
    for count in range(2 * MOST_KEPT):
        finding = kept.finding({"people_present": count})
        assert finding.answer is (Answer.HIT if count >= 30 else Answer.CLEAR)
        assert finding.trace[0].read == count
    assert len(kept.findings) == MOST_KEPT


# --------------------------------------------------------------------------- where and when


def test_a_rule_answers_only_in_its_region() -> None:
    book = load_rulebook(rulebook_text(rule(region=["3408"]), rule("DM-002")), VOCABULARY)
    ids = {area: [f.rule_id for f in evaluate(book, {}, area, ON)] for area in ("340822000000", AREA, "340000000000")}
    assert ids == {
        "340822000000": ["DM-001", "DM-002"],
        AREA: ["DM-002"],
        "340000000000": ["DM-002"],
    }


@pytest.mark.parametrize(
    ("on", "applies"),
    [("2025-12-31", False), ("2026-01-01", True), ("2026-06-30", True), ("2026-07-01", False)],
)
def test_a_rule_answers_only_from_its_first_to_its_last_day(on: str, applies: bool, vocabulary: FactVocabulary) -> None:
    text = RULEBOOK.replace("rules:", "effective: {from: 2026-01-01, to: 2026-06-30}\nrules:")
    book = load_rulebook(text, vocabulary)
    assert bool(evaluate(book, {}, AREA, date.fromisoformat(on))) is applies


def test_a_batch_gets_what_each_would_get_alone() -> None:
    book = load_rulebook(rulebook_text(rule()), VOCABULARY)
    subjects = [({"people_present": count}, AREA) for count in (3, 30)]
    assert evaluate_many(book, subjects, ON) == [evaluate(book, facts, area, ON) for facts, area in subjects]


def test_a_fact_of_the_wrong_type_is_refused_by_name() -> None:
    book = load_rulebook(rulebook_text(rule()), VOCABULARY)
    for wrong in ("40", True, 4.5, [1]):
        with pytest.raises(FactError, match="people_present"):
            evaluate(book, {"people_present": wrong}, AREA, ON)


def test_facts_that_nobody_asks_are_ignored() -> None:
    book = load_rulebook(rulebook_text(rule()), VOCABULARY)
    assert evaluate(book, {"people_present": 30, "weather": "rain"}, AREA, ON)[0].answer is Answer.HIT


def test_completeness_is_the_share_of_rules_that_could_answer() -> None:
    book = load_rulebook(rulebook_text(rule(), rule("DM-002", when={"field": "days_open", "op": "known"}, tests=[
        {"given": {"days_open": 1}, "expect": "hit"}, {"given": {}, "expect": "clear"}])), VOCABULARY)  # fmt: skip
    assert completeness(evaluate(book, {}, AREA, ON)) == 0.5
    assert completeness([]) is None


# --------------------------------------------------------------------------- properties

COUNTS = st.integers(0, 4)
SIGNALS = st.frozensets(st.sampled_from(["death", "injury", "hazard"]))
LEAVES = st.one_of(
    st.builds(
        lambda field, op, value: {"field": field, "op": op, "value": value},
        st.sampled_from(["people_present", "people_affected", "days_open"]),
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        COUNTS,
    ),
    st.builds(
        lambda op, value: {"field": "signals", "op": op, "value": sorted(value)},
        st.sampled_from(["contains_any", "contains_all"]),
        SIGNALS.filter(bool),
    ),
    st.builds(lambda value: {"field": "growing", "op": "==", "value": value}, st.booleans()),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda members: {"all": members}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda members: {"any": members}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda member: {"not": member}, inner),
    ),
    max_leaves=8,
)
FACTS = st.fixed_dictionaries(
    {
        "people_present": st.none() | COUNTS,
        "people_affected": st.none() | COUNTS,
        "days_open": st.none() | COUNTS,
        "signals": st.none() | SIGNALS,
        "growing": st.none() | st.booleans(),
    }
)


def naive(when: dict[str, Any], facts: dict[str, Any]) -> float:
    """Kleene's logic as arithmetic: false 0, unknown a half, true 1; and is the least, or the greatest."""
    if "all" in when:
        return min(naive(member, facts) for member in when["all"])
    if "any" in when:
        return max(naive(member, facts) for member in when["any"])
    if "not" in when:
        return 1 - naive(when["not"], facts)
    read, value = facts[when["field"]], when["value"]
    if read is None:
        return 0.5
    match when["op"]:
        case "==":
            return float(read == value)
        case "!=":
            return float(read != value)
        case "<":
            return float(read < value)
        case "<=":
            return float(read <= value)
        case ">":
            return float(read > value)
        case ">=":
            return float(read >= value)
        case "contains_any":
            return float(any(each in read for each in value))
        case _:
            return float(all(each in read for each in value))


NUMBERS = {Answer.CLEAR: 0, Answer.NOT_EVALUATED: 0.5, Answer.HIT: 1}


@settings(max_examples=300, deadline=None)
@given(TREES, FACTS)
def test_the_compiled_answer_is_that_of_a_naive_interpreter(when: dict[str, Any], facts: dict[str, Any]) -> None:
    finding = answer(when, facts)
    assert NUMBERS[finding.answer] == naive(when, facts)
    assert bool(finding.missing) is (finding.answer is Answer.NOT_EVALUATED)


@settings(max_examples=200, deadline=None)
@given(TREES, FACTS, st.sets(st.sampled_from(["people_present", "people_affected", "days_open", "signals", "growing"])))
def test_losing_facts_never_turns_an_answer_into_another_one(
    when: dict[str, Any], facts: dict[str, Any], lost: set[str]
) -> None:
    before = answer(when, facts).answer
    after = answer(when, {name: value for name, value in facts.items() if name not in lost}).answer
    assert after in (before, Answer.NOT_EVALUATED)


@settings(max_examples=100, deadline=None)
@given(st.lists(FACTS, min_size=1, max_size=6), TREES)
def test_a_rule_answers_the_same_however_often_and_in_whatever_order_it_is_asked(
    many: list[dict[str, Any]], when: dict[str, Any]
) -> None:
    reader = VOCABULARY.reader(VOCABULARY.facts)
    one = compiled_rule(when)
    first = [one.finding(reader.read(facts)) for facts in many]
    again = [one.finding(reader.read(facts)) for facts in reversed(many)]
    fresh = [compiled_rule(when).finding(reader.read(facts)) for facts in many]
    assert first == again[::-1] == fresh


def test_the_tree_is_decided_from_the_answers_of_its_leaves_in_file_order() -> None:
    tree = compiled_rule(
        {"any": [{"all": [{"field": "growing", "op": "==", "value": True}] * 2}, {"field": "growing", "op": "known"}]}
    ).tree
    decide = compiled(tree)
    assert decide((True, True, False)) is True
    assert decide((True, None, False)) is None
    assert decide((True, False, False)) is False
