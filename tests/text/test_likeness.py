import subprocess
import sys
from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rules.thresholds import load_thresholds
from service.text.likeness import WORDING, Sketch, SketchIndex, likeness, sketch
from tests.text.real_messages import rows_of

ANYWHERE, TODAY = "000000000000", date(2026, 11, 22)
LINK_MINIMUM = load_thresholds().value("linking.likeness", ANYWHERE, TODAY)
DUPLICATE_MINIMUM = load_thresholds().value("duplicates.likeness", ANYWHERE, TODAY)
PARKING = sketch("碧桂园翠湖湾强制捆绑销售车位", "翠湖湾开发商要求买房必须买车位，一个十二万元。")
PARKING_TOO = sketch("投诉翠湖湾捆绑销售车位", "我在翠湖湾买房，开发商逼我们买十二万的车位，不买不签合同。")
MIXER = sketch("红星村旁边搅拌站灰尘很大", "搅拌站离红星村五十米，整夜轰鸣，灰尘落满窗台。")
TEXTS = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x4F00), max_size=60)
SKETCHES = st.builds(sketch, st.one_of(st.none(), TEXTS), TEXTS)


def test_two_reports_of_one_matter_are_alike_enough_to_link() -> None:
    assert likeness(PARKING, PARKING_TOO) >= LINK_MINIMUM


def test_two_reports_of_different_matters_are_not() -> None:
    assert likeness(PARKING, MIXER) < LINK_MINIMUM / 2


def test_the_same_complaint_about_another_place_is_not_linked() -> None:
    here = sketch("金地格林工地拖欠农民工工资", "在金地格林做木工，包工头一直不发工资。")
    there = sketch("恒泰楚府工地拖欠农民工工资", "在恒泰楚府扎钢筋，老板说没有钱，工资没有着落。")
    assert likeness(here, there) < LINK_MINIMUM


def test_courtesies_make_nothing_alike() -> None:
    polite = "尊敬的领导您好，希望有关部门尽快解决，谢谢！"
    assert likeness(sketch(None, polite + "翠湖湾"), sketch(None, polite + "搅拌站")) == 0


def test_names_all_candidates_share_can_be_left_out() -> None:
    here, there = ("阳山县望城区桃园", "阳山县望城区梨园")
    assert likeness(sketch(None, here), sketch(None, there)) > 0.5
    shared = ("阳山县", "望城区")
    assert likeness(sketch(None, here, shared), sketch(None, there, shared)) == 0


def test_a_text_sent_again_with_a_new_ending_is_a_near_duplicate() -> None:
    text = "翠湖湾开发商要求买房必须买车位，一个十二万元，不买就不签购房合同，售楼处还说是集团规定。"
    assert likeness(sketch("捆绑销售车位", text), sketch("捆绑销售车位", text + "盼复！")) >= DUPLICATE_MINIMUM
    assert likeness(PARKING, PARKING_TOO) < DUPLICATE_MINIMUM


def test_a_sketch_keeps_neither_the_text_nor_its_order() -> None:
    stored = sketch(None, "翠湖湾捆绑销售").to_bytes()
    assert "翠湖".encode() not in stored
    hashes = [item >> 3 for item in Sketch.from_bytes(stored).packed]
    assert hashes == sorted(hashes)


def test_a_sketch_is_the_same_in_another_process() -> None:
    program = "from service.text.likeness import sketch; print(sketch('捆绑销售车位', '翠湖湾开发商').to_bytes().hex())"
    made = [
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert made == [sketch("捆绑销售车位", "翠湖湾开发商").to_bytes().hex()] * 2


@pytest.mark.parametrize("stored", [b"", b"\x01\x00", b"\x09" + b"\x00" * 4])
def test_bytes_that_are_no_sketch_are_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match="not a sketch"):
        Sketch.from_bytes(stored)


def test_what_says_nothing_is_like_nothing() -> None:
    empty = sketch(None, "……")
    assert likeness(empty, empty) == 0.0


@given(SKETCHES)
def test_a_sketch_survives_its_bytes(made: Sketch) -> None:
    assert Sketch.from_bytes(made.to_bytes()) == made


@given(SKETCHES, SKETCHES)
def test_likeness_is_symmetric_and_between_nought_and_one(a: Sketch, b: Sketch) -> None:
    assert likeness(a, b) == likeness(b, a)
    assert 0.0 <= likeness(a, b) <= 1.0


@given(SKETCHES.filter(lambda made: bool(made.packed)))
def test_equal_sketches_have_likeness_one(made: Sketch) -> None:
    assert likeness(made, made) == 1.0


@given(st.lists(SKETCHES, max_size=8), SKETCHES, st.floats(0.05, 1.0))
def test_the_index_finds_what_comparing_one_by_one_finds(known: list[Sketch], sought: Sketch, minimum: float) -> None:
    one_by_one = {key: likeness(sought, each) for key, each in enumerate(known) if likeness(sought, each) >= minimum}
    assert dict(SketchIndex(enumerate(known)).best(sought, minimum)) == one_by_one


def test_the_most_alike_comes_first() -> None:
    found = SketchIndex([("搅拌", MIXER), ("另一", PARKING_TOO), ("同一", PARKING)]).best(PARKING, 0.1)
    assert [key for key, _ in found] == ["同一", "另一"]


def test_a_matter_opened_in_the_batch_is_found_by_the_next_report() -> None:
    index: SketchIndex[str] = SketchIndex()
    assert index.best(PARKING, LINK_MINIMUM) == []
    index.add("新事项", PARKING)
    assert [key for key, _ in index.best(PARKING_TOO, LINK_MINIMUM)] == ["新事项"]


def test_a_matter_with_several_reports_is_as_alike_as_its_most_alike_report() -> None:
    index = SketchIndex([("事项", MIXER), ("事项", PARKING)])
    assert index.best(PARKING, LINK_MINIMUM) == [("事项", 1.0)]


def test_the_thresholds_lie_apart_and_the_words_carry_their_version() -> None:
    assert 0 < LINK_MINIMUM < DUPLICATE_MINIMUM <= 1
    assert WORDING.version


def test_public_messages_on_one_known_matter_hold_together_and_others_stay_apart() -> None:
    rows = rows_of("messages_2019.csv.gz")
    made = [(row, sketch(row["留言主题"], row["留言详情"].strip())) for row in rows]
    matter = [each for row, each in made if "伊景园" in row["留言主题"] and "车位" in row["留言主题"]]
    others = [each for row, each in made if "伊景园" not in row["留言主题"] + row["留言详情"]][::4]
    near = [likeness(a, b) for a, b in combinations(matter, 2)]
    far = [likeness(a, b) for a in matter for b in others]
    assert len(matter) > 20
    assert sum(value >= LINK_MINIMUM for value in near) / len(near) > 0.3
    assert sum(value >= LINK_MINIMUM for value in far) / len(far) < 0.0005
