"""Clocks: what leaves by itself, what waits, who is reminded, what a missed deadline does; all by a set clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from service.domain.levels import Level
from service.domain.problems import Problem
from service.workflows import clocks
from tests.makers import NOON
from tests.served import utc
from tests.workflows.conftest import House
from tests.workflows.town import Town

ORANGE: dict[str, Any] = {"signals": ["road_blocked"], "people_affected": 45}
RED: dict[str, Any] = {"signals": ["road_blocked", "injury"], "people_affected": 45}
BLUE: dict[str, Any] = {
    "people_affected": 2,
    "text": "楼道灯不亮，请物业更换灯泡",
    "category": "contract.property_service",
}


@pytest.fixture
async def town(house: House) -> Town:
    return await Town(house.doors, house.engines, NOON).settle()


# ------------------------------------------------------------------ leaving


@pytest.mark.parametrize(("what", "minutes"), [(ORANGE, 15), (RED, 5)])
async def test_what_nobody_confirms_leaves_in_time_marked_unverified(
    town: Town, what: dict[str, Any], minutes: int
) -> None:
    [warning] = (await town.report(**what)).warnings
    await town.pass_time(minutes=minutes, seconds=-1)
    assert (await town.warning(warning))["state"] == "pending_confirmation"
    assert await town.pushed(warning) == 0
    assert await town.rows("SELECT * FROM duty") == [], "no clock runs for what nobody was told"

    await town.pass_time(seconds=1)

    kept = await town.warning(warning)
    assert (kept["state"], kept["unverified"], kept["confirmed_by"]) == ("issued", True, None)
    assert await town.pushed(warning) == 1
    assert (await town.duty(warning))["sign_due_at"] > town.clock()
    await town.tick()
    assert await town.changes(warning) == ["opened", "issued"], "once"


async def test_what_is_confirmed_in_time_leaves_verified_and_only_once(town: Town) -> None:
    [warning] = (await town.report(**ORANGE)).warnings
    await town.pass_time(minutes=14)
    await town.confirm(warning)
    await town.pass_time(minutes=14)

    kept = await town.warning(warning)
    assert (kept["state"], kept["unverified"], kept["confirmed_by"]) == ("issued", False, "牵头局")
    assert await town.changes(warning) == ["opened", "issued"]


async def test_a_late_confirmation_takes_the_mark_off_and_departments_hear_of_it(town: Town) -> None:
    [warning] = (await town.report(**ORANGE)).warnings
    await town.pass_time(minutes=15)
    await town.confirm(warning)

    kept = await town.warning(warning)
    assert (kept["unverified"], kept["confirmed_by"]) == (False, "牵头局")
    assert await town.changes(warning) == ["opened", "issued", "updated"]
    assert await town.pushed(warning) == 2


async def test_a_standing_order_lets_it_leave_at_once_and_says_whose_order_it_was(town: Town) -> None:
    await town.order(Level.ORANGE)
    [warning] = (await town.report(**ORANGE)).warnings

    kept = await town.warning(warning)
    assert (kept["state"], kept["unverified"], kept["confirm_due_at"]) == ("issued", False, None)
    assert "区值班室" in kept["confirmed_by"]
    assert "汛期值守" in kept["confirmed_by"]
    assert await town.pushed(warning) == 1


async def test_a_standing_order_covers_its_levels_area_and_time_only(town: Town) -> None:
    await town.order(Level.ORANGE, valid_to=NOON + timedelta(hours=1))
    await town.order(Level.RED, area="990102000000")
    [red] = (await town.report(**RED)).warnings
    assert (await town.warning(red))["state"] == "pending_confirmation"

    town.clock.moment += timedelta(hours=1)
    [late] = (await town.report(**ORANGE, text="另一处工地欠薪，工人堵在门口")).warnings
    assert (await town.warning(late))["state"] == "pending_confirmation"


async def test_a_raised_level_waits_again_but_never_gets_anybody_more_time(town: Town) -> None:
    first = await town.report(**ORANGE)
    [warning] = first.warnings
    await town.pass_time(minutes=12)
    await town.report(**RED, matter_id=first.matter_id)

    kept = await town.warning(warning)
    assert (kept["level"], kept["state"]) == ("red", "pending_confirmation")
    assert kept["confirm_due_at"] == NOON + timedelta(minutes=15), "3 minutes left, not 5"
    await town.pass_time(minutes=3)
    assert (await town.warning(warning))["issued_level"] == "red"


async def test_a_red_that_grew_from_a_confirmed_orange_waits_for_its_own_word(town: Town) -> None:
    first = await town.report(**ORANGE)
    [warning] = first.warnings
    await town.confirm(warning)
    await town.sign(warning)
    await town.report(**RED, matter_id=first.matter_id)

    kept = await town.warning(warning)
    assert (kept["state"], kept["issued_level"], kept["confirmed_by"]) == ("pending_confirmation", "orange", None)
    with pytest.raises(Problem, match="not_issued"):
        await town.sign(warning, town.helper)
    await town.pass_time(minutes=5)
    kept = await town.warning(warning)
    assert (kept["state"], kept["issued_level"], kept["unverified"]) == ("issued", "red", True)
    assert (await town.duty(warning))["signed_at"] is None, "what was signed for was less"


async def test_a_warning_that_cannot_be_told_holds_up_no_other(town: Town) -> None:
    broken = (await town.report(**ORANGE)).warnings[0]
    town.clock.moment += timedelta(seconds=1)
    whole = (await town.report(**ORANGE, text="城北市场摊位费上涨，摊主堵住路口")).warnings[0]
    async with town.doors.transaction() as connection:  # as if the catalogue had lost a category
        await connection.execute(text("UPDATE warning SET category = 'no.such' WHERE id = :id"), {"id": broken})
    town.clock.moment += timedelta(minutes=15)

    with pytest.raises(ExceptionGroup):
        await clocks.issue_overdue(town.doors, town.engines, town.clock())

    assert (await town.warning(whole))["state"] == "issued"
    assert (await town.warning(broken))["state"] == "pending_confirmation"


# ------------------------------------------------------------------ signing and answering


async def test_whoever_has_not_signed_is_reminded_with_pauses_that_double(town: Town) -> None:
    [warning] = (await town.report()).warnings  # yellow: 24 hours to sign, 24 between reminders, 120 to answer
    reminded = []
    for hour in range(1, 7 * 24):
        await town.pass_time(hours=1)
        if (await town.duty(warning))["reminders"] > len(reminded):
            reminded.append(hour)

    assert reminded == [24, 48, 96, 120], "the fourth is the deadline for the answer"
    assert (await town.changes(warning)).count("reminded") == 4
    duty = await town.duty(warning)
    assert (duty["missed"], duty["signed_at"]) == (2, None)


async def test_the_coordinating_office_is_not_reminded(town: Town) -> None:
    [warning] = (await town.report()).warnings
    await town.pass_time(hours=24)

    assert (await town.duty(warning, town.office))["reminders"] == 0
    assert await town.pushed(warning, town.office) == 1, "the warning itself"
    assert (await town.duty(warning, town.helper))["reminders"] == 1
    assert await town.pushed(warning, town.helper) == 2


async def test_a_clock_the_lead_missed_counts_on_the_matter_which_is_judged_again(town: Town) -> None:
    told = await town.report(**BLUE)
    [warning] = told.warnings
    assert (await town.warning(warning))["level"] == "blue"

    await town.pass_time(hours=48)

    [matter] = await town.rows("SELECT * FROM matter")
    assert matter["missed_clocks"] == 1
    kept = await town.warning(warning)
    assert kept["level"] == "yellow", "a department that stays silent makes it worse"
    assert await town.changes(warning) == ["issued", "reminded", "updated"]
    [entry] = await town.rows("SELECT * FROM matter_entry WHERE kind = 'missed_clock'")
    assert (entry["department_id"], entry["note"]) == (town.lead["id"], "尚未签收")
    duty = await town.duty(warning)
    assert (duty["sign_due_at"], duty["reminders"]) == (town.clock() + timedelta(hours=24), 0), "a new clock"

    await town.pass_time(hours=24)
    assert (await town.rows("SELECT missed_clocks FROM matter"))[0]["missed_clocks"] == 2, "missed again, counted again"


async def test_a_clock_a_helper_missed_does_not_count_on_the_matter(town: Town) -> None:
    [warning] = (await town.report()).warnings
    await town.sign(warning)
    await town.pass_time(hours=25)

    assert (await town.rows("SELECT missed_clocks FROM matter"))[0]["missed_clocks"] == 0
    assert (await town.duty(warning, town.helper))["missed"] == 1


async def test_whoever_signed_is_looked_at_again_when_the_answer_is_due(town: Town) -> None:
    [warning] = (await town.report()).warnings
    await town.sign(warning)
    await town.pass_time(hours=119)
    assert (await town.duty(warning))["reminders"] == 0

    await town.pass_time(hours=1)

    duty = await town.duty(warning)
    assert (duty["reminders"], duty["missed"]) == (1, 1)
    assert (await town.rows("SELECT missed_clocks FROM matter"))[0]["missed_clocks"] == 1


async def test_signing_late_and_answering_late_are_two_missed_clocks(town: Town) -> None:
    [warning] = (await town.report()).warnings
    await town.pass_time(hours=24)
    assert (await town.duty(warning))["missed"] == 1
    await town.sign(warning)
    await town.pass_time(hours=96)

    assert (await town.duty(warning))["missed"] == 2
    assert (await town.rows("SELECT missed_clocks FROM matter"))[0]["missed_clocks"] == 2


async def test_signing_and_answering_in_time_is_never_a_missed_clock(town: Town) -> None:
    [warning] = (await town.report()).warnings
    await town.pass_time(hours=23)
    await town.sign(warning)
    await town.pass_time(hours=90)
    await town.answer(warning)
    await town.pass_time(hours=24)

    duty = await town.duty(warning)
    assert (duty["missed"], duty["reminders"]) == (0, 0)
    await town.pass_time(hours=150)
    duty = await town.duty(warning)
    assert (duty["missed"], duty["reminders"]) == (0, 1), "answered and a week later not settled: asked, not blamed"


async def test_resolving_stops_every_clock(town: Town) -> None:
    [warning] = (await town.report()).warnings
    await town.resolve(warning)
    await town.pass_time(days=30)

    assert await town.changes(warning) == ["issued", "resolved"]
    assert await town.rows("SELECT * FROM duty WHERE next_check_at IS NOT NULL") == []


async def test_a_warning_resolved_while_it_waited_never_leaves(town: Town) -> None:
    [warning] = (await town.report(**ORANGE)).warnings
    await town.resolve(warning)
    await town.pass_time(minutes=15)

    assert await town.changes(warning) == ["opened", "resolved"]
    assert await town.pushed(warning) == 0


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ("2026-11-18T12:00+08:00", "2026-11-19T18:00+08:00"),
        ("2026-09-30T12:00+08:00", "2026-10-08T18:00+08:00"),  # the National Day week lies between
        ("2026-10-09T12:00+08:00", "2026-10-10T18:00+08:00"),  # a Saturday that is worked
    ],
)
async def test_blue_is_due_when_the_next_working_day_ends(house: House, told: str, due: str) -> None:
    town = await Town(house.doors, house.engines, utc(told)).settle()
    [warning] = (await town.report(**BLUE)).warnings

    assert (await town.duty(warning))["sign_due_at"] == utc(due)


# ------------------------------------------------------------------ many hands, clocks that jump


async def test_two_processes_that_look_at_once_do_everything_once(town: Town) -> None:
    waiting = [(await town.report(**ORANGE, text=words)).warnings[0] for words in TEXTS]
    issued = [(await town.report(text=words[::-1])).warnings[0] for words in TEXTS]
    town.clock.moment += timedelta(hours=24)
    await asyncio.gather(*(town.tick() for _ in range(2)))

    assert [await town.changes(warning) for warning in waiting] == [["opened", "issued"]] * len(TEXTS)
    assert [(await town.changes(warning)).count("reminded") for warning in issued] == [1] * len(TEXTS)
    assert [(await town.duty(warning))["missed"] for warning in issued] == [1] * len(TEXTS)


async def test_a_clock_that_steps_back_and_forth_an_hour_loses_and_doubles_nothing(town: Town) -> None:
    [orange] = (await town.report(**ORANGE)).warnings
    [yellow] = (await town.report(text="供暖温度不够，要求退费")).warnings
    await town.pass_time(minutes=-60)
    assert (await town.warning(orange))["state"] == "pending_confirmation"
    [later] = (await town.report(text="城北市场摊位费上涨，要求协商")).warnings
    assert (await town.warning(later))["state"] == "issued"
    assert await town.pushed(later) == 1
    await town.pass_time(minutes=120)
    await town.pass_time(minutes=-60)
    await town.pass_time(minutes=60)

    assert await town.changes(orange) == ["opened", "issued"]
    await town.pass_time(hours=23)
    await town.pass_time(hours=-1)
    await town.pass_time(hours=1)
    for warning in (yellow, later):
        assert (await town.changes(warning)).count("reminded") <= 1
    assert await town.pushed(orange) == len([c for c in await town.changes(orange) if c != "opened"])


TEXTS = ("砚池巷拆迁补偿未谈妥", "南湖小区电梯停运两周", "东岭村土地款没有到账", "第三中学分班办法争议")
