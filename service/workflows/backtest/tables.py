"""The tables of a backtest's page; every cell is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import product
from typing import Any

from service.domain.catalogue import Catalogue
from service.scoring.backtest.predictors import PREDICTORS
from service.workflows.backtest.words import LEVELS, WORK, hours, number, percent, share, threshold

Json = Mapping[str, Any]
_COUNTED = {
    "warnings": "预警",
    "settled": "结果已知",
    "hits": "其后升级",
    "responses": "已升级后",
    "false_alarms": "误报",
}
_MEASURED = (*_COUNTED.values(), "准确率（90% 区间）", "应预警", "提前预警", "召回率（90% 区间）", "提前量（小时）")
_SHORT = ("预警", "其后升级", "误报", "准确率（90% 区间）", "应预警", "召回率（90% 区间）")
_SPLIT_LEVELS = ("yellow", "orange")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is what a row is about."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def work(per_day: Json) -> str:
    """Counts of a day."""
    keys = {"total": "合计", "mean": "平均", "median": "中位", "p90": "九成的日子不超过", "most": "最多一天"}
    rows = [(zh, *(number(per_day[name][key]) for key in keys)) for name, zh in WORK.items()]
    return table(("每天", *keys.values()), rows)


def own(thresholds: Json) -> str:
    """Each predictor at its own thresholds."""
    rows = [
        (f"{PREDICTORS[name].title}：{threshold(at)}", *_measured(one))
        for name, measured in thresholds.items()
        for at, one in measured.items()
    ]
    return table(("预警办法", *_MEASURED), rows)


def budgets(known: Json) -> str:
    """Each predictor with so many warnings a day."""
    rows = [
        (f"每天 {budget} 件：{PREDICTORS[name].title}", *_measured(one))
        for budget, measured in known.items()
        for name, one in measured.items()
    ]
    return table(("预警办法", *_MEASURED), rows)


def separation(known: Json) -> str:
    """AUC of each predictor."""
    rows = [(PREDICTORS[name].title, share(one, 2)) for name, one in known["auc"].items()]
    return table(("排序依据", "AUC（90% 区间）"), rows)


def bins(known: Json) -> str:
    """The calibration table."""
    rows = [
        (
            f"{percent(one['from'])}–{percent(one['to'])}",
            number(one["moments"]),
            percent(one["said"]),
            percent(one["came"]),
        )
        for one in known["bins"]
    ]
    return table(("模型所说的可能性", "研判次数", "平均所说", "实际升级"), rows)


def with_history(split: Json) -> str:
    """Matters with and without a history, each predictor at two levels."""
    rows = []
    for (side, zh), level in product((("with", "有以往"), ("without", "没有以往")), _SPLIT_LEVELS):
        for name, one in split[side]["thresholds"].items():
            title = f"{zh}（{split[side]['matters']} 个）{PREDICTORS[name].title}：{LEVELS[level]}级以上"
            rows.append((title, *_short(one[level]), share(split[side]["separation"]["auc"].get(name), 2)))
    return table(("事项与办法", *_SHORT, "AUC（90% 区间）"), rows)


def by_category(known: Json, catalogue: Catalogue) -> str:
    """First-level categories at two levels."""
    rows = [
        (f"{catalogue.category_name(name)}（{one['matters']} 个）：{LEVELS[level]}级以上", *_short(one[level]))
        for name, one in known.items()
        for level in _SPLIT_LEVELS
    ]
    return table(("类别", *_SHORT), rows)


def reached(known: Json, catalogue: Catalogue) -> str:
    """How many matters of each category reached each level."""
    keys = {"matters": "事项", **{name: f"{zh}级以上" for name, zh in LEVELS.items()}}
    rows = [(catalogue.category_name(name), *(number(one[key]) for key in keys)) for name, one in known.items()]
    return table(("类别", *keys.values()), rows)


def departments(title: str, rows: Sequence[Json]) -> str:
    """False alarms of each office."""
    keys = {**_COUNTED, "false_alarms_a_week": "每周误报"}
    told = [(row["department"] or "没有牵头单位", *(number(row[key]) for key in keys)) for row in rows]
    return table((title, *keys.values()), told)


def missed(rows: Sequence[Json], catalogue: Catalogue) -> str:
    """Cases nobody was warned of, by the history's own names."""
    told = [
        (
            row["matter"],
            catalogue.category_name(row["category"]),
            _minute(row["at_risk_since"]),
            _minute(row["escalated_at"]),
            number(row["judgements_before"]),
            percent(row["highest_probability"]),
        )
        for row in rows
    ]
    return table(("事项", "类别", "已知 5 人以上", "升级", "此前研判", "此前最高可能性"), told)


def _measured(one: Json) -> tuple[str, ...]:
    counts = tuple(number(one[name]) for name in _COUNTED)
    caught = (number(one["cases"]), number(one["caught"]))
    return (*counts, share(one["precision"]), *caught, share(one["recall"]), hours(one["lead_hours"]))


def _short(one: Json) -> tuple[str, ...]:
    counts = tuple(number(one[name]) for name in ("warnings", "hits", "false_alarms"))
    return (*counts, share(one["precision"]), number(one["cases"]), share(one["recall"]))


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")
