"""weiyu serve, demo, migrate."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from socket import socket
from typing import Annotated, Any

import typer
import uvicorn

from service.cli.common import SAY, database, foreseen, parts, progress_bar, rest_collector, settings_from
from service.logs import log_to
from service.main import Weiyu, create_app
from service.settings import Settings
from service.store.schema import migrate as migrate_schema
from service.workflows.demo import Demo, fill_demo

DRAIN_SECONDS = 8  # requests under way may finish for this long; containers are killed after ten
FILLING = "装入示例区（虚构，90 天模拟数据）"
DEMO_PUSH_ALLOW = "127.0.0.0/8,::1/128"
Host = Annotated[str | None, typer.Option(help="监听地址，缺省 127.0.0.1")]
Port = Annotated[int | None, typer.Option(help="监听端口，缺省 8000 或环境变量 PORT")]


def serve(host: Host = None, port: Port = None) -> None:
    """启动服务。数据库须已迁移；未设 WEIYU_DATABASE_URL 时使用内置 PostgreSQL。"""
    settings = settings_from(host=host, port=port)
    _stop_on_signals()
    with foreseen(), database(settings) as url:
        _run(create_app(settings, url), settings)


def demo(
    off: Annotated[bool, typer.Option("--off", help="不装入示例区，从空库开始")] = False,
    host: Host = None,
    port: Port = None,
) -> None:
    """迁移并启动服务。空库先装入一个虚构的示例区（90 天模拟数据），并持续有少量新报告。"""
    settings = settings_from(host=host, port=port, demo=not off)
    if settings.demo and not settings.push_allow:
        settings = settings.model_copy(update={"push_allow": DEMO_PUSH_ALLOW})
    _stop_on_signals()
    with foreseen(), database(settings, migrated=False) as url:
        SAY.print(f"数据库版本 {migrate_schema(url)}")
        if settings.demo:
            _show(asyncio.run(_fill(settings, url)), settings)
        else:
            SAY.print("未装入示例区。用 weiyu keys create 创建密钥，用 weiyu import areas 装入区划。")
        _run(create_app(settings, url), settings)


def migrate() -> None:
    """把数据库迁移到当前版本。可重复执行；多个进程同时执行也安全。"""
    with foreseen(), database(settings_from(), migrated=False) as url:
        SAY.print(f"数据库版本 {migrate_schema(url)}")


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


class _Server(uvicorn.Server):
    """Ends the app's streams as soon as the service is asked to stop; they would hold it up otherwise."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        rest_collector()

    def handle_exit(self, sig: int, frame: Any) -> None:
        served = self.config.app
        if isinstance(served, Weiyu):
            served.stop_streams()
        super().handle_exit(sig, frame)


def _stop_on_signals() -> None:
    """uvicorn handles these while it serves, and raises them again after its graceful stop."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_well)


def _end_well(*_: object) -> None:
    """Leave through every `with`, so that the embedded database is stopped too."""
    raise SystemExit(0)


def _run(weiyu: Weiyu, settings: Settings) -> None:
    log_to(sys.stderr)
    config = uvicorn.Config(
        weiyu, settings.host, settings.port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS, lifespan="on",
    )  # fmt: skip
    SAY.print(f"服务地址 {settings.link_base}  （Ctrl-C 停止）")
    _Server(config).run()
