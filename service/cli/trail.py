"""weiyu trail verify."""

from __future__ import annotations

import asyncio

import typer

from service.cli.common import REFUSED, SAY, database, foreseen, settings_from
from service.store.engine import open_engine
from service.workflows.verifying import Verified, verify

app = typer.Typer(help="项目留痕：核对", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """项目留痕：核对。"""


@app.command("verify")
def verify_all() -> None:
    """核对每个项目的记录是否完整、前后衔接，所记内容和规则条文是否仍与库中一致。有出入则逐条列出，退出码为 1。"""
    with foreseen(), database(settings_from()) as url:
        verified = asyncio.run(_verified(url))
    for line in verified.found:
        SAY.print(line, style="red")
    if verified.found:
        raise typer.Exit(REFUSED)
    SAY.print(f"核对 {verified.projects} 个项目、{verified.texts} 份规则条文，记录完整，内容一致。")


async def _verified(url: str) -> Verified:
    engine = open_engine(url, 1)
    try:
        async with engine.connect() as connection:
            return await verify(connection)
    finally:
        await engine.dispose()
