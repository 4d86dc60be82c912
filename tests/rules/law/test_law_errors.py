"""Every fault of a law book is told with file, line, column and check, all in one go."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.rules.law.book import LawBookError, load_law
from service.rules.law.derived import is_weekday
from service.rules.positions import LoadError
from tests.rules.law.making import FACTS, INDEX, RULES, written


def errors_of(folder: Path, rules: str = RULES, facts: str = FACTS, index: str = INDEX) -> list[str]:
    with pytest.raises(LawBookError) as caught:
        load_law(written(folder, rules, facts, index), is_workday=is_weekday)
    return [str(error).removeprefix(f"{folder}/") for error in caught.value.errors]


RULE_CHANGES = [
    # what is written, what is written instead, the fault
    (
        "field: comment_days",
        "field: coment_days",
        "rules.yaml:8:17 D01: 没有名为 ‘coment_days’ 的事实 (did you mean ‘comment_days’?)",
    ),
    (
        "severity: block",
        "severity: blok",
        "rules.yaml:7:13 D01: ‘severity’ 只能是 block、warn、clock、info (did you mean ‘block’?)，得到 ‘blok’",
    ),
    (
        "[policy, construction]",
        "[polcy]",
        "rules.yaml:6:11 D01: ‘kinds’ 只能是 land_expropriation、house_expropriation、construction",
    ),
    (
        "[policy, construction]",
        "[policy, village_election]",
        "rules.yaml:6:10 D01: 事实 ‘comment_days’ 不用于 village_election",
    ),
    (
        "due: {from: comment_from",
        "due: {from: coment_from",
        "rules.yaml:9:15 D01: 没有名为 ‘coment_from’ 的事实 (did you mean ‘comment_from’?)",
    ),
    ("due: {from: comment_from", "due: {from: heads", "rules.yaml:9:15 D01: ‘heads’ 是 int 类型，期限只能从日期算起"),
    ("days: 30}", "weeks: 4}", "rules.yaml:9:29 D01: 不认识的键 ‘weeks’"),
    ("days: 30}", "days: 30, months: 1}", "rules.yaml:9:8 D01: 期限要写 days、workdays、months、years 之一"),
    (
        "  when: {field: comment_days, op: '<', value: 30}\n",
        "",
        "rules.yaml:4:3 D01: 要写 when，或写带 done 的 due",
    ),
    ("days: 30}", "days: 3000000}", "rules.yaml:9:35 D01: ‘days’ 不能大于 1000，得到 ‘3000000’"),
    (
        "comment_from: 2026-05-01}, expect: not",
        "comment_from: 9999-05-01}, expect: not",
        "rules.yaml:15:28 D01: ‘comment_from’ 的年份要在 1949 与 2199 之间，得到 ‘9999-05-01’",
    ),
    ("id: D01", "id: LAW1", "rules.yaml:4:7 LAW1: ‘id’ 不符合格式"),
    ("  remedy: 补足三十日\n", "", "rules.yaml:4:3 D01: 缺少键 ‘remedy’"),
    (
        "due: 2026-05-31}",
        "due: 2026-06-01}",
        "rules.yaml:15:69 D01: 自带测试 3 的期限应为 2026-06-01，得到 2026-05-31",
    ),
    (
        "2026-05-30}, expect: hit",
        "2026-05-31}, expect: hit",
        "rules.yaml:13:73 D01: 自带测试 1 应为 hit，得到 clear：comment_days < 30，读到 30 → 不成立",
    ),
    (
        "{comment_from: 2026-05-01}, expect: not_evaluated, due: 2026-05-31}",
        "{comment_from: 2026-05-01, comment_to: 2026-06-30}, expect: clear}",
        "rules.yaml:12:3 D01: 自带测试至少要有一个 hit、一个 clear、一个 not_evaluated，缺少 not_evaluated",
    ),
    (
        "{given: {comment_from: 2026-05-01}",
        "{given: {comment_days: 3}",
        "rules.yaml:15:14 D01: 没有名为 ‘comment_days’ 的事实 (did you mean ‘comment_to’?)",
    ),
    (
        "severity: block",
        "overrides: D02\n  severity: block",
        "rules.yaml:7:14 D01: 没有编号为 ‘D02’ 的规则 (did you mean ‘D01’?)",
    ),
    ("severity: block", "overrides: D01\n  severity: block", "rules.yaml:7:14 D01: 规则不能替代自己"),
]


@pytest.mark.parametrize(("written_", "instead", "expected"), RULE_CHANGES)
def test_a_fault_of_a_check_is_told_with_its_place(tmp_path: Path, written_: str, instead: str, expected: str) -> None:
    assert written_ in RULES
    errors = errors_of(tmp_path, RULES.replace(written_, instead, 1))
    assert any(error.startswith(expected) for error in errors), errors


FACT_CHANGES = [
    ("type: bool", "type: boolean", "facts.yaml:7:23: ‘type’ 只能是 int、float、bool、text、set、date"),
    (
        "days: [comment_from, comment_to]",
        "days: [comment_from, comment_too]",
        "facts.yaml:12:10: 没有名为 ‘comment_too’ 的事实",
    ),
    (
        "days: [comment_from, comment_to]",
        "days: [comment_from, heads]",
        "facts.yaml:12:10: ‘comment_days’ 不能由 int 类型的 ‘heads’",
    ),
    (
        "days: [comment_from, comment_to]",
        "days: [comment_from]",
        "facts.yaml:12:41: ‘days’ 至少要写 2 项，得到 ‘['comment_from']’",
    ),
    ("days: [comment_from, comment_to]", "source: 公告", "facts.yaml:12:35: 不认识的键 ‘source’"),
    (", days: [comment_from, comment_to]", "", "facts.yaml:12:3: 推算的事实要写一个算法：days、workdays、in_order"),
    ("share: 1/2", "share: '0.5'", "facts.yaml:13:91: ‘share’ 不符合格式"),
    ("name: told_on", "name: asked", "facts.yaml:7:10: 事实 ‘asked’ 重复"),
    ("name: most_against", "name: heads", "facts.yaml:13:10: 事实 ‘heads’ 重复"),
    ("vocabulary: topic", "vocabulary: topics", "facts.yaml:10:41: 没有词表 ‘topics’ (did you mean ‘topic’?)"),
    ("asked: true", "askd: true", "facts.yaml:17:18: 没有名为 ‘askd’ 的事实 (did you mean ‘asked’?)"),
    ("asked: true", "asked: 3", "facts.yaml:17:25: ‘asked’ 要写true 或 false，得到 ‘3’"),
]


@pytest.mark.parametrize(("written_", "instead", "expected"), FACT_CHANGES)
def test_a_fault_of_a_fact_is_told_with_its_place(tmp_path: Path, written_: str, instead: str, expected: str) -> None:
    assert written_ in FACTS
    errors = errors_of(tmp_path, facts=FACTS.replace(written_, instead, 1))
    assert any(error.startswith(expected) for error in errors), errors


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    errors = errors_of(tmp_path, index=INDEX.replace("rules.yaml", "rule.yaml"))
    assert errors == ["rule.yaml:1:1: 读不到文件：No such file or directory"]


def test_an_index_without_a_version_is_refused(tmp_path: Path) -> None:
    assert errors_of(tmp_path, index=INDEX.replace("version: 2026.11.1\n", "")) == ["law.yaml:1:1: 缺少键 ‘version’"]


def test_a_second_check_of_the_same_id_in_another_file_points_to_the_first(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(RULES, "utf-8")
    errors = errors_of(tmp_path, index=INDEX.replace("[rules.yaml]", "[rules.yaml, more.yaml]"))
    assert errors == [f"more.yaml:4:7 D01: 规则编号 ‘D01’ 重复，前一条在 {tmp_path}/rules.yaml 第 4 行"]


def test_faults_of_several_files_come_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(RULES.replace("D01", "D02").replace("name: 征", "nam: 征"), "utf-8")
    rules = RULES.replace("severity: block", "severity: hard")
    errors = errors_of(tmp_path, rules, index=INDEX.replace("[rules.yaml]", "[rules.yaml, more.yaml]"))
    assert [error.split(":")[0] for error in errors] == ["more.yaml", "more.yaml", "rules.yaml"]


@pytest.mark.parametrize("text", ["- a\n", "words\n", "", "{", "rulefile: demo\ntitle: t\nrules: [3, x]\n", "\x00"])
def test_no_rules_file_crashes_the_loader(tmp_path: Path, text: str) -> None:
    assert errors_of(tmp_path, text)
    assert errors_of(tmp_path, facts=text)
    assert errors_of(tmp_path, index=text)


SCRAPS = [*"{}[]:,-&*!|>'\"%@`#?~\n\t ", "null", "1e999", "<<", "---", "2026-02-30", "\x00", "9999-12-31", "0", "-5"]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["rules", "facts", "index"]),
    st.integers(0, max(map(len, (RULES, FACTS)))),
    st.integers(0, 20),
    st.lists(st.sampled_from(SCRAPS), max_size=4),
)
def test_a_damaged_book_loads_or_says_where_it_is_damaged(
    folder: Path, damaged: str, start: int, length: int, scraps: list[str]
) -> None:
    texts = {"rules": RULES, "facts": FACTS, "index": INDEX}
    texts[damaged] = texts[damaged][:start] + "".join(scraps) + texts[damaged][start + length :]
    errors = faults_or_none(written(folder, **texts))
    assert errors is None or errors
    assert all(error.line >= 1 and error.column >= 1 and error.message for error in errors or ())


def faults_or_none(index: Path) -> tuple[LoadError, ...] | None:
    try:
        load_law(index, is_workday=is_weekday)
    except LawBookError as failure:
        return failure.errors
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("law")
