"""Every fault of a rulebook is told with file, line, column and rule, all in one go."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.catalogue import load_catalogue
from service.rules.facts import matter_vocabulary
from service.rules.positions import LoadError
from service.rules.rulebook import RulebookError, load_rulebook
from service.rules.vocabulary import FactVocabulary
from tests.rules.making import RULEBOOK


def errors_of(text: str, vocabulary: FactVocabulary) -> list[str]:
    with pytest.raises(RulebookError) as caught:
        load_rulebook(text, vocabulary, "demo.yaml")
    return [str(error) for error in caught.value.errors]


WHEN = "{field: people_present, op: '>=', value: 30}"
CHANGES = [
    # what is written, what is written instead, the fault
    (
        "field: people_present",
        "field: people_presnt",
        "7:17 DM-001: 没有名为 ‘people_presnt’ 的事实 (did you mean ‘people_present’?)",
    ),
    ("field: people_present", "field: [a]", "7:17 DM-001: 没有名为 ‘['a']’ 的事实"),
    (
        "{field: people_present,",
        "{feild: people_present,",
        "7:10 DM-001: 条件里不认识的键 ‘feild’ (did you mean ‘field’?)",
    ),
    ("op: '>='", "op: '=>'", "7:37 DM-001: 不认识的运算符 ‘=>’ (did you mean ‘>’?)"),
    (
        "op: '>='",
        "op: contains",
        "7:37 DM-001: ‘contains’ 不能用于 int 类型的 ‘people_present’，可用：==、!=、<、<=、>、>=、in、known、missing",
    ),
    ("op: '>='", "op: known", "7:44 DM-001: ‘known’ 不带 value"),
    ("op: '>='", "op: in", "7:48 DM-001: ‘in’ 的 value 要写列表"),
    ("value: 30}", "value: 三十}", "7:50 DM-001: ‘people_present’ 要写整数，得到 ‘三十’"),
    ("value: 30}", "value: true}", "7:50 DM-001: ‘people_present’ 要写整数，得到 ‘True’"),
    ("value: 30}", "value: 30.5}", "7:50 DM-001: ‘people_present’ 要写整数，得到 ‘30.5’"),
    (
        "field: people_present, op: '>=', value: 30}",
        "field: category, op: '==', value: labour.wage_arear}",
        "7:44 DM-001: ‘category’ 没有 ‘labour.wage_arear’ 这个取值 (did you mean ‘labour.wage_arrears’?)",
    ),
    (
        "field: people_present, op: '>=', value: 30}",
        "field: signals, op: contains_any, value: [death, 断水断电]}",
        "7:59 DM-001: ‘signals’ 没有 ‘断水断电’ 这个取值 (did you mean ‘utilities_cut’?)",
    ),
    (WHEN, "{all: []}", "7:15 DM-001: ‘all’ 下要写至少一个条件的列表"),
    (WHEN, "{all: [], any: []}", "7:19 DM-001: ‘any’ 要独占一组，不能与别的键并列"),
    (WHEN, "{not: 3}", "7:15 DM-001: 条件要写成一组键值：all、any、not，或 field、op、value"),
    (WHEN, "{field: people_present, op: '>='}", "7:9 DM-001: 条件缺少键 ‘value’"),
    ("  name: 现场三十人以上\n", "", "4:3 DM-001: 缺少键 ‘name’"),
    ("  name: 现场", "  nmae: 现场", "5:3 DM-001: 不认识的键 ‘nmae’ (did you mean ‘name’?)"),
    ("level_floor: orange", "level_flor: orange", "8:10 DM-001: 不认识的键 ‘level_flor’ (did you mean ‘level_floor’?)"),
    (
        "level_floor: orange",
        "level_floor: ornage",
        "8:23 DM-001: ‘level_floor’ 只能是 blue、yellow、orange、red (did you mean ‘orange’?)，得到 ‘ornage’",
    ),
    ("advice: 到场听取诉求", "advice: 3", "8:39 DM-001: ‘advice’ 要写列表，得到 ‘3’"),
    ("[{source: 示例}]", "[]", "6:10 DM-001: ‘basis’ 不能为空，得到 ‘[]’"),
    ("[{source: 示例}]", "[{law: 信访工作条例}]", "6:11 DM-001: 依据要写 law 和 article，或者只写 source"),
    ("  then:", "  region: 内蒙古\n  then:", "8:11 DM-001: ‘region’ 要写 national 或区划代码前缀列表，得到 ‘内蒙古’"),
    ("  then:", "  region: ['150']\n  then:", "8:12 DM-001: ‘region’ 不符合格式"),
    ("  then:", "  effective: {from: 2026-02-30}\n  then:", "8:21 : ‘2026-02-30’ 不是有效的日期或数字"),
    (
        "  then:",
        "  effective: {from: 2026-05-01, to: 2026-04-30}\n  then:",
        "8:14 DM-001: 失效日期 2026-04-30 早于生效日期 2026-05-01",
    ),
    ("  then:", "  effective: {from: 今年}\n  then:", "8:21 DM-001: ‘from’ 要写日期，如 2026-01-01，得到 ‘今年’"),
    ("id: DM-001", "id: dm1", "4:7 dm1: ‘id’ 不符合格式"),
    (
        "expect: clear",
        "expect: cleer",
        "11:43 DM-001: ‘expect’ 只能是 hit、clear、not_evaluated (did you mean ‘clear’?)，得到 ‘cleer’",
    ),
    (
        "{people_present: 29}",
        "{people_presnt: 29}",
        "11:14 DM-001: 没有名为 ‘people_presnt’ 的事实 (did you mean ‘people_present’?)",
    ),
    ("{people_present: 29}", "{people_present: 多}", "11:30 DM-001: ‘people_present’ 要写整数，得到 ‘多’"),
    (
        "{people_present: 29}, expect: clear",
        "{people_present: 31}, expect: hit",
        "9:3 DM-001: 自带测试至少要有一个 hit、一个 clear，缺少 clear",
    ),
    (
        "{people_present: 29}",
        "{people_present: 44}",
        "11:43 DM-001: 自带测试 2 应为 clear，得到 hit：people_present >= 30，读到 44 → 成立",
    ),
    (
        "{people_present: 29}",
        "{report_count: 9}",
        "11:40 DM-001: 自带测试 2 应为 clear，得到 not_evaluated：people_present >= 30，缺少 → 不明",
    ),
    ("version: 2026.11.1", "version: 2026.11", "2:10 : ‘version’ 要写文字（数字样的文字请加引号），得到 ‘2026.11’"),
    (
        "version: 2026.11.1",
        "facts: project\nversion: 2026.11.1",
        "2:8 : 规则册要用事实词表 ‘project’，这里是 ‘incident’",
    ),
    ("ruleset: demo", "rulset: demo", "1:1 : 不认识的键 ‘rulset’ (did you mean ‘ruleset’?)"),
]


@pytest.mark.parametrize(("written", "instead", "expected"), CHANGES)
def test_a_fault_is_told_with_its_place(written: str, instead: str, expected: str, vocabulary: FactVocabulary) -> None:
    assert written in RULEBOOK
    errors = errors_of(RULEBOOK.replace(written, instead), vocabulary)
    assert any(error.startswith("demo.yaml:" + expected.replace(" :", ":")) for error in errors), errors


def test_a_second_rule_of_the_same_id_points_to_the_first(vocabulary: FactVocabulary) -> None:
    twice = RULEBOOK + RULEBOOK.split("rules:\n")[1]
    assert errors_of(twice, vocabulary) == ["demo.yaml:12:7 DM-001: 规则编号 ‘DM-001’ 重复，前一条在第 4 行"]


def test_tests_must_not_be_left_out(vocabulary: FactVocabulary) -> None:
    bare = RULEBOOK.split("  tests:")[0]
    assert errors_of(bare, vocabulary) == ["demo.yaml:4:3 DM-001: 缺少键 ‘tests’"]


def test_faults_of_several_rules_come_in_one_go(vocabulary: FactVocabulary) -> None:
    second = RULEBOOK.split("rules:\n")[1].replace("DM-001", "DM-002").replace("op: '>='", "op: '>=='")
    text = RULEBOOK.replace("people_present, op", "people_presnt, op").replace("name: 现场", "nam: 现场") + second
    assert errors_of(text, vocabulary) == [
        "demo.yaml:4:3 DM-001: 缺少键 ‘name’",
        "demo.yaml:5:3 DM-001: 不认识的键 ‘nam’ (did you mean ‘name’?)",
        "demo.yaml:7:17 DM-001: 没有名为 ‘people_presnt’ 的事实 (did you mean ‘people_present’?)",
        "demo.yaml:15:37 DM-002: 不认识的运算符 ‘>==’ (did you mean ‘>=’?)",
    ]


def test_weak_evidence_cannot_give_red(vocabulary: FactVocabulary) -> None:
    text = (
        RULEBOOK.replace(
            "field: people_present, op: '>=', value: 30", "field: text_signals, op: contains, value: death"
        )
        .replace("orange", "red")
        .replace("{people_present: 30}", "{text_signals: [death]}")
        .replace("{people_present: 29}", "{text_signals: []}")
    )
    assert errors_of(text, vocabulary) == [
        "demo.yaml:8:23 DM-001: ‘text_signals’ 证据较弱，最多支持 orange，不能定 red"
    ]


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "12\n"])
def test_a_file_that_is_not_a_mapping_says_what_belongs_there(text: str, vocabulary: FactVocabulary) -> None:
    assert errors_of(text, vocabulary) == ["demo.yaml:1:1: 最外层要写成一组键值：ruleset、version、rules"]


def test_rules_that_are_not_mappings_are_told_one_by_one(vocabulary: FactVocabulary) -> None:
    assert errors_of("ruleset: demo\nversion: a\nrules: [3, x]\n", vocabulary) == [
        "demo.yaml:3:9: 一条规则要写成一组键值",
        "demo.yaml:3:12: 一条规则要写成一组键值",
    ]


def faults_or_none(text: str) -> tuple[LoadError, ...] | None:
    try:
        load_rulebook(text, VOCABULARY)
    except RulebookError as failure:
        return failure.errors
    return None


VOCABULARY = matter_vocabulary(load_catalogue())
SCRAPS = st.sampled_from(
    [*"{}[]:,-&*!|>'\"%@`#?~\n\t ", "null", "1e999", "=", "<<", "---", "- ", "2026-02-30", "0x", "\x00"]
)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(RULEBOOK)), st.integers(0, 20), st.lists(SCRAPS, max_size=4))
def test_a_damaged_rulebook_loads_or_says_where_it_is_damaged(start: int, length: int, scraps: list[str]) -> None:
    text = RULEBOOK[:start] + "".join(scraps) + RULEBOOK[start + length :]
    errors = faults_or_none(text)
    assert errors is None or errors
    assert all(error.line >= 1 and error.column >= 1 and error.message for error in errors or ())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_loader(raw: bytes) -> None:
    with pytest.raises(RulebookError):
        load_rulebook(raw, VOCABULARY)
