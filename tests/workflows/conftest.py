"""Real engines and a real database for workflows, with the test areas loaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from service.main import load_engines, open_doors
from service.store.engine import Row, open_engine, rows_of
from service.workflows.parts import Doors, Engines
from tests.makers import AREAS, NOON
from tests.served import load_areas, settings_for


@dataclass(frozen=True, slots=True)
class House:
    """The parts that a workflow is handed; the clock stands at noon."""

    doors: Doors
    engines: Engines

    def clock(self) -> datetime:
        return NOON

    async def rows(self, statement: str) -> list[Row]:
        async with self.doors.engine.connect() as connection:
            return rows_of(await connection.execute(text(statement)))

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"])


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    await load_areas(database_url, AREAS)
    settings = settings_for(tmp_path)
    engine = open_engine(database_url, 2)
    yield House(await open_doors(settings, engine), load_engines(settings))
    await engine.dispose()
