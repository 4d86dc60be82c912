"""Emergency plans over HTTP: offices and steps, revision after revision, and what a warning shows of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from service.domain.words import Scope
from service.workflows.unassessed import warn_unassessed
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused
from tests.makers import COUNTY, OTHER_COUNTY, VILLAGE, blocked_road, report
from tests.served import Served

STEPS = {"yellow": ["街道上门听取意见"], "orange": ["暂停施工", "区领导小组到场答复"], "red": ["停止实施", "依法报告"]}


@pytest.fixture
async def street(admin: httpx.AsyncClient) -> str:
    return str(ok(await admin.post("/v1/departments", json={"name": "清河街道", "area": COUNTY}), 201)["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="街道办")


@pytest.fixture
async def project(planner: httpx.AsyncClient, street: str) -> str:
    made = {"name": "清河片区", "kind": "house_expropriation", "area": VILLAGE, "department_id": street}
    return str(ok(await planner.post("/v1/projects", json=made), 201)["id"])


def plan(street: str, **changes: Any) -> dict[str, Any]:
    plain = {"roles": [{"role": "总协调", "department_id": street}], "steps": STEPS,
             "contacts": [{"department_id": street, "duty_line": "0571-88886666"}]}  # fmt: skip
    return plain | changes


async def test_a_plan_goes_from_revision_to_revision_and_each_can_be_read(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, street: str, project: str
) -> None:
    path = f"/v1/projects/{project}/emergency-plan"
    refused(await reader.get(path), 404, "not_found")
    first = ok(await planner.put(path, json=plan(street)))
    assert (first["revision"], first["roles"][0]["department"], first["steps"]) == (1, "清河街道", STEPS)
    assert ok(await planner.put(path, json=plan(street)))["revision"] == 1
    changed = plan(street, contacts=[{"department_id": street, "duty_line": "（0571）8888 6666-801"}])
    second = ok(await planner.put(path, json=changed))
    assert (second["revision"], second["contacts"][0]["duty_line"]) == (2, "057188886666-801")
    assert ok(await reader.get(path)) == second
    assert ok(await reader.get(path, params={"revision": 1})) == first
    refused(await reader.get(path, params={"revision": 3}), 404, "not_found")
    steps = [step["action"] for step in ok(await reader.get(f"/v1/projects/{project}/trail"))]
    assert steps == ["created", "emergency plan put", "emergency plan put"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("13812345678", "personal_number"),
        ("+86 138-1234-5678", "personal_number"),
        ("(0)138 1234 5678", "personal_number"),
        ("张科长", "not_an_office_line"),
        ("0571-88886666 张科长", "not_an_office_line"),
        ("12", "string_too_short"),
        ("110101199003070038", "not_an_office_line"),
    ],
)
async def test_only_the_line_of_an_office_is_taken(
    planner: httpx.AsyncClient, street: str, project: str, line: str, code: str
) -> None:
    said = plan(street, contacts=[{"department_id": street, "duty_line": line}])
    answer = await planner.put(f"/v1/projects/{project}/emergency-plan", json=said)
    known = "invalid_request" if code.startswith("string") else "invalid_plan"
    assert fields(refused(answer, 422, known)) == {"contacts.0.duty_line": code}


@pytest.mark.parametrize("line", ["12345", "110", "12348", "95598", "400-100-1234", "88886666", "010-82345678"])
async def test_public_and_fixed_lines_are_taken(
    planner: httpx.AsyncClient, street: str, project: str, line: str
) -> None:
    said = plan(street, contacts=[{"department_id": street, "duty_line": line}])
    assert (
        ok(await planner.put(f"/v1/projects/{project}/emergency-plan", json=said))["contacts"][0]["duty_line"] == line
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"roles": []}, "roles"),
        ({"roles": [{"role": "总协调", "name": "张三"}]}, "roles.0.department_id"),
        ({"steps": STEPS | {"red": []}}, "steps.red"),
        ({"steps": {"yellow": ["一"], "orange": ["二"]}}, "steps.red"),
        ({"steps": STEPS | {"blue": ["一"]}}, "steps.blue"),
    ],
)
async def test_a_plan_that_lacks_something_is_refused_naming_the_field(
    planner: httpx.AsyncClient, street: str, project: str, changes: dict[str, Any], field: str
) -> None:
    answer = await planner.put(f"/v1/projects/{project}/emergency-plan", json=plan(street, **changes))
    assert field in fields(refused(answer, 422, "invalid_request"))


async def test_an_unknown_office_and_a_number_in_a_step(planner: httpx.AsyncClient, street: str, project: str) -> None:
    path = f"/v1/projects/{project}/emergency-plan"
    nobody = {"role": "总协调", "department_id": "00000000-0000-7000-8000-000000000000"}
    body = refused(await planner.put(path, json=plan(street, roles=[nobody])), 422, "invalid_plan")
    assert fields(body) == {"roles.0.department_id": "unknown_department"}
    steps = STEPS | {"red": ["打 13812345678 报告"]}
    assert ok(await planner.put(path, json=plan(street, steps=steps)))["steps"]["red"] == ["打 〔手机号〕 报告"]


async def test_a_warning_on_a_matter_of_the_project_shows_the_steps_of_its_level(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, reporter: httpx.AsyncClient, street: str, project: str
) -> None:
    ok(await planner.put(f"/v1/projects/{project}/emergency-plan", json=plan(street)))
    warned = ok(await reporter.post("/v1/incidents", json=blocked_road(project_id=project)), 201)["warnings"][0]
    warning = ok(await reader.get(f"/v1/warnings/{warned}"))
    shown = warning["emergency_plan"]
    assert (warning["level"], shown["steps"], shown["revision"]) == ("orange", STEPS["orange"], 1)
    assert shown["contacts"][0]["duty_line"] == "0571-88886666"
    path = shown["link"].removeprefix("http://127.0.0.1:8000")
    assert ok(await reader.get(path))["steps"] == STEPS


async def test_a_warning_on_the_project_itself_shows_it_and_one_on_anything_else_nothing(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, reporter: httpx.AsyncClient, street: str, project: str,
    served: Served,
) -> None:  # fmt: skip
    loose = ok(await reporter.post("/v1/incidents", json=report()), 201)["warnings"][0]
    assert ok(await reader.get(f"/v1/warnings/{loose}"))["emergency_plan"] is None

    ok(await planner.put(f"/v1/projects/{project}/emergency-plan", json=plan(street)))
    ok(await planner.patch(f"/v1/projects/{project}", json={"stage": "implementing"}))
    parts = served.app.state.parts
    assert await warn_unassessed(parts.doors, parts.engines, datetime.now(UTC)) == 1
    feed = ok(await reader.get("/v1/warnings"))["items"]
    warned = next(one["id"] for one in feed if one["subject"]["kind"] == "project")
    assert ok(await reader.get(f"/v1/warnings/{warned}"))["emergency_plan"]["steps"] == STEPS["yellow"]


async def test_a_key_of_another_county_neither_reads_nor_puts_it(
    planner: httpx.AsyncClient, street: str, project: str, served: Served
) -> None:
    path = f"/v1/projects/{project}/emergency-plan"
    ok(await planner.put(path, json=plan(street)))
    neighbour = await served.client(Scope.PLAN, area=OTHER_COUNTY)
    refused(await neighbour.get(path), 404, "not_found")
    refused(await neighbour.put(path, json=plan(street)), 404, "not_found")
