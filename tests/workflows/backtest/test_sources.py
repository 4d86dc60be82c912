"""Where a history comes from, and how what is wrong with it is said: file, line, never what stood there."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.main import load_engines
from service.scoring.simulation.export import export
from service.workflows.backtest.history import Answered, Ended, Received
from service.workflows.backtest.report_file import ReportFile, read_reports
from service.workflows.backtest.simulated_folder import read_simulated
from service.workflows.files.table_rows import FileRefused
from service.workflows.parts import Engines
from tests.makers import NOON, at
from tests.served import settings_for
from tests.workflows.backtest.playing import district


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return load_engines(settings_for(tmp_path_factory.mktemp("data")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export(district(days=6), tmp_path / "district", rollouts=2)
    return tmp_path / "district"


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def test_a_simulated_folder_is_read_in_order_of_receipt_with_what_each_report_is_about(folder: Path) -> None:
    history = read_simulated(folder)
    receipts = [json.loads(line) for line in (folder / "receipts.jsonl").read_text("utf-8").splitlines()]
    reports = [event for event in history.events if isinstance(event, Received)]
    assert [event.report.id for event in reports] == [one["id"] for one in receipts]
    assert {type(event) for event in history.events} >= {Received, Answered, Ended}
    assert all(event.report.id.startswith(str(event.matter)) for event in reports)
    assert history.synthetic
    assert history.outcomes
    assert [event.at for event in history.events] == sorted(event.at for event in history.events)


def test_the_folder_above_one_district_means_that_district_and_two_are_asked_about(folder: Path) -> None:
    assert read_simulated(folder.parent).source == read_simulated(folder).source
    export(district(days=2), folder.parent / "another", rollouts=2)
    with pytest.raises(FileRefused, match="多个模拟区（another、district）"):
        read_simulated(folder.parent)


def test_another_folder_is_refused_naming_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"缺少 areas\.csv、reports\.jsonl"):
        read_simulated(tmp_path)


def test_a_damaged_line_of_a_simulated_folder_is_named(folder: Path) -> None:
    with (folder / "replies.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"at": "2026-03-12T08:00:00", "matter": "m", "department": "d"}\n{"matter": "秘密\n')
    with pytest.raises(FileRefused) as refused:
        read_simulated(folder)
    number = len((folder / "replies.jsonl").read_text("utf-8").splitlines())
    assert refused.value.lines[0] == f"{folder / 'replies.jsonl'}:{number - 1}: 字段 at 缺少时区"
    assert refused.value.lines[1].startswith(f"{folder / 'replies.jsonl'}:{number}: 不是合规的 JSON")
    assert "秘密" not in str(refused.value)


def test_lines_of_reports_are_received_when_they_say_or_else_when_they_happened(
    tmp_path: Path, engines: Engines
) -> None:
    later = (NOON + timedelta(days=3)).isoformat()
    file = lines(tmp_path / "r.jsonl", [at(NOON, received_at=later), at(NOON), "[1]", at(NOON, people_affected=-1)])
    history = read_reports(ReportFile(file), engines)
    assert [event.at for event in history.events] == [NOON - timedelta(minutes=10), NOON + timedelta(days=3)]
    assert not history.outcomes
    assert [row["code"] for row in history.furniture.areas] == ["990101001001"]
    assert f"2 行读不懂，未回放；例如 {file}:3: 应为一个 JSON 对象" in history.notes


def test_a_table_as_import_reads_it_is_a_history_too(tmp_path: Path, engines: Engines) -> None:
    file = tmp_path / "r.csv"
    file.write_text(
        "id,area,text,occurred_at,source\na,990101001001,欠薪三个月,2026-03-02 08:00,网格\nb,990101001001,停水,,网格\n",
        "utf-8",
    )
    history = read_reports(ReportFile(file), engines)
    assert [event.at.isoformat() for event in history.events] == ["2026-03-02T08:00:00+08:00"]
    assert any(f"{file}:3: occurred_at" in note for note in history.notes)


def test_a_file_without_a_single_report_is_refused(tmp_path: Path, engines: Engines) -> None:
    with pytest.raises(FileRefused, match="没有报告"):
        read_reports(ReportFile(lines(tmp_path / "empty.jsonl", [])), engines)
    with pytest.raises(FileRefused, match=r"bad\.jsonl:1: 缺少字段|bad\.jsonl:1: 字段"):
        read_reports(ReportFile(lines(tmp_path / "bad.jsonl", [{"id": "x"}])), engines)
