"""What may come together is read by the indexes of what is not over, never by walking what is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.projects import ProjectKind
from service.store import projects, together
from service.store.engine import new_id
from service.store.tables_project import ProjectTable
from service.store.together import MatterQuestion
from tests.makers import COUNTY, NOON, VILLAGE
from tests.workflows.conftest import House, house
from tests.workflows.town import Town

__all__ = ["house"]  # a fixture
OVER = 20_000
TODAY = NOON.date()
MONTH = timedelta(days=30)


@pytest.fixture
async def connection(house: House) -> AsyncIterator[AsyncConnection]:
    """Two projects and a matter among twenty thousand of each that are over or long past."""
    town = await Town(house.doors, house.engines, NOON).settle()
    await town.report(people_affected=45)
    async with house.doors.transaction() as connection:
        for stage in ("implementing", "pre_decision"):
            row = {
                "id": new_id(), "name": "清河片区", "kind": ProjectKind.CONSTRUCTION, "area": VILLAGE, "stage": stage,
                "department_id": town.lead["id"], "scale": {}, "facts": {"start_on": "2026-11-25"}, "revision": 1,
                "created_at": NOON, "updated_at": NOON,
            }  # fmt: skip
            await projects.put(connection, ProjectTable, row)
        for statement in (_PROJECTS_OVER, _MATTERS_OVER):
            await connection.execute(text(statement), {"over": OVER})
        await connection.execute(text("ANALYZE project"))
        await connection.execute(text("ANALYZE matter"))
    async with house.doors.engine.connect() as connection:
        yield connection


async def read_whole(connection: AsyncConnection) -> dict[str, int]:
    """Rows that this transaction has read of each table by walking it, and how many by an index."""
    rows = await connection.execute(
        text(
            "SELECT relname, seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('project', 'matter')"
        )
    )
    return {
        f"{row.relname} {name}": getattr(row, name) or 0 for row in rows for name in ("seq_tup_read", "idx_tup_fetch")
    }


async def test_every_read_touches_few_rows_however_much_is_over(connection: AsyncConnection) -> None:
    found = await together.undertakings(connection, (TODAY - MONTH, TODAY + MONTH))
    assert sorted(row["stage"] for row in found) == ["implementing", "pre_decision"]
    levels = ["yellow", "orange", "red"]
    assert await together.touched_counties(connection, NOON - timedelta(days=2), levels) == {COUNTY[:6]}
    matters = await together.standing(connection, MatterQuestion([COUNTY[:6]], ["labour"], levels, NOON - MONTH))
    assert [UUID(str(row["id"])) for row in matters]
    assert len(matters) == 1

    read = await read_whole(connection)
    assert (read["project seq_tup_read"], read["matter seq_tup_read"]) == (0, 0)
    assert read["project idx_tup_fetch"] + read["matter idx_tup_fetch"] < 50


_PROJECTS_OVER = """
INSERT INTO project SELECT (jsonb_populate_record(NULL::project, to_jsonb(p) || jsonb_build_object(
  'id', gen_random_uuid(), 'stage', (ARRAY['completed', 'stopped', 'pre_decision'])[1 + n % 3],
  'facts', jsonb_build_object('start_on', '2020-01-01')))).*
FROM (SELECT * FROM project LIMIT 1) AS p, generate_series(1, :over) AS n
"""
_MATTERS_OVER = """
INSERT INTO matter SELECT (jsonb_populate_record(NULL::matter, to_jsonb(m) || jsonb_build_object(
  'id', gen_random_uuid(),
  'status', CASE WHEN n % 2 = 0 THEN 'closed' ELSE 'open' END, 'updated_at', '2020-01-01T00:00:00Z',
  'last_occurred_at', '2020-01-01T00:00:00Z'))).*
FROM (SELECT * FROM matter LIMIT 1) AS m, generate_series(1, :over) AS n
"""
