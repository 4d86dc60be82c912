"""weiyu pool learn | stated."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from service.cli.common import SAY, database, foreseen, refuse, settings_from
from service.cli.working import parts
from service.domain.levels import Level
from service.scoring.label_definition import load_definition
from service.scoring.labels import Label
from service.scoring.pooling import load_pooling
from service.store import forecasts, models
from service.store.engine import Row
from service.workflows.models import Act, Models

try:
    from service.scoring.pooling_trial import Settled, Trial, tried
except ModuleNotFoundError as error:  # the extra `train` is not in the image: a serving process needs none of it
    if (error.name or "").split(".")[0] not in ("numpy", "scipy", "sklearn"):
        raise
    MISSING = error.name
else:
    MISSING = None

app = typer.Typer(help="规则与模型的合并：按本地结果学习、比较、启用", no_args_is_help=True)
OFFICE = "管理员（命令行）"
WAYS = {"rules": "只用规则", "model": "只用模型", "stated": "合并（约定权重）", "both": "合并（学得）"}


@app.command()
def learn(
    use: Annotated[bool, typer.Option("--use", help="比只用模型更准时启用，据此定级；须写明理由")] = False,
    reason: Annotated[str | None, typer.Option(help="理由，记录在案")] = None,
) -> None:
    """用已见分晓的预测学习规则与模型如何合并：以较早的学习，以较晚的比较；加 --use 才启用。"""
    if MISSING:
        refuse([f"学习需要 numpy（缺少 {MISSING}），运行环境不带它。在代码目录执行 make setup，"
                "或 pip install -e '.[train]'，然后再试。"])  # fmt: skip
    if use and not reason:
        refuse(["启用会改变定级，请用 --reason 写明理由。"])
    settings = settings_from()
    with foreseen(), database(settings) as url:
        asyncio.run(_learn(url, Act(OFFICE, datetime.now(UTC), reason) if use else None))


@app.command()
def stated(reason: Annotated[str, typer.Option(help="理由，记录在案")]) -> None:
    """停用学得的合并权重：按模型自己的概率定级，合并值仅供参考。"""
    settings = settings_from()

    async def run(url: str) -> None:
        async with parts(settings, url) as (doors, engines):
            registry = Models(doors, engines.models, settings.models_dir)
            version = engines.scorer.version if engines.scorer else ""
            await registry.pool_by(None, version, Act(OFFICE, datetime.now(UTC), reason))

    with foreseen(), database(settings) as url:
        asyncio.run(run(url))
    SAY.print("已停用学得的合并权重")


async def _learn(url: str, act: Act | None) -> None:
    settings = settings_from()
    async with parts(settings, url) as (doors, engines):
        async with doors.engine.connect() as connection:
            champion = await models.in_role(connection, "champion")
            if champion is None:
                refuse(["还没有在用的模型，无从合并。"])
            rows = await forecasts.settled_rows(connection, champion["version"])
        found = tried([_settled(row) for row in rows], _ahead(champion), load_pooling())
        if found is None:
            refuse([_too_few(rows)])
        _tell(found)
        if act is None:
            return
        if not found.is_better:
            refuse(["学得的合并并不比只用模型更准，没有启用。"])
        registry = Models(doors, engines.models, settings.models_dir)
        await registry.pool_by(found.learned, champion["version"], act)
        SAY.print(f"已启用，权重 {found.learned.version}；运行中的各进程几秒内改用")


def _ahead(champion: Row) -> timedelta:
    return timedelta(days=champion["horizon_days"] + load_definition().settling_days)


def _settled(row: Row) -> Settled:
    by_rules = Level(row["rule_level"]) if row["rule_level"] else None
    return Settled(row["at"], str(row["matter_id"]), row["probability"], by_rules, row["label"] == Label.YES)


def _too_few(rows: list[Row]) -> str:
    least, came = load_pooling(), sum(row["label"] == Label.YES for row in rows)
    return (
        f"已见分晓的预测 {len(rows)} 件（升级 {came} 件）。较早的六成时间里须有 {least.enough_matters} 个事项见分晓、"
        f"其中 {least.enough_escalated} 个升级，较晚的用来比较；暂不学习，合并仍按约定权重。"
    )


def _tell(trial: Trial) -> None:
    SAY.print(f"以较早的 {trial.earlier} 件学习，在较晚的 {trial.later} 件上比较（90 % 区间）：")
    for way, title in WAYS.items():
        loss, auc = trial.measured[way]["log_loss"], trial.measured[way]["auc"]
        said = f"对数损失 {loss.value:.3f}（{loss.low:.3f}–{loss.high:.3f}）"
        print(f"{title}  {said}  AUC {auc.value:.3f}（{auc.low:.3f}–{auc.high:.3f}）")
