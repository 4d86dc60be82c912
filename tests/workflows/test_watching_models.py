"""Drift injected through real reports on a set clock: seen, reported, and past a limit the rules judge alone."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from service.scoring.standing import Standing
from service.store.engine import new_id
from service.workflows.counting_scores import count_scores
from service.workflows.settling_forecasts import settle_forecasts
from service.workflows.watching_models import Watch, watch_model
from tests.conftest import fresh_database
from tests.journeys.conftest import ok
from tests.makers import NOON, OTHER_VILLAGE, VILLAGE, at
from tests.model_files import SHIPPED_VERSION, files
from tests.served import Served, SetClock, serving

DAY = timedelta(days=1)
CATEGORIES = ("labour.wage_arrears", "urban_rural.utilities", "contract.property_service", "urban_rural.demolition")
WEIGHTS = (35, 25, 25, 15)
EACH_DAY = 30
Body = dict[str, Any]
_numbers = itertools.count(1)


@dataclass
class Place:
    """A running service with a clock that is put, and a stream of reports that has no drift until it is given one."""

    served: Served
    clock: SetClock
    grid: httpx.AsyncClient
    admin: httpx.AsyncClient
    dice: random.Random
    rate: float = 0.0  # share of new matters that are a blocked road five days later
    coming: list[list[str]] = field(default_factory=list)  # the matters of each of the last days

    def body(self) -> Body:
        """A matter of its own: no text is like another."""
        text = "".join(chr(self.dice.randrange(0x4E00, 0x9FA5)) for _ in range(24))
        people = max(5, round(self.dice.lognormvariate(2.6, 0.6)))
        category = self.dice.choices(CATEGORIES, WEIGHTS)[0]
        area = self.dice.choice([VILLAGE, OTHER_VILLAGE])
        more = {"text": text, "people_affected": people, "category": category, "area": area}
        return at(self.clock(), id=f"d-{next(_numbers)}", **more)

    async def send(self, bodies: list[Body]) -> list[str]:
        """Reports that must all be taken; the matters they went to."""
        matters = []
        for start in range(0, len(bodies), 500):
            sent = ok(await self.grid.post("/v1/incidents:batch", json={"items": bodies[start : start + 500]}))
            assert {item["status"] for item in sent["items"]} == {"created"}
            matters += [item["matter_id"] for item in sent["items"]]
        return matters

    async def days(self, number: int, each: int, change: Callable[[Body], Body] = lambda body: body) -> list[str]:
        """So many days with so many new matters each."""
        matters = []
        for _ in range(number):
            self.coming.append(await self.send([change(self.body()) for _ in range(each)]))
            matters += self.coming[-1]
            if len(self.coming) > 5:
                grown = [matter for matter in self.coming.pop(0) if self.dice.random() < self.rate]
                await self.send([self.blocked(matter) for matter in grown])
            self.clock.moment += DAY
        return matters

    def blocked(self, matter: str) -> Body:
        """A later report of a matter that escalates."""
        more = {"text": "巷口被堵，车辆不能通行", "people_affected": 10, "signals": ["road_blocked"]}
        return at(self.clock(), id=f"d-{next(_numbers)}", matter_id=matter, category=..., **more)

    async def look(self) -> Standing | None:
        """What the clock's ticks would do by now."""
        parts = self.served.app.state.parts
        await count_scores(parts.doors, parts.engines, new_id())
        await settle_forecasts(parts.doors, self.clock())
        return await watch_model(Watch(parts.engines, parts.models, self.clock()))

    async def found(self) -> dict[str, Any]:
        """The newest look, as an administrator reads it."""
        newest: dict[str, Any] = ok(await self.admin.get("/v1/model/drift"))[0]
        return newest

    async def grave(self) -> set[str]:
        return {one["code"] for one in (await self.found())["noticed"] if one["grave"]}


BEGUN = NOON - 250 * DAY


@asynccontextmanager
async def placed(database_url: str, folder: Path, moment: datetime, seed: int = 7) -> AsyncIterator[Place]:
    clock = SetClock(moment)
    async with serving(database_url, folder, clock) as served:
        grid = await served.client(Scope.REPORT, system="grid")
        admin = await served.client(Scope.ADMINISTER, name="管理员")
        yield Place(served, clock, grid, admin, random.Random(seed))


@pytest.fixture
async def place(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    """Nothing was ever reported here."""
    async with placed(database_url, tmp_path, BEGUN) as empty:
        yield empty


@dataclass(frozen=True)
class Lived:
    """The name of a database with ten weeks of even reporting in which as much escalates as the model says."""

    name: str
    until: datetime
    rate: float
    coming: list[list[str]]


@pytest.fixture(scope="module")
def lived(
    cluster: str,
    template_database: str,
    owner: psycopg.Connection[tuple[object, ...]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lived]:
    """Long enough for a reference. Lived once, cloned for each test."""

    async def live(url: str) -> Lived:
        async with placed(url, tmp_path_factory.mktemp("lived"), BEGUN) as place:
            await place.days(1, 1)
            place.clock.moment += 25 * DAY
            await place.days(2, EACH_DAY)
            await place.look()
            month = ok(await place.admin.get("/v1/performance"))["months"][0]
            place.rate = month["expected"] / month["forecasts"]
            await place.days(70, EACH_DAY)
            assert await place.look() is Standing.SOUND, (await place.found())["noticed"]
            assert (await place.found())["compared"]["reference_scores"] >= 1000
            return Lived(urlsplit(url).path.removeprefix("/"), place.clock(), place.rate, place.coming)

    with fresh_database(cluster, template_database, owner) as url:
        yield asyncio.run(live(url))


@pytest.fixture
async def settled(
    cluster: str, owner: psycopg.Connection[tuple[object, ...]], lived: Lived, tmp_path: Path
) -> AsyncIterator[Place]:
    """A place past its warm-up, with a reference, of this test only."""
    with fresh_database(cluster, lived.name, owner) as url:
        async with placed(url, tmp_path, lived.until, seed=8) as place:
            place.rate, place.coming = lived.rate, [*lived.coming]
            yield place


async def last_judgement(place: Place) -> dict[str, Any]:
    (matter,) = await place.send([place.body()])
    why: dict[str, Any] = ok(await place.admin.get(f"/v1/matters/{matter}/why"))
    return why


async def test_more_of_the_same_is_no_drift_a_scaled_head_count_is_and_the_rules_take_over(settled: Place) -> None:
    await settled.days(7, EACH_DAY)

    assert await settled.look() is Standing.SOUND, (await settled.found())["noticed"]
    assert ok(await settled.admin.get("/v1/operations/notices")) == []
    assert (await last_judgement(settled))["model_version"] == SHIPPED_VERSION

    await settled.days(7, EACH_DAY, lambda body: body | {"people_affected": body["people_affected"] * 10})

    assert await settled.look() is Standing.HANDED_TO_RULES
    assert {"psi.people_log", "psi.score"} <= await settled.grave()
    metrics = (await settled.admin.get("/metrics")).text
    assert "weiyu_model_standing 2.0" in metrics
    assert "weiyu_model_usable 0.0" in metrics
    (told, *_) = [line for line in metrics.splitlines() if line.startswith('weiyu_model_psi{input="people_log"}')]
    assert float(told.split()[-1]) > 0.25
    why = await last_judgement(settled)
    assert why["probability"] is None
    assert "已交回规则" in why["score"]["why_none"]
    assert "涉及人数" in why["score"]["why_none"]
    assert [shadow["version"] for shadow in why["score"]["shadows"]] == [SHIPPED_VERSION]
    event = ok(await settled.admin.get("/v1/models/events"))[0]
    assert (event["kind"], event["actor"]) == ("handed_to_rules", "本服务")
    notices = ok(await settled.admin.get("/v1/operations/notices"))
    assert notices[0]["code"] == "no_model"
    assert {"psi.people_log"} <= {notice["code"] for notice in notices}


async def test_judging_comes_back_by_an_administrators_word_or_by_promotion_and_by_nothing_else(settled: Place) -> None:
    scaled = {"people_affected": 400}
    await settled.days(7, EACH_DAY, lambda body: body | scaled)
    assert await settled.look() is Standing.HANDED_TO_RULES

    await settled.days(1, 10)
    assert await settled.look() is Standing.HANDED_TO_RULES
    back = {"by": "model", "reason": "人数口径由户改为人，已核实"}
    assert (await settled.admin.put("/v1/model/judging", json=back)).status_code == 204
    assert await settled.look() is Standing.WARNED
    assert all(one["accepted"] for one in (await settled.found())["noticed"] if one["grave"])
    assert (await last_judgement(settled))["model_version"] == SHIPPED_VERSION

    handed = {"by": "rules", "reason": "试"}
    assert (await settled.admin.put("/v1/model/judging", json=handed)).status_code == 204
    anew = {"by": "model", "reason": "今后以人计", "compare_anew": True}
    assert (await settled.admin.put("/v1/model/judging", json=anew)).status_code == 204
    assert await settled.look() is Standing.SOUND
    assert (await settled.found())["compared"]["reference_scores"] is None

    assert (await settled.admin.put("/v1/model/judging", json=handed)).status_code == 204
    ok(await settled.admin.post("/v1/models", json=files("next-1")), 201)
    ok(await settled.admin.post("/v1/models/next-1/promote", json={}))
    assert (await last_judgement(settled))["model_version"] == "next-1"


async def test_a_renamed_category_is_seen_for_what_it_is_and_a_rarer_one_only_warned_of(settled: Place) -> None:
    renamed = {"contract.property_service": "other_civil.consumer"}

    await settled.days(7, EACH_DAY, lambda body: body | {"category": renamed.get(body["category"], body["category"])})

    assert await settled.look() is Standing.HANDED_TO_RULES
    assert "renamed.contract.property_service" in await settled.grave()
    assert (await settled.found())["renamed"] == ["contract.property_service"]
    assert "可能改了名称" in (await last_judgement(settled))["score"]["why_none"]


async def test_a_category_that_the_season_ends_is_warned_of_and_the_model_goes_on(settled: Place) -> None:
    others = ("labour.wage_arrears", "contract.property_service", "urban_rural.demolition")

    def without_heating(body: Body) -> Body:
        gone = body["category"] == "urban_rural.utilities"
        return body | {"category": settled.dice.choice(others)} if gone else body

    await settled.days(7, EACH_DAY, without_heating)

    assert await settled.look() is Standing.WARNED
    assert {one["code"] for one in (await settled.found())["noticed"]} == {"psi.category"}
    assert (await last_judgement(settled))["model_version"] == SHIPPED_VERSION


async def escalating(place: Place, times: float) -> Standing | None:
    """300 matters, of which `times` as many as expected are blocked roads a week later; looked at when all is known."""
    matters = await place.days(3, 100, lambda body: body | {"people_affected": 10})
    await place.look()
    expected = sum(month["expected"] for month in ok(await place.admin.get("/v1/performance"))["months"])
    place.clock.moment += 7 * DAY
    await place.send([place.blocked(matter) for matter in matters[: round(times * expected)]])
    place.clock.moment += 45 * DAY
    return await place.look()


@pytest.mark.parametrize(("times", "standing"), [(1.0, Standing.SOUND), (2.0, Standing.HANDED_TO_RULES)])
async def test_a_base_rate_as_expected_is_no_drift_and_a_doubled_one_ends_the_models_judging(
    place: Place, times: float, standing: Standing
) -> None:
    assert await escalating(place, times) is standing, (await place.found())["noticed"]

    found = await place.found()
    assert found["calibration"]["ratio"] == pytest.approx(times, rel=0.15)
    assert found["calibration"]["forecasts"] >= 300
    assert await place.grave() == ({"calibration"} if times == 2.0 else set())
    assert ((await last_judgement(place))["probability"] is None) is (times == 2.0)


async def test_the_record_sets_forecasts_against_what_happened_and_names_the_largest_misses(place: Place) -> None:
    await escalating(place, 1.5)

    months = ok(await place.admin.get("/v1/performance"))["months"]
    first = months[-1]

    known = first["compared"]
    assert (first["version"], first["not_yet_known"], first["unknown"]) == (SHIPPED_VERSION, 0, 0)
    assert known["forecasts"] == first["forecasts"] == 300
    assert known["came"] == first["came_so_far"] == round(1.5 * known["expected"])
    assert sum(one["forecasts"] for one in first["calibration"]) == 300
    assert sum(one["came"] for one in first["levels"]) == known["came"]
    ways = {way["name"]: way for way in first["ways"]}
    assert list(ways) == ["rules", "model", "both"]
    assert {(way["forecasts"], way["came"]) for way in ways.values()} == {(300, known["came"])}
    assert (ways["model"]["expected"], ways["model"]["brier"]) == pytest.approx((known["expected"], first["brier"]))
    assert ways["model"]["levels"] == first["levels"]
    assert sum(level["forecasts"] for level in ways["both"]["levels"]) == 300
    assert all(0 < way["log_loss"] < 1 for way in ways.values())
    assert ways["both"]["expected"] != pytest.approx(known["expected"])
    assert 0 < first["brier"] < 0.25
    assert len(first["largest_misses"]) == 5
    assert all(miss["came"] for miss in first["largest_misses"])
    assert {miss["area"] for miss in first["largest_misses"]} <= {VILLAGE, OTHER_VILLAGE}
    apart = [abs(miss["came"] - miss["probability"]) for miss in first["largest_misses"]]
    assert apart == sorted(apart, reverse=True)
    local = await place.served.client(Scope.READ, area=VILLAGE)
    seen = ok(await local.get("/v1/performance"))["months"][-1]
    assert 0 < seen["forecasts"] < 300
    assert {miss["area"] for miss in seen["largest_misses"]} == {VILLAGE}


async def test_what_is_not_known_yet_and_what_never_will_be_stand_apart(place: Place) -> None:
    lost, _, escalated = await place.days(1, 3)
    respond = await place.served.client(Scope.RESPOND, name="社区")
    ending = {"outcome": "unknown"}
    ok(await respond.post(f"/v1/matters/{UUID(lost)}/close", json=ending))
    await place.send([place.body() | {"matter_id": escalated, "signals": ["injury"]}])
    place.clock.moment += 8 * DAY

    await place.look()
    (early,) = ok(await place.admin.get("/v1/performance"))["months"]
    place.clock.moment += 40 * DAY
    await place.look()
    late = ok(await place.admin.get("/v1/performance"))["months"][-1]

    assert (early["came_so_far"], early["not_yet_known"], early["compared"]["forecasts"]) == (1, 2, 0)
    assert (late["came_so_far"], late["not_yet_known"], late["unknown"]) == (1, 0, 1)
    assert (late["compared"]["forecasts"], late["compared"]["came"]) == (2, 1)


async def test_a_challengers_forecasts_are_kept_apart_until_asked_for(place: Place) -> None:
    ok(await place.admin.post("/v1/models", json=files("next-1")), 201)
    await place.days(1, 5)
    await place.look()

    (published,) = ok(await place.admin.get("/v1/performance"))["months"]
    (asked,) = ok(await place.admin.get("/v1/performance", params={"version": "next-1"}))["months"]

    assert (published["version"], published["forecasts"]) == (SHIPPED_VERSION, 5)
    assert (asked["version"], asked["forecasts"], asked["ways"]) == ("next-1", 5, [])


async def test_an_old_model_is_warned_of_and_a_very_old_one_judges_no_more(place: Place) -> None:
    assert await place.look() is Standing.SOUND
    place.clock.moment = NOON + 200 * DAY
    assert await place.look() is Standing.WARNED
    assert await place.look() is Standing.WARNED
    place.clock.moment += 365 * DAY
    assert await place.look() is Standing.HANDED_TO_RULES

    assert {one["code"] for one in (await place.found())["noticed"]} == {"stale"}
    admin = await place.served.client(Scope.ADMINISTER)
    kinds = [event["kind"] for event in ok(await admin.get("/v1/models/events"))]
    assert kinds == ["handed_to_rules", "warned", "taken_in"]


async def test_a_score_is_counted_once_however_often_it_is_looked_at(settled: Place) -> None:
    await settled.days(8, EACH_DAY)
    await settled.look()
    once = (await settled.found())["compared"]["scores"]

    await settled.look()

    assert once >= 200
    assert (await settled.found())["compared"]["scores"] == once
