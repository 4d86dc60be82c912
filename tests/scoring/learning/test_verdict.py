"""Trials of made-up tables, sound and strange."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.scoring.learning.table import TableRefused
from service.scoring.learning.trial import Order
from service.scoring.learning.verdict import evaluate_table
from service.scoring.learning.verdict_text import verdict_text
from tests.scoring.learning.makers import made, part, written
from tests.source import ROOT

Columns = dict[str, list[str]]
WHOLE = made(560, seed=4)


def tried(folder: Path, train: Columns, test: Columns, **said: Any) -> dict[str, Any]:
    paths = written(folder / "train.csv.gz", train), written(folder / "test.csv", test)
    return evaluate_table(Order(*paths, **{"label": "label", "time": "start", "group": "town", **said}))


def test_a_trial_tells_the_measures_of_all_models_and_writes_a_row_per_row(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    told = tried(tmp_path, part(WHOLE, 0, 400), part(WHOLE, 400), out=out, monotone=["+people"])
    assert list(told["models"]) == ["learner", "base_rate", "logistic_regression", "history"]
    assert all(set(m) == {"auc", "average_precision", "brier", "log_loss", "ece"} for m in told["models"].values())
    assert told["models"]["base_rate"]["auc"] == 0.5
    assert "视为编号" in told["left_out"]["reference"]
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert [int(row["line"]) for row in rows] == list(range(2, 162))
    assert all(0 <= float(r["low"]) <= float(r["probability"]) <= float(r["high"]) <= 1 for r in rows)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert "学习器 learner" in verdict_text(told)


def test_the_labels_of_the_future_change_no_prediction(tmp_path: Path) -> None:
    """Neither in one fit nor, with a fit per year, those of the same year or later, less the horizon."""
    test = part(WHOLE, 430)
    last = test["start"][-1][:4]
    turned = {**test, "label": [str(1 - int(label)) for label in test["label"]]}
    pairs = zip(test["start"], test["label"], turned["label"], strict=True)
    lasting = [label if start[:4] < last else other for start, label, other in pairs]
    for rolling, changed in ((False, turned), (True, {**test, "label": lasting})):
        said = []
        for table in (test, changed):
            out = tmp_path / "out.csv"
            tried(tmp_path, part(WHOLE, 280, 430), table, out=out, rolling=rolling, horizon=5.0)
            said.append(out.read_text("utf-8"))
        assert said[0] == said[1]


def test_labels_not_settled_when_the_test_begins_are_not_learned_from(tmp_path: Path) -> None:
    told = tried(tmp_path, part(WHOLE, 0, 90), part(WHOLE, 90, 150), horizon=200.0)
    assert told["chosen"][0]["rows"] < 60
    assert any("尚未确定" in warning for warning in told["warnings"])


def test_a_column_that_knows_the_label_is_warned_of(tmp_path: Path) -> None:
    leaking = {**WHOLE, "deaths": [str(3 * int(label)) for label in WHOLE["label"]]}
    told = tried(tmp_path, part(leaking, 0, 90), part(leaking, 90, 150))
    assert any("deaths" in warning for warning in told["warnings"])
    assert not any("people" in warning for warning in told["warnings"])


def test_strange_columns_do_not_stop_it(tmp_path: Path) -> None:
    strange = {
        **WHOLE,
        "empty": [""] * 560,
        "same": ["x"] * 560,
        "late": ["" if n < 450 else "5" for n in range(560)],
        "broken": ["1e999" if n % 3 else str(n) for n in range(560)],
        "mixed": [str(n % 7) if n < 400 else "n/a" for n in range(560)],
        "new": ["a" if n < 400 else f"b{n}" for n in range(560)],
        "json": ['["x", "y"]' if n % 2 else "[" for n in range(560)],
        "many": [f"street {n % 200}, 中山路{n % 90}号" for n in range(560)],
    }
    told = tried(tmp_path, part(strange, 0, 400), part(strange, 400), group=None)
    assert told["models"]["learner"]["auc"] > 0.6
    assert {"empty", "same", "late", "new"} <= set(told["left_out"])


def test_a_tiny_table_falls_back_on_history(tmp_path: Path) -> None:
    told = tried(tmp_path, part(WHOLE, 0, 40), part(WHOLE, 40, 80))
    assert told["chosen"][0]["way"] == "history"
    assert any("不足 100" in warning for warning in told["warnings"])
    assert told["interval"]["mean_width"] == 1


def test_without_labels_predictions_can_still_be_written(tmp_path: Path) -> None:
    test = part({name: cells for name, cells in WHOLE.items() if name != "label"}, 40, 80)
    out = tmp_path / "out.csv"
    assert tried(tmp_path, part(WHOLE, 0, 40), test, out=out)["models"] is None
    assert len(out.read_text("utf-8").splitlines()) == 41
    _refused(tmp_path, part(WHOLE, 0, 40), test, "test.csv:1:1 TEST 没有标签列")


@pytest.mark.parametrize(
    ("column", "cells", "said"),
    [
        ("label", ["maybe"], "train.csv.gz:2:9 标签“maybe”无法识别"),
        ("label", [""], "train.csv.gz:2:9 标签为空"),
        ("label", ["0"] * 40, "全部为假"),
        ("start", ["soon"], "train.csv.gz:2:1 “soon”不是可识别的时间"),
    ],
)
def test_a_wrong_cell_is_named_with_its_place(tmp_path: Path, column: str, cells: list[str], said: str) -> None:
    train = part(WHOLE, 0, 40)
    train[column] = cells + train[column][len(cells) :]
    _refused(tmp_path, train, part(WHOLE, 40, 80), said)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"label": "outcome"}, "没有 --label 指定的列“outcome”；现有列：start、people"),
        ({"group": "city"}, "没有 --group 指定的列“city”"),
        ({"drop": ["shoes"]}, "没有 --drop 指定的列“shoes”"),
        ({"monotone": ["people"]}, "须以 + 或 - 开头"),
        ({"monotone": ["+kind"]}, "train.csv.gz:1:4 列“kind”不是数值"),
        ({"monotone": ["+town"]}, "不能限定方向"),
    ],
)
def test_a_wish_that_cannot_be_met_says_why(tmp_path: Path, wish: dict[str, Any], said: str) -> None:
    _refused(tmp_path, part(WHOLE, 0, 40), part(WHOLE, 40, 80), said, **wish)


def test_columns_that_differ_are_named(tmp_path: Path) -> None:
    test = part(WHOLE, 40, 80)
    _refused(tmp_path, part(WHOLE, 0, 40), {n: c for n, c in test.items() if n != "kind"}, "缺少 TRAIN 中的列：kind")
    told = tried(tmp_path, part(WHOLE, 0, 40), {**test, "more": ["1"] * 40})
    assert any("more" in warning for warning in told["warnings"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "1:1 没有数据行"),
        (b"a,b\n", "1:1 没有数据行"),
        (b"a,,c\n1,2,3\n", "1:2 列名为空"),
        (b"a,b,a\n1,2,3\n", "1:3 列名“a”重复"),
        (b"a,b\n1,2\n\n1,2,3\n", "4:3 本行有 3 格"),
        (b'a,b\n1,"2\n', "2:1 不是合规的 CSV"),
        (b"a;b\n1;2\n", "须用逗号分隔"),
        ("a,b\n1,未雨绸缪\n".encode("gb18030"), "2:1 不是 UTF-8"),
        (b"\x1f\x8b damaged", "无法读取"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    broken, sound = tmp_path / "broken.csv", written(tmp_path / "test.csv", part(WHOLE, 40, 80))
    broken.write_bytes(content)
    with pytest.raises(TableRefused) as refused:
        evaluate_table(Order(broken, sound, "label", "start"))
    assert said in refused.value.detail


def test_the_command_prints_one_object_or_one_clear_line(tmp_path: Path) -> None:
    train, test = (
        written(tmp_path / "train.csv", part(WHOLE, 0, 60)),
        written(tmp_path / "test.csv", part(WHOLE, 60, 99)),
    )
    good = _weiyu(
        train, test, "--label", "label", "--time", "start", "--group", "town", "--json", "--drop", "kind", "asks"
    )
    assert not {"kind", "asks"} & {*json.loads(good.stdout)["left_out"]}
    assert json.loads(good.stdout)["test"]["rows"] == 39
    bad = _weiyu(train, test, "--label", "label", "--time", "kind")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert f"{train}:2:4" in bad.stderr
    assert "Traceback" not in bad.stderr


def _weiyu(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service.cli", "evaluate", "table", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def _refused(folder: Path, train: Columns, test: Columns, said: str, **wish: Any) -> None:
    with pytest.raises(TableRefused) as refused:
        tried(folder, train, test, **wish)
    assert said in refused.value.detail
