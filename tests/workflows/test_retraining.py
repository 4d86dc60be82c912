"""Outcomes of a simulated district, lived through by the service, teach a challenger; nothing else changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from service.domain.incidents import IncidentReport
from service.domain.problems import Problem
from service.domain.words import Outcome
from service.main import load_engines, open_doors
from service.scoring.artefact import read_artefact
from service.scoring.card import words_of
from service.scoring.simulate import simulate
from service.scoring.simulation.export import export
from service.scoring.simulation.parameters import SimulationParameters
from service.store import models
from service.store.engine import Row, new_id, open_engine, rows_of
from service.store.views import Sight
from service.workflows import retraining
from service.workflows.answering import Actor, Ending, close_matter
from service.workflows.backtest.history import History, Received
from service.workflows.backtest.play import furnish
from service.workflows.backtest.simulated_folder import read_simulated
from service.workflows.counting_scores import count_scores
from service.workflows.models import SERVICE, Act, Models
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import report_incidents
from service.workflows.retraining import FAILED, gather, retrain, retrain_when_due
from service.workflows.settling_forecasts import settle_forecasts
from service.workflows.telling import Work
from service.workflows.watching_models import Watch
from tests.conftest import fresh_database
from tests.makers import NOON, at
from tests.model_files import SHIPPED_VERSION, bolder, files
from tests.served import settings_for

DAYS, LOST = 150, 12
DAY, HALF_DAY = timedelta(days=1), timedelta(hours=12)
OFFICE = "管理员"


@dataclass(frozen=True, slots=True)
class Place:
    """A service without a socket, at the moment up to which a district has lived."""

    doors: Doors
    engines: Engines
    models: Models
    now: datetime

    def watch(self, later: timedelta = timedelta()) -> Watch:
        return Watch(self.engines, self.models, self.now + later)

    def act(self) -> Act:
        return Act(OFFICE, self.now)

    async def registry(self) -> dict[str, str]:
        async with self.doors.engine.connect() as connection:
            return {row["version"]: row["role"] for row in await models.everything(connection)}

    async def events(self) -> list[Row]:
        async with self.doors.engine.connect() as connection:
            return await models.events(connection, 100)

    async def rows(self, statement: str) -> list[Row]:
        async with self.doors.engine.connect() as connection:
            return rows_of(await connection.execute(text(statement)))

    async def change(self, statement: str) -> None:
        async with self.doors.engine.begin() as connection:
            await connection.execute(text(statement))

    async def report(self, arrivals: list[Arrival], at: datetime) -> list[UUID]:
        """The matters they went to."""
        results = await report_incidents(self.doors, self.engines, arrivals, at)
        return [result.matter_id for result in results if result.matter_id]

    async def live(self, history: History) -> None:
        """Its reports, half a day at a time; some early matters are closed without anybody knowing what came."""
        received = [event for event in history.events if isinstance(event, Received)]
        await furnish(self.doors, history)
        seen: dict[UUID, datetime] = {}
        for half, events in groupby(received, lambda event: -((history.start - event.at) // HALF_DAY)):
            moment = history.start + half * HALF_DAY
            for matter in await self.report([Arrival(event.report, event.system) for event in events], moment):
                seen.setdefault(matter, moment)
        for matter, opened in list(seen.items())[:LOST]:
            closed = opened + DAY
            work, actor = Work(self.doors, self.engines, closed), Actor(Sight(None, None), OFFICE)
            await close_matter(work, matter, actor, Ending(Outcome.UNKNOWN, closed, None))
        await count_scores(self.doors, self.engines, new_id())
        await settle_forecasts(self.doors, history.end)


@asynccontextmanager
async def opened(url: str, folder: Path, now: datetime) -> AsyncIterator[Place]:
    settings, engine = settings_for(folder), open_engine(url, 2)
    try:
        doors, engines = await open_doors(settings, engine), load_engines(settings)
        registry = Models(doors, engines.models, settings.models_dir)
        await registry.take_shipped(now)
        await registry.follow()
        yield Place(doors, engines, registry, now)
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def lived(
    cluster: str,
    template_database: str,
    owner: psycopg.Connection[tuple[object, ...]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The name of a database in which a district lived until NOON. Lived once, cloned for each test."""
    folder = tmp_path_factory.mktemp("lived")
    export(simulate(SimulationParameters(), 3, NOON - DAYS * DAY, DAYS), folder / "district", rollouts=1)
    history = read_simulated(folder / "district")

    async def live(url: str) -> None:
        async with opened(url, folder, history.start) as place:
            await place.live(history)

    with fresh_database(cluster, template_database, owner) as url:
        asyncio.run(live(url))
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
async def place(
    cluster: str, owner: psycopg.Connection[tuple[object, ...]], lived: str, tmp_path: Path
) -> AsyncIterator[Place]:
    """That place, of this test only."""
    with fresh_database(cluster, lived, owner) as url:
        async with opened(url, tmp_path, NOON) as place:
            yield place


@pytest.fixture
async def bare(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    """Nothing was ever reported here."""
    async with opened(database_url, tmp_path, NOON) as place:
        yield place


async def test_outcomes_teach_a_challenger_that_scores_in_shadow_and_the_model_in_use_stays(place: Place) -> None:
    told = await gather(place.watch())

    row = await retrain(place.watch(), place.act())

    assert await place.registry() == {SHIPPED_VERSION: "champion", row["version"]: "challenger"}
    assert (row["taken_by"], row["promoted_by"], row["synthetic"]) == (OFFICE, None, True)
    trained = json.loads(row["card"])["trained_on"]
    assert trained["forecasts"] == len(told["outcomes"]) == trained["examples"]["all"]
    assert trained["escalated"] == len({one["matter"] for one in told["outcomes"] if one["escalated"]}) >= 20
    assert 0 < trained["examples"]["older"] < trained["examples"]["all"] - trained["examples"]["newest"]
    (area,) = await place.rows("SELECT area FROM forecast LIMIT 1")
    body = at(NOON, people_affected=30, **area)
    (matter,) = await place.report([Arrival(IncidentReport.model_validate(body), "grid")], NOON)
    (judged,) = await place.rows(f"SELECT model_version, score FROM judgement WHERE matter_id = '{matter}'")
    assert judged["model_version"] == SHIPPED_VERSION
    (shadow,) = judged["score"]["shadows"]
    assert shadow["version"] == row["version"]
    artefact = read_artefact(row["artefact"], row["card"])
    assert shadow["probability"] == pytest.approx(artefact.scorer.probability(judged["score"]["features"]))


async def test_what_is_not_known_is_no_no_and_teaches_nothing(place: Place) -> None:
    told = await gather(place.watch())

    settled = "SELECT label, count(DISTINCT (month, matter_id)) AS n FROM forecast WHERE check_at IS NULL GROUP BY 1"
    labels = {row["label"]: row["n"] for row in await place.rows(settled)}
    assert told["never_known"] == labels["not_yet_known"] > 0
    assert len(told["outcomes"]) == labels["yes"] + labels["no"]


async def test_the_card_says_what_it_learned_from_and_that_it_is_synthetic_here(place: Place) -> None:
    row = await retrain(place.watch(), place.act())

    words = words_of(json.loads(row["card"]), json.loads(row["artefact"]))

    assert words.startswith(f"# Model card: {row['version']}")
    assert words.index("合成数据，非真实") < words.index("What it has learned from")
    assert "| in_use |" in words


async def test_the_same_outcomes_make_the_same_model_which_is_taken_in_once(place: Place) -> None:
    await retrain(place.watch(), place.act())
    before = await place.registry()

    with pytest.raises(Problem, match="model_known"):
        await retrain(place.watch(), place.act())

    assert await place.registry() == before


async def test_too_few_outcomes_are_refused_with_both_numbers_and_are_no_failure(bare: Place) -> None:
    events = await bare.events()

    with pytest.raises(Problem, match="已见分晓的事项有 0 件，其中升级 0 件；用本地结果训练至少需要 200 件"):
        await retrain(bare.watch(), bare.act())
    assert await retrain_when_due(bare.watch()) is None

    assert await bare.registry() == {SHIPPED_VERSION: "champion"}
    assert await bare.events() == events


async def test_a_newest_slice_without_enough_escalations_is_refused(place: Place) -> None:
    newest = "UPDATE forecast SET label = 'no' WHERE at > (SELECT max(at) - interval '85 days' FROM forecast)"
    await place.change(newest)

    with pytest.raises(Problem, match=r"too_few_outcomes: 最新一段的已知结果中只有 . 件升级事项，至少需要 5 件"):
        await retrain(place.watch(), place.act())

    assert await place.registry() == {SHIPPED_VERSION: "champion"}


async def test_a_training_that_fails_leaves_everything_as_it_was_and_is_noted_once(place: Place) -> None:
    ruined = """UPDATE judgement SET score = jsonb_set(score, '{features,people_log}', '"many"')
        WHERE feature_hash IS NOT NULL"""
    await place.change(ruined)

    with pytest.raises(Problem, match="training_failed"):
        await retrain(place.watch(), place.act())
    for days in range(3):
        assert await retrain_when_due(place.watch(days * DAY)) is None

    assert await place.registry() == {SHIPPED_VERSION: "champion"}
    assert [event["kind"] for event in await place.events()] == [FAILED, "taken_in"]


async def test_a_training_that_takes_too_long_is_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "TIME_LIMIT", timedelta(seconds=0.05))

    with pytest.raises(Problem, match="已中止"):
        await retrain(place.watch(), place.act())

    assert await place.registry() == {SHIPPED_VERSION: "champion"}


async def test_without_the_library_it_says_what_is_missing_and_where_to_train(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retraining, "NEEDED", "a_library_that_is_not_here")

    with pytest.raises(Problem, match=r"a_library_that_is_not_here.*weiyu models retrain"):
        await retrain(place.watch(), place.act())


async def test_the_schedule_makes_a_challenger_and_gives_it_its_time(place: Place) -> None:
    first = await retrain_when_due(place.watch())

    assert first is not None
    assert (first["role"], first["taken_by"]) == ("challenger", SERVICE)
    assert await retrain_when_due(place.watch(59 * DAY)) is None
    assert await retrain_when_due(place.watch(61 * DAY)) is None  # due, and nothing new is known
    assert await place.registry() == {SHIPPED_VERSION: "champion", first["version"]: "challenger"}
    assert {event["kind"] for event in await place.events()} == {"taken_in"}


async def test_the_schedule_retires_no_challenger_that_somebody_took_in(place: Place) -> None:
    other = files("next-1", bolder)
    await place.models.take(other["model"].encode(), other["card"].encode(), place.act())

    assert await retrain_when_due(place.watch()) is None

    assert await place.registry() == {SHIPPED_VERSION: "champion", "next-1": "challenger"}
