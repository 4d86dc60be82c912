"""weiyu demo."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli.common import SAY, database, foreseen, settings_from
from service.cli.serving import Host, Port, run
from service.cli.signals import stop_on_signals
from service.cli.working import parts, progress_bar
from service.main import create_app
from service.settings import Settings
from service.store.migrations import migrate as migrate_schema
from service.workflows.demo import Demo, fill_demo

FILLING = "装入示例区（虚构，90 天模拟数据）"
DEMO_PUSH_ALLOW = "127.0.0.0/8,::1/128"


def demo(
    off: Annotated[bool, typer.Option("--off", help="不装入示例区，从空库开始")] = False,
    host: Host = None,
    port: Port = None,
) -> None:
    """Migrate, fill an empty database with the simulated district, serve."""
    settings = settings_from(host=host, port=port, demo=not off)
    if settings.demo and not settings.push_allow:
        settings = settings.model_copy(update={"push_allow": DEMO_PUSH_ALLOW})
    stop_on_signals()
    with foreseen(), database(settings, migrated=False) as url:
        SAY.print(f"数据库版本 {migrate_schema(url)}")
        if settings.demo:
            _show(asyncio.run(_fill(settings, url)), settings)
        else:
            SAY.print("未装入示例区。用 weiyu keys create 创建密钥，用 weiyu import areas 装入区划。")
        run(create_app(settings, url), settings)


async def _fill(settings: Settings, url: str) -> Demo:
    async with parts(settings, url) as (doors, engines):
        with progress_bar() as progress:
            task = progress.add_task(FILLING, total=None)
            quarters = iter((25, 50, 75, 100))
            next_quarter = next(quarters)

            def told(done: int, total: int) -> None:
                nonlocal next_quarter
                progress.update(task, completed=done, total=total)
                if not SAY.is_terminal and done * 100 >= next_quarter * total:  # a bar is of no use in a log
                    SAY.print(f"{FILLING} {next_quarter}%")
                    next_quarter = next(quarters, 101)

            return await fill_demo(doors, engines, settings.data_dir, datetime.now(UTC), told)


def _show(filled: Demo, settings: Settings) -> None:
    base = settings.link_base
    SAY.print(f"\nWeiyu 未雨  {base}", style="bold")
    SAY.print(filled.summary)
    SAY.print(f"\n密钥（也写在 {filled.keys_file}，仅属主可读）：")
    for role, key in filled.keys.items():
        SAY.print(f"  {role:14} {key}")
    SAY.print("\n可以试试：")
    for line in filled.things_to_try(base):
        SAY.print(f"  {line}")
    SAY.print()
