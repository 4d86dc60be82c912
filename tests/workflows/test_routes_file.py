"""A file of routes is read whole or refused with every fault in its place."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.delivery.inhibition import RED_OVER_LOWER
from service.delivery.labels import MEANINGS, Told
from service.domain.catalogue import load_catalogue
from service.domain.levels import Level
from service.workflows.routes_file import Known, RoutesError, load_routes, unknown_department
from service.workflows.workdays import is_workday
from tests.makers import COUNTY, VILLAGE
from tests.served import ROOT

CATALOGUE = load_catalogue()
OFFICES = {name: unknown_department(name) for name in ("公安分局", "人社局", "综治中心", "信访局")}
KNOWN = Known(CATALOGUE, is_workday, OFFICES, {COUNTY, VILLAGE})
TEXT = f"""\
routing: 测试区
version: 2026.11.1
times:
- {{name: 夜间, hours: '22:00-07:00'}}
- {{name: 周末, weekdays: [六, 日]}}
root:
  name: 全区
  receivers: 综治中心
  muted: 夜间
  routes:
  - name: 紧急
    match: {{minimum_level: orange}}
    receivers: [公安分局, 牵头单位]
    muted: []
    escalation: 逐级上报
    continue: true
    routes:
    - name: 红色
      match: {{level: red}}
  - name: 欠薪
    match: {{category: labour, area: '{COUNTY}', source: [hotline, grid]}}
    receivers: 人社局
    group_by: [township, category]
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 4h
inhibit:
- {{source: level=red, target: level!=red, equal: [area, category]}}
"""


def told(level: Level, category: str = "labour.wage_arrears", **more: frozenset[str]) -> Told:
    return Told(level, VILLAGE, category, category.split(".")[0], **more)  # type: ignore[arg-type]


def names(subject: Told) -> list[str]:
    return [route.name for route in load_routes(TEXT, KNOWN).tree.reached(subject)]


def test_children_inherit_what_they_do_not_say() -> None:
    found = {route.name: route for route in load_routes(TEXT, KNOWN).tree.everything()}
    red, wages = found["全区 / 紧急 / 红色"], found["全区 / 欠薪"]
    assert [one.name for one in red.receivers] == ["公安分局", "牵头单位"]
    assert (red.escalation, red.muted, red.continues, red.pace.by) == ("逐级上报", (), False, None)
    assert ([times.name for times in wages.muted], wages.escalation) == (["夜间"], None)
    assert (wages.pace.by, wages.pace.wait) == (("township", "category"), timedelta(seconds=30))
    assert wages.pace.repeat == timedelta(hours=4)


def test_the_first_child_that_matches_takes_a_warning_unless_it_continues() -> None:
    by_hotline = {"sources": frozenset({"hotline"})}
    assert names(told(Level.RED, **by_hotline)) == ["全区 / 紧急 / 红色", "全区 / 欠薪"]
    assert names(told(Level.ORANGE, **by_hotline)) == ["全区 / 紧急", "全区 / 欠薪"]
    assert names(told(Level.BLUE, **by_hotline)) == ["全区 / 欠薪"]
    assert names(told(Level.BLUE, "health")) == ["全区"]
    assert names(told(Level.BLUE, sources=frozenset({"visit"}))) == ["全区"]


def test_what_is_named_is_known_by_its_id() -> None:
    routing = load_routes(TEXT, KNOWN)
    assert routing.departments == {name: OFFICES[name] for name in ("综治中心", "公安分局", "人社局")}
    assert routing.asks_matter
    assert routing.inhibitions == (RED_OVER_LOWER,)
    assert len(routing.sha256) == 64


def test_red_holds_back_lower_levels_unless_the_file_says_otherwise() -> None:
    silent = TEXT[: TEXT.index("inhibit:")]
    assert load_routes(silent, KNOWN).inhibitions == (RED_OVER_LOWER,)
    assert load_routes(silent + "inhibit: []\n", KNOWN).inhibitions == ()


def test_times_know_working_days() -> None:
    text = TEXT.replace("weekdays: [六, 日]", "days: 休息日, hours: ['00:00-12:00', '12:00-24:00']").replace(
        "muted: 夜间", "muted: 周末"
    )
    [muted] = load_routes(text, KNOWN).tree.root.muted
    assert muted.covers(datetime(2026, 10, 1, 9, tzinfo=UTC))  # the national day
    assert not muted.covers(datetime(2026, 11, 18, 23, 59, tzinfo=UTC))


FAULTS = [
    ("minimum_level: orange", "minimum_level: oragne", "12:28", "(did you mean ‘orange’?)"),
    ("minimum_level: orange", "minimum_level: orange, level: red", "12:28", "只能写一个"),
    ("category: labour", "category: labor", "21:23", "没有事项类别 ‘labor’ (did you mean ‘labour’?)"),
    (f"'{COUNTY}'", "990101", "21:37", "要写文字（数字样的文字请加引号）"),
    (f"'{COUNTY}'", "'990101'", "21:37", "区划代码应为 12 位数字"),
    (f"'{COUNTY}'", "'990101000009'", "21:37", "没有区划代码 990101000009 (did you mean"),
    ("hotline, grid", "hotlin, grid", "21:62", "没有来源 ‘hotlin’ (did you mean ‘hotline’?)"),
    ("receivers: 人社局", "receivers: 人设局", "22:16", "没有名为“人设局”的单位 (did you mean ‘人社局’?)"),
    ("receivers: 人社局", "reciever: 人社局", "22:5", "不认识的键 ‘reciever’ (did you mean ‘receivers’?)"),
    ("[township, category]", "[town, category]", "23:16", "没有标签 ‘town’ (did you mean"),
    ("group_interval: 5m", "group_interval: 5 min", "25:21", "不符合格式"),
    ("group_interval: 5m", "group_interval: 0s", "25:21", "要大于 0"),
    ("    group_by: [township, category]\n", "", "20:11", "却没有 group_by"),
    ("muted: 夜间", "muted: 夜里", "9:10", "没有名为“夜里”的时段 (did you mean ‘夜间’?)"),
    ("'22:00-07:00'", "'22:00-25:00'", "4:21", "不符合格式"),
    ("name: 周末", "name: 夜间", "5:10", "时段“夜间”重名"),
    ("name: 欠薪", "name: 紧急", "20:11", "同级路由“紧急”重名"),
    ("continue: true", "continue: yep", "16:15", "要写 true 或 false"),
    ("  muted: 夜间", "  muted: 夜间\n  match: {level: red}", "10:10", "根路由接收一切"),
    ("  muted: 夜间", "  muted: 夜间\n  continue: true", "10:13", "根路由没有同级"),
    ("source: level=red", "source: level=~\"red|orange\"", "28:12", "只能是红色"),
    ("source: level=red", "source: level!=blue", "28:12", "只能是红色"),
    ("equal: [area, category]", "equal: [category]", "28:50", "至少要有 area 或 county"),
    ("target: level!=red", "target: levl!=red", "28:31", "没有标签 ‘levl’ (did you mean ‘level’?)"),
    ("target: level!=red", "target: level!", "28:31", "匹配条件第"),
    ("name: 全区\n", "name: 全区\n  name: 全区\n", "8:3", "键 ‘name’ 重复，前一个在第 7 行"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("was", "becomes", "place", "said"), FAULTS, ids=[fault[1].strip() or "no group_by" for fault in FAULTS]
)
def test_a_fault_is_told_in_its_place(was: str, becomes: str, place: str, said: str) -> None:
    assert was in TEXT
    with pytest.raises(RoutesError) as refused:
        load_routes(TEXT.replace(was, becomes, 1), KNOWN, "routes.yaml")
    told_of = [str(error) for error in refused.value.errors]
    assert any(error.startswith(f"routes.yaml:{place}: ") and said in error for error in told_of), told_of


def test_a_route_that_nothing_can_reach_is_a_fault() -> None:
    text = TEXT.replace("    continue: true\n", "").replace(
        "match: {category: labour", "match: {minimum_level: orange} #"
    )
    with pytest.raises(RoutesError, match="永远到不了：前面的“紧急”"):
        load_routes(text, KNOWN)


def test_every_fault_is_told_at_once() -> None:
    text = TEXT.replace("人社局", "人设局").replace("muted: 夜间", "muted: 夜里").replace("hotline", "hotlin")
    with pytest.raises(RoutesError) as refused:
        load_routes(text, KNOWN)
    assert len(refused.value.errors) == 3


def test_where_nothing_is_known_of_the_district_any_office_and_area_will_do() -> None:
    routing = load_routes(TEXT.replace("人社局", "甲局"), Known(CATALOGUE, is_workday))
    assert routing.departments["甲局"] == unknown_department("甲局")


def test_routes_that_go_too_deep_are_refused() -> None:
    text = "routing: 深\nversion: '1'\nroot:\n  name: r\n"
    for depth in range(8):
        text += f"{'  ' * (depth + 1)}routes:\n{'  ' * (depth + 1)}- name: n{depth}\n"
    with pytest.raises(RoutesError, match="嵌套超过 8 层"):
        load_routes(text, KNOWN)


def test_what_the_page_on_routes_shows_can_be_read() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "routing.md").read_text("utf-8"), re.DOTALL)
    whole, rules = shown
    named = {name: unknown_department(name) for name in ("应急局", "人社局", "综治中心")}
    assert len(load_routes(whole, replace(KNOWN, departments=named)).tree.everything()) == 4
    both = load_routes(whole[: whole.index("inhibit:")] + rules, replace(KNOWN, departments=named))
    assert len(both.inhibitions) == 2


def test_the_page_on_routes_names_every_label() -> None:
    page = (ROOT / "docs" / "routing.md").read_text("utf-8")
    assert not [label for label in MEANINGS if label not in page]
