"""Real messages through a replay: workload figures only, since nothing is known of what came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.main import load_engines
from service.workflows.backtest.page import page_of
from service.workflows.backtest.replay import result_of
from service.workflows.backtest.report_file import ReportFile, read_reports
from tests.journeys import test_real_messages as board
from tests.served import settings_for
from tests.workflows.backtest.playing import run

SOME = 150

pytestmark = pytest.mark.skipif(not board.MESSAGES.exists(), reason="skipped: data not present")


def test_real_messages_give_work_and_no_measure_and_none_of_their_text(cluster: str, tmp_path: Path) -> None:
    bodies = sorted(board.messages(), key=lambda body: str(body["occurred_at"]))[-SOME:]
    file = tmp_path / "messages.jsonl"
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies), "utf-8")
    history = read_reports(ReportFile(file), load_engines(settings_for(tmp_path)))

    played, engines = run(cluster, history, tmp_path)
    result = result_of(played, engines)
    page = page_of(result, engines.catalogue)

    assert result["workload"]["per_day"]["reports"]["total"] == played.play.reports > SOME - 10
    assert not {"budgets", "thresholds", "calibration"} & result.keys()
    assert page.index("没有结果") < page.index("工作量</h2>")
    assert not [body["id"] for body in bodies if str(body["title"]) in page]
