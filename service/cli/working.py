"""What commands share that work on the database without serving."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from service.cli.common import SAY, rest_collector
from service.main import load_engines, open_doors
from service.settings import Settings
from service.store.engine import open_engine
from service.workflows.models import Models
from service.workflows.parts import Doors, Engines


@asynccontextmanager
async def parts(settings: Settings, url: str) -> AsyncIterator[tuple[Doors, Engines]]:
    """The parts of a command that works on the database without serving."""
    engine = open_engine(url, 2)
    try:
        doors, engines = await open_doors(settings, engine), load_engines(settings)
        await Models(doors, engines.models, settings.models_dir).follow()
        rest_collector()
        yield doors, engines
    finally:
        await engine.dispose()


def progress_bar() -> Progress:
    """A bar on the terminal; nothing but the end is written where there is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=SAY, transient=True)
