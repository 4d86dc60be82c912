"""`weiyu models` at the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Weiyu
from tests.model_files import SHIPPED, bolder, files


def folder_of(tmp_path: Path, version: str) -> Path:
    folder = tmp_path / version
    folder.mkdir()
    for name, text in files(version, bolder).items():
        (folder / f"{name}.json").write_text(text, "utf-8")
    return folder


def test_a_model_is_taken_in_promoted_and_rolled_back(weiyu: Weiyu, tmp_path: Path) -> None:
    assert weiyu("models", "take", SHIPPED).returncode == 0
    for version in ("a-1", "b-1"):
        assert weiyu("models", "take", folder_of(tmp_path, version)).returncode == 0
        assert weiyu("models", "promote", version, "--reason", "试用").returncode == 0

    back = weiyu("models", "rollback", "--reason", "误报过多")

    assert "a-1" in back.stdout + back.stderr
    told = [line.split()[:2] for line in weiyu("models", "list").stdout.splitlines()]
    assert told[0] == ["a-1", "在用"]
    assert ["b-1", "停用"] in told
    assert weiyu("models", "judging", "rules", "--reason", "核对").returncode == 0
    assert "已交回规则：核对" in weiyu("models", "list").stdout


def test_a_tampered_model_is_refused_with_the_reason_and_no_traceback(weiyu: Weiyu, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a-1")
    model = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps(model | {"intercept": 0.0}), "utf-8")

    refused = weiyu("models", "take", folder)

    assert refused.returncode != 0
    assert "SHA-256" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    assert weiyu("models", "list").stdout == ""


def test_training_on_too_few_outcomes_is_refused_with_both_numbers_and_no_traceback(weiyu: Weiyu) -> None:
    assert weiyu("models", "take", SHIPPED).returncode == 0
    assert weiyu("models", "promote", SHIPPED.name.removeprefix("escalation-")).returncode == 0

    refused = weiyu("models", "retrain")

    assert refused.returncode != 0
    assert "已见分晓的事项有 0 件" in refused.stderr
    assert "至少需要 200 件" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(weiyu("models", "list").stdout.splitlines()) == 1
