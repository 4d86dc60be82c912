"""The service's own database as a history: replayed it says again what was said, and stays as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.domain.incidents import IncidentReport
from service.scoring.labels import History as Known
from service.store import played as kept
from service.store.engine import Row
from service.workflows.backtest.history import Corrected, History, Received, Signed, Withdrawn
from service.workflows.backtest.own_database import read_own
from service.workflows.backtest.play import play
from service.workflows.known_histories import by_matter, histories, history_of
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.telling import Work
from service.workflows.tending import ReportName, correct_incident, withdraw_incident
from tests.workflows.backtest.playing import SAID, said, silent, with_parts, written

DAYS = 8


@pytest.fixture
def lived(database_url: str, tmp_path: Path) -> tuple[History, list[Row]]:
    """A service that lived through a simulated district, corrected a report and withdrew another; what it judged."""
    history = written(tmp_path / "district", DAYS)

    async def live(doors: Doors, engines: Engines) -> list[Row]:
        await play(doors, engines, history, silent)
        async with doors.engine.connect() as connection:
            judged = await kept.judgements(connection)
        work = Work(doors, engines, history.end)
        first, second = [event for event in history.events if isinstance(event, Received)][:2]
        better = first.report.model_copy(update={"people_affected": 77})
        await correct_incident(work, Arrival(better, first.system), None)
        await withdraw_incident(work, ReportName(second.system, second.report.id, None), "重复")
        return judged

    return history, asyncio.run(with_parts(database_url, tmp_path, live))


def state_of(url: str) -> list[Any]:
    """Every table's rows, as one digest each."""
    with psycopg.connect(url) as database:
        tables = [row[0] for row in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        digest = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
        return [(name, database.execute(digest.format(name)).fetchone()) for name in sorted(tables)]  # type: ignore[arg-type]


def test_a_replay_of_the_own_database_says_again_what_was_said_and_changes_nothing_in_it(
    cluster: str, database_url: str, lived: tuple[History, list[Row]], tmp_path: Path
) -> None:
    history, judged = lived
    before = state_of(database_url)
    own = asyncio.run(read_own(database_url, None, history.end))
    again = said(cluster, own, tmp_path)

    assert own.outcomes
    assert not own.synthetic
    assert [sum(isinstance(event, kind) for event in own.events) for kind in (Corrected, Withdrawn)] == [1, 1]
    assert any(isinstance(event, Signed) for event in own.events)
    first = [{name: row[name] for name in SAID} for row in judged]
    repeated = [row for _, row in again.rows if row["cause"] != "correction"]
    assert sorted(map(repr, first)) == sorted(map(repr, repeated))
    assert state_of(database_url) == before


def test_the_corrected_report_and_the_withdrawn_one_are_played_as_such(
    database_url: str, lived: tuple[History, list[Row]]
) -> None:
    own = asyncio.run(read_own(database_url, None, lived[0].end))
    corrected = next(event for event in own.events if isinstance(event, Corrected))
    original = next(e for e in own.events if isinstance(e, Received) and e.report.id == corrected.report.id)
    assert isinstance(corrected.report, IncidentReport)
    assert corrected.report.people_affected == 77 != original.report.people_affected
    assert original.at < corrected.at


def test_what_a_label_is_made_of_is_read_alike_while_serving_and_after_a_play(
    database_url: str, lived: tuple[History, list[Row]], tmp_path: Path
) -> None:
    async def read(doors: Doors, _: Engines) -> tuple[dict[UUID, Known], dict[UUID, Known]]:
        async with doors.engine.connect() as connection:
            areas = {row["id"]: row["area"] for row in await kept.matters(connection)}
            told, entries = by_matter(await kept.told(connection)), by_matter(await kept.entries(connection))
            served = await histories(connection, areas.keys())
        return served, {one: history_of(area, told[one], entries[one]) for one, area in areas.items() if told[one]}

    served, played = asyncio.run(with_parts(database_url, tmp_path, read))

    assert {one: alike(served[one]) for one in played} == {one: alike(known) for one, known in played.items()}
    assert sum(len(known.told) for known in played.values()) > 30
    assert any(known.replies for known in played.values())
    assert any(known.endings for known in played.values())


def alike(known: Known) -> Known:
    """The order of what is known means nothing."""
    told, endings = sorted(known.told, key=repr), sorted(known.endings, key=repr)
    return Known(known.area, tuple(told), tuple(sorted(known.replies)), tuple(endings))
