"""Which plots a backtest has: calibration, recall and precision at k, lead times, warnings in each week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.scoring.backtest.predictors import PREDICTORS
from service.workflows.backtest.plots import Axes, Line, bars_svg, lines_svg, reach
from service.workflows.backtest.words import LEVELS

Json = Mapping[str, Any]
HOURS = ((0, 6, "6 时内"), (6, 24, "6–24 时"), (24, 72, "1–3 天"), (72, 168, "3–7 天"), (168, 336, "7–14 天"))
LATER = (336, 720, "14–30 天"), (720, float("inf"), "30 天以上")
WEEK = 7


def calibration_figure(every: Json, first: Json) -> str:
    """What was said against what came; the dotted line is where both agree."""
    runs = [[(one["said"], one["came"]) for one in known["bins"]] for known in (every, first)]
    if not runs[0]:
        return ""
    most = reach(max(max(point) for run in runs for point in run))
    axes = Axes("模型所说的可能性", "实际升级的比例", most, most, (True, True))
    ideal = Line("完全相符", [(0, 0), (most, most)], dotted=True)
    return lines_svg("校准：所说与所至", axes, [Line("每次研判", runs[0]), Line("每个事项的第一次", runs[1]), ideal])


def budget_figures(budgets: Json) -> str:
    """Recall and precision against how many warnings a day there may be."""
    drawn = []
    for name, zh in (("recall", "召回率"), ("precision", "准确率")):
        lines = [Line(one.title, _points(budgets, key, name)) for key, one in PREDICTORS.items()]
        full = [line for line in lines if line.points]
        most = reach(max((y for line in full for _, y in line.points), default=1))
        axes = Axes("每天预警件数", zh, max(map(float, budgets)), most, (False, True))
        drawn.append(lines_svg(f"每天预警若干件时的{zh}", axes, full))
    return "".join(drawn)


def lead_figure(lead: Json) -> str:
    """How long before the escalation the warning came, for yellow and for orange."""
    ranges = (*HOURS, *LATER)
    series = [
        (f"{LEVELS[level]}级以上", [sum(low <= one < high for one in lead[level]) for low, high, _ in ranges])
        for level in ("yellow", "orange")
    ]
    return bars_svg("提前量：预警到升级", [zh for _, _, zh in ranges], series, "事项数")


def weekly_figure(work: Json) -> str:
    """Matters that first reached each level, in each week."""
    sums = {level: _weeks(work["each_day"][level]) for level in LEVELS}
    most = max((value for one in sums.values() for value in one), default=0)
    weeks = max(len(one) for one in sums.values())
    axes = Axes(f"自 {work['first_day']} 起的第几周", "首次达到该级的事项", reach(weeks), reach(most))
    lines = [
        Line(f"{LEVELS[level]}级以上", [(n + 1, one) for n, one in enumerate(counts)], dots=weeks < 30)
        for level, counts in sums.items()
    ]
    return lines_svg("每周的预警", axes, lines)


def _weeks(days: Sequence[int]) -> list[int]:
    """Sums of whole weeks; what is left at the end is no week."""
    return [sum(days[n : n + WEEK]) for n in range(0, len(days) - WEEK + 1, WEEK)] or [sum(days)]


def _points(budgets: Json, key: str, name: str) -> list[tuple[float, float]]:
    known = [(float(budget), measured[key][name]["value"]) for budget, measured in budgets.items()]
    return [(x, y) for x, y in known if y is not None]
