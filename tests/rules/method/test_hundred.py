from __future__ import annotations

from typing import Any

import pytest

from service.domain.assessing import Criterion, Grade
from service.rules.method.cuts import MethodError
from service.rules.method.given import HundredGiven, OpinionShare
from service.rules.method.grading import grade
from service.rules.method.hundred import HundredScore, hundred_points
from service.rules.method.preset import HundredTable
from tests.rules.method.making import given, preset

CELLS = {
    "L1": (3, {"full": 0, "basic": 2, "none": 3}),
    "L2": (5, {"full": 0, "basic": 2, "none": 5}),
    "L3": (2, {"full": 0, "none": 2}),
    "R1": (2, {"full": 0, "basic": 1, "none": 2}),
    "R2": (2, {"full": 0, "none": 2}),
    "R3": (6, {"from_85": 0, "from_70": 4, "below_70": 6}),
    "R4": (4, {"small": 0, "possible": 2, "large": 4}),
    "R5": (3, {"full": 0, "none": 2}),
    "R6": (4, {"full": 0, "basic": 2, "none": 4}),
    "R7": (4, {"full": 0, "basic": 2, "none": 4}),
    "F1": (3, {"full": 0, "none": 3}),
    "F2": (4, {"none": 0, "some": 2, "nimby": 4}),
    "F3": (3, {"full": 0, "basic": 1, "none": 3}),
    "C2": (3, {"none": 0, "some": 1, "much": 3}),
    "C3": (3, {"none": 0, "some": 1, "much": 3}),
    "C6": (3, {"full": 0, "basic": 1, "none": 3}),
    "C7": (2, {"full": 0, "basic": 1, "none": 2}),
    "C8": (3, {"full": 0, "basic": 1, "none": 3}),
}
BEST = {item: min(options, key=options.__getitem__) for item, (_, options) in CELLS.items()}


def table() -> HundredTable:
    found = preset("JS_DB32").hundred
    assert found is not None
    return found


def scored(opinion: tuple[OpinionShare, ...] | None = (), **options: str) -> HundredScore:
    return hundred_points(table(), HundredGiven(BEST | options, opinion))


@pytest.mark.parametrize(
    ("item", "option", "points"),
    [(item, option, points) for item, (_, options) in CELLS.items() for option, points in options.items()],
)
def test_every_cell_of_the_table(item: str, option: str, points: float) -> None:
    assert scored(**{item: option}).points[item] == points
    assert scored(**{item: option}).total == points


def test_the_table_has_these_items_and_no_other() -> None:
    assert {item.item_id: (item.most, item.options) for item in table().items if not item.opinion} == CELLS
    assert [(item.item_id, item.most) for item in table().items if item.opinion] == [("C1", 35)]


def test_the_items_about_who_takes_part_are_left_out_and_the_rest_is_ninety_four() -> None:
    most = {each: sum(item.most for item in table().items if item.criterion is each) for each in Criterion}
    assert list(most.values()) == [10, 25, 10, 49]
    assert table().most == 94
    assert any("有意不取" in note for note in table().notes)


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        ((), 0),
        (((1, "strong"),), 35),
        (((0.2, "strong"), (0.3, "fair"), (0.5, "mild")), 35 * 0.56),
        (((0.5, "fair"),), 12.25),
        (((0.8, "strong"), (0.8, "fair")), 35),
    ],
)
def test_opinion_is_thirty_five_times_shares_by_intensity_and_never_more(rows: Any, points: float) -> None:
    assert scored(tuple(OpinionShare(*row) for row in rows)).points["C1"] == pytest.approx(points)


@pytest.mark.parametrize(
    ("points", "expected"),
    [(0, Grade.LOW), (18.8, Grade.LOW), (18.9, Grade.MIDDLE), (32.9, Grade.MIDDLE), (33, Grade.HIGH)],
)
def test_the_total_meets_its_bands_as_parts_of_a_hundred(points: float, expected: Grade) -> None:
    rows = (OpinionShare(points / 35, "strong"),)
    found = scored(rows)
    assert found.grade is expected
    assert found.scaled == pytest.approx(found.total * 100 / 94, abs=1e-6)
    assert grade(preset("JS_DB32"), given(hundred=HundredGiven(BEST, rows))).grade is expected


def test_an_unanswered_item_leaves_a_lower_bound_and_the_cautious_grade() -> None:
    found = scored(None)
    assert (found.missing, found.total, found.grade) == (("C1",), 0, Grade.LOW)
    assert grade(preset("JS_DB32"), given(hundred=HundredGiven(BEST))).grade is Grade.MIDDLE


@pytest.mark.parametrize(
    "wrong",
    [
        HundredGiven({"L1": "perhaps"}),
        HundredGiven({"C4": "full"}),
        HundredGiven({"C1": "full"}),
        HundredGiven({}, (OpinionShare(1.1, "strong"),)),
        HundredGiven({}, (OpinionShare(0.1, "loud"),)),
    ],
)
def test_answers_outside_the_table_are_refused(wrong: HundredGiven) -> None:
    with pytest.raises(MethodError, match="hundred"):
        hundred_points(table(), wrong)


def test_points_for_a_method_without_a_table_are_refused() -> None:
    with pytest.raises(MethodError, match="没有百分表"):
        grade(preset("GENERAL"), given(hundred=HundredGiven(BEST, ())))


def test_the_points_stand_in_the_details() -> None:
    details = grade(preset("JS_DB32"), given(hundred=HundredGiven({**BEST, "R3": "below_70"}, ()))).details
    assert details["hundred"]["total"] == 6
    assert details["hundred"]["by_criterion"][Criterion.REASONABLENESS] == 6
