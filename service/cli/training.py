"""weiyu train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.common import foreseen, refuse

try:
    from service.scoring import train as training
except ModuleNotFoundError as error:  # the extra `train` is not in the image: a serving process needs none of it
    if (error.name or "").split(".")[0] not in ("numpy", "scipy", "sklearn"):
        raise
    MISSING = error.name
else:
    MISSING = None


def train(
    out: Annotated[Path, typer.Option(help="模型写到此目录")] = Path("models"),
    seed: Annotated[int | None, typer.Option(help="随机种子")] = None,
    districts: Annotated[int | None, typer.Option(help="模拟多少个区", min=2)] = None,
    days: Annotated[int | None, typer.Option(help="每个区模拟多少天", min=100)] = None,
) -> None:
    """Train the escalation model on simulated matters; write model and card."""
    if MISSING:
        refuse([f"训练需要 scikit-learn（缺少 {MISSING}），运行环境不带它。在代码目录执行 make setup，"
                "或 pip install -e '.[train]'，然后再试。服务本身不需要它。"])  # fmt: skip
    with foreseen():
        shipped = (training.SHIPPED_SEED, training.SHIPPED_DISTRICTS, training.SHIPPED_DAYS)
        chosen = [given or default for given, default in zip((seed, districts, days), shipped, strict=True)]
        print(training.train(out, *chosen))
