"""What the commands print, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.rules.cli_text import check, explain, test
from service.rules.rulebook import INCIDENT_RULEBOOK
from service.rules.vocabulary import FactVocabulary
from tests.rules.making import RULEBOOK

run_tests = test
del test  # pytest would collect the command as a test


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(RULEBOOK, "utf-8")
    return tmp_path / "good.yaml"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    (tmp_path / "bad.yaml").write_text(RULEBOOK.replace("people_present, op", "people_presnt, op"), "utf-8")
    return tmp_path / "bad.yaml"


def test_check_sums_up_a_sound_file(good: Path, vocabulary: FactVocabulary) -> None:
    code, text = check([good], [vocabulary])
    assert code == 0
    assert "1 条规则，2 个自带测试全部通过" in text
    assert "橙   1  DM-001" in text


def test_check_tells_the_faults_of_one_file_and_still_sums_up_the_other(
    good: Path, bad: Path, vocabulary: FactVocabulary
) -> None:
    code, text = check([bad, good], [vocabulary])
    assert code == 1
    assert f"{bad}:7:17 DM-001: 没有名为 ‘people_presnt’ 的事实 (did you mean ‘people_present’?)" in text
    assert "1 条规则，2 个自带测试全部通过" in text


def test_test_lists_each_test(good: Path, vocabulary: FactVocabulary) -> None:
    code, text = run_tests([good], [vocabulary])
    assert code == 0
    assert '通过 DM-001 测试 1：{"people_present": 30} → hit' in text


def test_test_fails_with_the_trace_of_the_failing_test(good: Path, vocabulary: FactVocabulary) -> None:
    good.write_text(RULEBOOK.replace("{people_present: 29}", "{people_present: 44}"), "utf-8")
    code, text = run_tests([good], [vocabulary])
    assert code == 1
    assert "应为 clear，得到 hit：people_present >= 30，读到 44 → 成立" in text


def test_explain_says_a_rule_in_chinese(vocabulary: FactVocabulary) -> None:
    code, text = explain("IN-206", [INCIDENT_RULEBOOK], [vocabulary])
    assert code == 0
    assert text.splitlines()[0] == "IN-206 三天内三件以上且在增多"
    assert "72小时内报告（reports_72h）至少 3 件" in text
    assert "报告增多（growing）等于 是" in text
    assert "命中时：至少为橙级" in text


def test_explain_with_facts_shows_what_was_read_and_what_is_missing(tmp_path: Path, vocabulary: FactVocabulary) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"reports_72h": 4, "growing": None}), "utf-8")
    code, text = explain("IN-206", [INCIDENT_RULEBOOK], [vocabulary], facts)
    assert code == 0
    assert "按所给事实：未能判断" in text
    assert "72小时内报告为 4 件 → 成立" in text
    assert "缺少：报告增多" in text


def test_explain_takes_a_whole_file(good: Path, vocabulary: FactVocabulary) -> None:
    code, text = explain(str(good), [], [vocabulary])
    assert code == 0
    assert text.startswith("DM-001")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"people_presnt": 3}', "没有名为 ‘people_presnt’ 的事实 (did you mean ‘people_present’?)"),
        ('{"people_present": "3"}', "要写整数"),
        ("{", "1:2: 不是合法的 JSON"),
        ("[]", "事实要写成一组键值"),
    ],
)
def test_explain_refuses_facts_that_are_wrong(
    content: str, expected: str, tmp_path: Path, vocabulary: FactVocabulary
) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(content, "utf-8")
    code, text = explain("IN-206", [INCIDENT_RULEBOOK], [vocabulary], facts)
    assert code == 1
    assert expected in text


def test_explain_says_when_there_is_no_such_rule(vocabulary: FactVocabulary) -> None:
    assert explain("IN-999", [INCIDENT_RULEBOOK], [vocabulary]) == (1, "没有编号为 ‘IN-999’ 的规则，也没有这个文件")
