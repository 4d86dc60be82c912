"""weiyu replay from the terminal: what it writes, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.scoring.simulation.export import export
from tests.cli.conftest import Weiyu
from tests.workflows.backtest.playing import district


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export(district(days=4), tmp_path / "district", rollouts=2)
    return tmp_path / "district"


def test_a_simulated_folder_is_replayed_and_said_to_be_synthetic(weiyu: Weiyu, folder: Path, tmp_path: Path) -> None:
    done = weiyu("replay", "--source", folder, "--out", tmp_path / "out", "--from", "2026-03-11")
    assert done.returncode == 0, done.stderr
    assert "模拟数据，纯属虚构" in done.stderr
    result = json.loads((tmp_path / "out" / "replay.json").read_text("utf-8"))
    assert result["synthetic"] is True
    assert result["about"]["from"].startswith("2026-03-11T00:00+08:00")
    assert (tmp_path / "out" / "replay.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-04-01", "--to", "2026-03-01"), "不早于"),
        (("--from", "2027-01-01"), "没有收到报告；该历史从"),
    ],
)
def test_days_that_hold_nothing_are_refused_in_one_line(
    weiyu: Weiyu, folder: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    refused = weiyu("replay", "--source", folder, "--out", tmp_path / "out", *words)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out").exists()


def test_an_own_database_without_reports_is_refused_in_one_line(weiyu: Weiyu, tmp_path: Path) -> None:
    refused = weiyu("replay", "--out", tmp_path / "out")
    assert refused.returncode == 1
    assert "没有报告，无可回放" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_place_that_cannot_be_written_is_said_before_an_hour_is_spent(
    weiyu: Weiyu, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    refused = weiyu("replay", "--source", folder, "--out", tmp_path / "file" / "below")
    assert refused.returncode == 1
    assert "无法写入" in refused.stderr
    assert "已回放" not in refused.stderr
