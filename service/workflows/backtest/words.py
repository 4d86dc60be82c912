"""What a backtest says in words, Chinese; the first lines are those nobody may overlook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
LEVELS = {"yellow": "黄", "orange": "橙", "red": "红"}
WORK = {
    "reports": "收到报告",
    "matters": "新立事项",
    "yellow": "首次达到黄级的事项",
    "orange": "首次达到橙级的事项",
    "red": "首次达到红级的事项",
}
NO_OUTCOMES = "这份历史没有结果：以下只是工作量，不能说明预警准不准。"
SYNTHETIC = "模拟数据，纯属虚构：以下数字只说明服务与模拟器相符的程度，不代表任何真实区县。"
MODEL_SYNTHETIC = "模型用模拟数据训练，未按本地结果校准。"
CASE_NOTE = (
    "升级按 labels.yaml 的定义，从其后收到的报告、答复和登记的结果推出；反映的渠道不在其中。"
    "以下各表只算已知涉及 5 人以上的事项，一个事项只算第一次预警。"
)
RESULT_NOTE = (
    "结果已知：预测期加迟报的日子已过。其后升级：预警后预测期内升级。已升级后：预警时已经升级过，预警是应对而不是预见。"
    "误报：两者都不是。准确率＝其后升级÷结果已知。召回率＝升级前已预警÷应预警。提前量为四分位。区间由事项重抽样得出。"
)
BUDGET_NOTE = (
    "每天结束时，在当天研判过、还没有预警过的事项中取最急的若干件；预警时刻算当天结束。急缓相同的按研判先后。"
    "名额多于当天事项时，各种办法趋于相同。"
)
SEPARATION_NOTE = (
    "AUC：升级前的研判排在其他研判之前的可能，0.5 等于瞎猜。"
    "在各办法都有说法的 {moments} 次研判上比较，其中 {escalating} 次其后升级；按事项重抽样。"
)
CALIBRATION_NOTE = (
    "每行约十分之一的研判；报告多的事项研判也多，占的分量大。Brier {brier}，校准误差 {ece}；"
    "每个事项只取第一次研判时，校准误差 {first}。"
)
HISTORY_NOTE = "有以往：第一次已知涉及 5 人时，当地同类一年内有过升级，或本事项答复后又被反映。"
DEPARTMENT_NOTE = "牵头单位以回放中该事项最近的预警为准；单位是机构，不是个人。"


def opening(result: Json) -> Iterator[str]:
    """The first lines: what these figures are not."""
    if not result["outcomes"]:
        yield NO_OUTCOMES
    if result["synthetic"]:
        yield SYNTHETIC
    elif result["about"]["model"]:
        yield MODEL_SYNTHETIC


def threshold(name: str) -> str:
    """A threshold's name in Chinese."""
    return f"{LEVELS[name]}级以上" if name in LEVELS else f"{name.removeprefix('people_')} 人以上"


def share(measured: Json | None, places: int = 0) -> str:
    """A share with its interval; a dash where nothing could be counted."""
    if measured is None or measured["value"] is None:
        return "—"
    if places:
        return f"{measured['value']:.{places}f}（{measured['low']:.{places}f}–{measured['high']:.{places}f}）"
    return f"{measured['value']:.0%}（{measured['low']:.0%}–{measured['high']:.0%}）"


def hours(quartiles: Json | None) -> str:
    """Quarter, half and three quarters."""
    return "—" if quartiles is None else f"{quartiles['median']:.0f}（{quartiles['q25']:.0f}–{quartiles['q75']:.0f}）"


def number(value: float) -> str:
    """As a person writes it."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def percent(value: float | None) -> str:
    """With one place; a dash where there is none."""
    return "—" if value is None else f"{value:.1%}"
