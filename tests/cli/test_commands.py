"""Keys, files and rules from the terminal."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from service.cli import COMMANDS, app
from tests.cli.conftest import Weiyu
from tests.makers import AREAS, VILLAGE
from tests.served import ROOT


def write_areas(folder: Path) -> Path:
    file = folder / "区划.csv"
    file.write_text("code,name\n" + "".join(f"{code},{name}\n" for code, name in AREAS.items()), "utf-8")
    return file


def write_export(folder: Path) -> Path:
    """Another system's nightly export: its own column names, no time zone, one broken row."""
    file = folder / "导出.csv"
    rows = [
        ("单号", "所属区域", "发生时间", "内容", "来源", "涉及人数"),
        ("G-1", VILLAGE, "2026-11-20 09:30:00", "青禾服饰厂拖欠工人三个月工资", "网格", "12人"),
        ("G-2", VILLAGE, "2026-11-20 10:30:00", "幸福里小区电梯停运无人维修", "热线", ""),
        ("G-3", "990101009009", "2026-11-20 11:00:00", "青禾路积水", "网格", ""),
    ]
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows(rows)
    return file


MAP = ("--map", "单号=id", "--map", "所属区域=area", "--map", "发生时间=occurred_at", "--map", "内容=text",
       "--map", "来源=source", "--map", "涉及人数=people_affected")  # fmt: skip


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(weiyu: Weiyu) -> None:
    made = weiyu("keys", "create", "网格系统", "--scope", "report")
    key = made.stdout.strip()
    assert made.returncode == 0, made.stderr
    assert key.startswith("wy_")

    listed = weiyu("keys", "list").stdout
    assert "网格系统" in listed
    assert key.split("_", 2)[2] not in listed

    assert weiyu("keys", "revoke", key.split("_")[1]).returncode == 0
    assert "已吊销" in weiyu("keys", "list").stdout


def test_a_key_for_a_department_that_is_not_there_is_refused_in_one_line(weiyu: Weiyu) -> None:
    refused = weiyu("keys", "create", "某系统", "--scope", "respond", "--department", "无此单位")
    assert refused.returncode == 1
    assert "无此单位" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_areas_and_a_nightly_export_are_loaded_twice_without_doubling(
    weiyu: Weiyu, tmp_path: Path, database_url: str
) -> None:
    assert weiyu("import", "areas", write_areas(tmp_path)).returncode == 0
    rejects = tmp_path / "拒收.csv"
    export = write_export(tmp_path)
    first = weiyu("import", "incidents", export, *MAP, "--system", "夜间导出", "--rejects", rejects)
    second = weiyu("import", "incidents", export, *MAP, "--system", "夜间导出")

    assert "接收 2 + 重复 0 + 冲突 0 + 无效 1" in first.stderr
    assert "接收 0 + 重复 2 + 冲突 0 + 无效 1" in second.stderr
    refused = list(csv.DictReader(rejects.read_text("utf-8-sig").splitlines()))
    assert [(row["line"], row["id"], row["field"]) for row in refused] == [("4", "G-3", "area")]
    with psycopg.connect(database_url) as database:
        assert database.execute("SELECT count(*) FROM incident").fetchone() == (2,)

    out = tmp_path / "事项.csv"
    assert weiyu("export", "matters", out).returncode == 0
    exported = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
    assert {row["category_name"] for row in exported} >= {"欠薪"}
    assert "青禾" not in out.read_text("utf-8-sig"), "no text of a report leaves in an export"


def test_a_dry_run_keeps_nothing(weiyu: Weiyu, tmp_path: Path, database_url: str) -> None:
    weiyu("import", "areas", write_areas(tmp_path))
    tried = weiyu("import", "incidents", write_export(tmp_path), *MAP, "--dry-run")
    assert "试运行" in tried.stderr
    with psycopg.connect(database_url) as database:
        assert database.execute("SELECT count(*) FROM incident").fetchone() == (0,)


def test_a_broken_rulebook_is_refused_with_its_position_and_a_hint(weiyu: Weiyu, tmp_path: Path) -> None:
    shipped = Path("service/rules/rulebooks/incident.yaml").read_text("utf-8")
    broken = tmp_path / "broken.yaml"
    broken.write_text(shipped.replace("field: people_affected", "field: people_afected", 1), "utf-8")
    refused = weiyu("rules", "check", broken)
    assert refused.returncode == 1
    assert f"{broken}:" in refused.stdout
    assert "did you mean" in refused.stdout


def test_rules_that_ship_pass_their_own_tests_and_can_be_explained(weiyu: Weiyu) -> None:
    assert weiyu("rules", "test").returncode == 0
    assert "欠薪" in weiyu("rules", "explain", "IN-321").stdout


def test_the_law_book_is_checked_explained_and_written_as_a_page(weiyu: Weiyu, tmp_path: Path) -> None:
    checked = weiyu("rules", "check")
    assert checked.returncode == 0
    assert "事项研判规则" in checked.stdout
    assert "合法性核对" in checked.stdout
    assert "三十日" in weiyu("rules", "explain", "D01").stdout
    assert weiyu("rules", "laws", "--out", tmp_path / "page.md").returncode == 0
    assert (tmp_path / "page.md").read_text("utf-8") == Path("docs/legal-checks.md").read_text("utf-8")


def test_a_setting_that_cannot_be_used_is_named(weiyu: Weiyu) -> None:
    refused = weiyu("keys", "list", WEIYU_PORT="eighty")
    assert refused.returncode == 2
    assert "WEIYU_PORT" in refused.stderr


def test_a_database_that_is_not_postgresql_is_refused_in_one_line(weiyu: Weiyu) -> None:
    refused = weiyu("keys", "list", WEIYU_DATABASE_URL="sqlite:///x.db")
    assert refused.returncode == 1
    assert "PostgreSQL" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_pushing_with_no_workers_is_refused_in_one_line(weiyu: Weiyu) -> None:
    refused = weiyu("push", WEIYU_PUSH_WORKERS="0")
    assert refused.returncode == 1
    assert "WEIYU_PUSH_WORKERS" in refused.stderr


def test_every_command_of_the_registry_is_where_it_says() -> None:
    context = app.make_context("weiyu", ["serve"])
    for command, told in COMMANDS.items():
        _, found, _ = app.resolve_command(context, [command])
        assert found.help == told.help
        assert found.callback or found.commands


@pytest.mark.parametrize("missing", ["numpy", "sklearn"])
def test_training_without_the_training_libraries_says_what_to_install(missing: str) -> None:
    without = f"import sys; sys.modules[{missing!r}] = None; from service.cli import app; app(['train'])"
    refused = subprocess.run([sys.executable, "-c", without], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "make setup" in refused.stderr
    assert missing in refused.stderr
    assert "Traceback" not in refused.stderr
