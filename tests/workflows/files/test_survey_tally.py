from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given

from service.workflows.files.survey_file import read_survey
from service.workflows.files.survey_sheets import Attitude
from service.workflows.files.survey_tally import FEWEST, POOLED, bands_told
from service.workflows.files.table_rows import FileRefused

FOR, AGAINST = Attitude.IN_FAVOUR, Attitude.AGAINST
COUNTS = st.builds(lambda a, b: Counter({FOR: a, AGAINST: b}), st.integers(0, 30), st.integers(0, 30))


@given(st.dictionaries(st.sampled_from(["甲", "乙", "丙", "丁", "戊"]), COUNTS, min_size=1))
def test_no_count_below_five_is_told_or_left_over_by_subtraction(answers: dict[str, Counter[Attitude]]) -> None:
    """What is told adds up to everything, so there is no rest to reckon; each number told is five or more."""
    told = bands_told("年龄段", answers)
    assert all(count >= FEWEST for band in told for count in band.counts.values())
    if told:
        for attitude in told[0].counts:
            assert sum(band.counts[attitude] for band in told) == sum(counts[attitude] for counts in answers.values())


def test_a_small_band_takes_the_smallest_large_one_with_it() -> None:
    answers = {"甲": Counter({FOR: 40, AGAINST: 20}), "乙": Counter({FOR: 20, AGAINST: 9}),
               "丙": Counter({FOR: 3, AGAINST: 1})}  # fmt: skip
    assert [(band.answer, band.counts[FOR], band.counts[AGAINST]) for band in bands_told("年龄段", answers)] == [
        ("甲", 40, 20),
        (POOLED, 23, 10),
    ]


def counted(text: str) -> object:
    return read_survey("q.csv", text.encode()).tally.concerns


@pytest.mark.parametrize(("times", "told"), [(4, ()), (5, (("补偿标准", 5),))])
def test_a_concern_is_told_from_five_sheets_on(times: int, told: object) -> None:
    assert counted("态度,主要关切\n" + "支持,补偿标准；补偿标准\n" * times) == told


def test_equal_sheets_are_compared_when_there_is_enough_to_compare() -> None:
    two = read_survey("q.csv", ("态度,知晓\n" + "支持,知晓\n" * 9).encode()).tally
    three = read_survey(
        "q.csv", ("序号,态度,知晓,年龄段\n" + "".join(f"{n},支持,知晓,18-35\n" for n in range(9))).encode()
    )
    assert (two.identical, three.tally.identical) == (None, 9)


def test_villages_and_schools_are_no_names() -> None:
    rows = "支持,王家村,高中\n反对,李家村,初中\n支持,张家村,大专\n"
    assert read_survey("q.csv", f"态度,所在村,文化程度\n{rows}".encode()).tally.sheets == 3


def test_every_fault_is_told_at_once_up_to_fifty() -> None:
    with pytest.raises(FileRefused) as refused:
        read_survey("q.csv", ("态度\n" + "好\n" * 80).encode())
    assert len(refused.value.lines) == 50
    assert refused.value.lines[1].startswith("q.csv:3:1: A 列")
