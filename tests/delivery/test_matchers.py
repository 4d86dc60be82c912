"""Matchers as Alertmanager reads them: operators, quotes, escapes, names in any script, RE2 anchored at both ends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.labels import MEANINGS, Told
from service.delivery.matchers import MatcherError, all_match, matcher, parse_matcher, parse_matchers
from service.domain.levels import Level
from service.domain.words import SubjectKind

RED = Told(Level.RED, "990101001001", "labour.wage_arrears", "labour", subject_id="7", signals=frozenset({"b", "a"}))


@pytest.mark.parametrize(
    ("written", "labels", "holds", "why"),
    [
        ('level="red"', {"level": "red"}, True, "equal"),
        ("level=red", {"level": "red"}, True, "a bare value needs no quotes"),
        ("level = red", {"level": "red"}, True, "space around the operator"),
        ('level!="red"', {"level": "red"}, False, "not equal"),
        ('level!="red"', {}, True, "a label that is missing is not red"),
        ('level=""', {}, True, "missing is empty"),
        ('level=~"red|orange"', {"level": "orange"}, True, "one of two"),
        ('level=~"re"', {"level": "red"}, False, "anchored at its end"),
        ('level=~"ed"', {"level": "red"}, False, "anchored at its beginning"),
        ('level=~"red|orange"', {"level": "redder"}, False, "the anchors hold for every branch"),
        ('level!~"red|orange"', {"level": "blue"}, True, "none of two"),
        ('area=~"9901.*"', {"area": "990101001001"}, True, "a subtree by its digits"),
        ('级别=~"红|橙"', {"级别": "红"}, True, "names and values in Chinese, bare"),
        ('"级 别"="红"', {"级 别": "红"}, True, "a quoted name may hold a space"),
        (r'note="a\"b\\c\n"', {"note": 'a"b\\c\n'}, True, "escapes of Go"),
        (r'note="\u7ea2\xe7\xba\xa2"', {"note": "红红"}, True, "characters and bytes by number"),
        ('note=~"a.c"', {"note": "a\nc"}, False, "a dot is no line break, as in RE2"),
        (r'note=~"\\d+"', {"note": "42"}, True, "a backslash in quotes is written twice"),
    ],
)
def test_a_matcher_holds(written: str, labels: dict[str, str], holds: bool, why: str) -> None:
    assert parse_matcher(written).matches(labels) is holds, why


@pytest.mark.parametrize(
    ("written", "column", "said"),
    [
        ("level", 6, "之后要写"),
        ("level=", 7, "缺少"),
        ('level="red', 7, "引号没有配对"),
        ('="red"', 1, "缺少标签名"),
        ('level="red" area="1"', 13, "逗号"),
        ('{level="red"', 13, "右花括号"),
        ('{level="red"} x', 15, "多出"),
        ('level=~"("', 1, "正则表达式"),
        (r'level=~"(?=a)b"', 1, "正则表达式"),
        (r'level=~"(a)\\1"', 1, "正则表达式"),
        (r'level="\q"', 7, "转义"),
        (r'level="\ud800"', 7, "有效的字符"),
        (r'level="\xff"', 7, "UTF-8"),
        (f'level="{"x" * 1001}"', 1, "超过"),
    ],
)
def test_a_fault_is_told_with_its_place(written: str, column: int, said: str) -> None:
    with pytest.raises(MatcherError, match=said) as refused:
        parse_matchers(written)
    assert refused.value.column == column


def test_one_matcher_is_asked_for_and_no_list() -> None:
    for written in ("a=b,c=d", "", "{a=b}"):
        with pytest.raises(MatcherError, match="一个匹配条件"):
            parse_matcher(written)


def test_several_stand_with_commas_in_braces_or_without() -> None:
    expected = (matcher("level", "=", "red"), matcher("area", "=~", "99.*"))
    for written in ('{level="red",area=~"99.*"}', 'level=red, area=~"99.*",', '{ level = "red" , area=~"99.*", }'):
        assert parse_matchers(written) == expected
    assert all_match(expected, RED.labels)
    assert parse_matchers("{}") == ()


@given(st.text(min_size=1, max_size=12), st.sampled_from(["=", "!="]), st.text(max_size=12))
def test_whatever_is_written_out_is_read_back_the_same(name: str, op: str, value: str) -> None:
    made = matcher(name, op, value)
    assert parse_matchers(str(made)) == (made,)


@given(st.text(alphabet='{}!=~,"\\ab级 \n', max_size=30))
def test_no_text_makes_the_reader_stumble(written: str) -> None:
    found, column = (), 1
    try:
        found = parse_matchers(written)
    except MatcherError as error:
        column = error.column
    assert 1 <= column <= len(written) + 1
    assert [parse_matcher(str(one)) for one in found] == [*found]


def test_an_expression_made_to_explode_costs_nothing() -> None:
    vicious = parse_matcher('note=~"(a*)*(a|aa)+b"')
    began = time.process_time()
    assert not vicious.matches({"note": "a" * 200_000})
    assert time.process_time() - began < 5  # any backtracking engine would need centuries


def test_the_labels_of_a_warning_are_those_that_are_explained() -> None:
    together = Told(Level.BLUE, "990101000000", "x", "x", SubjectKind.AREA, "990101000000/together", restricted=True)
    assert set(RED.labels) | set(together.labels) <= set(MEANINGS)
    assert set(MEANINGS) - set(RED.labels) - set(together.labels) == {"source"}
    assert RED.labels["signals"] == "a,b"
    assert (RED.labels["级别"], RED.labels["township"], RED.labels["subject"]) == ("红", "990101001", "matter/7")
    assert together.labels["kind"] == "together"
    assert "township" not in together.labels  # a district lies in no township
