"""weiyu import areas | incidents, weiyu export matters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.common import REFUSED, SAY, database, foreseen, settings_from
from service.cli.working import parts, progress_bar
from service.main import now
from service.store.views import Sight
from service.workflows.files.export_matters import export_matters
from service.workflows.files.import_areas import import_areas, read_areas
from service.workflows.files.import_incidents import ImportOrder, ImportSummary, Progress, import_incidents
from service.workflows.files.import_mapping import SaidOnCommandLine
from service.workflows.parts import Doors, Engines

importing = typer.Typer(help="从文件装入", no_args_is_help=True)
exporting = typer.Typer(help="导出到文件", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help=".csv、.csv.gz 或 .xlsx", exists=True, dir_okay=False)]
ROWS_SHOWN = 1000  # parts of a thousand: the bar moves smoothly for files of any length


@importing.command()
def areas(file: File) -> None:
    """装入区划：列 code、name，可有 valid_from、valid_to。再次装入同一文件不会重复。"""
    with foreseen():
        read = read_areas(file)
        for line in _with_parts(lambda doors, _: import_areas(doors, read, now())).lines():
            SAY.print(line)


@importing.command()
def incidents(
    file: File,
    map_: Annotated[list[str] | None, typer.Option("--map", help="列名=字段，可多次给出")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="字段=固定值，例如 source=online")] = None,
    mapping: Annotated[Path | None, typer.Option(help="映射文件（YAML），供每晚同一导出使用")] = None,
    system: Annotated[str | None, typer.Option(help="来源系统名；编号在同一系统内唯一")] = None,
    timezone: Annotated[str | None, typer.Option(help="文件中不带时区的时间按此时区理解")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只核对，不保存")] = False,
    rejects: Annotated[Path | None, typer.Option(help="把未接收的行号与原因写入此 CSV")] = None,
) -> None:
    """装入事件报告。同一文件再次装入不会重复计入。"""
    said = SaidOnCommandLine(tuple(map_ or ()), tuple(set_ or ()), system, timezone)
    order = ImportOrder(file, mapping, said, dry_run, rejects)
    with foreseen(), progress_bar() as bar:
        task = bar.add_task("装入事件报告", total=ROWS_SHOWN)

        def told(progress: Progress) -> None:
            bar.update(task, completed=int((progress.part or 0) * ROWS_SHOWN), description=f"已处理 {progress.rows} 行")

        summary: ImportSummary = _with_parts(lambda doors, engines: import_incidents(doors, engines, order, now, told))
    for line in summary.lines():
        SAY.print(line)
    if summary.rows and summary.refused == summary.rows:
        raise typer.Exit(REFUSED)


@exporting.command()
def matters(
    out: Annotated[Path, typer.Argument(help="写到此 CSV")],
    area: Annotated[str | None, typer.Option(help="只导出此区划及其下")] = None,
    since: Annotated[datetime | None, typer.Option(help="只导出此时刻以来有变化的")] = None,
) -> None:
    """导出事项的状态与结果（不含报告文字）。"""
    zone = settings_from().timezone
    after = since.replace(tzinfo=since.tzinfo or zone) if since else None
    with foreseen():
        number = _with_parts(lambda doors, engines: export_matters(doors, engines, out, Sight(area, None), after))
    SAY.print(f"已导出 {number} 个事项到 {out}")


def _with_parts(work: Callable[[Doors, Engines], Awaitable[Any]]) -> Any:
    settings = settings_from()

    async def run(url: str) -> Any:
        async with parts(settings, url) as (doors, engines):
            return await work(doors, engines)

    with database(settings) as url:
        return asyncio.run(run(url))
