from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from service.domain.incidents import IncidentReport
from service.domain.problems import Problem
from service.scoring.simulate import simulate
from service.scoring.simulation.export import export, require_empty
from service.scoring.simulation.parameters import numbered
from tests.scoring.makers import NOON


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty exported days."""
    folder = tmp_path_factory.mktemp("simulated")
    export(simulate(numbered(0), 3, NOON, 50), folder, 3)
    return folder


def test_every_report_is_valid_and_has_its_receipt(folder: Path) -> None:
    bodies = [
        IncidentReport.model_validate_json(line)
        for line in (folder / "reports.jsonl").read_text("utf-8").split("\n")
        if line
    ]
    receipts = lines(folder / "receipts.jsonl")
    assert [body.id for body in bodies] == [receipt["id"] for receipt in receipts]
    assert [r["received_at"] for r in receipts] == sorted(r["received_at"] for r in receipts)
    projects = {project["id"] for project in lines(folder / "projects.jsonl")}
    named = {str(body.project_id) for body in bodies if body.project_id}
    assert named
    assert named <= projects


def test_everything_says_that_it_is_synthetic(folder: Path) -> None:
    first = (folder / "README.md").read_text("utf-8").splitlines()[0]
    assert "模拟" in first
    assert "synthetic" in first
    files = [file for file in folder.rglob("*.jsonl") if file.name != "reports.jsonl"]
    assert len(files) == 8
    assert all(line["synthetic"] is True for file in files for line in lines(file))
    assert json.loads((folder / "truth" / "parameters.json").read_text("utf-8"))["synthetic"] is True
    assert all(line["id"].startswith("sim-") for line in lines(folder / "reports.jsonl"))
    with (folder / "areas.csv").open(encoding="utf-8") as areas:
        assert "虚构" in next(csv.DictReader(areas))["name"]


def test_the_truth_lies_apart_and_covers_every_report_and_moment(folder: Path) -> None:
    matters = {matter["matter"]: matter for matter in lines(folder / "truth" / "matters.jsonl")}
    told = [report for matter in matters.values() for report in matter["reports"]]
    assert sorted(told) == sorted(report["id"] for report in lines(folder / "reports.jsonl"))
    assert all(hazard >= 0 for matter in matters.values() for hazard in matter["hazards_per_day"])
    moments = lines(folder / "truth" / "moments.jsonl")
    assert {moment["matter"] for moment in moments} <= set(matters)
    for moment in moments:
        assert set(moment["labels"]) == set(moment["true_probability"]) == {"7", "14", "30"}
    assert {label for moment in moments for label in moment["labels"].values()} == {"yes", "no", "not_yet_known"}


def test_what_has_not_happened_yet_stands_in_no_file_outside_the_truth(folder: Path) -> None:
    end = json.loads((folder / "truth" / "parameters.json").read_text("utf-8"))["end"].replace(" ", "T")
    for name in ("receipts", "replies", "outcomes", "projects"):
        for line in lines(folder / f"{name}.jsonl"):
            days = [
                line.get(key) for key in ("at", "received_at", "recorded_at", "taken_up", "carried_out", "completed")
            ]
            assert all(day is None or day < end for day in days)
    assert "missing_legal_steps" in lines(folder / "projects.jsonl")[0]
    assert "assessed" not in lines(folder / "projects.jsonl")[0]


def test_a_longer_run_says_the_same_of_the_moments_both_have(folder: Path, tmp_path: Path) -> None:
    export(simulate(numbered(0), 3, NOON, 60), tmp_path, 3)
    short, long = (lines(one / "truth" / "moments.jsonl") for one in (folder, tmp_path))
    known = {(moment["matter"], moment["at"]): moment["true_probability"] for moment in long}
    assert [known[(moment["matter"], moment["at"])] for moment in short] == [m["true_probability"] for m in short]


def test_a_folder_that_holds_something_is_left_alone(folder: Path, tmp_path: Path) -> None:
    require_empty(tmp_path)
    require_empty(tmp_path / "new")
    for taken in (folder, folder / "README.md"):
        with pytest.raises(Problem, match="folder_not_empty"):
            require_empty(taken)
