"""A folder written by `weiyu simulate` as a history: reports, replies, outcomes. All of it is synthetic."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from service.domain.incidents import IncidentReport
from service.domain.levels import Level
from service.domain.words import Outcome
from service.store.engine import Row, new_id
from service.workflows.backtest.history import Answered, Ended, Event, Furniture, History, Received, in_order
from service.workflows.backtest.lines import read_lines, read_object
from service.workflows.files.table_rows import FileRefused

SYSTEM = "模拟网格系统"
ALWAYS = date(2000, 1, 1)
_MADE_OF = ("areas.csv", "reports.jsonl", "receipts.jsonl", "truth/matters.jsonl", "truth/parameters.json")


def read_simulated(folder: Path) -> History:
    """The history of one simulated district. Raises FileRefused naming file and line of what cannot be read."""
    home = _district(folder)
    run = read_object(home / "truth" / "parameters.json")
    end = _instant(run, "end")
    matter_of = {
        report: one["matter"] for one in read_lines(home / "truth" / "matters.jsonl", dict) for report in one["reports"]
    }
    received_at = dict(read_lines(home / "receipts.jsonl", lambda row: (row["id"], _instant(row, "received_at"))))
    events: list[Event] = [
        *read_lines(home / "reports.jsonl", lambda row: _received(row, received_at, matter_of)),
        *read_lines(home / "replies.jsonl", _answered),
        *read_lines(home / "outcomes.jsonl", _ended),
    ]
    return History(
        source=f"模拟区 {home.name}（种子 {run['seed']}）",
        synthetic=True,
        end=end,
        events=in_order(events),
        furniture=_furniture(home),
        outcomes=True,
        notes=("重大事项本身不装入；报告中的项目编号保留。", "模拟中没有签收：视为承办单位收到即签收。"),
    )


def _district(folder: Path) -> Path:
    """The folder itself, or the one district in it."""
    candidates = [folder, *sorted(one for one in folder.iterdir() if one.is_dir() and one.name != "truth")]
    found = [one for one in candidates if all((one / name).is_file() for name in _MADE_OF)]
    if len(found) == 1 or folder in found:
        return found[0]
    if found:
        names = "、".join(one.name for one in found)
        raise FileRefused([f"{folder}: 其中有多个模拟区（{names}），请指明一个。"])
    lacking = "、".join(name for name in _MADE_OF if not (folder / name).is_file())
    raise FileRefused([f"{folder}: 不是 weiyu simulate 写出的目录，缺少 {lacking}。"])


def _received(row: dict[str, Any], received_at: dict[str, datetime], matter_of: dict[str, str]) -> Received:
    report = IncidentReport.model_validate(row)
    return Received(received_at[report.id], report, SYSTEM, matter_of[report.id])


def _answered(row: dict[str, Any]) -> Answered:
    return Answered(_instant(row, "at"), row["matter"], row["department"])


def _ended(row: dict[str, Any]) -> Ended:
    return Ended(_instant(row, "recorded_at"), row["matter"], Outcome(row["outcome"]), _instant(row, "at"))


def _instant(row: dict[str, Any], name: str) -> datetime:
    at = datetime.fromisoformat(row[name])
    if at.tzinfo is None:
        raise ValueError(f"字段 {name} 缺少时区")
    return at


def _furniture(home: Path) -> Furniture:
    with (home / "areas.csv").open(encoding="utf-8", newline="") as file:
        areas = [
            {"code": r["code"], "name": r["name"], "valid_from": ALWAYS, "valid_to": None} for r in csv.DictReader(file)
        ]
    county = areas[0]["code"]
    assert isinstance(county, str)
    departments: list[Row] = []
    duties: list[Row] = []
    for row in read_lines(home / "departments.jsonl", dict):
        department = {"id": new_id(), "name": row["name"], "is_coordinator": False, "area": county}
        departments.append(department)
        duties += [_responsibility(county, category, department["id"]) for category in row["categories"]]
    return Furniture(tuple(areas), tuple(departments), tuple(duties), tuple(map(_subscription, departments)))


def _responsibility(county: str, category: str, lead: UUID) -> Row:
    source = "模拟（虚构）"
    return {
        "id": new_id(),
        "area": county,
        "category": category,
        "lead_id": lead,
        "participant_ids": [],
        "source": source,
    }


def _subscription(department: Row) -> Row:
    wanted = {"area": department["area"], "categories": None, "minimum_level": Level.BLUE}
    return {"id": new_id(), "department_id": department["id"], **wanted}
