"""A backtest of matters so few that every number can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import nan
from typing import Any

import pytest

from service.domain.levels import Level
from service.scoring.backtest.known import PlayedMatter, subjects
from service.scoring.backtest.picks import by_budget
from service.scoring.backtest.predictors import PREDICTORS
from service.scoring.backtest.ranking import auc
from service.scoring.backtest.result import judged, without_outcomes
from service.scoring.label_definition import load_definition
from tests.scoring.backtest.makers import SPAN, day, matter, moment, told

DEFINITION = load_definition()
CAUGHT = matter("caught", [moment(1, Level.ORANGE, 0.5)], [told(1), told(5, "road_blocked")])
MISSED = matter("missed", [moment(2), moment(9, Level.RED, 0.6)], [told(2), told(8.9, "injury")])
RESPONSE = matter("response", [moment(3, Level.ORANGE, 0.5)], [told(2.9, "gathering_under_way")])
FALSE = matter("false alarm", [moment(4, Level.ORANGE, 0.4)])
QUIET = matter("quiet", [moment(5)])
SMALL = matter("small", [moment(5, people=1), moment(12, Level.RED)], [told(5, people=1), told(11.9, "injury")])
ALL = [CAUGHT, MISSED, RESPONSE, FALSE, QUIET, SMALL]


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return judged(ALL, [day(n) for n in range(10)], SPAN, DEFINITION)


def test_a_warning_is_a_hit_a_response_or_a_false_alarm_and_a_case_is_caught_or_missed(result: dict[str, Any]) -> None:
    orange = result["thresholds"]["both"]["orange"]
    assert {name: orange[name] for name in ("warnings", "settled", "hits", "responses", "false_alarms")} == {
        "warnings": 5, "settled": 5, "hits": 1, "responses": 3, "false_alarms": 1,
    }  # fmt: skip
    assert (orange["cases"], orange["caught"]) == (2, 1)
    assert orange["precision"]["value"] == 0.2
    assert orange["recall"]["value"] == 0.5


def test_the_lead_time_is_from_the_warning_to_the_escalation(result: dict[str, Any]) -> None:
    assert result["lead_hours"]["orange"] == [96.0]
    assert result["thresholds"]["both"]["orange"]["lead_hours"] == {"q25": 96.0, "median": 96.0, "q75": 96.0}


def test_what_was_missed_is_named_as_the_history_names_it(result: dict[str, Any]) -> None:
    (row,) = result["missed"]["orange"]
    assert row["matter"] == "missed"
    assert row["judgements_before"] == 1
    assert row["highest_probability"] == 0.1


def test_an_escalation_told_of_first_or_of_a_matter_small_until_then_is_counted_apart(result: dict[str, Any]) -> None:
    assert result["escalations"] == {"total": 4, "first_report": 1, "small_until_then": 1, "at_risk_before": 2}


def test_each_offices_false_alarms_are_counted_by_the_week(result: dict[str, Any]) -> None:
    (row,) = result["departments"]["orange"]
    assert (row["department"], row["false_alarms"]) == ("人社局", 1)
    assert row["false_alarms_a_week"] == round(1 / (60 / 7), 2)


def test_a_warning_whose_window_is_not_settled_is_neither_hit_nor_false_alarm() -> None:
    late = replace(SPAN, known_until=day(20))
    result = judged([CAUGHT, FALSE], [], late, DEFINITION)
    orange = result["thresholds"]["both"]["orange"]
    assert (orange["warnings"], orange["settled"], orange["precision"]["value"]) == (2, 0, None)
    assert orange["recall"]["value"] == 1.0, "that it escalated is known all the same"


def test_without_outcomes_only_the_work_is_told() -> None:
    told_of = without_outcomes(ALL, [day(n) for n in range(10)], SPAN)
    assert told_of.keys() == {"workload", "categories"}
    assert told_of["workload"]["per_day"]["reports"]["total"] == 10
    assert told_of["workload"]["per_day"]["red"]["total"] == 2
    assert told_of["categories"] == {"labour": {"matters": 6, "yellow": 5, "orange": 5, "red": 2}}


def a_day_of(*probabilities: float) -> list[PlayedMatter]:
    return [matter(f"m{n}", [moment(1.1 + n / 100, probability=p)]) for n, p in enumerate(probabilities)]


def test_a_budget_takes_the_most_urgent_of_a_day_at_its_end_and_each_matter_once() -> None:
    again = matter("again", [moment(1.5, probability=0.9), moment(2.5, probability=0.9)])
    known = subjects([*a_day_of(0.2, 0.8, 0.5), again], SPAN, DEFINITION)
    picks = by_budget(known, PREDICTORS["model"].rank, 2, SPAN)
    assert [(pick.subject.matter.name, pick.at) for pick in picks] == [("again", day(2)), ("m1", day(2))]


def test_what_ranks_alike_goes_in_the_order_in_which_it_was_judged() -> None:
    known = subjects(a_day_of(0.5, 0.5, 0.5), SPAN, DEFINITION)
    assert [p.subject.matter.name for p in by_budget(known, PREDICTORS["model"].rank, 2, SPAN)] == ["m0", "m1"]


def test_a_predictor_that_says_nothing_of_a_matter_never_takes_it() -> None:
    known = subjects([matter("unscored", [moment(1, probability=None)])], SPAN, DEFINITION)
    assert by_budget(known, PREDICTORS["model"].rank, 5, SPAN) == []
    assert len(by_budget(known, PREDICTORS["people"].rank, 5, SPAN)) == 1


def test_only_the_days_asked_for_are_judged() -> None:
    before = matter("before", [moment(-3, Level.RED)], [told(-3), told(2, "injury")])
    after = matter("after", [moment(61, Level.RED)])
    result = judged([before, after], [], SPAN, DEFINITION)
    assert result["thresholds"]["both"]["red"]["warnings"] == 0
    assert result["workload"]["per_day"]["red"]["total"] == 0


def test_calibration_holds_what_was_said_against_what_came() -> None:
    escalating = [matter(f"yes{n}", [moment(1, probability=0.8)], [told(1), told(3, "road_blocked")]) for n in range(8)]
    silent = [matter(f"no{n}", [moment(1, probability=0.8)]) for n in range(2)]
    known = judged([*escalating, *silent], [], SPAN, DEFINITION)["calibration"]
    assert sum(one["moments"] for one in known["bins"]) == 10
    assert known["brier"] == pytest.approx(0.8 * 0.04 + 0.2 * 0.64)


@pytest.mark.parametrize(
    ("ranked", "expected"),
    [
        ([((0.1, 0.0), False), ((0.9, 0.0), True)], 1.0),
        ([((0.9, 0.0), False), ((0.1, 0.0), True)], 0.0),
        ([((0.5, 0.0), False), ((0.5, 0.0), True)], 0.5),
        ([((0.5, 0.0), True)], None),
    ],
)
def test_separation_is_the_chance_to_rank_right(ranked: list[Any], expected: float | None) -> None:
    assert auc(ranked) == expected


def test_the_order_in_which_matters_are_given_changes_nothing(result: dict[str, Any]) -> None:
    turned = judged(ALL[::-1], [day(n) for n in range(10)], SPAN, DEFINITION)
    assert turned["thresholds"]["both"]["orange"]["hits"] == result["thresholds"]["both"]["orange"]["hits"]
    assert turned["missed"] == result["missed"]
    assert turned["budgets"]["1"]["model"]["caught"] == result["budgets"]["1"]["model"]["caught"]


def test_an_escalation_after_the_span_is_no_case_of_it() -> None:
    later = matter("later", [moment(50)], [told(50), told(70, "injury")])
    assert judged([later], [], SPAN, DEFINITION)["escalations"]["total"] == 0
    longer = replace(SPAN, end=SPAN.end + timedelta(days=30))
    assert judged([later], [], longer, DEFINITION)["escalations"]["total"] == 1


def test_both_as_one_probability_rise_with_the_rules_and_with_the_model_and_say_nothing_without_it() -> None:
    rank = PREDICTORS["pooled"].rank
    ranks = [
        rank(moment(1, level, probability=said)) or (nan, nan)
        for level in (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
        for said in (0.0, 0.1, 0.9, 1.0)
    ]
    by_level = [ranks[start : start + 4] for start in range(0, 16, 4)]
    assert all(run == sorted(run) and len(set(run)) == 4 for run in by_level)
    assert all(list(run) == sorted(run) and len(set(run)) == 4 for run in zip(*by_level, strict=True))
    assert rank(moment(1, probability=None)) is None
