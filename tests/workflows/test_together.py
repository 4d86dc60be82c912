"""What comes together in one place is told once, and again when more joins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.domain.levels import Level
from service.domain.projects import ProjectKind
from service.main import open_doors
from service.rules.thresholds import THRESHOLDS_FILE, load_thresholds
from service.store import projects
from service.store.engine import Row, new_id, open_engine
from service.store.tables_project import ProjectTable
from service.workflows.together import warn_together
from tests.makers import NOON, OTHER_VILLAGE, STREET, VILLAGE
from tests.served import settings_for
from tests.workflows.conftest import House
from tests.workflows.town import Town

OTHER_TOWN = "990101002000"


@pytest.fixture
async def town(house: House) -> Town:
    return await Town(house.doors, house.engines, NOON).settle()


async def project(town: Town, start_on: str = "2026-11-25", **changes: Any) -> Row:
    row = {
        "id": new_id(), "name": "清河片区改建", "kind": ProjectKind.HOUSE_EXPROPRIATION, "area": VILLAGE,
        "stage": "pre_decision", "department_id": town.helper["id"], "scale": {}, "facts": {"start_on": start_on},
        "revision": 1, "created_at": town.clock(), "updated_at": town.clock(),
    }  # fmt: skip
    async with town.doors.transaction() as connection:
        return await projects.put(connection, ProjectTable, row | changes)


async def warnings(town: Town) -> list[Row]:
    return await town.rows("SELECT * FROM warning WHERE subject_kind = 'area' ORDER BY opened_at, id")


async def ticked(town: Town) -> list[Row]:
    await warn_together(town.doors, town.engines, town.clock())
    return await warnings(town)


async def grave(town: Town, category: str, **changes: Any) -> UUID:
    """A matter that a standing order lets leave at once as orange."""
    await town.order(Level.ORANGE)
    told = {
        "text": f"{category} 四十多人堵路",
        "people_affected": 45,
        "people_present": 45,
        "signals": ["road_blocked"],
    }
    return (await town.report(category=category, **(told | changes))).matter_id


async def test_two_projects_in_one_street_are_told_once_to_who_answers(town: Town) -> None:
    await project(town)
    await project(town, "2026-12-10", kind=ProjectKind.CONSTRUCTION, name="道路改造", area=STREET)
    (warning,) = await ticked(town)
    assert await ticked(town) == [warning], "once"
    assert (warning["subject_id"], warning["area"], warning["level"]) == (f"{STREET}/together", STREET, "yellow")
    assert warning["headline"] == "清河街道：2 个项目碰头叠加"
    assert "道路改造（工程施工，2026-12-10 开工）" in warning["reasons"][0]["text"]
    assert "统筹开工和搬迁时间，错峰安排施工" in warning["measures"]
    assert await town.pushed(warning["id"], town.lead) == 1
    await town.sign(warning["id"])
    assert (await town.duty(warning["id"]))["signed_at"] == NOON


async def test_an_election_comes_together_on_the_day_of_its_vote(town: Town) -> None:
    await project(town)
    vote = {"name": "换届", "kind": ProjectKind.COMMUNITY_ELECTION, "facts": {"election_on": "2026-12-10"}}
    await project(town, **vote)
    (warning,) = await ticked(town)
    assert "换届（居民委员会换届，2026-12-10 投票）" in warning["reasons"][0]["text"]


@pytest.mark.parametrize(
    "other",
    [
        {"area": OTHER_VILLAGE},
        {"start_on": "2026-12-19"},
        {"stage": "completed"},
        {"stage": "stopped"},
        {"facts": {}},
        {"facts": {"start_on": "2026-01-01"}},
    ],
)
async def test_elsewhere_later_over_or_unknown_does_not_come_together(town: Town, other: dict[str, Any]) -> None:
    await project(town)
    await project(town, **other)
    assert await ticked(town) == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"region": "['9901']"}, [VILLAGE]),
        ({"region": "['9901']", "from": "2026-11-18"}, [VILLAGE]),
        ({"region": "['9901']", "from": "2026-11-19"}, [STREET]),
        ({"region": "['33']"}, [STREET]),
    ],
)
async def test_what_one_place_is_depends_on_region_and_day(town: Town, entry: dict[str, str], told: list[str]) -> None:
    """Two projects in one village: one place by village (12 digits) and by street (9) alike, but not the same one."""
    words = "".join(f"{name}: {value}, " for name, value in entry.items())
    written = "entries: [{value: 9, source: 本项目约定：乡镇街道"
    local = written.replace("[{value: 9", f"[{{value: 12, {words}source: 测试, unverified: true}}, {{value: 9")
    thresholds = load_thresholds(THRESHOLDS_FILE.read_text("utf-8").replace(written, local, 1))
    await project(town)
    await project(town)
    await warn_together(town.doors, replace(town.engines, thresholds=thresholds), town.clock())
    assert [one["area"] for one in await warnings(town)] == told


async def test_what_starts_later_is_told_once_its_start_comes_near(town: Town) -> None:
    await project(town, stage="implementing")
    await project(town, "2026-12-19")
    assert await ticked(town) == []
    town.clock.moment += timedelta(days=3)  # nothing was touched since
    assert len(await ticked(town)) == 1


async def test_what_joins_makes_a_new_revision_of_the_same_warning(town: Town) -> None:
    await project(town)
    await project(town)
    (first,) = await ticked(town)
    await project(town, "2026-11-30", name="第三个项目")
    (second,) = await ticked(town)
    assert (second["id"], second["revision"]) == (first["id"], 2)
    assert "第三个项目" in second["reasons"][0]["text"]
    assert await town.changes(first["id"]) == ["issued", "updated"]
    assert await town.pushed(first["id"], town.lead) == 2


async def test_one_more_matter_of_a_kind_that_was_told_is_kept_and_not_pushed_again(town: Town) -> None:
    await project(town)
    await grave(town, "urban_rural.demolition")
    (first,) = await ticked(town)
    assert first["reasons"][0]["code"] == "together.related"
    await grave(town, "urban_rural.transport", text="修路绕行二十分钟，商户无法营业")
    (second,) = await ticked(town)
    assert (second["revision"], "2 件相关的未办结事项" in second["reasons"][0]["text"]) == (2, True)
    assert await town.pushed(first["id"], town.lead) == 1
    await grave(town, "labour.wage_arrears", text="工地欠薪，工人在路口聚集")
    (third,) = await ticked(town)
    assert (third["revision"], await town.pushed(first["id"], town.lead)) == (3, 2)
    assert "together.several" in [reason["code"] for reason in third["reasons"]]


async def test_matters_of_several_categories_come_together_without_a_project(town: Town) -> None:
    await grave(town, "urban_rural.demolition")
    await grave(town, "labour.wage_arrears", area=STREET)
    (warning,) = await ticked(town)
    assert warning["reasons"][0]["text"].startswith("同时有 2 类橙级以上的未办结事项")
    assert "拖欠" not in str(warning["reasons"]), "never a word of any report"


async def test_what_was_resolved_is_told_anew_only_when_something_joins(town: Town) -> None:
    await project(town)
    await project(town)
    (first,) = await ticked(town)
    await town.resolve(first["id"])
    assert len(await ticked(town)) == 1
    await project(town)
    told = await ticked(town)
    assert [(one["state"], one["revision"] > 1) for one in told] == [("resolved", True), ("issued", False)]


async def test_two_services_that_look_at_once_tell_it_once(town: Town, database_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        await project(town)
        await project(town, area=OTHER_VILLAGE)
    engine = open_engine(database_url, 2)
    doors = await open_doors(settings_for(tmp_path), engine)
    told = await asyncio.gather(*(warn_together(one, town.engines, NOON) for one in (town.doors, doors) * 3))
    await engine.dispose()
    found = await warnings(town)
    assert (sum(told), [one["revision"] for one in found]) == (2, [1, 1])
    assert len({one["subject_id"] for one in found}) == 2


async def test_a_place_that_cannot_be_told_holds_up_no_other_and_is_told_later(town: Town) -> None:
    """Every place is a transaction of its own: what fails leaves neither warning nor memory behind."""
    for _ in range(2):
        await project(town)
        await project(town, area=OTHER_VILLAGE)
    async with town.doors.transaction() as connection:
        await connection.exec_driver_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END'"
        )
        await connection.exec_driver_sql(
            f"CREATE TRIGGER refused BEFORE INSERT ON warning FOR EACH ROW"
            f" WHEN (NEW.area = '{STREET}') EXECUTE FUNCTION refuse()"
        )
    with pytest.raises(ExceptionGroup):
        await warn_together(town.doors, town.engines, NOON)
    assert [one["area"] for one in await warnings(town)] == [OTHER_TOWN]
    assert [row["place"] for row in await town.rows("SELECT place FROM coming_together")] == [OTHER_TOWN]
    async with town.doors.transaction() as connection:
        await connection.exec_driver_sql("DROP TRIGGER refused ON warning")
    assert [one["area"] for one in await ticked(town)] == [OTHER_TOWN, STREET]
