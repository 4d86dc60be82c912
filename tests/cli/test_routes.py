"""`weiyu routes` in its own process: check, test with an exit code, show."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Weiyu
from tests.makers import VILLAGE
from tests.workflows.test_routes_file import TEXT

WHAT = ("--area", VILLAGE, "--category", "labour.wage_arrears", "--source", "grid", "--at", "2026-11-18T23:30:00")


def write(folder: Path, text: str = TEXT) -> Path:
    file = folder / "路由.yaml"
    file.write_text(text, "utf-8")
    return file


def test_a_file_is_checked_without_a_database(weiyu: Weiyu, tmp_path: Path) -> None:
    good = weiyu(
        "routes", "check", write(tmp_path), "--offline", WEIYU_DATABASE_URL="postgresql://nobody@127.0.0.1:1/x"
    )
    assert good.returncode == 0, good.stderr
    assert "4 条路由，没有错误" in good.stdout
    bad = weiyu("routes", "check", write(tmp_path, TEXT.replace("labour", "labor")), "--offline")
    assert bad.returncode == 1
    assert "路由.yaml:21:23: 没有事项类别 ‘labor’ (did you mean ‘labour’?)" in bad.stderr


def test_names_are_checked_against_the_database_where_there_is_one(weiyu: Weiyu, tmp_path: Path) -> None:
    checked = weiyu("routes", "check", write(tmp_path))
    assert checked.returncode == 1
    assert "没有名为“公安分局”的单位" in checked.stderr


def test_a_trial_fails_when_others_would_hear_than_expected(weiyu: Weiyu, tmp_path: Path) -> None:
    file = write(tmp_path)
    right = weiyu("routes", "test", file, "--offline", "--level", "blue", *WHAT, "--expect", "人社局,牵头单位")
    assert right.returncode == 0, right.stderr + right.stdout
    assert "人社局  2026-11-19 07:00:00  路由“全区 / 欠薪”：人社局  免打扰" in right.stdout
    wrong = weiyu("routes", "test", file, "--offline", "--level", "red", *WHAT, "--expect", "人社局")
    assert wrong.returncode == 1
    assert "不应收到而会收到：公安分局" in wrong.stderr
    assert "公安分局  2026-11-18 23:30:00" in wrong.stdout


def test_without_routes_show_says_so(weiyu: Weiyu) -> None:
    shown = weiyu("routes", "show")
    assert (shown.returncode, shown.stdout.strip()) == (0, "没有启用路由：按订阅和责任清单发送。")
    tried = weiyu("routes", "test", "--level", "blue", *WHAT, "--expect", "")
    assert (tried.returncode, tried.stdout.strip()) == (0, "没有单位会收到。")
