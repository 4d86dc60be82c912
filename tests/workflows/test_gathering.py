"""Routes, groups, silences and inhibition in a town with a set clock: who is pushed to, when, and why not."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.delivery.matchers import parse_matchers
from service.delivery.silences import Wish
from service.domain.levels import Level
from service.domain.problems import Problem
from service.domain.words import Scope
from service.store.engine import Row, open_engine
from service.store.keys import Viewer
from service.workflows.gathering import push_gathered
from service.workflows.routing import drop_routes, put_routes
from service.workflows.sign_links import read_token
from service.workflows.silencing import agree, end_silence, put_silence, tell_ended
from tests.makers import COUNTY, NOON, OTHER_VILLAGE, VILLAGE
from tests.workflows.conftest import House
from tests.workflows.town import Town

CENTRE = Viewer("key-1", "综治中心", frozenset({Scope.ADMINISTER}), None, "s", None)
OTHERS = replace(CENTRE, key_id="key-2", name="应急局")
ROUTES = """\
routing: 镇
version: '1'
times:
- {name: 夜间, hours: '22:00-07:00'}
root:
  name: 全镇
  routes:
  - name: 汇总
    receivers: [协调单位]
    group_by: [county, first_level]
    group_wait: 30s
    group_interval: 5m
    continue: true
  - name: 夜里不吵
    receivers: [配合局]
    muted: 夜间
"""


@pytest.fixture
async def town(house: House) -> Town:
    """A town whose offices hear by routes and duties alone: nobody has a subscription."""
    found = await Town(house.doors, house.engines, NOON).settle()
    async with found.doors.transaction() as connection:
        from_rows = await found.rows("SELECT id FROM subscription")
        assert from_rows
        await connection.exec_driver_sql("DELETE FROM subscription")
        await connection.exec_driver_sql("UPDATE reference_version SET version = version + 1")
    return found


async def put(town: Town, text: str) -> None:
    assert (await put_routes(town.work(), text.encode(), "测试")).faults == ()


async def reported(town: Town, **changes: Any) -> UUID:
    """The warning of a new matter, told to many: nothing is restricted."""
    result = await town.report(**({"people_affected": 30} | changes))
    return result.warnings[0]


async def pass_time(town: Town, **span: float) -> int:
    town.clock.moment += timedelta(**span)
    await tell_ended(town.doors, town.engines, town.clock())
    return await push_gathered(town.doors, town.engines, town.clock())


async def held(town: Town, warning: UUID, who: Row) -> list[tuple[str, str]]:
    statement = "SELECT state, held_by FROM held_push WHERE warning_id = :id AND department_id = :who ORDER BY revision"
    return [(row["state"], row["held_by"]) for row in await town.rows(statement, id=warning, who=who["id"])]


async def together(town: Town, who: Row) -> list[list[str]]:
    """The warnings of each push owed to a department, in order."""
    statement = (
        "SELECT convert_from(o.body, 'UTF8')::jsonb -> 'data' AS data FROM outbox o"
        " JOIN endpoint e ON e.id = o.endpoint_id WHERE e.department_id = :who ORDER BY o.created_at, o.id"
    )
    found = [row["data"] for row in await town.rows(statement, who=who["id"])]
    return [[data["id"], *(one["id"] for one in data.get("together", []))] for data in found]


def wish(town: Town, written: str, hours: float = 2, **changes: Any) -> Wish:
    return replace(
        Wish(parse_matchers(written), None, town.clock() + timedelta(hours=hours), "综治中心", "演练"), **changes
    )


async def test_without_routes_and_silences_nothing_waits(town: Town) -> None:
    warning = await reported(town)
    assert await town.pushed(warning) == 1
    assert await town.rows("SELECT 1 FROM held_push") == []
    assert await town.rows("SELECT 1 FROM push_group") == []


async def test_a_route_brings_its_receivers_and_the_lead_hears_as_ever(town: Town) -> None:
    await put(town, ROUTES)
    warning = await reported(town)
    assert [await town.pushed(warning, who) for who in (town.lead, town.helper, town.office)] == [1, 1, 0]
    [why] = await town.rows("SELECT o.why FROM outbox o JOIN endpoint e ON e.id = endpoint_id"
                            " WHERE e.department_id = :id", id=town.helper["id"])  # fmt: skip
    assert why["why"] == "路由“全镇 / 夜里不吵”：配合局"
    await drop_routes(town.work())
    assert await town.pushed(await reported(town, area=OTHER_VILLAGE), town.helper) == 0


async def test_a_group_goes_out_as_one_push_that_names_all(town: Town) -> None:
    await put(town, ROUTES)
    first = await reported(town)
    await pass_time(town, seconds=10)
    second = await reported(town, area=OTHER_VILLAGE, text="南塘镇工地另有一批工人讨要工资")
    assert first != second
    assert await together(town, town.office) == []  # the wait is not over
    assert await pass_time(town, seconds=20) == 1
    [push] = await together(town, town.office)
    assert {*push} == {str(first), str(second)}
    assert await held(town, first, town.office) == [("sent", "grouping")]
    assert await pass_time(town, hours=1) == 0  # nothing new: nothing is said again


async def test_each_warning_of_a_group_has_a_link_of_its_own_to_sign_by(town: Town) -> None:
    await put(town, ROUTES)
    both = {await reported(town), await reported(town, area=OTHER_VILLAGE, text="南塘镇工地另有一批工人讨要工资")}
    await pass_time(town, seconds=30)

    [row] = await town.rows(
        "SELECT convert_from(o.body, 'UTF8')::jsonb -> 'data' AS data FROM outbox o"
        " JOIN endpoint e ON e.id = o.endpoint_id WHERE e.department_id = :who",
        who=town.office["id"],
    )
    tokens = [one["sign_link"].rpartition("/")[2] for one in (row["data"], *row["data"]["together"])]
    grants = [read_token(town.doors.mac_key, token, town.clock()) for token in tokens]
    assert {grant.warning_id for grant in grants} == both
    assert {grant.department_id for grant in grants} == {UUID(str(town.office["id"]))}


async def test_who_was_told_by_routes_that_are_gone_still_hears_that_it_is_over(town: Town) -> None:
    await put(town, ROUTES)
    warning = await reported(town)
    other = await reported(town, area=OTHER_VILLAGE, text="南塘镇工地另有一批工人讨要工资")
    assert await town.pushed(warning, town.helper) == 1
    await pass_time(town, seconds=30)
    assert len(await together(town, town.office)) == 1, "one push told the office of both"
    await drop_routes(town.work())
    for one in (warning, other):
        await town.resolve(one)
        assert await town.pushed(one, town.helper) == 2
        assert f"{one}" in str((await together(town, town.office))[1:])


async def test_what_joins_a_group_waits_for_its_interval(town: Town) -> None:
    await put(town, ROUTES)
    await reported(town)
    assert await pass_time(town, seconds=30) == 1
    late = await reported(town, area=OTHER_VILLAGE, text="南塘镇工地另有一批工人讨要工资")
    assert await pass_time(town, minutes=4) == 0
    assert await pass_time(town, minutes=1) == 1
    assert (await together(town, town.office))[-1] == [str(late)]


async def test_what_ended_before_the_wait_was_over_is_never_told(town: Town) -> None:
    await put(town, ROUTES)
    warning = await reported(town)
    await town.resolve(warning)
    assert await pass_time(town, minutes=10) == 0
    assert await together(town, town.office) == []
    assert [state for state, _ in await held(town, warning, town.office)] == ["merged", "hushed"]


async def test_that_a_told_warning_ended_is_told_with_the_group(town: Town) -> None:
    await put(town, ROUTES)
    warning = await reported(town)
    await pass_time(town, seconds=30)
    await town.resolve(warning)
    assert await pass_time(town, minutes=5) == 1
    assert await together(town, town.office) == [[str(warning)], [str(warning)]]
    assert await town.rows("SELECT 1 FROM push_group WHERE route = '全镇 / 汇总'") == []  # nothing open: forgotten


async def test_a_group_is_told_again_only_where_a_route_says_so(town: Town) -> None:
    await put(town, ROUTES.replace("    continue: true", "    repeat_interval: 1h\n    continue: true"))
    warning = await reported(town)
    await pass_time(town, seconds=30)
    assert await pass_time(town, minutes=59) == 0
    assert await pass_time(town, minutes=2) == 1
    assert await together(town, town.office) == [[str(warning)], [str(warning)]]
    assert (await town.changes(warning))[-1] == "reminded"
    assert await town.pushed(warning) == 1  # the lead was told once; the repetition is the group's
    await town.resolve(warning)
    await pass_time(town, minutes=10)
    assert await pass_time(town, hours=5) == 0


async def test_quiet_hours_delay_and_do_not_drop(town: Town) -> None:
    await put(town, ROUTES)
    town.clock.moment += timedelta(hours=11)  # 23:00 in Shanghai
    warning = await reported(town)
    assert await town.pushed(warning, town.helper) == 0
    assert await held(town, warning, town.helper) == [("waiting", "quiet_hours")]
    assert await pass_time(town, hours=7, minutes=59) <= 1  # the office's group, not this one
    assert await town.pushed(warning, town.helper) == 0
    await pass_time(town, minutes=1)
    assert await town.pushed(warning, town.helper) == 1
    assert await held(town, warning, town.helper) == [("sent", "quiet_hours")]


async def test_red_waits_for_no_group_and_no_morning(town: Town) -> None:
    await put(town, ROUTES)
    await town.order(Level.ORANGE, Level.RED)
    town.clock.moment += timedelta(hours=11)
    warning = await _red(town)
    assert [await town.pushed(warning, who) for who in (town.lead, town.helper, town.office)] == [1, 1, 1]
    assert await town.rows("SELECT 1 FROM held_push") == []


async def _red(town: Town) -> UUID:
    warning = await reported(town, text="工地坍塌，有人死亡，家属讨要工资和赔偿", signals=["death"])
    [row] = await town.rows("SELECT level FROM warning WHERE id = :id", id=warning)
    assert row["level"] == "red"
    return warning


async def test_red_holds_back_lower_levels_of_its_place_until_it_ends(town: Town) -> None:
    await put(town, ROUTES)
    await town.order(Level.ORANGE, Level.RED)
    red = await _red(town)
    low = await reported(town, text="另一工厂欠薪，工人来访询问", people_affected=12)
    assert low != red
    elsewhere = await reported(town, area=OTHER_VILLAGE, text="南塘镇工地另有一批工人讨要工资")
    assert [await town.pushed(one, town.helper) for one in (red, low, elsewhere)] == [1, 0, 1]
    assert await held(town, low, town.helper) == [("waiting", "inhibition")]
    await town.resolve(red)
    await pass_time(town, minutes=5)
    assert await town.pushed(low, town.helper) == 1


async def test_a_silence_holds_back_and_what_is_still_open_is_told_at_its_end(town: Town) -> None:
    silence = await put_silence(town.work(), wish(town, 'category=~"labour.*"'), CENTRE)
    warning = await reported(town)
    assert await town.pushed(warning) == 0
    [row] = await town.rows("SELECT * FROM held_push")
    assert (row["held_by"], row["silence_id"], row["state"]) == ("silence", silence, "waiting")
    assert "演练" in row["reason"]
    await pass_time(town, hours=1)
    assert await town.pushed(warning) == 0
    await end_silence(town.work(), silence, CENTRE)
    await pass_time(town, seconds=1)
    assert await town.pushed(warning) == 1


async def test_a_silence_hides_red_only_after_a_second_office_agreed(town: Town) -> None:
    await town.order(Level.ORANGE, Level.RED)
    silence = await put_silence(town.work(), wish(town, f'area=~"{COUNTY[:6]}.*"'), CENTRE)
    first = await _red(town)
    assert await town.pushed(first) == 1
    await agree(town.work(), silence, OTHERS)
    second = await reported(town, area=OTHER_VILLAGE, signals=["death"], text="南塘镇工地有人死亡")
    assert await town.pushed(second) == 0


async def test_silenced_reminders_stay_silent_and_clocks_run_on(town: Town) -> None:
    await put_silence(town.work(), wish(town, 'category=~"labour.*"', hours=72), CENTRE)
    warning = await reported(town)
    await town.pass_time(hours=48)
    [duty] = await town.rows("SELECT * FROM duty WHERE warning_id = :id AND role = 'lead'", id=warning)
    assert duty["reminders"] >= 1
    assert "reminded" in await town.changes(warning)
    assert await town.pushed(warning) == 0


async def test_a_restricted_warning_is_told_to_no_receiver_of_a_route(town: Town) -> None:
    await put(town, ROUTES)
    result = await town.report(people_affected=2)
    [row] = await town.rows("SELECT restricted FROM warning WHERE id = :id", id=result.warnings[0])
    assert row["restricted"]
    assert await town.pushed(result.warnings[0], town.helper) == 0


async def test_a_level_that_waits_for_confirmation_does_not_leave_with_its_group(town: Town) -> None:
    await put(town, ROUTES)
    first = await town.report(people_affected=30)
    [warning] = first.warnings
    await town.report(matter_id=str(first.matter_id), people_present=45, signals=["road_blocked"], text="工人堵路讨薪")
    assert (await town.warning(warning))["state"] == "pending_confirmation"
    assert await pass_time(town, seconds=40) == 0
    assert await together(town, town.office) == []
    await town.confirm(warning)
    assert await pass_time(town, minutes=5) == 1
    assert await together(town, town.office) == [[str(warning)]]


async def test_groups_that_no_route_knows_any_more_go_out_as_they_are(town: Town) -> None:
    await put(town, ROUTES)
    warning = await reported(town)
    await drop_routes(town.work())
    assert await pass_time(town, seconds=30) == 1
    assert await together(town, town.office) == [[str(warning)]]


async def test_two_ticks_at_once_send_one_push(town: Town) -> None:
    await put(town, ROUTES)
    warning = await reported(town)
    town.clock.moment += timedelta(seconds=30)
    spoke = await asyncio.gather(*(push_gathered(town.doors, town.engines, town.clock()) for _ in range(4)))
    assert sum(spoke) == 1
    assert await together(town, town.office) == [[str(warning)]]


async def test_a_tick_that_dies_on_the_way_loses_nothing_and_doubles_nothing(town: Town, database_url: str) -> None:
    await put(town, ROUTES)
    warning = await reported(town)
    town.clock.moment += timedelta(seconds=30)
    holding = open_engine(database_url, 1)
    async with holding.begin() as connection:
        await connection.exec_driver_sql("SELECT 1 FROM push_group FOR UPDATE")
        dying = asyncio.create_task(push_gathered(town.doors, town.engines, town.clock()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(dying, 0.5)
        await connection.rollback()
    await holding.dispose()
    assert await together(town, town.office) == []
    assert await pass_time(town, seconds=1) == 1
    assert await pass_time(town, seconds=1) == 0
    assert await together(town, town.office) == [[str(warning)]]


async def test_what_cannot_be_sent_anywhere_does_not_count_as_sent(town: Town) -> None:
    await put(town, ROUTES)
    async with town.doors.transaction() as connection:
        await connection.exec_driver_sql("UPDATE endpoint SET state = 'disabled'")
    warning = await reported(town)
    assert await pass_time(town, seconds=30) == 0
    [row] = await town.rows("SELECT state, reason FROM held_push WHERE warning_id = :id", id=warning)
    assert (row["state"], row["reason"]) == ("hushed", "该单位没有可用的推送地址")


WHERE = (VILLAGE, OTHER_VILLAGE)
WHAT = (
    "青禾服饰厂拖欠工资三个月",
    "幸福里小区电梯停运多日",
    "河堤垃圾堆放气味难闻",
    "自来水浑浊发黄无人处理",
    "工地夜间噪声扰民",
)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_all_that_is_open_is_told_and_nothing_twice(town: Town, seed: int) -> None:
    """Reports, ends, growth, silences and ticks in any order; then an hour of ticks."""
    dice = random.Random(seed)
    await put(town, ROUTES)
    warnings: list[UUID] = []
    for _ in range(25):
        act = dice.choice(("report", "report", "report", "end", "silence", "tick", "tick"))
        if act == "report":
            text = dice.choice(WHAT)
            result = await town.report(text=text, category=..., area=dice.choice(WHERE), people_affected=30)
            warnings += [one for one in result.warnings if one not in warnings]
        elif act == "end" and warnings:
            with contextlib.suppress(Problem):  # one that has ended already
                await town.resolve(dice.choice(warnings))
        elif act == "silence":
            await put_silence(town.work(), wish(town, 'category=~".+"', hours=dice.choice((0.1, 0.5))), CENTRE)
        await pass_time(town, seconds=dice.choice((5, 20, 60, 400)))
    for _ in range(12):
        await pass_time(town, minutes=5)

    told = [one for push in await together(town, town.office) for one in push if UUID(one) in warnings]
    for warning in warnings:
        if (await town.warning(warning))["state"] not in ("resolved", "cancelled"):
            assert str(warning) in told
    sent = await town.rows("SELECT warning_id, revision FROM held_push WHERE state = 'sent' AND department_id = :id",
                           id=town.office["id"])  # fmt: skip
    assert len(sent) == len(told)  # every push that was held was told in exactly one that left
    assert await town.rows("SELECT 1 FROM held_push WHERE state = 'waiting'") == []
    assert await town.rows("SELECT 1 FROM push_group WHERE due_at IS NOT NULL") == []
