"""How a check answers: its clock, what overrides it, what facts it takes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.domain.assessing import LegalFinding
from service.domain.judging import Answer
from service.domain.projects import ProjectKind
from service.rules.law.book import LawBook, check
from service.rules.vocabulary import MISSING, FactError
from tests.rules.law.making import AREA, FACTS, ON, RULES, loaded

POLICY, CONSTRUCTION = ProjectKind.POLICY, ProjectKind.CONSTRUCTION
CLOCK = """\
- id: D02
  name: 七日内告知
  kinds: [policy]
  severity: clock
  when: {field: asked, op: '==', value: true}
  due: {from: comment_to, days: 7, done: told_on}
  basis: [{law: 示例法, article: 第十六条}]
  remedy: 告知
  tests:
  - {given: {asked: true, comment_to: 2026-06-01, told_on: 2026-06-09}, expect: hit}
  - {given: {asked: false}, expect: clear}
  - {given: {}, expect: not_evaluated}
"""
STARTED, DUE = date(2026, 6, 24), ON


def local(region: str, overrides: str, rule_id: str) -> str:
    block = RULES.split("rules:\n")[1].replace("id: D01", f"id: {rule_id}")
    return block.replace("  when:", f"  region: ['{region}']\n  overrides: {overrides}\n  when:")


def timed(book: LawBook, on: date = ON, **facts: Any) -> LegalFinding:
    return next(each for each in check(book, POLICY, facts, AREA, on) if each.check_id == "D02")


@pytest.fixture
def book(tmp_path: Path) -> LawBook:
    return loaded(tmp_path, RULES + CLOCK)


CLOCKS = {
    "done in time": ({"comment_to": STARTED, "told_on": DUE}, ON, (Answer.CLEAR, None, ())),
    "done late": ({"comment_to": STARTED, "told_on": DUE + timedelta(1)}, ON, (Answer.HIT, DUE, ())),
    "still running": ({"comment_to": STARTED}, DUE, (Answer.NOT_EVALUATED, DUE, ("told_on",))),
    "run out": ({"comment_to": STARTED}, DUE + timedelta(1), (Answer.HIT, DUE, ())),
    "not begun": ({}, ON, (Answer.NOT_EVALUATED, None, ("told_on", "comment_to"))),
    "begun when nobody knows": ({"told_on": DUE}, ON, (Answer.NOT_EVALUATED, None, ("comment_to",))),
}


@pytest.mark.parametrize(("facts", "on", "expected"), CLOCKS.values(), ids=CLOCKS)
def test_a_clock_is_in_time_late_running_or_unknown(
    book: LawBook, facts: dict[str, Any], on: date, expected: tuple[Answer, date | None, tuple[str, ...]]
) -> None:
    found = timed(book, on, asked=True, **facts)
    assert (found.answer, found.due, found.missing) == expected


def test_a_clock_whose_condition_is_not_met_does_not_run(book: LawBook) -> None:
    found = timed(book, asked=False, comment_to=STARTED)
    assert (found.answer, found.due) == (Answer.CLEAR, None)


def test_a_clock_whose_condition_is_unknown_runs_in_doubt(book: LawBook) -> None:
    found = timed(book, ON + timedelta(1), comment_to=STARTED)
    assert (found.answer, found.due, found.missing) == (Answer.NOT_EVALUATED, DUE, ("asked",))


def test_the_trace_shows_the_day_the_clock_compares_with(book: LawBook) -> None:
    line = timed(book, asked=True, comment_to=STARTED, told_on=ON).trace[-1]
    assert (line.fact, line.op, line.expected, line.read, line.holds) == (
        "told_on",
        ">",
        "2026-07-01",
        "2026-07-01",
        False,
    )


def test_a_finding_carries_basis_remedy_and_name_whatever_its_answer(book: LawBook) -> None:
    found = check(book, POLICY, {}, AREA, ON)[0]
    assert (found.name, found.basis, found.remedy) == ("征求意见三十日", ("《示例法》第十五条",), "补足三十日")


def test_a_city_overrides_its_province_and_the_country(tmp_path: Path) -> None:
    rules = RULES + local("33", "D01", "D01-33") + local("3301", "[D01-33, D01]", "D01-3301")
    book = loaded(tmp_path, rules)
    got = {
        area: [each.check_id for each in check(book, POLICY, {}, f"{area}00000000", ON)]
        for area in ("3301", "3302", "3601")
    }
    assert got == {"3301": ["D01-3301"], "3302": ["D01-33"], "3601": ["D01"]}


def test_an_override_that_is_not_yet_in_force_takes_no_place(tmp_path: Path) -> None:
    rules = RULES + local("33", "D01", "D01-33").replace("  when:", "  effective: {from: 2026-07-01}\n  when:")
    book = loaded(tmp_path, rules)
    got = [check(book, POLICY, {}, "330100000000", day)[0].check_id for day in (ON - timedelta(1), ON)]
    assert got == ["D01", "D01-33"]


def test_a_head_condition_holds_for_every_check_of_the_file(tmp_path: Path) -> None:
    head = "title: 示例规则\nonly_if: {field: asked, op: '==', value: true}\n"
    rules = RULES.replace("title: 示例规则\n", head).replace("given: {", "given: {asked: true, ")
    book = loaded(tmp_path, rules.replace("kinds: [policy, construction]", "kinds: [policy]"))
    short = {"comment_from": date(2026, 5, 1), "comment_to": date(2026, 5, 2)}
    answers = [
        check(book, POLICY, {**short, **asked}, AREA, ON)[0].answer for asked in ({"asked": True}, {"asked": False}, {})
    ]
    assert answers == [Answer.HIT, Answer.CLEAR, Answer.NOT_EVALUATED]


@pytest.mark.parametrize("unknown", [{}, {"comment_to": None}, {"comment_to": MISSING}])
def test_absent_none_and_missing_are_the_same(book: LawBook, unknown: dict[str, Any]) -> None:
    assert check(book, POLICY, {"comment_from": ON, **unknown}, AREA, ON) == check(
        book, POLICY, {"comment_from": ON}, AREA, ON
    )


def test_a_fact_of_another_type_is_refused(book: LawBook) -> None:
    with pytest.raises(FactError, match="comment_from"):
        check(book, POLICY, {"comment_from": "2026-05-01"}, AREA, ON)


def test_the_hash_changes_with_any_file_and_not_with_comments(tmp_path: Path) -> None:
    plain = loaded(tmp_path).sha256
    assert loaded(tmp_path, "# 注释\n" + RULES).sha256 == plain
    assert loaded(tmp_path, RULES.replace("补足三十日", "补足")).sha256 != plain
    assert loaded(tmp_path, facts=FACTS.replace("哪天告知", "何时告知")).sha256 != plain


# ---- facts from outside


def test_facts_come_typed_out_of_json(book: LawBook) -> None:
    raw = {"comment_from": "2026-05-01", "heads": 3, "topics": ["pay"], "asked": None}
    assert book.typed(POLICY, raw) == {"comment_from": date(2026, 5, 1), "heads": 3, "topics": frozenset({"pay"})}


BAD = [
    ("coment_from", "2026-05-01", "没有名为 ‘coment_from’ 的事实 (did you mean ‘comment_from’?)"),
    ("comment_from", "1.5.2026", "‘comment_from’ 要写日期，得到 ‘1.5.2026’"),
    ("comment_from", "0026-05-01", "‘comment_from’ 的年份要在 1949 与 2199 之间，得到 ‘0026-05-01’"),
    ("comment_from", 20260501, "‘comment_from’ 要写日期，得到 ‘20260501’"),
    ("heads", "3", "‘heads’ 要写整数，得到 ‘3’"),
    ("heads", True, "‘heads’ 要写整数，得到 ‘True’"),
    ("heads", -1, "‘heads’ 不能小于 0，得到 ‘-1’"),
    ("topics", ["补偿"], "‘topics’ 没有 ‘补偿’ 这个取值 (did you mean ‘pay’?)"),
    ("topics", [["pay"]], "‘topics’ 要写文字，得到 ‘['pay']’"),
    ("topics", "pay", "‘topics’ 要写列表，得到 ‘pay’"),
    ("comment_days", 3, "‘comment_days’ 由 comment_from、comment_to 推算，不用填写"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_a_bad_fact_is_told_in_words(book: LawBook, name: str, value: Any, message: str) -> None:
    with pytest.raises(FactError) as caught:
        book.typed(POLICY, {name: value})
    assert str(caught.value) == message


def test_all_bad_facts_are_told_in_one_go(book: LawBook) -> None:
    with pytest.raises(FactError) as caught:
        book.typed(POLICY, {"heads": "3", "asked": 1, "comment_to": "2026-05-02"})
    assert str(caught.value).splitlines() == ["‘heads’ 要写整数，得到 ‘3’", "‘asked’ 要写true 或 false，得到 ‘1’"]


def test_a_fact_of_another_kind_or_a_fixed_one_says_so(book: LawBook) -> None:
    with pytest.raises(FactError) as caught:
        book.typed(CONSTRUCTION, {"topics": ["pay"], "asked": False})
    assert str(caught.value).splitlines() == ["‘topics’ 不用于工程施工", "‘asked’ 对工程施工是固定的，不用填写"]
