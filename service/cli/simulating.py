"""weiyu simulate."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated

import typer

from service.cli.common import foreseen, refuse
from service.scoring.simulate import simulate as simulated
from service.scoring.simulation.export import export, require_empty
from service.scoring.simulation.parameters import numbered
from service.scoring.simulation.truth import ROLLOUTS

FIRST_DAY = datetime(2025, 9, 1, tzinfo=timezone(timedelta(hours=8)))  # with 180 days a wage season lies within


def simulate(
    out: Annotated[Path, typer.Option(help="写到此目录（须不存在或为空）")],
    seed: Annotated[int, typer.Option(help="随机种子")] = 7,
    days: Annotated[int, typer.Option(help="模拟多少天", min=1, max=3660)] = 120,
    districts: Annotated[int, typer.Option(help="模拟多少个区，每区一个子目录", min=1, max=99)] = 1,
    rollouts: Annotated[int, typer.Option(help="求真实概率时每个时刻推演几次，越多越准越慢", min=2)] = ROLLOUTS,
) -> None:
    """Write simulated districts with the truth behind them; everything in them is synthetic and says so."""
    with foreseen():
        require_empty(out)
        for p in map(numbered, range(districts)):
            try:
                print(export(simulated(p, seed, FIRST_DAY, days), out / p.county, rollouts))
            except OSError as error:
                refuse([f"无法写入 {error.filename or out}：{error.strerror}"])
        print(f"模拟数据（虚构）已写入 {out}")
