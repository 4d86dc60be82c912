from __future__ import annotations

import pytest

from service.domain.assessing import Grade
from service.rules.method.cuts import MethodError
from service.rules.method.given import Expected, FactorGiven, HundredGiven, MeasureGiven
from service.rules.method.measures import after_measures, before_and_after
from tests.rules.method.making import factor, given, preset
from tests.rules.method.test_hundred import BEST

FILED, NOT_YET = True, False


def measures(*filed: bool, target: str = "f1") -> tuple[MeasureGiven, ...]:
    return tuple(MeasureGiven(f"m{number}", (target,), each) for number, each in enumerate(filed))


def risky(**after: float | str) -> FactorGiven:
    return factor("f1", "S", "S", **after)


@pytest.mark.parametrize(
    ("filed", "after", "held"),
    [
        ((FILED,), Grade.LOW, 0),
        ((FILED, FILED), Grade.LOW, 0),
        ((NOT_YET,), Grade.HIGH, 1),
        ((FILED, NOT_YET), Grade.HIGH, 1),
        ((), Grade.HIGH, 1),
    ],
)
def test_a_lower_value_counts_only_with_the_evidence_of_every_measure(
    filed: tuple[bool, ...], after: Grade, held: int
) -> None:
    both = before_and_after(preset(), given(risky(p_after="N"), measures=measures(*filed)))
    assert (both.before.grade, both.after.grade) == (Grade.HIGH, after)
    assert len(both.held_back) == held


def test_the_evidence_of_another_factors_measure_does_not_help() -> None:
    both = before_and_after(preset(), given(risky(p_after="N"), measures=measures(FILED, target="f2")))
    assert both.after.grade is Grade.HIGH
    assert both.held_back[0].text == "f1：没有对应的措施，措施后仍按措施前计"


def test_a_higher_value_counts_without_any_evidence() -> None:
    both = before_and_after(preset(), given(factor("f1", "L", "S", p_after="S")))
    assert both.after.factors[0].p == 0.9


def test_held_back_p_does_not_hold_back_a_higher_q() -> None:
    after, _ = after_measures(preset(), given(factor("f1", "S", "L", p_after="N", q_after="H")))
    assert (after.factors[0].p, after.factors[0].q) == ("S", "H")


def test_a_band_and_a_number_are_compared_as_numbers() -> None:
    _, held = after_measures(preset(), given(factor("f1", "M", "M", p_after=0.5, q_after=0.5)))
    assert held == ()
    _, held = after_measures(preset(), given(factor("f1", "M", "M", p_after=0.49)))
    assert len(held) == 1


def test_a_number_in_place_of_an_unknown_needs_evidence() -> None:
    after, held = after_measures(preset(), given(factor("f1", None, "M", p_after="N")))
    assert after.factors[0].p is None
    assert len(held) == 1


def test_without_after_values_nothing_changes() -> None:
    both = before_and_after(preset(), given(risky()))
    assert both.before == both.after


@pytest.mark.parametrize(("filed", "expected"), [(FILED, ((), 0)), (NOT_YET, (("blocking",), 50))])
def test_milder_events_and_fewer_participants_need_evidence_too(filed: bool, expected: object) -> None:
    both_targets = (MeasureGiven("m", ("event", "participants"), filed),)
    answers = given(expected=Expected(("blocking",), 50), expected_after=Expected((), 0), measures=both_targets)
    after, _ = after_measures(preset(), answers)
    assert (after.expected.events, after.expected.participants) == expected


@pytest.mark.parametrize(("filed", "option"), [(FILED, "from_85"), (NOT_YET, "below_70")])
def test_fewer_points_need_evidence_too(filed: bool, option: str) -> None:
    answers = given(
        hundred=HundredGiven({**BEST, "R3": "below_70"}, ()),
        hundred_after=HundredGiven({"R3": "from_85", "L1": "none"}),
        measures=measures(filed, target="R3"),
    )
    after, _ = after_measures(preset("JS_DB32"), answers)
    assert after.hundred is not None
    assert (after.hundred.options["R3"], after.hundred.options["L1"]) == (option, "none")


@pytest.mark.parametrize("wrong", [{"p_after": 2.0}, {"q_after": "X"}])
def test_an_after_value_outside_its_scale_is_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(MethodError, match="_after"):
        after_measures(preset(), given(risky(**wrong)))
