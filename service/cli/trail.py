"""weiyu trail verify."""

from __future__ import annotations

import asyncio

import typer

from service.cli.common import REFUSED, SAY, database, foreseen, settings_from
from service.store import trail
from service.store.engine import open_engine
from service.store.trail import Broken

app = typer.Typer(help="项目留痕：核对", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """项目留痕：核对。"""


@app.command()
def verify() -> None:
    """核对每个项目的记录是否完整、前后衔接，所记内容是否仍与库中一致。有出入则逐条列出，退出码为 1。"""
    with foreseen(), database(settings_from()) as url:
        count, found = asyncio.run(_verified(url))
    for one in found:
        SAY.print(f"项目 {one.project_id} 第 {one.number} 条：{one.what}", style="red")
    if found:
        raise typer.Exit(REFUSED)
    SAY.print(f"核对 {count} 个项目，记录完整，内容一致。")


async def _verified(url: str) -> tuple[int, list[Broken]]:
    engine = open_engine(url, 1)
    try:
        async with engine.connect() as connection:
            known = await trail.projects(connection)
            return len(known), [one for project_id in known for one in await trail.broken(connection, project_id)]
    finally:
        await engine.dispose()
