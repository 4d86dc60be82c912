"""weiyu models list | take | retrain | promote | rollback | judging."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from service.cli.common import SAY, database, foreseen, settings_from
from service.cli.working import parts
from service.scoring.artefact import load_artefact
from service.store import models as kept
from service.store import scores
from service.store.engine import Row
from service.workflows.models import Act, Models
from service.workflows.parts import Engines
from service.workflows.retraining import retrain as retrained
from service.workflows.watching_models import Watch

T = TypeVar("T")
app = typer.Typer(help="模型：列出、登记、训练、启用、退回、交回规则", no_args_is_help=True)
Reason = Annotated[str | None, typer.Option(help="理由，记录在案")]
OFFICE = "管理员（命令行）"
ROLES = {"champion": "在用", "challenger": "候选（旁路评分）", "retired": "停用"}


class Judge(StrEnum):
    """Who is to judge."""

    MODEL = "model"
    RULES = "rules"


@app.command(name="list")
def list_models() -> None:
    """列出已登记的模型。"""

    async def listed(models: Models) -> list[Row]:
        async with models.doors.engine.connect() as connection:
            return await kept.everything(connection)

    for row in _with_models(listed):
        handed = f"  已交回规则：{row['handed_over_because']}" if row["handed_over_because"] else ""
        data = "模拟数据" if row["synthetic"] else "真实数据"
        print(f"{row['version']}  {ROLES[row['role']]}  {data}  自 {row['role_since']:%Y-%m-%d}{handed}")


@app.command()
def take(
    folder: Annotated[Path, typer.Argument(help="模型文件夹：model.json 与 card.json")], reason: Reason = None
) -> None:
    """登记一个候选模型；它只在旁路评分，不参与研判。"""
    with foreseen():
        artefact = load_artefact(folder)
    row = _with_models(lambda models: models.take(artefact.content, artefact.card_content, _act(reason)))
    SAY.print(f"已登记 {row['version']}，为候选")


@app.command()
def retrain(reason: Reason = None) -> None:
    """用本服务已见分晓的预测训练一个候选模型并登记；它只在旁路评分，启用须另行决定。"""

    async def trained(models: Models, engines: Engines) -> Row:
        act = _act(reason)
        return await retrained(Watch(engines, models, act.now), act)

    row = _with_engines(trained)
    SAY.print(f"已训练并登记 {row['version']}，为候选；先看它的旁路表现，再决定是否 weiyu models promote")


@app.command()
def promote(version: Annotated[str, typer.Argument(help="版本")], reason: Reason = None) -> None:
    """启用一个已登记的模型；运行中的各进程几秒内改用。"""
    row = _with_models(lambda models: models.promote(version, _act(reason)))
    SAY.print(f"已启用 {row['version']}")


@app.command()
def rollback(reason: Reason = None) -> None:
    """退回到启用当前模型之前在用的模型。"""
    row = _with_models(lambda models: models.roll_back(_act(reason)))
    SAY.print(f"已退回 {row['version']}")


@app.command()
def judging(
    by: Annotated[Judge, typer.Argument(help="由谁研判")], reason: Annotated[str, typer.Option(help="理由")]
) -> None:
    """交回规则单独研判，或恢复由模型参与（即表示已知悉并接受目前的各项提醒）。"""

    async def handed(models: Models) -> None:
        async with models.doors.engine.connect() as connection:
            looks = await scores.drift(connection, 1)
        accepted = [one["code"] for look in looks for one in look["found"]["noticed"]]
        await models.judge_by(by.value, _act(reason), accepted)

    _with_models(handed)
    SAY.print("已交回规则" if by is Judge.RULES else "已恢复由模型参与研判")


def _act(reason: str | None) -> Act:
    return Act(OFFICE, datetime.now(UTC), reason)


def _with_models(work: Callable[[Models], Awaitable[T]]) -> T:
    return _with_engines(lambda models, _: work(models))


def _with_engines(work: Callable[[Models, Engines], Awaitable[T]]) -> T:
    settings = settings_from()

    async def run(url: str) -> T:
        async with parts(settings, url) as (doors, engines):
            return await work(Models(doors, engines.models, settings.models_dir), engines)

    with foreseen(), database(settings) as url:
        return asyncio.run(run(url))
