"""The `weiyu` command: one door for everything that is done from a terminal."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.domain.problems import Problem
from service.domain.words import Scope
from service.logs import log_to
from service.main import Weiyu, create_app, load_engines, open_doors
from service.settings import Settings, SettingsError, read_settings
from service.store import keys as kept_keys
from service.store.embedded import EmbeddedServer, EmbeddedServerError
from service.store.engine import DatabaseUrlError, open_engine
from service.store.schema import SchemaMismatch, check, migrate
from service.workflows.demo import Demo, fill_demo
from service.workflows.parts import Doors, Engines

app = typer.Typer(help="Weiyu 未雨：区县矛盾纠纷预警与评估服务", no_args_is_help=True, pretty_exceptions_enable=False)
keys_app = typer.Typer(help="密钥：创建、列出、吊销", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
SAY = Console(stderr=True, highlight=False, soft_wrap=True)
DRAIN_SECONDS = 20  # requests under way may finish for this long when the service is asked to stop


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="监听地址")] = None,
    port: Annotated[int | None, typer.Option(help="监听端口")] = None,
) -> None:
    """启动服务（数据库须已迁移；未设 WEIYU_DATABASE_URL 时使用内置 PostgreSQL）。"""
    settings = _settings(host=host, port=port)
    with _foreseen(), _database(settings) as url:
        check(url)
        _run(create_app(settings, url), settings)


@app.command()
def demo(
    off: Annotated[bool, typer.Option("--off", help="不装入示例区，从空库开始")] = False,
    host: Annotated[str | None, typer.Option(help="监听地址")] = None,
    port: Annotated[int | None, typer.Option(help="监听端口")] = None,
) -> None:
    """迁移并启动服务；空库装入一个虚构的示例区（90 天模拟数据），并持续有少量新报告。"""
    settings = _settings(host=host, port=port, demo=not off, push_allow_default="127.0.0.0/8,::1/128")
    with _foreseen(), _database(settings) as url:
        SAY.print("正在迁移数据库 …")
        migrate(url)
        weiyu = create_app(settings, url)
        if settings.demo:
            _show(asyncio.run(_fill(settings, url)), settings)
        else:
            SAY.print("空库启动。用 weiyu keys create 创建密钥，用 weiyu import areas 装入区划。")
        _run(weiyu, settings)


@app.command(name="migrate")
def migrate_command() -> None:
    """把数据库迁移到当前版本（可重复执行，多个进程同时执行也安全）。"""
    settings = _settings()
    with _foreseen(), _database(settings) as url:
        SAY.print(f"数据库版本 {migrate(url)}")


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="用途或系统名，例如 网格系统")],
    scope: Annotated[list[Scope], typer.Option(help="权限，可多次给出")],
    area: Annotated[str | None, typer.Option(help="限定区划（12 位），缺省为全部")] = None,
    system: Annotated[str | None, typer.Option(help="上报系统名；事件编号在同一系统内唯一。缺省同名称")] = None,
    department: Annotated[str | None, typer.Option(help="代表的单位（名称或编号），签收、答复必需")] = None,
    days: Annotated[int | None, typer.Option(help="有效天数，缺省不限")] = None,
) -> None:
    """创建密钥；只显示这一次。"""
    with _foreseen(), _database(_settings()) as url:
        check(url)
        wanted = {"area": area, "system": system, "department": department, "days": days}
        print(asyncio.run(_create_key(url, name, scope, wanted)))


@keys_app.command("list")
def keys_list() -> None:
    """列出密钥（不含密文）。"""

    async def listed(url: str) -> list[dict[str, Any]]:
        async with _engine(url) as engine, engine.connect() as connection:
            return await kept_keys.listed(connection)

    with _foreseen(), _database(_settings()) as url:
        check(url)
        for row in asyncio.run(listed(url)):
            state = "已吊销" if row["revoked_at"] else "有效"
            print(f"{row['id']}  {state}  {row['name']}  [{','.join(row['scopes'])}]  区域 {row['area'] or '全部'}")


@keys_app.command("revoke")
def keys_revoke(key_id: Annotated[str, typer.Argument(help="密钥编号：wy_ 之后的一段")]) -> None:
    """吊销密钥；运行中的服务两秒内不再接受它。"""

    async def revoked(url: str) -> bool:
        async with _engine(url) as engine, engine.begin() as connection:
            return await kept_keys.revoke(connection, key_id, datetime.now(UTC))

    with _foreseen(), _database(_settings()) as url:
        check(url)
        if not asyncio.run(revoked(url)):
            raise Problem(404, "not_found", f"没有编号为 {key_id} 的有效密钥；用 weiyu keys list 查看。")
        SAY.print(f"已吊销 {key_id}")


async def _create_key(url: str, name: str, scopes: list[Scope], wanted: dict[str, Any]) -> str:
    async with _engine(url) as engine, engine.begin() as connection:
        department_id = None
        if wanted["department"]:
            department_id = await kept_keys.department_named(connection, wanted["department"])
            if department_id is None:
                raise Problem(
                    404, "not_found", f"没有名为“{wanted['department']}”的单位；用 GET /v1/departments 查看。"
                )
        expires = datetime.now(UTC) + timedelta(days=wanted["days"]) if wanted["days"] else None
        more = {"system": wanted["system"], "department_id": department_id, "expires_at": expires}
        return await kept_keys.create(connection, name, scopes, wanted["area"], **more)


async def _fill(settings: Settings, url: str) -> Demo:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    async with parts(settings, url) as (doors, engines):
        with Progress(*columns, console=SAY, transient=True) as progress:
            task = progress.add_task("装入示例区（虚构，90 天模拟数据）", total=None)
            return await fill_demo(
                doors,
                engines,
                settings.data_dir,
                datetime.now(UTC),
                lambda done, total: progress.update(task, completed=done, total=total),
            )


@asynccontextmanager
async def parts(settings: Settings, url: str) -> AsyncIterator[tuple[Doors, Engines]]:
    """The parts of a command that works on the database without serving."""
    async with _engine(url) as engine:
        yield await open_doors(settings, engine), load_engines(settings)


def _show(filled: Demo, settings: Settings) -> None:
    base = settings.link_base
    SAY.print(f"\n[bold]Weiyu 未雨[/bold]  {base}   {filled.summary}")
    SAY.print(f"密钥（同时写在 {filled.keys_file}，权限 600）：")
    for role, key in filled.keys.items():
        SAY.print(f"  {role:14} {key}")
    SAY.print("可以试试：")
    for line in filled.things_to_try(base):
        SAY.print(f"  {line}")


class _Server(uvicorn.Server):
    """Ends the app's streams as soon as the service is asked to stop; they would hold it up otherwise."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        served = self.config.app
        if isinstance(served, Weiyu):
            served.stop_streams()
        super().handle_exit(sig, frame)


def _run(weiyu: Weiyu, settings: Settings) -> None:
    log_to(sys.stderr)
    config = uvicorn.Config(
        weiyu, settings.host, settings.port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS, lifespan="on",
    )  # fmt: skip
    SAY.print(f"服务地址 {settings.link_base}  （Ctrl-C 停止）")
    _Server(config).run()


def _settings(**given: Any) -> Settings:
    """Settings from the environment, with what the command line gave on top."""
    environment = {**os.environ}
    if "PORT" in environment:
        environment.setdefault("WEIYU_PORT", environment["PORT"])
    allow = given.pop("push_allow_default", None)
    if allow:
        environment.setdefault("WEIYU_PUSH_ALLOW", allow)
    environment |= {f"WEIYU_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    try:
        return read_settings(environment)
    except SettingsError as error:
        SAY.print(f"[red]设置有误[/red]\n{error}")
        raise typer.Exit(2) from None


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded server for as long as this lasts."""
    if settings.database_url:
        yield settings.database_url
        return
    with EmbeddedServer(settings.data_dir) as server:
        if server.place.note:
            SAY.print(server.place.note)
        yield server.url


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[Any]:
    engine = open_engine(url, 2)
    try:
        yield engine
    finally:
        await engine.dispose()


@contextmanager
def _foreseen() -> Iterator[None]:
    """Foreseen errors become one clear line and exit code 1; the rest may crash."""
    try:
        yield
    except Problem as problem:
        SAY.print(f"[red]{problem.detail}[/red]")
        for error in problem.errors:
            SAY.print(f"  {error.field}: {error.detail}")
        raise typer.Exit(1) from None
    except (EmbeddedServerError, SchemaMismatch, DatabaseUrlError) as error:
        SAY.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run one asynchronous command to its end."""
    logging.basicConfig(level=logging.WARNING)
    return asyncio.run(work)


if __name__ == "__main__":
    app()
