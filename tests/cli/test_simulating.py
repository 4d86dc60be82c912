"""weiyu simulate, run as the image would run it: without the libraries for training, without a database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.served import ROOT

WITHOUT_NUMBERS = (
    "import sys; sys.modules.update(numpy=None, scipy=None, sklearn=None);"
    "from service.cli import app; app(['simulate', *sys.argv[1:]])"
)


def simulate(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_NUMBERS, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_districts_are_written_without_the_training_libraries_and_again_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        made = simulate("--out", tmp_path / name, "--seed", "4", "--days", "12", "--districts", "2", "--rollouts", "5")
        assert made.returncode == 0, made.stderr
        assert "虚构" in made.stdout
    one, two = (sorted((tmp_path / name).rglob("*.*")) for name in ("one", "two"))
    assert {file.parts[-2] for file in one if file.name == "README.md"} == {"990101", "990102"}
    assert [file.read_bytes() for file in one if file.is_file()] == [
        file.read_bytes() for file in two if file.is_file()
    ]
    moment = json.loads((tmp_path / "one/990101/truth/moments.jsonl").read_text("utf-8").splitlines()[0])
    assert 0 <= moment["true_probability"]["30"] <= 1


def test_a_folder_that_holds_something_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    refused = simulate("--out", tmp_path, "--days", "5")
    assert refused.returncode == 1
    assert "不是空目录" in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    refused = simulate("--out", tmp_path / "file" / "below", "--days", "5")
    assert refused.returncode == 1
    assert "无法写入" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_run_of_no_days_is_refused(tmp_path: Path) -> None:
    assert simulate("--out", tmp_path / "new", "--days", "0").returncode == 2
    assert not (tmp_path / "new").exists()
