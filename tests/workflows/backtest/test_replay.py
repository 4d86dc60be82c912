"""A few simulated weeks through the whole service, and what is written about them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest

from service.domain.problems import Problem
from service.workflows.backtest.history import History, Received, Window, needed_for, window_of
from service.workflows.backtest.page import page_of
from service.workflows.backtest.replay import JSON_FILE, PAGE_FILE, Replayed, result_of, write
from service.workflows.parts import Engines
from tests.workflows.backtest.playing import run, written

DAYS = 20
Run = tuple[Replayed, Engines]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return written(tmp_path_factory.mktemp("district"), DAYS)


@pytest.fixture(scope="module")
def played(cluster: str, history: History, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The window begins on the sixth day, after a warm-up. Nothing more is heard until all is settled."""
    window = Window(history.start + timedelta(days=5), history.end)
    made, engines = run(cluster, history, tmp_path_factory.mktemp("data"), window)
    return replace(made, history=replace(history, end=history.end + timedelta(days=45))), engines


@pytest.fixture(scope="module")
def result(played: Run) -> dict[str, Any]:
    return result_of(*played)


def test_every_report_of_the_history_is_kept_and_every_matter_judged(played: Run, history: History) -> None:
    reports = [event for event in history.events if isinstance(event, Received)]
    told, gathered = played[0].play, played[0].gathered
    assert told.reports == len(reports) == len(gathered.received) > 150
    assert not told.refused
    assert all(matter.moments for matter in gathered.matters)
    assert {matter.name for matter in gathered.matters} <= {event.matter for event in reports}


def test_each_moment_has_the_clock_of_then(played: Run, history: History) -> None:
    received = {event.at for event in history.events if isinstance(event, Received)}
    first = {matter.moments[0].at for matter in played[0].gathered.matters}
    assert first <= received
    assert all(m.at <= played[0].history.end for one in played[0].gathered.matters for m in one.moments)


def test_clocks_run_out_between_reports_and_are_missed(played: Run) -> None:
    assert played[0].gathered.reminders > 20


def test_departments_lead_and_answers_reach_their_matters(played: Run) -> None:
    matters = played[0].gathered.matters
    assert any(one.history.replies for one in matters)
    assert any(one.history.endings for one in matters)
    assert {one.department for one in matters if one.moments[0].people >= 5} - {None}


def test_all_predictors_are_measured_at_all_budgets(result: dict[str, Any]) -> None:
    assert {"5", "10", "20"} <= result["budgets"].keys()
    for measured in result["budgets"].values():
        assert measured.keys() == {"both", "rules", "model", "pooled", "history", "people"}
    assert result["thresholds"]["both"]["yellow"]["warnings"] > 20
    assert result["escalations"]["total"] > 0
    assert result["calibration"]["bins"]


def test_only_the_window_is_counted(result: dict[str, Any], history: History) -> None:
    work = result["workload"]
    inside = [e for e in history.events if isinstance(e, Received) and e.at >= history.start + timedelta(days=5)]
    assert work["per_day"]["reports"]["total"] == len(inside)
    assert sum(work["each_day"]["reports"]) == len(inside)
    assert len(work["each_day"]["yellow"]) == work["days"]


def test_the_page_is_whole_says_it_is_synthetic_first_and_needs_nothing_else(
    result: dict[str, Any], played: Run
) -> None:
    page = page_of(result, played[1].catalogue)
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  our own
    said = "".join(root.find("body").itertext())  # type: ignore[union-attr]
    assert said.index("模拟数据，纯属虚构") < said.index("来源")
    assert "<script" not in page
    assert page.replace("http://www.w3.org/2000/svg", "").count("http") == 1  # the policy's own http-equiv
    assert len(root.findall(".//{http://www.w3.org/2000/svg}svg")) == 5


def test_without_outcomes_the_first_line_says_so_and_nothing_is_measured(played: Run) -> None:
    run, engines = played
    bare = result_of(replace(run, history=replace(run.history, outcomes=False, synthetic=False)), engines)
    assert "budgets" not in bare
    assert "thresholds" not in bare
    page = page_of(bare, engines.catalogue)
    body = page[page.index("<body>") :]
    assert body.index("没有结果") < body.index("来源")
    assert "召回率" not in body


def test_what_a_source_calls_itself_is_escaped(result: dict[str, Any], played: Run) -> None:
    hostile = result | {"about": result["about"] | {"source": "<script>alert(1)</script>&"}}
    page = page_of(hostile, played[1].catalogue)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_json_and_page_are_written_and_hold_no_text_of_a_report(
    result: dict[str, Any], played: Run, history: History, tmp_path: Path
) -> None:
    files = write(result, played[1], tmp_path / "new" / "folder")
    assert [file.name for file in files] == [JSON_FILE, PAGE_FILE]
    whole = "".join(file.read_text("utf-8") for file in files)
    assert json.loads(files[0].read_text("utf-8"))["format"] == "weiyu-replay-1"
    assert not [
        e
        for e in history.events
        if isinstance(e, Received) and (e.report.text in whole or e.report.place_text in whole)
    ]


def test_nothing_is_left_of_the_scratch_database(played: Run, owner: psycopg.Connection[Any]) -> None:
    left = owner.execute("SELECT datname FROM pg_database WHERE datname LIKE 'weiyu_replay_%'").fetchall()
    assert left == []


def test_days_without_reports_are_refused_with_the_days_there_are(history: History) -> None:
    with pytest.raises(Problem, match="没有收到报告；该历史从 2026-03-10"):
        window_of(history, history.end + timedelta(days=1), None)


def test_only_a_year_before_the_window_is_played(history: History) -> None:
    late = replace(history.events[0], at=history.start - timedelta(days=500))
    longer = replace(history, events=(late, *history.events))
    window = Window(history.start, history.end)
    assert needed_for(longer, window).events == history.events
