"""Histories and plays for tests: a small simulated district, played into a scratch database of the test's server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from service.main import load_engines, open_doors
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.export import export
from service.scoring.simulation.parameters import SimulationParameters
from service.store import played
from service.store.engine import Row, open_engine
from service.store.scratch import scratch_database
from service.workflows.backtest.history import History, Window, window_of
from service.workflows.backtest.play import Play, play
from service.workflows.backtest.replay import Replayed, replayed
from service.workflows.backtest.simulated_folder import read_simulated
from service.workflows.parts import Doors, Engines
from tests.scoring.makers import NOON
from tests.served import settings_for

SAID = ("at", "cause", "level", "rule_level", "model_level", "probability", "feature_hash", "features")


def district(days: int, seed: int = 3) -> SimulatedDistrict:
    return simulate(SimulationParameters(), seed=seed, start=NOON.replace(month=3), days=days)


def written(folder: Path, days: int) -> History:
    """A district of so many days, written as `weiyu simulate` writes it, and read again."""
    export(district(days), folder, rollouts=2)
    return read_simulated(folder)


@dataclass(frozen=True, slots=True)
class Said:
    """Everything judged in a play: a row each, matters by the first report of each, in order."""

    rows: list[tuple[str, Row]]
    play: Play

    def until(self, cut: datetime) -> list[tuple[str, Row]]:
        return [one for one in self.rows if one[1]["at"] <= cut]


def said(cluster: str, history: History, folder: Path) -> Said:
    """Play a history and give back what was judged."""

    async def work(doors: Doors, engines: Engines) -> Said:
        made = await play(doors, engines, history, silent)
        async with doors.engine.connect() as connection:
            rows = await played.judgements(connection)
        names = [(made.first_report[row["matter_id"]], {name: row[name] for name in SAID}) for row in rows]
        return Said(sorted(names, key=lambda one: (one[1]["at"], one[0])), made)

    return in_scratch(cluster, folder, work)


def run(cluster: str, history: History, folder: Path, window: Window | None = None) -> tuple[Replayed, Engines]:
    """A whole replay."""

    async def work(doors: Doors, engines: Engines) -> tuple[Replayed, Engines]:
        asked = window or window_of(history, None, None)
        return await replayed(doors, engines, (history, asked), silent), engines

    return in_scratch(cluster, folder, work)


def in_scratch(cluster: str, folder: Path, work: Callable[[Doors, Engines], Any]) -> Any:
    with scratch_database(cluster) as url:
        return asyncio.run(with_parts(url, folder, work))


async def with_parts(url: str, folder: Path, work: Callable[[Doors, Engines], Any]) -> Any:
    settings = settings_for(folder)
    engine = open_engine(url, 2)
    try:
        return await work(await open_doors(settings, engine), load_engines(settings))
    finally:
        await engine.dispose()


def silent(_done: int, _total: int) -> None:
    """Nobody watches."""
