"""Escalation by a set clock: who is told next when nobody signs, what stops it, and that no step is lost or doubled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.delivery.matchers import matcher
from service.delivery.silences import Wish
from service.domain.escalation import Rank, Step
from service.domain.levels import Level
from service.domain.rosters import ShiftRole
from service.domain.words import Scope
from service.store import reference, shifts
from service.store.engine import Row, new_id
from service.store.keys import Viewer
from service.store.tables_service import DepartmentTable, EndpointTable
from service.workflows.escalating import escalate_overdue
from service.workflows.gathering import push_gathered
from service.workflows.reaching import Reached, board_of, offices_of, reach
from service.workflows.routing import put_routes
from service.workflows.silencing import put_silence
from tests.makers import COUNTY, NOON, OTHER_VILLAGE, VILLAGE
from tests.store.making import department, endpoint
from tests.workflows.conftest import House
from tests.workflows.town import Town

ORANGE: dict[str, Any] = {"signals": ["road_blocked"], "people_affected": 45}
RED: dict[str, Any] = {"signals": ["road_blocked", "injury"], "people_affected": 45}
LARGE: dict[str, Any] = {"signals": ["road_blocked"], "people_affected": 300, "people_present": 150}  # 法定报告


NIGHT = """
routing: 镇
version: '1'
times:
- {name: 夜间, hours: '22:00-07:00'}
root: {name: 全镇, receivers: [牵头单位], muted: 夜间}
"""
GROUPS = """
routing: 镇
version: '1'
root: {name: 全镇, receivers: [牵头单位], group_by: [county], group_wait: 30s, group_interval: 2h}
"""
CENTRE = Viewer("key-centre00", "综治中心", frozenset({Scope.ADMINISTER}), None, "centre", None)


class Tower(Town):
    """A town whose lead has a supervising department, with a roster of posts that have endpoints of their own."""

    async def settle(self) -> Tower:
        await super().settle()
        self.bureau = department(name="市主管局")
        self.posts = {role: endpoint(self.lead["id"]) for role in ShiftRole}
        async with self.doors.transaction() as connection:
            await reference.put(connection, DepartmentTable, [self.bureau], ["id"])
            lead = self.lead | {"supervisor_id": self.bureau["id"]}
            await reference.put(connection, DepartmentTable, [lead], ["id"])
            own = [endpoint(self.bureau["id"]), *self.posts.values()]
            await reference.put(connection, EndpointTable, own, ["id"])
        return self

    async def roster(self, *roles: ShiftRole, hours: int = 240) -> None:
        """These posts of the lead are on duty from now."""
        begin, end = self.clock(), self.clock() + timedelta(hours=hours)
        rows: list[Row] = [
            {
                "id": new_id(), "department_id": self.lead["id"], "role": role, "post": f"{role.zh}岗",
                "starts_at": begin, "ends_at": end, "endpoint_ids": [self.posts[role]["id"]], "created_at": begin,
            }
            for role in roles
        ]  # fmt: skip
        async with self.doors.transaction() as connection:
            await shifts.put_week(connection, UUID(str(self.lead["id"])), (begin, end), rows)

    async def escalate(self) -> None:
        await escalate_overdue(self.doors, self.engines, self.clock())

    async def silence(self, warning: UUID, minutes: int) -> None:
        """One office silences one warning from now; red is not hidden by it."""
        subject = (await self.warning(warning))["subject_id"]
        ends = self.clock() + timedelta(minutes=minutes)
        wish = Wish((matcher("subject", "=", f"matter/{subject}"),), None, ends, "综治中心", "现场已有专班", None)
        await put_silence(self.work(), wish, CENTRE)

    async def minutes(self, count: int) -> None:
        """Minute by minute, everything that comes due."""
        for _ in range(count):
            self.clock.moment += timedelta(minutes=1)
            await self.escalate()

    async def walked(self, clock: str = "sign", who: Row | None = None) -> list[tuple[int, str, str | None]]:
        """(minutes since the clock began, rank, name of the department told) of each step of the lead's chain."""
        rows = await self.rows(
            "SELECT e.*, d.name FROM escalation e LEFT JOIN department d ON d.id = e.told_id"
            " WHERE e.department_id = :whose AND e.clock = :clock ORDER BY e.at, e.step, e.told",
            whose=(who or self.lead)["id"],
            clock=clock,
        )
        return [(int((row["at"] - row["since"]).total_seconds() // 60), row["rank"], row["name"]) for row in rows]

    async def chain(self, who: Row | None = None, clock: str = "sign") -> Row:
        statement = "SELECT * FROM chain WHERE department_id = :whose AND clock = :clock"
        return (await self.rows(statement, whose=(who or self.lead)["id"], clock=clock))[0]


@pytest.fixture
async def tower(house: House) -> Tower:
    return await Tower(house.doors, house.engines, NOON).settle()


async def red(tower: Tower, what: dict[str, Any] = RED) -> UUID:
    await tower.order(Level.RED)
    [warning] = (await tower.report(**what)).warnings
    return warning


async def test_an_unsigned_red_walks_its_whole_chain(tower: Tower) -> None:
    await tower.roster(*ShiftRole)
    warning = await red(tower)
    await tower.minutes(90)

    assert await tower.walked() == [
        (5, "duty", "牵头局"),
        (10, "second", "牵头局"),
        (15, "supervisor", "市主管局"),
        (20, "leader", "牵头局"),
        (30, "leader", "牵头局"),
        (40, "leader", "牵头局"),
    ]
    chain = await tower.chain()
    assert (chain["next_at"], chain["ended_by"]) == (None, "已逐级报送完毕")
    assert await tower.pushed(warning, tower.bureau) == 1
    pushed = await tower.rows(
        "SELECT endpoint_id, count(*) AS n FROM outbox WHERE warning_id = :id GROUP BY 1", id=warning
    )
    by_endpoint = {row["endpoint_id"]: row["n"] for row in pushed}
    told = {role: by_endpoint[post["id"]] for role, post in tower.posts.items()}
    assert told == {"duty": 2, "second": 2, "leader": 4}, (
        "each post is told by its own endpoint; all hear the first push"
    )


async def test_signed_in_the_middle_it_stops_for_the_one_that_signed_only(tower: Tower) -> None:
    await tower.roster(*ShiftRole)
    warning = await red(tower)
    await tower.minutes(12)
    await tower.sign(warning)
    await tower.minutes(60)

    assert [rank for _, rank, _ in await tower.walked()] == ["duty", "second"]
    assert (await tower.chain())["ended_by"] == "本单位已签收"
    assert [rank for _, rank, _ in await tower.walked(who=tower.helper)] == ["duty", "second", "supervisor"]
    skipped = await tower.rows("SELECT reason FROM escalation WHERE told_id IS NULL")
    assert [row["reason"] for row in skipped] == ["配合局未签收，跳过副班：值班表上此时没有副班"]


async def test_resolved_all_who_were_told_hear_it_and_nothing_more_comes(tower: Tower) -> None:
    await tower.roster(*ShiftRole)
    warning = await red(tower)
    await tower.minutes(16)
    await tower.resolve(warning)
    before = len(await tower.changes(warning))
    await tower.minutes(60)

    assert len(await tower.changes(warning)) == before
    last = await tower.rows(
        "SELECT d.name FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id"
        " JOIN department d ON d.id = e.department_id"
        " WHERE o.revision = (SELECT revision FROM warning WHERE id = :id) AND o.warning_id = :id",
        id=warning,
    )
    assert {row["name"] for row in last} == {"牵头局", "配合局", "综治中心", "市主管局"}
    assert await tower.rows("SELECT * FROM chain WHERE next_at IS NOT NULL") == []


async def test_who_was_told_on_the_way_up_sees_the_warning_and_owes_nothing(tower: Tower) -> None:
    warning = await red(tower)
    await tower.minutes(16)

    assert tower.bureau["id"] in (await tower.warning(warning))["department_ids"]
    duty = await tower.duty(warning, tower.bureau)
    assert (duty["role"], duty["sign_due_at"], duty["next_check_at"]) == ("coordinator", None, None)
    await tower.sign(warning, tower.bureau)
    assert (await tower.chain())["next_at"] is not None, "each signs for itself"


async def test_a_step_that_reaches_nobody_holds_up_nothing(tower: Tower) -> None:
    await red(tower)
    await tower.minutes(10)

    assert await tower.walked() == [(5, "duty", "牵头局"), (10, "second", None), (10, "supervisor", "市主管局")]


async def test_without_a_leader_on_the_roster_the_coordinating_office_passes_it_on(tower: Tower) -> None:
    await red(tower)
    await tower.minutes(15)

    assert (await tower.walked())[-1] == (15, "leader", "综治中心")
    [row] = await tower.rows("SELECT reason FROM escalation WHERE rank = 'leader'")
    assert row["reason"] == "牵头局未签收，报带班领导：综治中心（值班表上此时没有带班领导，请本单位转报）"


async def test_a_raised_level_begins_anew_and_an_older_silence_counts_no_more(tower: Tower) -> None:
    await tower.order(Level.ORANGE, Level.RED)
    first = await tower.report(**ORANGE)
    await tower.minutes(31)
    assert await tower.walked() == [(30, "duty", "牵头局")]
    await tower.report(**RED, matter_id=first.matter_id)
    await tower.minutes(5)

    chain = await tower.chain()
    assert (chain["since"], chain["step"], chain["told"]) == (tower.clock() - timedelta(minutes=5), 0, 2)
    assert await tower.walked() == [(30, "duty", "牵头局"), (5, "duty", "牵头局")]


async def test_a_leader_hears_at_once_of_a_red_that_the_law_wants_reported(tower: Tower) -> None:
    await tower.roster(*ShiftRole)
    warning = await red(tower, LARGE)
    assert (await tower.warning(warning))["statutory_report_required"]
    await tower.escalate()

    assert await tower.walked("direct") == [(0, "direct_leader", "牵头局")]
    await tower.minutes(14)
    await tower.sign(warning)
    await tower.minutes(30)
    assert len(await tower.walked("direct")) == 1


async def test_waiting_for_confirmation_too_long_is_told_the_coordinating_office_and_its_leader(tower: Tower) -> None:
    [warning] = (await tower.report(**ORANGE)).warnings
    for _ in range(20):
        await tower.escalate()
        await tower.pass_time(minutes=1)

    assert [(minute, rank) for minute, rank, _ in await tower.walked("confirm", tower.office)] == [
        (0, "duty"), (5, "duty"), (10, "leader"),
    ]  # fmt: skip
    assert await tower.changes(warning) == ["opened", "escalated", "escalated", "escalated", "issued"]
    assert (await tower.chain(tower.office, "confirm"))["ended_by"] == "已核实或已发出"


async def test_nobody_but_the_coordinating_office_hears_before_it_left_the_house(tower: Tower) -> None:
    [warning] = (await tower.report(**ORANGE)).warnings
    await tower.minutes(9)

    assert await tower.pushed(warning, tower.office) == 2
    assert await tower.pushed(warning) == await tower.pushed(warning, tower.helper) == 0
    await tower.confirm(warning, tower.office)
    assert (await tower.chain(tower.office, "confirm"))["ended_by"] == "综治中心已核实"


async def test_what_ended_before_it_left_is_told_to_those_who_were_asked_to_confirm_it(tower: Tower) -> None:
    [warning] = (await tower.report(**ORANGE)).warnings
    await tower.escalate()
    await tower.resolve(warning)

    assert await tower.pushed(warning, tower.office) == 2
    assert await tower.pushed(warning) == 0


async def test_signed_and_idle_is_reminded_before_the_answer_is_due(tower: Tower) -> None:
    warning = await red(tower)
    await tower.sign(warning)
    await tower.sign(warning, tower.helper)
    await tower.pass_time(minutes=59)
    assert (await tower.duty(warning))["reminders"] == 0
    await tower.pass_time(minutes=1)

    assert (await tower.duty(warning))["reminders"] == 1
    [note] = [r["note"] for r in await tower.rows("SELECT note FROM warning_event WHERE type = 'reminded'")]
    assert "尚未答复" in note


async def test_ticks_at_once_take_each_step_once(tower: Tower) -> None:
    await tower.roster(*ShiftRole)
    warning = await red(tower)
    for _ in range(8):
        tower.clock.moment += timedelta(minutes=5)
        await asyncio.gather(*(tower.escalate() for _ in range(2)))

    assert [minute for minute, _, _ in await tower.walked()] == [5, 10, 15, 20, 30, 40]
    assert (await tower.changes(warning)).count("escalated") == 6, "what is due together is told together"


async def test_after_a_long_standstill_nobody_is_skipped_over(tower: Tower) -> None:
    await tower.roster(*ShiftRole)
    await red(tower)
    tower.clock.moment += timedelta(hours=3)
    await tower.escalate()
    await tower.escalate()
    assert [rank for _, rank, _ in await tower.walked()] == ["duty"]
    await tower.minutes(5)
    assert [rank for _, rank, _ in await tower.walked()] == ["duty", "second"]


async def test_blue_has_no_chain(tower: Tower) -> None:
    blue = {"people_affected": 2, "text": "楼道灯不亮，请物业更换灯泡", "category": "contract.property_service"}
    [warning] = (await tower.report(**blue)).warnings

    assert (await tower.warning(warning))["level"] == "blue"
    assert await tower.rows("SELECT * FROM chain") == []


async def test_without_roster_supervisor_or_coordinator_the_department_itself_is_told_again(house: House) -> None:
    town = await Tower(house.doors, house.engines, NOON).settle()
    async with town.doors.transaction() as connection:
        alone = town.office | {"is_coordinator": False}
        await reference.put(connection, DepartmentTable, [alone, town.lead | {"supervisor_id": None}], ["id"])
    await town.order(Level.RED, area=COUNTY)
    await town.report(**RED)
    await town.minutes(60)

    assert await town.walked() == [
        (5, "duty", "牵头局"), (10, "second", None), (10, "supervisor", None),
        (10, "leader", "牵头局"), (20, "leader", "牵头局"), (30, "leader", "牵头局"),
    ]  # fmt: skip


async def test_while_it_is_silenced_a_chain_waits_and_then_goes_on_where_it_stood(tower: Tower) -> None:
    await tower.roster(*ShiftRole)
    await tower.order(Level.ORANGE)
    [warning] = (await tower.report(**ORANGE)).warnings
    await tower.minutes(29)
    await tower.silence(warning, minutes=60)
    await tower.minutes(59)
    assert await tower.walked() == []

    await tower.minutes(1)
    assert await tower.walked() == [(89, "duty", "牵头局")]
    await tower.minutes(30)
    assert await tower.walked() == [(89, "duty", "牵头局"), (119, "second", "牵头局")]


async def test_a_department_whose_own_push_waits_for_the_morning_is_not_yet_silent(tower: Tower) -> None:
    assert (await put_routes(tower.work(), NIGHT.encode(), "测试")).faults == ()
    await tower.order(Level.ORANGE)
    tower.clock.moment += timedelta(hours=18)  # 06:00 in Shanghai
    [warning] = (await tower.report(**ORANGE)).warnings
    assert await tower.pushed(warning) == 0
    await tower.minutes(60)
    await push_gathered(tower.doors, tower.engines, tower.clock())
    assert await tower.pushed(warning) == 4, "by each of its addresses"
    await tower.minutes(29)
    assert await tower.walked() == [], "its time runs from being told"
    await tower.minutes(1)
    assert await tower.walked() == [(90, "duty", "牵头局")]


async def test_what_a_group_has_told_is_told_whatever_waits_in_it_since(tower: Tower) -> None:
    assert (await put_routes(tower.work(), GROUPS.encode(), "测试")).faults == ()
    await tower.order(Level.ORANGE)
    begun = tower.clock()
    both = [(await tower.report(**ORANGE, area=one)).warnings[0] for one in (VILLAGE, OTHER_VILLAGE)]
    tower.clock.moment += timedelta(minutes=1)
    assert await push_gathered(tower.doors, tower.engines, tower.clock()) == 1
    for warning in both:  # news of each waits in the group
        subject = (await tower.warning(warning))["subject_id"]
        for _ in range(3):
            await tower.report(**ORANGE, matter_id=subject, area=(await tower.warning(warning))["area"])
    assert len(await tower.rows("SELECT DISTINCT warning_id FROM held_push WHERE state = 'waiting'")) == 2
    tower.clock.moment = begun + timedelta(minutes=30)
    await tower.escalate()
    steps = await tower.rows("SELECT warning_id, rank FROM escalation WHERE department_id = :id", id=tower.lead["id"])
    assert {(row["warning_id"], row["rank"]) for row in steps} == {(one, "duty") for one in both}


async def test_a_step_names_a_channel_and_a_standby_endpoint_waits_otherwise(tower: Tower) -> None:
    sms = endpoint(tower.bureau["id"], kind="sms", standby=True)
    async with tower.doors.transaction() as connection:
        await reference.put(connection, EndpointTable, [sms], ["id"])
        offices = offices_of(await tower.doors.reference.get(connection), tower.lead["id"], COUNTY)
        board = await board_of(connection, [offices], tower.clock())
    plain, by_text = (Step(Rank.SUPERVISOR, timedelta(minutes=5), channel=one) for one in (None, "sms"))

    first, second = reach(plain, offices, board), reach(by_text, offices, board)
    assert isinstance(first, Reached)
    assert isinstance(second, Reached)
    assert sms["id"] not in first.endpoint_ids
    assert len(first.endpoint_ids) == 1
    assert second.endpoint_ids == (sms["id"],)
