"""A backtest as one HTML page that needs nothing else: Chinese, escaped, no script, no address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from service.domain.catalogue import Catalogue
from service.workflows.backtest import tables
from service.workflows.backtest.figures import budget_figures, calibration_figure, lead_figure, weekly_figure
from service.workflows.backtest.tables import table
from service.workflows.backtest.words import (
    BUDGET_NOTE,
    CALIBRATION_NOTE,
    CASE_NOTE,
    DEPARTMENT_NOTE,
    HISTORY_NOTE,
    LEVELS,
    RESULT_NOTE,
    SEPARATION_NOTE,
    opening,
)

Json = Mapping[str, Any]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
body { font: 15px/1.6 "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif; max-width: 70em; margin: 0 auto;
  padding: 1.2em; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.6em; margin: .2em 0; } h2 { font-size: 1.2em; margin: 1.8em 0 .3em; border-bottom: 1px solid #ccc; }
p { margin: .4em 0; }
.warn { border-left: 4px solid #c2571a; padding: .3em .8em; background: #fdf3ec; font-weight: bold; }
.note { color: #555; font-size: .92em; } table { border-collapse: collapse; margin: .6em 0; font-size: .92em; }
th, td { border: 1px solid #ccc; padding: .25em .6em; text-align: right; white-space: nowrap; }
th { background: #f2f2f2; font-weight: 600; } td:first-child, th:first-child { text-align: left; }
.about td, .about th { text-align: left; white-space: normal; }
.figures { display: flex; flex-wrap: wrap; gap: 1em; } figure { margin: .5em 0; width: 32em; max-width: 100%; }
svg { width: 100%; height: auto; font-family: inherit; } figcaption { text-align: center; font-size: .92em; }
.legend { text-align: center; font-size: .86em; margin: 0; min-height: 1.2em; }
.legend span { margin: 0 .6em; white-space: nowrap; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .3em; } .wide { overflow-x: auto; }
"""


def page_of(result: Json, catalogue: Catalogue) -> str:
    """The page of a result; well-formed as XML too."""
    parts = [*_head(result), *_work(result)]
    if result["outcomes"]:
        parts += _measures(result, catalogue)
    parts += ["<h2>各类事项达到的级别</h2>", tables.reached(result["categories"], catalogue)]
    title = "未雨回放报告"
    return (
        f'<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _head(result: Json) -> Iterator[str]:
    yield "<h1>未雨回放报告</h1>"
    yield from (f'<p class="warn">{escape(line)}</p>' for line in opening(result))
    about = result["about"]
    rows = [
        ("来源", about["source"]),
        ("评估的日子", f"{about['from']} 至 {about['to']}（结果知晓到 {about['known_until']}）"),
        ("回放", f"报告 {about['reports']} 件、事项 {about['matters']} 个、催办 {about['reminders']} 次"),
        ("规则库", about["rulebook"]),
        ("模型", about["model"] or f"无（{about['why_no_model']}）"),
        ("升级的定义", f"{about['label']}；预测期 {about['horizon_days']} 天"),
    ]
    yield f'<div class="about">{table(("项目", "内容"), rows)}</div>'
    yield from map(_note, about["notes"])


def _work(result: Json) -> Iterator[str]:
    work = result["workload"]
    yield "<h2>工作量</h2>"
    yield tables.work(work["per_day"])
    yield (
        f'<p class="note">共研判 {work["judgements"]} 次；其中没有模型评分 {work["without_score"]} 次'
        f"（人数未知达到 5 人，或没有模型），规则与模型相差两级、须人核看 {work['needs_look']} 次。</p>"
    )
    yield _figures(weekly_figure(work))


def _measures(result: Json, catalogue: Catalogue) -> Iterator[str]:
    yield "<h2>升级的事项</h2>"
    yield from _escalated(result["escalations"])
    yield "<h2>按各自的界限预警</h2>"
    yield tables.own(result["thresholds"])
    yield _note(RESULT_NOTE)
    yield "<h2>每天只预警最急的若干件</h2>"
    yield _figures(budget_figures(result["budgets"]))
    yield tables.budgets(result["budgets"])
    yield _note(BUDGET_NOTE)
    yield "<h2>提前量与校准</h2>"
    yield from _said_and_came(result)
    yield "<h2>有无以往</h2>"
    yield tables.with_history(result["by_history"])
    yield _note(HISTORY_NOTE)
    yield "<h2>各类事项的预警</h2>"
    yield tables.by_category(result["by_category"], catalogue)
    yield from _burden(result, catalogue)


def _escalated(known: Json) -> Iterator[str]:
    yield (
        f"<p>期内升级 {known['total']} 个：{known['first_report']} 个第一次被反映时就已升级，"
        f"{known['small_until_then']} 个升级前一直不知涉及 5 人以上，"
        f"其余 {known['at_risk_before']} 个升级前已知涉及 5 人以上，应当预警。</p>"
    )
    yield _note(CASE_NOTE)


def _said_and_came(result: Json) -> Iterator[str]:
    every, first = result["calibration"], result["calibration_first"]
    yield _figures(lead_figure(result["lead_hours"]) + calibration_figure(every, first))
    if every["bins"]:
        yield tables.bins(every)
        yield _note(CALIBRATION_NOTE.format(**{name: every[name] for name in ("brier", "ece")}, first=first["ece"]))
    yield tables.separation(result["separation"])
    yield _note(SEPARATION_NOTE.format(**result["separation"]))


def _burden(result: Json, catalogue: Catalogue) -> Iterator[str]:
    yield "<h2>各单位的误报</h2>"
    for level, rows in result["departments"].items():
        yield tables.departments(f"{LEVELS[level]}级以上", rows)
    yield _note(DEPARTMENT_NOTE)
    for level, rows in result["missed"].items():
        yield f"<h2>漏报：升级前未到{LEVELS[level]}级的事项 {len(rows)} 个</h2>"
        yield tables.missed(rows, catalogue) if rows else "<p>没有。</p>"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _figures(drawn: str) -> str:
    return f'<div class="figures">{drawn}</div>'
