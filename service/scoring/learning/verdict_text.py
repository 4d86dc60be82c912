"""A verdict as a table that can be read in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NAMES = {
    "learner": "学习器 learner",
    "base_rate": "基础率 base rate",
    "logistic_regression": "逻辑回归 logistic regression",
    "history": "分组历史 history",
}
WAYS = {"base": "基础率", "history": "分组历史", "line": "逻辑回归", "trees": "提升树", "blend": "两者混合"}
WIDEST = 32


def verdict_text(verdict: Mapping[str, Any]) -> str:
    """Chinese, with the terms in English."""
    return "\n".join(_lines(verdict))


def _lines(verdict: Mapping[str, Any]) -> Iterator[str]:
    for part in ("train", "test"):
        size = verdict[part]
        rate = "无标签" if size["base_rate"] is None else f"正例 base rate {size['base_rate']:.3f}"
        yield f"{part.upper()}  {size['file']}：{size['rows']} 行，{rate}"
    yield ""
    if verdict["models"] is None:
        yield "TEST 没有标签，只写出预测。"
    else:
        yield from _table(verdict)
    yield from _about(verdict)
    yield from (f"注意：{warning}" for warning in verdict["warnings"])
    yield from (f"未用列 {name}：{why}" for name, why in verdict["left_out"].items())


def _table(verdict: Mapping[str, Any]) -> Iterator[str]:
    yield _padded("") + "   AUC      AP   Brier  log loss    ECE"
    for name, measured in verdict["models"].items():
        cells = [f"{'–' if value is None else f'{value:.4f}':>8}" for value in measured.values()]
        yield _padded(NAMES.get(name, name)) + "".join(cells)
    yield f"ECE：10 个等宽区间；若概率完全准确，此规模下 95 % 不超过 {verdict['ece_by_chance_95']:.4f}"


def _about(verdict: Mapping[str, Any]) -> Iterator[str]:
    for chosen in verdict["chosen"]:
        year = f"{chosen['year']} 年：" if "year" in chosen else ""
        half_life = "不按新旧加权" if chosen["half_life"] is None else f"半衰期为训练时段的 {chosen['half_life']:g}"
        blend = f"，逻辑回归占 {chosen['share']:g}" if chosen["way"] == "blend" else ""
        detail = f"（C {chosen['strength']:g}，{chosen['trees']} 棵树{blend}，{half_life}）" if chosen["losses"] else ""
        yield f"{year}按时间前推选定 forward-chaining：{WAYS[chosen['way']]}{detail}，训练 {chosen['rows']} 行"
    interval = verdict["interval"]
    held = "" if interval["held"] is None else f"，TEST 上实际 {interval['held']:.2f}"
    width = f"平均宽 {interval['mean_width']:.3f}"
    yield f"区间 split-conformal：每 50 件相似事件的实际比例，{interval['coverage']:.0%} 落在区间内{held}；{width}"
    yield f"超出训练所见 outside：{verdict['outside']:.1%} 的行"


def _padded(name: str) -> str:
    """A Chinese character is two columns wide."""
    return name + " " * (WIDEST - sum(2 if char > "\u2e7f" else 1 for char in name))
