"""Each form of each preset asks for its own; what lacks is named, and nothing more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from service.domain.projects import ProjectKind
from service.rules.method.procedure import Needs
from service.rules.method.procedure_file import PROCEDURES_FILE, ProceduresFileError, load_procedures
from service.rules.method.rounds import Round
from service.rules.method.steps import (
    BEFORE_PASSING,
    BEFORE_SUBMISSION,
    Commission,
    Held,
    Plan,
    Reviewed,
    Step,
    cannot_be,
    lacking,
    steps,
)
from tests.rules.method.making import METHODS

PRESETS = [preset.name for preset in METHODS.presets]
PROCEDURES = load_procedures(PRESETS)
TEXT = PROCEDURES_FILE.read_text("utf-8")
TODAY = date(2026, 11, 18)
FORMS = [(preset, form) for preset in PRESETS for form in ("simple", "ordinary")]


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def asked(form: str, first: int = 50, last: int = 20, affected: int | None = 100, reached: int | None = 96) -> Round:
    return Round(form, day(first), day(last), affected, reached)


def needs(preset: str = "GENERAL", form: str = "ordinary") -> Needs:
    return PROCEDURES.needs(preset, form)


def held(**changes: Any) -> Held:
    """Everything an ordinary form asks for, with a review that may pass; small, so that 简易 may be used too."""
    plain = Held(
        kind=ProjectKind.CONSTRUCTION,
        scale={"households": 20, "people": 60, "area_m2": 900.0},
        bodies={"decider": "区政府", "assessor": "评估公司", "implementer": "住建局"},
        today=TODAY,
        plan=Plan(("notice", "questionnaire", "symposium"), day(60), day(1), day(61)),
        commission=Commission(day(61), "住建局", "implementer"),
        rounds=(asked("notice"), asked("survey"), asked("dialogue")),
        submitted_on=TODAY,
        reviewed=Reviewed(TODAY, ("甲局", "乙局", "丙局"), "备1", day(-300)),
        decided_on=TODAY,
        decided_by="区政府办",
    )
    return replace(plain, **changes)


def codes(needs: Needs, what: Held, of: tuple[Step, ...] = (*BEFORE_SUBMISSION, *BEFORE_PASSING)) -> set[str]:
    return {f"{one.field} {one.code}" for one in lacking(needs, what, of)}


@pytest.mark.parametrize(("preset", "form"), FORMS)
def test_every_form_of_every_preset_can_be_fulfilled_except_a_form_that_policies_have_not(
    preset: str, form: str
) -> None:
    house = preset == "XIAN_HOUSE"
    found = codes(needs(preset, form), held(kind=ProjectKind.HOUSE_EXPROPRIATION) if house else held())
    assert found == ({"form kind_not_allowed"} if (form, preset[-3:]) == ("simple", "713") else set())


@pytest.mark.parametrize(("preset", "form"), FORMS)
def test_every_form_asks_for_plan_commission_rounds_and_review(preset: str, form: str) -> None:
    asks = needs(preset, form)
    nothing = held(plan=None, commission=None, rounds=(), reviewed=None)
    rounds = {f"participation.{one.code} missing" for one in asks.rounds}
    assert codes(asks, nothing) >= {"plan missing", "commission missing", "review missing", *rounds}
    assert rounds


@pytest.mark.parametrize(("preset", "form"), FORMS)
def test_every_demand_has_its_source_and_our_own_is_marked_unverified(preset: str, form: str) -> None:
    asks = needs(preset, form)
    told = [origin for state in steps(asks, held()) for origin in state.basis]
    assert {state.step for state in steps(asks, held()) if state.basis} >= {*BEFORE_PASSING, Step.PLAN, Step.SURVEY}
    assert all(origin.source for origin in told)
    assert not [origin for origin in told if "本项目约定" in origin.source and not origin.unverified]


def test_the_simple_form_asks_for_less() -> None:
    little = held(
        plan=Plan(("notice",), day(60), day(1), day(61)),
        rounds=(asked("notice", 30, 25), asked("dialogue", 20, 20, 100, 50)),
        reviewed=Reviewed(TODAY, ("甲局",), "备1", day(-300)),
    )
    assert codes(needs(form="simple"), little) == set()
    assert codes(needs(), little) == {
        "plan.methods too_few", "participation.notice too_short", "participation.survey missing",
        "opinions too_few", "opinions too_few_offices",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scale", "code", "certain"),
    [
        ({"households": 50, "people": 200, "area_m2": 20_000}, None, False),
        ({"households": 51, "people": 60, "area_m2": 900}, "scale.households too_large", True),
        ({"people": 60, "area_m2": 900}, "scale.households scale_unknown", False),
        ({"households": None, "people": 60, "area_m2": 900}, "scale.households scale_unknown", False),
    ],
)
def test_the_simple_form_is_for_small_things_and_what_is_not_known_is_not_small(
    scale: dict[str, float | None], code: str | None, certain: bool
) -> None:
    small = held(scale=scale)
    assert codes(needs(form="simple"), small) == ({code} if code else set())
    assert bool(cannot_be(needs(form="simple"), small)) is certain
    assert codes(needs(), small) == set()


@pytest.mark.parametrize("kind", [ProjectKind.LAND_EXPROPRIATION, ProjectKind.RESTRUCTURING, ProjectKind.POLICY])
def test_some_kinds_may_never_be_assessed_simply(kind: ProjectKind) -> None:
    assert [one.code for one in cannot_be(needs(form="simple"), held(kind=kind))] == ["kind_not_allowed"]


@pytest.mark.parametrize(
    ("survey", "code"),
    [
        (asked("survey", reached=80), None),
        (asked("survey", reached=79), "coverage_low"),
        (asked("survey", reached=None), "coverage_unknown"),
        (asked("survey", affected=0, reached=0), "coverage_unknown"),
        (asked("survey", reached=101), "coverage_unknown"),  # more than there are
        (asked("survey", 61, 20), "missing"),  # began before the plan
        (asked("survey", 20, 0), "missing"),  # ended after it
        (Round("survey", day(20), None, 100, 90), "missing"),  # still running
        (asked("hearing"), "missing"),
    ],
)
def test_a_survey_counts_when_it_lies_in_the_plan_and_reaches_enough(survey: Round, code: str | None) -> None:
    found = codes(needs(), held(rounds=(asked("notice"), asked("dialogue"), survey)))
    assert found == ({f"participation.survey {code}"} if code else set())


def test_xian_asks_for_ninety_five_in_a_hundred_households() -> None:
    homes = {"kind": ProjectKind.HOUSE_EXPROPRIATION}
    for reached, expected in ((95, set()), (94, {"participation.survey coverage_low"})):
        rounds = (asked("notice"), asked("dialogue"), asked("survey", reached=reached))
        assert codes(needs("XIAN_HOUSE"), held(rounds=rounds, **homes)) == expected


@pytest.mark.parametrize(("days", "lacks"), [(30, set()), (29, {"participation.notice too_short"})])
def test_a_major_decision_is_open_to_comment_for_thirty_days(days: int, lacks: set[str]) -> None:
    """国务院令第713号第十五条; the first day is not counted."""
    policy = held(kind=ProjectKind.POLICY, rounds=(asked("notice", 50, 50 - days), asked("hearing")))
    assert codes(needs("POLICY_713"), policy) == lacks


def test_long_enough_in_one_round_and_wide_enough_in_another_is_not_enough() -> None:
    ask = replace(needs().rounds[1], least_days=10)
    one = replace(needs(), rounds=(ask,))
    rounds = (asked("survey", 50, 30, reached=10), asked("survey", 20, 18, reached=90))
    assert codes(one, held(rounds=rounds)) == {"participation.survey not_together"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"commission": Commission(day(-1), "住建局", "implementer")}, "commission.on in_future"),
        ({"commission": Commission(day(1), "评估公司", "implementer")}, "commission.office self_commissioned"),
        ({"bodies": {"decider": "区政府", "assessor": "评估公司", "implementer": "区政府"}}, "bodies not_different"),
        ({"reviewed": Reviewed(TODAY, ("甲局", "乙局"), "备1", TODAY)}, "opinions too_few"),
        ({"reviewed": Reviewed(TODAY, ("甲局", "乙局", "乙局"), "备1", TODAY)}, "opinions too_few_offices"),
        ({"reviewed": Reviewed(TODAY, ("甲局", "乙局", "丙局"), None, TODAY)}, "filing_number missing"),
        ({"reviewed": Reviewed(TODAY, ("甲局", "乙局", "丙局"), "备1", None)}, "valid_until missing"),
        ({"reviewed": Reviewed(TODAY, ("甲局", "乙局", "丙局"), "备1", day(1))}, "valid_until in_past"),
        ({"reviewed": Reviewed(TODAY, ("甲局", "乙局", "丙局"), "备1", date(2028, 11, 19))}, "valid_until too_long"),
    ],
)
def test_one_thing_that_lacks_is_named(changes: dict[str, Any], code: str) -> None:
    assert code in codes(needs(), held(**changes))


def test_an_assessment_is_valid_for_two_years_to_the_day() -> None:
    until = Reviewed(TODAY, ("甲局", "乙局", "丙局"), "备1", date(2028, 11, 18))
    assert codes(needs(), held(reviewed=until)) == set()


def test_the_steps_stand_in_their_order_with_day_and_doer() -> None:
    told = [(state.step, state.done, state.at, state.by) for state in steps(needs(), held())]
    assert told == [
        ("form", True, None, None),
        ("plan", True, day(61), "3 种方法"),
        ("commission", True, day(61), "住建局"),
        ("survey", True, day(20), "3 轮征求意见"),
        ("draft", True, TODAY, "评估公司"),
        ("review", True, TODAY, "甲局、乙局、丙局"),
        ("filing", True, TODAY, "备1"),
        ("validity", True, TODAY, f"有效期至 {day(-300)}"),
        ("decision", True, TODAY, "区政府办"),
    ]


def test_a_step_that_was_not_taken_is_not_done_and_says_what_lacks() -> None:
    bare = held(plan=None, commission=None, rounds=(), submitted_on=None, reviewed=None, decided_on=None)
    told = steps(needs(), bare)
    assert [state.step for state in told if state.done] == [Step.FORM]
    assert all(state.lacking for state in told if not state.done)


def test_a_review_of_which_no_day_was_kept_is_done_all_the_same() -> None:
    reviewed = Reviewed(None, ("甲局", "乙局", "丙局"), "备1", day(-300))
    told = {state.step: state for state in steps(needs(), held(reviewed=reviewed))}
    assert [(told[step].done, told[step].at) for step in BEFORE_PASSING] == [(True, None)] * 3


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("presets: [XIAN_HOUSE]", "presets: [XIAN_HOUSES]", "没有名为 ‘XIAN_HOUSES’ 的评估方法"),
        ("presets: [XIAN_HOUSE]", "presets: [GENERAL]", "‘GENERAL’ 重复"),
        ("presets: [GENERAL, SH_HZ, ACADEMIC]", "presets: [GENERAL, SH_HZ]", "没有写程序的评估方法：ACADEMIC"),
        ("least_coverage: 0.95", "least_coverage: 95", "‘least_coverage’ 不能大于 1"),
        ("months: 24", "months: 0", "‘months’ 不能小于 1"),
        ("forms: [survey]", "forms: [surveys]", "只能是"),
        ("{opinions: 3, offices: 3,", "{opinion: 3, offices: 3,", "不认识的键 ‘opinion’"),
    ],
)
def test_a_fault_in_the_file_is_told(written: str, instead: str, said: str) -> None:
    with pytest.raises(ProceduresFileError) as caught:
        load_procedures(PRESETS, TEXT.replace(written, instead, 1))
    assert said in str(caught.value)
