"""Conditions of a decision: each has its office and its clock, is told once when late, and rests on what is filed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused
from tests.journeys.site import TODAY, Site, on_site
from tests.journeys.stepping import passing, prepared
from tests.journeys.test_assessments import condition
from tests.receiver import Receiver
from tests.served import until

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with on_site(database_url, tmp_path) as running:
        yield running


async def with_condition(site: Site, **changes: Any) -> tuple[str, dict[str, Any]]:
    """A project decided with one condition; gives the project and the condition."""
    draft = await site.assessed()
    asked = condition(site.office, due_on="2026-12-01") | changes
    await site.decided(draft, conditions=[asked])
    return draft["project_id"], (await site.get(draft["project_id"], "conditions"))[0]


async def filed(site: Site, project: str) -> str:
    body = {"kind": "notice", "title": "分户补偿公示", "dated": "2026-11-30", "department_id": site.office,
            "sha256": "ab" * 32}  # fmt: skip
    return str(ok(await site.planner.post(f"/v1/projects/{project}/evidence", json=body), 201)["id"])


async def test_a_late_condition_is_told_once_to_whoever_promised_it_and_is_over_when_it_is_met(
    site: Site, receiver: Receiver
) -> None:
    owing = await site.office_named("区住建局", receiver)
    project, kept = await with_condition(site, department_id=owing)
    assert (kept["state"], kept["overdue"], kept["department"]) == ("open", False, "区住建局")

    site.pass_days(8)  # the last day itself is in time
    await site.tick()
    assert await site.project_warnings() == []
    site.pass_days(1)
    await site.tick(processes=3)
    await site.tick()
    [warning] = await site.project_warnings()
    assert (warning["level"], warning["state"], warning["subject"]["id"]) == ("yellow", "issued", project)
    assert "公布分户补偿" in warning["reasons"][0]["text"]
    assert "2026-12-01" in warning["reasons"][0]["text"]
    await until(lambda: receiver.of_type("warning.issued"))
    assert (await site.actions(project)).count("condition overdue") == 1
    assert (await site.get(project, "conditions"))[0]["overdue"]

    path = f"/v1/projects/{project}/conditions/{kept['id']}/meet"
    met = ok(await site.planner.post(path, json={"note": "已在村务公开栏公布"}))
    assert (met["state"], met["overdue"]) == ("met", False)
    assert [one["state"] for one in await site.project_warnings()] == ["resolved"]
    await until(lambda: receiver.of_type("warning.resolved"))
    assert len(receiver.got) == 2
    refused(await site.planner.post(path, json={"note": "再办一次"}), 409, "condition_met")
    assert await site.broken() == ()


async def test_who_promised_and_does_not_sign_is_reminded_like_anybody_else(site: Site, receiver: Receiver) -> None:
    await with_condition(site, department_id=await site.office_named("区住建局", receiver))
    site.pass_days(9)
    await site.tick()
    await until(lambda: receiver.of_type("warning.issued"))
    site.pass_days(2)
    await site.tick()
    await until(lambda: receiver.of_type("warning.reminded"))
    assert [body["type"] for body in receiver.got] == ["warning.issued", "warning.reminded"]


async def test_two_late_conditions_are_one_warning_which_ends_with_the_last_of_them(site: Site) -> None:
    draft = await site.assessed()
    asked = [condition(site.office, due_on=f"2026-12-0{day}", text=f"第{day}项") for day in (1, 3)]
    await site.decided(draft, conditions=asked)
    project = draft["project_id"]
    site.pass_days(9)
    await site.tick()
    assert [len(one["reasons"]) for one in await site.project_warnings()] == [1]
    site.pass_days(2)
    await site.tick()
    [warning] = await site.project_warnings()
    assert (len(warning["reasons"]), warning["revision"]) == (2, 3), "told, reminded, told more"

    first, second = await site.get(project, "conditions")
    for one, state, left in ((first, "issued", 1), (second, "resolved", 1)):
        ok(await site.planner.post(f"/v1/projects/{project}/conditions/{one['id']}/meet", json={"note": "已办"}))
        [warning] = await site.project_warnings()
        assert (warning["state"], len(warning["reasons"])) == (state, left)


async def test_who_kept_its_promise_is_no_longer_reminded_of_what_others_owe(site: Site, receiver: Receiver) -> None:
    draft, prompt = await site.assessed(), await site.office_named("区住建局", receiver)
    asked = [condition(who, due_on="2026-12-01", text=f"由{who}办理") for who in (prompt, site.office)]
    await site.decided(draft, conditions=asked)
    site.pass_days(9)
    await site.tick()
    await until(lambda: receiver.of_type("warning.issued"))
    path = f"/v1/projects/{draft['project_id']}/conditions"
    [kept] = [one for one in await site.get(draft["project_id"], "conditions") if one["department_id"] == prompt]
    ok(await site.planner.post(f"{path}/{kept['id']}/meet", json={"note": "已办"}))
    await until(lambda: receiver.of_type("warning.updated"))
    site.pass_days(3)
    await site.tick()
    [warning] = await site.project_warnings()
    assert warning["revision"] == 3, "the other office, which has no address, was reminded"

    async def pushed() -> list[str]:
        pushes = ok(await site.planner.get(f"/v1/warnings/{warning['id']}/why"))["pushes"]
        return [push["state"] for push in pushes]

    async def all_delivered() -> bool:
        return await pushed() == ["delivered", "delivered"]

    await until(all_delivered)
    assert [body["type"] for body in receiver.got] == ["warning.issued", "warning.updated"]


async def test_a_warning_that_cannot_be_written_leaves_no_trace_and_comes_at_the_next_tick(site: Site) -> None:
    project, _ = await with_condition(site)
    site.pass_days(30)
    site.refuse_warnings()
    with pytest.raises(ExceptionGroup, match="could not be followed"):
        await site.tick()
    assert (await site.get(project, "conditions"))[0]["warned_at"] is None
    assert "condition overdue" not in await site.actions(project)

    site.allow_warnings()
    await site.tick()
    assert len(await site.project_warnings()) == 1
    assert (await site.actions(project)).count("condition overdue") == 1


async def test_a_condition_rests_on_its_evidence_and_is_open_again_without_it(site: Site) -> None:
    project, kept = await with_condition(site)
    evidence, path = await filed(site, project), f"/v1/projects/{project}"
    meet = f"{path}/conditions/{kept['id']}/meet"
    assert ok(await site.planner.post(meet, json={"evidence_id": evidence}))["evidence_id"] == evidence
    site.pass_days(30)
    await site.tick()
    assert await site.project_warnings() == []

    ok(await site.planner.post(f"{path}/evidence/{evidence}/withdraw"))
    [again] = await site.get(project, "conditions")
    assert (again["state"], again["evidence_id"], again["overdue"]) == ("open", None, True)
    await site.tick()
    assert len(await site.project_warnings()) == 1
    errors = refused(await site.planner.post(meet, json={"evidence_id": evidence}), 422, "invalid_step")
    assert fields(errors) == {"evidence_id": "withdrawn"}
    assert await site.broken() == ()


@pytest.mark.parametrize(("stages", "told"), [(("stopped",), 0), (("implementing", "completed"), 1)])
async def test_a_stopped_project_owes_nothing_more_and_a_completed_one_all_it_promised(
    site: Site, stages: tuple[str, ...], told: int
) -> None:
    project, _ = await with_condition(site)
    await site.stage(project, *stages)
    site.pass_days(30)
    await site.tick()
    assert len(await site.project_warnings()) == told


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE decision_condition SET due_on = due_on + 30", "decision_condition/"),
        ("UPDATE decision_condition SET state = 'met', met_at = now()", "decision_condition/"),
        ("DELETE FROM decision_condition", "decision_condition/"),
        ("INSERT INTO reception SELECT gen_random_uuid(), id, current_date, '项目部', department_id, 3, 3, 1, 1, NULL,"
         " now() FROM project", "没有任何记录"),
    ],
)  # fmt: skip
async def test_a_condition_or_reception_changed_behind_the_trail_is_found(
    site: Site, tampering: str, said: str
) -> None:
    await with_condition(site)
    assert await site.broken() == ()
    site.execute(tampering)
    assert any(said in what for what in await site.broken())


async def test_a_decision_says_which_office_in_which_role_on_which_grade(site: Site) -> None:
    draft = await site.assessed()
    decision = (await site.decided(draft, role="常务会议", conditions=[condition(site.office)]))["decision"]
    assert (decision["office"], decision["role"], decision["grade"]) == ("区人民政府", "常务会议", "low")
    assert (decision["department_id"], decision["by"]) == (site.office, "区征收办")
    assert decision["conditions"] == [condition(site.office)]


@pytest.mark.parametrize(
    ("changes", "code", "errors"),
    [
        ({"department_id": NOBODY}, "invalid_conditions", {"conditions.0.department_id": "unknown_department"}),
        ({"due_on": "2026-11-22"}, "invalid_conditions", {"conditions.0.due_on": "in_past"}),
        ({"text": " "}, "invalid_request", {"conditions.0.text": "string_too_short"}),
        ({"due_on": "明天"}, "invalid_request", {"conditions.0.due_on": "date_from_datetime_parsing"}),
        ({"owner": "x"}, "invalid_request", {"conditions.0.owner": "extra_forbidden"}),
    ],
)
async def test_a_condition_that_cannot_be_kept_holds_the_whole_decision_back(
    site: Site, changes: dict[str, Any], code: str, errors: dict[str, str]
) -> None:
    draft = await site.assessed()
    path = f"/v1/assessments/{draft['id']}"
    await prepared(site.planner, draft, TODAY)
    ok(await site.planner.post(f"{path}/submit"))
    ok(await site.planner.post(f"{path}/review", json=passing(TODAY)))
    body = {"advice": "proceed", "conditions": [condition(site.office) | changes]}
    assert fields(refused(await site.planner.post(f"{path}/decide", json=body), 422, code)) == errors
    assert ok(await site.planner.get(path))["state"] == "reviewed"
    assert await site.get(draft["project_id"], "conditions") == []


async def test_who_meets_a_condition_says_by_what_and_of_which_project(site: Site) -> None:
    project, kept = await with_condition(site)
    other, _ = await with_condition(site)
    meet = f"/conditions/{kept['id']}/meet"
    refused(await site.planner.post(f"/v1/projects/{project}{meet}", json={}), 422, "invalid_request")
    refused(await site.planner.post(f"/v1/projects/{other}{meet}", json={"note": "已办"}), 404, "not_found")
    strange = {"evidence_id": await filed(site, other)}
    refused(await site.planner.post(f"/v1/projects/{project}{meet}", json=strange), 404, "not_found")
    reader = await site.served.client(Scope.READ)
    answer: httpx.Response = await reader.post(f"/v1/projects/{project}{meet}", json={"note": "已办"})
    refused(answer, 403, "scope_missing")
    assert (await site.get(project, "conditions"))[0]["state"] == "open"


async def test_an_office_that_promised_something_cannot_be_deleted(site: Site) -> None:
    admin = await site.served.client(Scope.ADMINISTER)
    made = ok(await admin.post("/v1/departments", json={"name": "区住建局", "area": "330102000000"}), 201)["id"]
    await with_condition(site, department_id=made)
    refused(await admin.delete(f"/v1/departments/{made}"), 409, "in_use")


async def test_a_name_in_a_condition_or_its_note_is_masked(site: Site) -> None:
    project, kept = await with_condition(site, text="联系 13812345678 落实")
    assert "13812345678" not in kept["text"]
    path = f"/v1/projects/{project}/conditions/{kept['id']}/meet"
    assert "13812345678" not in ok(await site.planner.post(path, json={"note": "13812345678 已答复"}))["note"]
