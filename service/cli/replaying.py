"""weiyu replay."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.common import SAY, database, foreseen, refuse, settings_from
from service.cli.signals import stop_on_signals
from service.cli.working import parts, progress_bar
from service.main import load_engines, now
from service.settings import Settings
from service.store.schema import check
from service.store.scratch import NoScratch, scratch_database
from service.workflows.backtest.history import History, Window, needed_for, window_of
from service.workflows.backtest.own_database import read_own
from service.workflows.backtest.replay import replayed, result_of, write
from service.workflows.backtest.report_file import ReportFile, read_reports
from service.workflows.backtest.simulated_folder import read_simulated
from service.workflows.backtest.words import opening
from service.workflows.parts import Engines

DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]
QUARTERS = 25  # per cent; where there is no terminal, progress is said so often


app = typer.Typer()


@app.callback(invoke_without_command=True)
def replay(
    out: Annotated[Path, typer.Option(help="把 replay.json 和 replay.html 写到此目录")],
    source: Annotated[
        Path | None, typer.Option(help="weiyu simulate 写出的目录，或报告文件；不填则用本服务数据库", exists=True)
    ] = None,
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=DAYS, help="从这天起评估（更早的一年只作铺垫）")
    ] = None,
    to: Annotated[datetime | None, typer.Option(formats=DAYS, help="评估到这天之前")] = None,
    areas: Annotated[Path | None, typer.Option(help="报告文件所用的区划", exists=True, dir_okay=False)] = None,
    mapping: Annotated[Path | None, typer.Option(help="报告文件的映射（YAML）", exists=True, dir_okay=False)] = None,
) -> None:
    """Play a history through the service, in a database of its own that is gone afterwards, and judge it."""
    settings = settings_from()
    start, end = (day and (day if day.tzinfo else day.replace(tzinfo=settings.timezone)) for day in (from_, to))
    if start and end and start >= end:
        refuse([f"起始 {start.date()} 不早于结束 {end.date()}，请核对 --from 与 --to。"])
    stop_on_signals()
    with foreseen(), _foreseen_here(), database(settings, migrated=False) as url:
        engines = load_engines(settings)
        history = _history(source, ReportFile(source or Path(), mapping, areas), (url, start), engines)
        window = window_of(history, start, end)
        _must_be_writable(out)
        with scratch_database(url) as scratch:
            result = asyncio.run(_replayed(settings, scratch, (needed_for(history, window), window)))
        written = write(result, engines, out)
    for line in opening(result):
        SAY.print(line, style="yellow")
    SAY.print(f"已写入 {'、'.join(map(str, written))}")


def _must_be_writable(out: Path) -> None:
    """Found out before the play, which takes its time; the folder itself is made when there is something to write."""
    above = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        refuse([f"无法写入 {out}：{above} 不是可写的目录"])


def _history(source: Path | None, file: ReportFile, own: tuple[str, datetime | None], engines: Engines) -> History:
    if source is None:
        check(own[0])
        return asyncio.run(read_own(*own, now()))
    return read_simulated(source) if source.is_dir() else read_reports(file, engines)


async def _replayed(settings: Settings, url: str, asked: tuple[History, Window]) -> dict[str, Any]:
    async with parts(settings, url) as (doors, engines):
        with _told() as told:
            return result_of(await replayed(doors, engines, asked, told), engines)


@contextmanager
def _told() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line for each quarter elsewhere."""
    said = 0
    with progress_bar() as bar:
        task = bar.add_task("回放", total=None)

        def told(done: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=total)
            part = done * 100 // total // QUARTERS * QUARTERS
            if not SAY.is_terminal and part > said:
                said = part
                SAY.print(f"已回放 {part}%")

        yield told


@contextmanager
def _foreseen_here() -> Iterator[None]:
    try:
        yield
    except NoScratch as error:
        refuse([str(error)])
    except OSError as error:
        refuse([f"无法写入 {error.filename or '结果'}：{error.strerror}"])
