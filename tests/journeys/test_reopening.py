"""A level above what was assessed opens the assessment again: once, with a reason, a warning and a new draft."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.shared import refused
from tests.journeys.site import Site, on_site

SURVEYS = {"low": 12, "middle": 60, "high": 120}  # of 310: 3.9 %, 19.4 %, 38.7 %


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with on_site(database_url, tmp_path) as running:
        yield running


async def implementing(site: Site, grade: str = "low") -> dict[str, Any]:
    """An assessment of that grade, decided and carried out, whatever it advised."""
    draft = await site.assessed(survey={"asked": 320, "answered": 310, "opposed": SURVEYS[grade]})
    assert draft["grade"] == grade
    decided = await site.decided(draft, reason="防汛抢险，不能等待")
    await site.stage(draft["project_id"], "implementing")
    site.pass_days(1)
    return decided


async def test_an_orange_matter_reopens_what_was_decided_as_low_once_with_reason_warning_and_draft(site: Site) -> None:
    decided = await implementing(site)
    project = decided["project_id"]
    reported = await site.blocked(project)
    await site.tick()
    assert await site.assessments(project) == [(1, "implementing")], "nobody vouched for the level yet"

    await site.confirmed(reported)
    await site.tick(processes=3)
    await site.tick()
    assert await site.assessments(project) == [(1, "reopened"), (2, "draft")]
    [reopened] = (await site.get(project, "watch"))["reopened"]
    assert (reopened["matter_id"], reopened["level"]) == (reported["matter_id"], "orange")
    assert reopened["reached_at"] == "2026-11-24T02:00:00Z"
    [warning] = await site.project_warnings()
    assert (warning["level"], warning["state"]) == ("yellow", "issued")
    assert reported["matter_id"] in warning["reasons"][0]["text"]

    steps = [step for step in await site.get(project, "trail") if step["role"] == "system"]
    assert [step["action"] for step in steps] == ["assessment reopened", "assessment begun", "reopening recorded"]
    assert steps[0]["body"]["matter_id"] == reported["matter_id"]
    assert await site.broken() == ()


async def test_the_new_draft_starts_from_what_was_given_and_its_decision_ends_the_warning(site: Site) -> None:
    decided = await implementing(site)
    project = decided["project_id"]
    await site.confirmed(await site.blocked(project))
    await site.tick()
    first, again = await site.get(project, "assessments")
    assert {name: again[name] for name in ("given", "bodies", "form")} == {
        name: first[name] for name in ("given", "bodies", "form")
    }
    assert (await site.decided(again, reason="已落实化解措施"))["state"] == "implementing"
    assert [one["state"] for one in await site.project_warnings()] == ["resolved"]
    await site.tick()
    assert await site.assessments(project) == [(1, "reopened"), (2, "implementing")], "what is known is no rise"
    assert (await site.get(project, "watch"))["number"] == 2
    assert await site.broken() == ()


async def test_a_reopening_that_cannot_be_told_did_not_happen_and_comes_at_the_next_tick(site: Site) -> None:
    project = (await implementing(site))["project_id"]
    await site.confirmed(await site.blocked(project))
    site.refuse_warnings()
    with pytest.raises(ExceptionGroup, match="could not be followed"):
        await site.tick()
    assert await site.assessments(project) == [(1, "implementing")]
    assert await site.broken() == ()

    site.allow_warnings()
    await site.tick()
    assert await site.assessments(project) == [(1, "reopened"), (2, "draft")]


@pytest.mark.parametrize(("grade", "reopens"), [("low", True), ("middle", False), ("high", True)])
async def test_from_which_level_on_depends_on_the_grade_that_was_decided(site: Site, grade: str, reopens: bool) -> None:
    """中 was decided with orange in mind; 高 gives no room at all."""
    project = (await implementing(site, grade))["project_id"]
    await site.confirmed(await site.blocked(project))
    await site.tick()
    assert (await site.assessments(project))[0] == (1, "reopened" if reopens else "implementing")


async def test_red_reopens_what_was_decided_as_middle(site: Site) -> None:
    project = (await implementing(site, "middle"))["project_id"]
    first = await site.blocked(project)
    await site.confirmed(first)
    site.pass_days(1)
    worse = await site.blocked(None, matter_id=first["matter_id"], signals=["road_blocked", "death", "violence"])
    assert worse["level"] == "red"
    await site.confirmed(worse)
    await site.tick()
    assert (await site.assessments(project))[0] == (1, "reopened")
    assert (await site.get(project, "watch"))["reopened"][0]["level"] == "red"


async def test_what_was_known_when_it_was_decided_is_no_rise(site: Site) -> None:
    draft = await site.assessed()
    await site.confirmed(await site.blocked(draft["project_id"]))
    site.pass_days(1)
    await site.decided(draft)
    await site.tick()
    assert await site.assessments(draft["project_id"]) == [(1, "decided")]


@pytest.mark.parametrize("stages", [("implementing", "completed"), ("stopped",)])
async def test_what_has_ended_is_not_reopened(site: Site, stages: tuple[str, ...]) -> None:
    draft = await site.assessed()
    await site.decided(draft)
    await site.stage(draft["project_id"], *stages)
    site.pass_days(1)
    await site.confirmed(await site.blocked(draft["project_id"]))
    await site.tick()
    assert "reopened" not in {state for _, state in await site.assessments(draft["project_id"])}


async def test_a_matter_of_no_project_or_a_false_alarm_reopens_nothing(site: Site) -> None:
    project = (await implementing(site))["project_id"]
    await site.confirmed(await site.blocked(None))
    alarm = await site.blocked(project, category="urban_rural.construction", text="误传：工地门口堵路，四十多人")
    await site.confirmed(alarm)
    answering = await site.served.client(Scope.RESPOND, department_id=site.office)
    ok(await answering.post(f"/v1/matters/{alarm['matter_id']}/close", json={"outcome": "false_alarm"}))
    await site.tick()
    assert await site.assessments(project) == [(1, "implementing")]


async def test_a_draft_being_written_is_not_begun_a_second_time(site: Site) -> None:
    decided = await implementing(site)
    project = decided["project_id"]
    entered = {name: decided[name] for name in ("bodies", "given")}
    ok(await site.planner.post(f"/v1/projects/{project}/assessments", json=entered), 201)
    await site.confirmed(await site.blocked(project))
    await site.tick()
    assert await site.assessments(project) == [(1, "reopened"), (2, "draft")]
    assert (await site.get(project, "watch"))["reopened"][0]["draft_id"] is None


async def test_a_reopened_assessment_of_a_stopped_project_can_be_evaluated(site: Site) -> None:
    decided = await implementing(site)
    project, path = decided["project_id"], f"/v1/assessments/{decided['id']}"
    await site.confirmed(await site.blocked(project))
    await site.tick()
    refused(await site.planner.post(f"{path}/evaluate", json={"text": "停止"}), 409, "not_completed")
    await site.stage(project, "stopped")
    told = ok(await site.planner.post(f"{path}/evaluate", json={"text": "停止"}))["evaluation"]
    assert told["showed_up"] == ["compensation.standard"]


async def test_conditions_and_a_reopening_share_the_one_open_warning_of_the_project(site: Site) -> None:
    draft = await site.assessed()
    asked = {"text": "公布分户补偿", "department_id": site.office, "due_on": "2026-11-25"}
    await site.decided(draft, conditions=[asked])
    project = draft["project_id"]
    await site.stage(project, "implementing")
    site.pass_days(5)
    await site.confirmed(await site.blocked(project))
    await site.tick()
    [warning] = await site.project_warnings()
    assert [one["code"].split(":")[0] for one in warning["reasons"]] == ["condition", "reopened"]
