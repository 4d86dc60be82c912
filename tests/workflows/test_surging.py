"""A surge becomes one warning on the place that lists its matters, and another only when as many more come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from service.rules.thresholds import THRESHOLDS_FILE, load_thresholds
from service.store.engine import Row
from service.workflows.gathering import push_gathered
from service.workflows.routing import put_routes
from service.workflows.surging import warn_surges
from tests.makers import NOON, STREET
from tests.workflows.conftest import House
from tests.workflows.town import Town

TEXTS = (
    "青禾服饰厂拖欠工资三个月", "幸福里小区电梯停运多日", "北街路灯损坏夜间漆黑", "河堤垃圾堆放气味难闻",
    "农贸市场占道经营", "学校门口乱停车堵塞", "自来水浑浊发黄", "物业收费不公开", "工地夜间噪声扰民",
    "宅基地边界有争议", "田间水渠淤塞", "棋牌室通宵扰民",
)  # fmt: skip


@pytest.fixture
async def town(house: House) -> Town:
    """A town where five matters at once are many."""
    text = THRESHOLDS_FILE.read_text("utf-8").replace(
        "entries: [{value: 20, source: 本项目约定, unverified: true}]",
        "entries: [{value: 5, source: 测试, unverified: true}]",
    )
    engines = replace(house.engines, thresholds=load_thresholds(text))
    return await Town(house.doors, engines, NOON).settle()


async def reported(town: Town, first: int, last: int) -> list[str]:
    found = [await town.report(text=TEXTS[n], category=..., people_affected=6) for n in range(first, last)]
    ids = [str(one.matter_id) for one in found]
    assert len({*ids}) == last - first
    return ids


async def surges(town: Town) -> list[Row]:
    await warn_surges(town.doors, town.engines, town.clock())
    return await town.rows("SELECT * FROM warning WHERE subject_id LIKE '%/surge%' ORDER BY opened_at, id")


async def test_few_matters_are_no_surge(town: Town) -> None:
    await reported(town, 0, 4)
    assert await surges(town) == []


async def test_many_become_one_warning_on_the_place_that_lists_them(town: Town) -> None:
    matters = await reported(town, 0, 5)
    [warning] = await surges(town)
    assert (warning["subject_kind"], warning["area"], warning["subject_id"]) == ("area", STREET, f"{STREET}/surge")
    assert (warning["level"], warning["state"]) == ("yellow", "issued")
    told = "\n".join(reason["text"] for reason in warning["reasons"])
    assert all(matter in told for matter in matters)
    assert not any(text in told + warning["headline"] for text in TEXTS)  # kinds and numbers, no text of any report
    assert await town.pushed(warning["id"]) == 1
    assert [one["revision"] for one in await surges(town)] == [1]  # told once


async def test_it_is_told_again_when_it_has_grown_and_not_by_one_more(town: Town) -> None:
    await reported(town, 0, 5)
    await surges(town)
    await reported(town, 5, 6)
    assert [one["revision"] for one in await surges(town)] == [1]
    await reported(town, 6, 11)
    [warning] = await surges(town)
    assert (warning["revision"], warning["reports_told"]) == (2, 11)
    assert await town.pushed(warning["id"]) == 2


async def test_after_it_was_settled_only_as_many_others_make_another(town: Town) -> None:
    await reported(town, 0, 5)
    [warning] = await surges(town)
    await town.resolve(UUID(str(warning["id"])))
    await reported(town, 5, 7)
    assert len(await surges(town)) == 1
    await reported(town, 7, 10)
    assert len(await surges(town)) == 2


async def test_what_happened_long_before_is_no_surge(town: Town) -> None:
    long_ago = (town.clock() - timedelta(hours=30)).isoformat()
    for text in TEXTS[:6]:
        await town.report(text=text, category=..., people_affected=6, occurred_at=long_ago)
    assert await surges(town) == []


async def test_a_route_may_let_a_surge_speak_for_the_matters_it_lists(town: Town) -> None:
    rule = "{source: kind=surge, target: subject_kind=matter, equal: [county, township]}"
    text = f"routing: r\nversion: '1'\nroot: {{name: r}}\ninhibit: [{rule}]\n"
    assert (await put_routes(town.work(), text.encode(), "测试")).faults == ()
    await reported(town, 0, 5)
    [surge] = await surges(town)
    before = (await town.rows("SELECT count(*) AS n FROM outbox"))[0]["n"]
    await reported(town, 5, 7)
    assert (await town.rows("SELECT count(*) AS n FROM outbox"))[0]["n"] == before
    held = await town.rows("SELECT DISTINCT held_by, state FROM held_push")
    assert [(row["held_by"], row["state"]) for row in held] == [("inhibition", "waiting")]
    await town.resolve(UUID(str(surge["id"])))
    town.clock.moment += timedelta(minutes=5)
    await push_gathered(town.doors, town.engines, town.clock())
    assert (await town.rows("SELECT count(*) AS n FROM outbox"))[0]["n"] > before
