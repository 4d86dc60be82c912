from __future__ import annotations

import pytest
from pydantic_core import from_json, to_json

from service.domain.assessing import Advice, Criterion, Grade, GradeReason, Severity, Verdict
from service.domain.judging import Answer
from service.rules.method.assessment import assess
from service.rules.method.completeness import completeness
from service.rules.method.criteria import four_tests
from service.rules.method.cuts import MethodError
from service.rules.method.given import Expected, Given, Survey
from service.rules.method.grading import grade
from service.rules.method.opposition import survey_doubts
from tests.rules.method.making import factor, given, legal, preset


def reasons(answers: Given, method: str = "GENERAL") -> dict[str, GradeReason]:
    return {reason.code: reason for reason in grade(preset(method), answers).reasons}


@pytest.mark.parametrize(
    ("method", "opposed", "expected"),
    [
        ("SH_HZ", 99, Grade.LOW),
        ("SH_HZ", 100, Grade.MIDDLE),
        ("SH_HZ", 330, Grade.MIDDLE),
        ("SH_HZ", 331, Grade.HIGH),
        ("XIAN_HOUSE", 49, Grade.LOW),
        ("XIAN_HOUSE", 50, Grade.MIDDLE),
        ("XIAN_HOUSE", 330, Grade.MIDDLE),
        ("XIAN_HOUSE", 331, Grade.HIGH),
        ("JS_DB32", 199, Grade.LOW),
        ("JS_DB32", 200, Grade.MIDDLE),
        ("JS_DB32", 500, Grade.MIDDLE),
        ("JS_DB32", 501, Grade.HIGH),
        ("ACADEMIC", 200, Grade.LOW),
        ("ACADEMIC", 201, Grade.MIDDLE),
        ("ACADEMIC", 500, Grade.MIDDLE),
        ("ACADEMIC", 501, Grade.HIGH),
    ],
)
def test_the_bands_of_opposition(method: str, opposed: int, expected: Grade) -> None:
    reason = reasons(given(survey=Survey(1000, 1000, opposed)), method)["opposition"]
    assert reason.grade is expected
    assert f"{opposed / 1000:.1%}" in reason.text
    assert reason.unverified


@pytest.mark.parametrize(
    ("method", "number", "expected"),
    [
        ("GENERAL", 19, Grade.LOW),
        ("GENERAL", 20, Grade.MIDDLE),
        ("GENERAL", 199, Grade.MIDDLE),
        ("GENERAL", 200, Grade.HIGH),
        ("JS_DB32", 99, Grade.LOW),
        ("JS_DB32", 100, Grade.MIDDLE),
        ("JS_DB32", 200, Grade.HIGH),
    ],
)
def test_how_many_would_take_part(method: str, number: int, expected: Grade) -> None:
    assert reasons(given(expected=Expected((), number)), method)["participants"].grade is expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), Grade.LOW),
        *(((code,), Grade.HIGH) for code in ("storming", "smashing", "casualties", "illegal_assembly", "strike")),
        *(((code,), Grade.MIDDLE) for code in ("collective_appeal", "extreme_act", "blocking", "media_wave")),
        *(((code,), Grade.LOW) for code in ("single_appeal", "sit_in", "banners", "leaflets")),
        (("leaflets", "blocking"), Grade.MIDDLE),
        (("blocking", "strike", "banners"), Grade.HIGH),
    ],
)
def test_what_may_happen(events: tuple[str, ...], expected: Grade) -> None:
    assert grade(preset(), given(expected=Expected(events, 0))).grade is expected


@pytest.mark.parametrize(
    ("method", "code", "expected"),
    [
        ("XIAN_HOUSE", "reaction_very_strong", Grade.HIGH),
        ("XIAN_HOUSE", "mass_incident", Grade.HIGH),
        ("XIAN_HOUSE", "extreme_incident", Grade.HIGH),
        ("XIAN_HOUSE", "reaction_strong", Grade.MIDDLE),
        ("JS_DB32", "mass_incident_200", Grade.HIGH),
        ("JS_DB32", "vicious_case", Grade.HIGH),
        ("JS_DB32", "extreme_incident", Grade.HIGH),
        ("JS_DB32", "mass_incident_100", Grade.MIDDLE),
    ],
)
def test_a_direct_indicator_fixes_the_floor(method: str, code: str, expected: Grade) -> None:
    assert reasons(given(indicators=(code,)), method)["veto"].grade is expected
    assert grade(preset(method), given(indicators=(code,))).grade.rank >= expected.rank


@pytest.mark.parametrize(
    "wrong",
    [
        {"indicators": ("reaction_strong",)},  # a word of another preset
        {"expected": Expected(("rain",), 0)},
        {"expected": Expected((), -1)},
        {"survey": Survey(10, 5, 6)},
        {"survey": Survey(10, 5, -1)},
    ],
)
def test_answers_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MethodError):
        grade(preset(), given(**wrong))


@pytest.mark.parametrize(
    ("method", "share", "expected"),
    [
        ("GENERAL", 0.0, Advice.PROCEED),
        ("GENERAL", 0.2, Advice.REWORK),
        ("GENERAL", 0.9, Advice.REFUSE),
        ("POLICY_713", 0.0, Advice.PROCEED),
        ("POLICY_713", 0.2, Advice.REWORK),
        ("POLICY_713", 0.9, Advice.REWORK),
        ("XIAN_HOUSE", 0.0, Advice.PROCEED),
        ("XIAN_HOUSE", 0.2, Advice.REWORK),
        ("XIAN_HOUSE", 0.9, Advice.REFUSE),
    ],
)
def test_what_a_grade_advises_depends_on_the_rule_it_is_judged_by(method: str, share: float, expected: Advice) -> None:
    assert grade(preset(method), given(survey=Survey(100, 100, round(100 * share)))).advice is expected


# ---- legal


@pytest.mark.parametrize("answer", [Answer.HIT, Answer.NOT_EVALUATED])
def test_a_precondition_not_known_to_be_fulfilled_keeps_a_low_grade_from_going_ahead(answer: Answer) -> None:
    graded = grade(preset(), given(legal=(legal(answer),)))
    assert (graded.grade, graded.advice) == (Grade.LOW, Advice.POSTPONE)
    assert "D03" in graded.reasons[-1].text


@pytest.mark.parametrize("severity", [Severity.WARN, Severity.CLOCK, Severity.INFO])
def test_other_legal_findings_do_not_block(severity: Severity) -> None:
    assert grade(preset(), given(legal=(legal(Answer.HIT, severity),))).advice is Advice.PROCEED


def test_a_block_does_not_soften_a_refusal() -> None:
    graded = grade(preset(), given(survey=Survey(10, 10, 9), legal=(legal(Answer.HIT),)))
    assert graded.advice is Advice.REFUSE


# ---- missing


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("opposition", {"survey": None}),
        ("opposition", {"survey": Survey(100, 0, 0)}),
        ("event", {"expected": Expected(None, 0)}),
        ("participants", {"expected": Expected((), None)}),
        ("index", {"factors": ()}),
        ("count", {"factors": ()}),
        ("index", {"factors": (factor(p=None),)}),
        ("count", {"factors": (factor(q=None),)}),
    ],
)
def test_an_unanswered_column_says_so_and_counts_as_middle(code: str, changes: dict[str, object]) -> None:
    graded = grade(preset(), given(**changes))
    reason = {each.code: each for each in graded.reasons}[code]
    assert reason.grade is None
    assert reason.unverified
    assert "无法回答" in reason.text
    assert graded.grade is Grade.MIDDLE
    assert graded.advice is not Advice.PROCEED
    assert "本项目约定" in graded.reasons[-1].text


def test_what_is_certain_already_beats_the_cautious_grade() -> None:
    graded = grade(preset(), given(factor("a", "S", "S"), factor("b", "S", "S"), factor("c", None, "N")))
    assert graded.grade is Grade.HIGH
    assert graded.index is None


def test_an_indicator_nobody_asks_for_is_not_missed() -> None:
    assert grade(preset("GENERAL"), given(indicators=None)).grade is Grade.LOW
    assert grade(preset("XIAN_HOUSE"), given(indicators=None)).grade is Grade.MIDDLE


def test_completeness_tells_what_could_change_the_grade() -> None:
    found = completeness(preset(), given(survey=None, expected=Expected((), None)))
    assert [(lack.code, lack.best, lack.worst) for lack in found.lacks] == [
        ("participants", Grade.MIDDLE, Grade.HIGH),
        ("opposition", Grade.MIDDLE, Grade.HIGH),
    ]
    assert (found.best, found.worst) == (Grade.LOW, Grade.HIGH)
    assert all(lack.decisive for lack in found.lacks)


def test_a_missing_answer_that_changes_nothing_is_not_decisive() -> None:
    high = given(factor("a", 1, 1), factor("b", 1, 1), survey=None)
    found = completeness(preset(), high)
    assert [lack.decisive for lack in found.lacks] == [False]
    assert (found.best, found.worst) == (Grade.HIGH, Grade.HIGH)


def test_a_missing_rating_and_legal_fact_are_listed() -> None:
    waiting = legal(Answer.NOT_EVALUATED, missing=("notice_days",))
    found = completeness(preset(), given(factor("a", None, "S"), factor("b"), legal=(waiting,)))
    assert [(lack.code, lack.best) for lack in found.lacks] == [("factor:a", Grade.LOW)]
    assert found.legal == ("notice_days",)


def test_nothing_is_missing_when_all_is_answered() -> None:
    found = completeness(preset(), given())
    assert found.lacks == ()
    assert found.best is found.worst is Grade.LOW


def test_with_nothing_given_every_column_is_missing() -> None:
    found = completeness(preset("JS_DB32"), Given())
    assert {"participants", "opposition", "veto", "hundred:L1", "hundred:C1"} <= {lack.code for lack in found.lacks}
    assert (found.best, found.worst) == (Grade.LOW, Grade.HIGH)
    assert [lack.code for lack in completeness(preset(), Given()).lacks][-1] == "factors"


# ---- sensitivity


def test_sensitivity_is_the_grade_of_the_moved_values() -> None:
    rows = (factor("a", "H", "S"), factor("b", "M", "H"), factor("c", "S", 0.65), factor("d", "N", "N"))
    graded = grade(preset(), given(*rows))

    for each, row in zip(graded.sensitivity, rows, strict=True):
        for steps, told in ((-1, each.lower), (1, each.higher)):
            values = preset().probability
            p, q = (values.moved(values.value(value or 0, ""), steps) for value in (row.p, row.q))
            moved = tuple(factor(row.factor_id, p, q) if other is row else other for other in rows)
            assert told is grade(preset(), given(*moved)).grade, (each.factor_id, steps)


@pytest.mark.parametrize(("q", "stable"), [("N", True), ("H", False)])
def test_a_grade_is_stable_when_no_single_factor_changes_it(q: str, stable: bool) -> None:
    filler = [factor(f"f{n}") for n in range(20)]
    assert grade(preset(), given(factor("a", "S", q), *filler)).stable is stable


# ---- doubts


@pytest.mark.parametrize(
    ("survey", "codes"),
    [
        (Survey(30, 30, 0), ["zero_opposition"]),
        (Survey(29, 29, 0), []),
        (Survey(100, 100, 1, identical=50), ["identical"]),
        (Survey(100, 100, 1, identical=49), []),
        (Survey(100, 79, 1), ["coverage"]),
        (Survey(100, 80, 1), []),
        (Survey(0, 80, 1), ["coverage"]),
        (Survey(100, 40, 0, identical=40), ["zero_opposition", "identical", "coverage"]),
        (None, []),
    ],
)
def test_a_survey_too_good_to_be_true_is_doubted(survey: Survey | None, codes: list[str]) -> None:
    doubts = survey_doubts(preset(), survey)
    assert [doubt.code for doubt in doubts] == codes
    assert all("数据存疑" in doubt.text for doubt in doubts)


def test_xian_asks_for_nearly_every_household() -> None:
    assert [doubt.code for doubt in survey_doubts(preset("XIAN_HOUSE"), Survey(100, 94, 1))] == ["coverage"]
    assert survey_doubts(preset("XIAN_HOUSE"), Survey(100, 95, 1)) == ()


# ---- four tests


@pytest.mark.parametrize(
    ("changed", "criterion"),
    [
        (factor("a", "S", "S", category="policy"), Criterion.REASONABLENESS),
        (factor("a", "S", "S", category="compensation"), Criterion.REASONABLENESS),
        (factor("a", "S", "S", category="technique"), Criterion.FEASIBILITY),
        (factor("a", "S", "S", category="environment"), Criterion.FEASIBILITY),
        (factor("management.organisation", "S", "S", category="management"), Criterion.FEASIBILITY),
        (factor("management.stability_duties", "S", "S", category="management"), Criterion.CONTROLLABILITY),
        (factor("a", "S", "S", category="society"), Criterion.CONTROLLABILITY),
        (factor("a", "S", "S", category="safety"), Criterion.CONTROLLABILITY),
        (factor("a", "S", "S", category="opinion"), Criterion.CONTROLLABILITY),
    ],
)
def test_a_major_factor_fails_the_test_it_speaks_to(changed: object, criterion: Criterion) -> None:
    answers = given(changed)  # type: ignore[arg-type]
    results = four_tests(preset(), answers, grade(preset(), answers))
    assert [each.criterion for each in results] == list(Criterion)
    assert [each.criterion for each in results if each.verdict is Verdict.NOT_MET] == [criterion]


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((), Verdict.UNKNOWN),
        ((legal(Answer.CLEAR),), Verdict.MET),
        ((legal(Answer.NOT_EVALUATED),), Verdict.UNKNOWN),
        ((legal(Answer.CLEAR), legal(Answer.HIT, Severity.WARN)), Verdict.DOUBTFUL),
        ((legal(Answer.HIT), legal(Answer.NOT_EVALUATED)), Verdict.NOT_MET),
    ],
)
def test_the_legal_checks_answer_the_first_test(findings: tuple[object, ...], verdict: Verdict) -> None:
    answers = given(legal=findings)
    assert four_tests(preset(), answers, grade(preset(), answers))[0].verdict is verdict


def test_a_whole_assessment_can_be_written_as_json() -> None:
    written = from_json(to_json(assess(preset(), given(legal=(legal(Answer.HIT),), survey=Survey(50, 50, 0)))))
    assert written["before"]["advice"] == "postpone"
    assert written["doubts"][0]["code"] == "zero_opposition"
    assert written["completeness"]["best"] == "low"
