"""weiyu evaluate table."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.cli.common import SAY, foreseen, refuse

try:
    from service.scoring.learning.trial import Order
    from service.scoring.learning.verdict import evaluate_table
    from service.scoring.learning.verdict_text import verdict_text
except ModuleNotFoundError as error:  # the extra `train` is not in the image: a serving process needs none of it
    if (error.name or "").split(".")[0] not in ("numpy", "scipy", "sklearn", "threadpoolctl"):
        raise
    MISSING = error.name
else:
    MISSING = None

app = typer.Typer(help="评估学习器", no_args_is_help=True)
Csv = Annotated[Path, typer.Argument(help=".csv 或 .csv.gz，UTF-8，首行为列名", exists=True, dir_okay=False)]


class Rolling(StrEnum):
    """How often the learner is fitted anew while TEST goes on."""

    YEARLY = "yearly"


@app.callback()
def evaluating() -> None:
    """评估学习器"""


@app.command(context_settings={"allow_extra_args": True})
def table(
    context: typer.Context,
    train: Csv,
    test: Csv,
    label: Annotated[str, typer.Option(help="标签列：0/1、true/false、yes/no、是/否")],
    time: Annotated[str, typer.Option(help="时间列：事件发生的时间")],
    group: Annotated[str | None, typer.Option(help="分组列，例如地区；用于历史和计数")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="不用的列：--drop A B，或多次给出")] = None,
    monotone: Annotated[list[str] | None, typer.Option(help="限定方向的数值列，例如 +人数,-距离")] = None,
    horizon: Annotated[float | None, typer.Option(help="标签向后看多少天；缺省为 TRAIN 与 TEST 的间隔", min=0)] = None,
    rolling: Annotated[Rolling | None, typer.Option(help="yearly：每年用此前全部已定的行重新训练")] = None,
    seed: Annotated[int, typer.Option(help="随机种子", min=0, max=10_000)] = 0,
    out: Annotated[Path | None, typer.Option(help="把每行的概率、区间和超出情况写入此 CSV")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象")] = False,
) -> None:
    """在任意事件表上评估学习器：用 TRAIN 学习，预测更晚的 TEST，与基础率、逻辑回归、分组历史比较。"""
    if MISSING:
        refuse([f"评估需要 scikit-learn（缺少 {MISSING}），运行环境不带它。在代码目录执行 make setup，"
                "或 pip install -e '.[train]'，然后再试。服务本身不需要它。"])  # fmt: skip
    if context.args and not drop:
        refuse([f"多余的参数：{' '.join(context.args)}。"])
    without = [*(drop or ()), *context.args]
    signs = [sign for sign in (piece.strip() for piece in ",".join(monotone or ()).split(",")) if sign]
    with foreseen():
        order = Order(train, test, label, time, group, without, signs, horizon, rolling is not None, seed, out)
        verdict = evaluate_table(order)
    print(json.dumps(verdict, ensure_ascii=False) if as_json else verdict_text(verdict))
    if out:
        SAY.print(f"预测已写入 {out}")
