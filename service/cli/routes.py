"""weiyu routes check | test | show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from service.cli.common import REFUSED, SAY, database, foreseen, settings_from
from service.cli.working import parts
from service.delivery.hearing import HeldBy, Quiet
from service.delivery.labels import Told
from service.domain.areas import county_of
from service.domain.catalogue import load_catalogue
from service.domain.levels import Level
from service.domain.problems import not_found
from service.domain.words import Source, SubjectKind
from service.store.engine import Row
from service.store.routing import endpoints_of
from service.workflows.hearing import loud_in
from service.workflows.parts import Teller, routing_of, silences_of
from service.workflows.routes_file import Known, Routing, load_routes
from service.workflows.routing import known_to
from service.workflows.trying_routes import Hears, Trial, anywhere, who_hears
from service.workflows.workdays import is_workday

T = TypeVar("T")
HELD = {HeldBy.GROUPING: "汇总", HeldBy.INHIBITION: "抑制", HeldBy.QUIET_HOURS: "免打扰", HeldBy.SILENCE: "静默"}
app = typer.Typer(help="路由：核对、试算、显示", no_args_is_help=True)
Offline = Annotated[bool, typer.Option("--offline", help="不连数据库：不核对单位名称和区划，只看文件本身")]


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="路由文件（YAML）")], offline: Offline = False) -> None:
    """核对路由文件：每处错误给出 文件:行:列；缺省时单位名称和区划按数据库核对。"""
    if offline:
        _checked(files, Known(load_catalogue(), is_workday))
        return

    async def checked(teller: Teller) -> None:
        _checked(files, known_to(teller.engines, teller.reference))

    _with_database(checked)


@app.command(name="test")
def run_test(
    level: Annotated[Level, typer.Option(help="级别")],
    area: Annotated[str, typer.Option(help="区划代码，12 位")],
    category: Annotated[str, typer.Option(help="事项类别代码")],
    file: Annotated[Path | None, typer.Argument(help="路由文件，缺省为正在使用的")] = None,
    at: Annotated[datetime | None, typer.Option(help="何时，如 2026-11-22T23:30:00，缺省为现在")] = None,
    kind: Annotated[SubjectKind, typer.Option(help="对象")] = SubjectKind.MATTER,
    source: Annotated[list[Source] | None, typer.Option(help="报告来源，可多次给出")] = None,
    signal: Annotated[list[str] | None, typer.Option(help="信号代码，可多次给出")] = None,
    expect: Annotated[list[str] | None, typer.Option(help="应当收到的单位，逗号分隔；不符则退出码为 1")] = None,
    offline: Offline = False,
) -> None:
    """试算：一条预警在某一时刻会发给谁、何时、为什么。"""
    catalogue = load_catalogue()
    if not (len(area) == 12 and area.isascii() and area.isdigit()):
        raise typer.BadParameter("区划代码应为 12 位数字，例如 990101001001", param_hint="--area")
    if category not in catalogue.categories:
        with foreseen():
            raise not_found("事项类别", category)
    first = catalogue.first_level(category)
    told = Told(level, area, category, first, kind, "", False, frozenset(source or ()), frozenset(signal or ()))
    if offline:
        routing = _one(file)
        found = Trial(anywhere(routing), routing, Quiet(_local(at), (), routing.inhibitions))
        _tell(found, who_hears(found, told), expect)
        return

    async def tried(teller: Teller) -> tuple[Trial, list[Row]]:
        trial = await _trial(teller, (file, at), told)
        async with teller.doors.engine.connect() as connection:
            return trial, await endpoints_of(connection, [one.department_id for one in who_hears(trial, told)])

    trial, endpoints = _with_database(tried)
    _tell(trial, who_hears(trial, told), expect, endpoints)


@app.command()
def show() -> None:
    """显示正在使用的路由。"""

    async def shown(teller: Teller) -> str:
        row = teller.reference.routing
        if row is None:
            return "没有启用路由：按订阅和责任清单发送。"
        return f"# 第 {row['number']} 版，{row['put_by']} 于 {row['put_at']:%Y-%m-%d %H:%M %Z} 启用\n{row['body']}"

    print(_with_database(shown))


def _checked(files: list[Path], known: Known) -> None:
    with foreseen():
        for file in files:
            found = load_routes(file, known)
            print(f"{file}：{found.name} {found.version}，{len(found.tree.everything())} 条路由，没有错误。")


def _one(file: Path | None) -> Routing:
    if file is None:
        raise typer.BadParameter("不连数据库时要给出路由文件", param_hint="FILE")
    with foreseen():
        return load_routes(file, Known(load_catalogue(), is_workday))


async def _trial(teller: Teller, asked: tuple[Path | None, datetime | None], told: Told) -> Trial:
    file, at = asked
    if file is None:
        routing = await routing_of(teller)
    else:
        routing = await asyncio.to_thread(load_routes, file, known_to(teller.engines, teller.reference))
    rules = routing.inhibitions if routing else ()
    async with teller.doors.engine.connect() as connection:
        loud = await loud_in(connection, teller.engines.catalogue, {county_of(told.area)}) if rules else []
    return Trial(teller.reference, routing, Quiet(_local(at), silences_of(teller.reference), rules, loud))


def _tell(trial: Trial, heard: list[Hears], expect: list[str] | None, endpoints: list[Row] | None = None) -> None:
    names = {one.department_id: trial.reference.department_name(one.department_id) or "?" for one in heard}
    for one in heard:
        held = f"  {HELD[one.held_by]}：{one.reason}" if one.held_by else ""
        channels = "" if endpoints is None else f"  {_channels(one, endpoints)}"
        print(f"{names[one.department_id]}  {one.at:%Y-%m-%d %H:%M:%S}{channels}  {one.hearer.why}{held}")
    if not heard:
        print("没有单位会收到。")
    if expect is not None:
        _compare({*names.values()}, {name.strip() for part in expect for name in part.split(",") if name.strip()})


def _channels(one: Hears, endpoints: list[Row]) -> str:
    """By which kinds of channel a department is pushed to."""
    kinds = [row["kind"] for row in endpoints if row["department_id"] == one.department_id and row["state"] == "active"]
    return "、".join(kinds) or "没有可用的推送地址"


def _compare(named: set[str], wanted: set[str]) -> None:
    for name in sorted(wanted - named):
        SAY.print(f"应收到而收不到：{name}", style="red")
    for name in sorted(named - wanted):
        SAY.print(f"不应收到而会收到：{name}", style="red")
    if named != wanted:
        raise typer.Exit(REFUSED)


def _local(at: datetime | None) -> datetime:
    """The time asked for; without an offset it is local."""
    zone = settings_from().timezone
    if at is None:
        return datetime.now(UTC).astimezone(zone)
    return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)


def _with_database(work: Callable[[Teller], Awaitable[T]]) -> T:
    settings = settings_from()

    async def run(url: str) -> T:
        async with parts(settings, url) as (doors, engines), doors.transaction() as connection:
            return await work(Teller(engines, doors, await doors.reference.get(connection), datetime.now(UTC)))

    with foreseen(), database(settings) as url:
        return asyncio.run(run(url))
