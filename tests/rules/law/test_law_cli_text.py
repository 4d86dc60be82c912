"""What the commands say about a law book, and with which exit code."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from service.rules.law.book import LawBook, load_law
from service.rules.law.cli_text import explained, is_law_index, own_tests, summed_up
from service.rules.law.derived import is_weekday
from tests.rules.law.making import ON, RULES, loaded, written

SOUND = "示例 2026.11.1：1 条核对，3 个自带测试全部通过"


def test_a_sound_book_is_summed_up_by_severity_and_kind(tmp_path: Path) -> None:
    code, text = summed_up(partial(loaded, tmp_path))
    assert code == 0
    assert text.startswith(SOUND)
    assert "阻断 1，提醒 0" in text
    assert "工程施工：1 条核对，5 个事实" in text
    assert "重大行政决策（其他）：1 条核对，7 个事实" in text


def test_its_own_tests_are_listed_with_their_due_days(tmp_path: Path) -> None:
    code, text = own_tests(partial(loaded, tmp_path))
    assert code == 0
    assert text.splitlines()[2:] == [
        '通过 D01 测试 3：{"comment_from": "2026-05-01"} → not_evaluated，期限 2026-05-31',
        SOUND,
    ]


def test_a_faulty_book_gives_every_fault_and_exit_code_1(tmp_path: Path) -> None:
    index = written(tmp_path, RULES.replace("comment_days", "coment_days"))
    for tell in (summed_up, own_tests):
        code, text = tell(partial(load_law, index, is_workday=is_weekday))
        assert code == 1
        assert f"{tmp_path}/rules.yaml:8:17 D01: 没有名为 ‘coment_days’ 的事实" in text
        assert text.endswith("\n1 处错误")


def test_an_index_is_told_from_a_rulebook(tmp_path: Path) -> None:
    index = written(tmp_path)
    assert is_law_index(index)
    assert not is_law_index(tmp_path / "rules.yaml")
    assert not is_law_index(tmp_path / "nowhere.yaml")


def test_a_check_is_explained_in_chinese(law: LawBook) -> None:
    code, text = explained(law, "H05-33-N", None, ON)
    assert code == 0
    assert text.splitlines()[0] == "H05-33-N 听证提前七日公告（浙江）"
    assert "适用：房屋征收（拆迁）；33；一直有效" in text
    assert "期限：听证日（hearing_on）之前 7 天，以听证公告日为准" in text


def test_a_row_of_the_table_gives_all_its_checks(law: LawBook) -> None:
    code, text = explained(law, "V07", None, ON)
    assert code == 0
    heads = [block.split()[0] for block in text.split("\n\n")]
    assert heads == ["V07-C", "V07-C2018", "V07-JA", "V07-JH", "V07-JR"]


def test_with_facts_comes_the_answer_and_what_is_missing(law: LawBook, tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"comment_from": "2026-06-20"}), "utf-8")
    code, text = explained(law, "H03", facts, ON)
    assert code == 0
    assert "按所给事实，2026-07-01：未能判断，期限 2026-07-20" in text
    assert "comment_days < 30，缺少 → 不明" in text
    assert "缺少：向社会公开征求意见到哪一天截止？" in text


@pytest.mark.parametrize(
    ("content", "fault"), [("{", "不是合法的 JSON"), ('{"comment_frm": 1}', "没有名为 ‘comment_frm’ 的事实")]
)
def test_wrong_facts_are_refused(law: LawBook, tmp_path: Path, content: str, fault: str) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(content, "utf-8")
    code, text = explained(law, "H03", facts, ON)
    assert code == 1
    assert fault in text


def test_a_check_that_is_not_there_is_refused(law: LawBook) -> None:
    assert explained(law, "D99", None, ON) == (1, "没有编号为 ‘D99’ 的核对")
