"""A simulated district as files: what a service would receive, and apart from it the truth. All of it is synthetic."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from service.domain.problems import Problem
from service.scoring.replay import Example, examples
from service.scoring.simulate import SimulatedDistrict
from service.scoring.simulation.life import MatterTruth
from service.scoring.simulation.parameters import plain
from service.scoring.simulation.projects import SimulatedProject
from service.scoring.simulation.truth import true_risks

_README = """全部内容均为模拟生成，纯属虚构（synthetic）：没有任何真实的人、单位、地点或事件，不得当作真实数据使用。

{name}，种子 {seed}，{start} 至 {end}：报告 {reports} 件，事项 {matters} 件，其中升级 {escalated} 件，
重大事项 {projects} 个。
同一种子、起始日和参数得到同样的内容；天数更多的一次，开头与天数少的相同。

服务能收到的：

| 文件 | 内容 |
|---|---|
| areas.csv | 区划，可用 `weiyu import areas` 装入 |
| departments.jsonl | 单位及其负责的类别 |
| projects.jsonl | 重大事项：类型、地点、阶段的日期、已知缺少的法定步骤 |
| reports.jsonl | 报告，按收到的先后；每行都是 `POST /v1/incidents` 的正文 |
| receipts.jsonl | 每件报告收到的时刻（迟报与发生时刻不同） |
| replies.jsonl、outcomes.jsonl | 单位的答复；办结时登记的结果 |

只有模拟才知道的（truth/ 之内，不得用作特征）：

| 文件 | 内容 |
|---|---|
| truth/parameters.json | 全部参数；理由写在 service/scoring/simulation/parameters.py |
| truth/projects.jsonl | 每个重大事项实际缺少几个法定步骤、是否经过评估 |
| truth/matters.jsonl | 每个事项：它的报告、首次升级时刻、自 first_step 起每半天的真实风险率（每日次数） |
| truth/moments.jsonl | 每个观察时刻：7、14、30 日标签（yes、no、not_yet_known），真实概率及其标准误 |

标签的定义：service/scoring/labels.yaml，版本 {label}。
未答复期间人数扩大也算升级，它不在每半天的风险率之内，而在真实概率之内。
真实概率由隐藏过程从该时刻起重复推演 {rollouts} 次得到；它对标签的对数损失，就是任何模型所能达到的最好成绩。
"""


def require_empty(folder: Path) -> None:
    """Raises Problem when `folder` is a file or already holds something: nothing of others is ever overwritten."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise Problem(409, "folder_not_empty", f"{folder} 已存在且不是空目录；请另选目录，或先清空。")


def export(district: SimulatedDistrict, folder: Path, rollouts: int) -> str:
    """Write one district; the answer is a line in Chinese. Raises OSError. Per moment some 0.15 ms a rollout."""
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    _write_known(district, folder)
    rows = examples(district)
    _lines(folder / "truth" / "moments.jsonl", _moments(district, rows, rollouts))
    _write_truth(district, folder / "truth")
    said = _said(district) | {"rollouts": rollouts}
    (folder / "README.md").write_text(_README.format(**said), "utf-8")
    return (
        f"{said['name']}：报告 {said['reports']} 件，事项 {said['matters']} 件（升级 {said['escalated']} 件），"
        f"观察时刻 {len(rows)} 个"
    )


def _said(district: SimulatedDistrict) -> dict[str, Any]:
    return {
        "name": district.parameters.name,
        "seed": district.seed,
        "start": district.start.date(),
        "end": district.end.date(),
        "reports": len(district.stream),
        "matters": len(district.truth),
        "escalated": sum(truth.escalated_at is not None for truth in district.truth.values()),
        "projects": len(district.projects),
        "label": district.parameters.label.version,
    }


def _write_known(district: SimulatedDistrict, folder: Path) -> None:
    with (folder / "areas.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("code", "name"), *district.areas])
    departments = ({"name": one.name, "categories": one.categories} for one in district.departments)
    _lines(folder / "departments.jsonl", departments)
    _lines(folder / "reports.jsonl", district.reports, synthetic=False)  # a body may hold no field of its own
    receipts = ({"id": one.body["id"], "received_at": one.received_at} for one in district.stream)
    _lines(folder / "receipts.jsonl", receipts)
    replies = (asdict(reply) for reply in district.replies if reply.kind == "reply")
    _lines(folder / "replies.jsonl", replies)
    endings = [(ending, truth) for truth in district.truth.values() for ending in truth.history.endings]
    known = [one for one in endings if one[0].recorded_at < district.end]
    outcomes = ({"matter": truth.key, **asdict(e)} for e, truth in sorted(known, key=lambda one: one[0].recorded_at))
    _lines(folder / "outcomes.jsonl", outcomes)
    _lines(folder / "projects.jsonl", (_known_of(project, district.end) for project in district.projects))


def _known_of(project: SimulatedProject, end: datetime) -> dict[str, Any]:
    """What has not happened by `end` is not known."""
    days = {"taken_up": project.taken_up, "carried_out": project.carried_out, "completed": project.completed}
    return {
        "id": project.id,
        "kind": project.kind,
        "area": project.area,
        **{name: at if at < end else None for name, at in days.items()},
        "missing_legal_steps": project.missing_legal_steps if project.checked else None,
    }


def _write_truth(district: SimulatedDistrict, folder: Path) -> None:
    run = {"synthetic": True, "seed": district.seed, "start": district.start, "end": district.end}
    text = json.dumps(run | {"parameters": plain(district.parameters)}, ensure_ascii=False, indent=1, default=str)
    (folder / "parameters.json").write_text(text + "\n", "utf-8")
    _lines(folder / "projects.jsonl", map(asdict, district.projects))
    ids: dict[str, list[str]] = {}
    for report in district.stream:
        ids.setdefault(report.matter, []).append(report.body["id"])
    _lines(folder / "matters.jsonl", (_matter(truth, ids) for truth in district.truth.values()))


def _matter(truth: MatterTruth, ids: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "matter": truth.key,
        "area": truth.area,
        "category": truth.category,
        "department": truth.department,
        "project": truth.project.id if truth.project else None,
        "reports": ids.get(truth.key, []),
        "first_step": truth.first_step,
        "escalated_at": truth.escalated_at,
        "closed_at": truth.closed_at,
        "hazards_per_day": [round(hazard, 8) for hazard in truth.hazards],
    }


def _moments(district: SimulatedDistrict, rows: list[Example], rollouts: int) -> Iterable[dict[str, Any]]:
    for row in rows:
        dice = Random(f"{district.seed}:{row.matter}:{row.at}")  # its own, so that a longer run says the same
        risks = true_risks(district.truth[row.matter], row.at, district.parameters, dice, rollouts)
        yield {
            "matter": row.matter,
            "at": row.at,
            "labels": {str(days): known for days, known in row.labels.items()},
            "settled": sorted(row.settled),
            "true_probability": {str(risk.days): round(risk.probability, 6) for risk in risks},
            "standard_error": {str(risk.days): round(risk.error, 6) for risk in risks},
        }


def _lines(file: Path, rows: Iterable[dict[str, Any]], synthetic: bool = True) -> None:
    """One JSON object a line; each says that it is synthetic, where it may."""
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            said = {"synthetic": True, **row} if synthetic else row
            out.write(json.dumps(said, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
