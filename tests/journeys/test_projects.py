"""A project from its taking up: facts, evidence, participation, open issues, and a trail that shows every step."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from service.store import trail
from service.store.engine import open_engine
from service.store.trail import Broken
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused
from tests.makers import COUNTY, OTHER_COUNTY, VILLAGE
from tests.served import Served

HASH = "ab" * 32


@pytest.fixture
async def street(admin: httpx.AsyncClient) -> str:
    made = ok(await admin.post("/v1/departments", json={"name": "清河街道", "area": COUNTY}), 201)
    return str(made["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="街道办")


def project(street: str, **changes: Any) -> dict[str, Any]:
    plain = {"name": "清河片区旧城改建", "kind": "house_expropriation", "area": VILLAGE, "department_id": street,
             "scale": {"households": 320, "people": 1100}}  # fmt: skip
    return plain | changes


def evidence(street: str, **changes: Any) -> dict[str, Any]:
    plain = {"kind": "minutes", "title": "听证会纪要", "dated": "2026-11-01", "department_id": street, "sha256": HASH,
             "counts": {"到场": 42}}  # fmt: skip
    return plain | changes


async def broken(served: Served, project_id: str) -> list[Broken]:
    engine = open_engine(served.database_url, 1)
    async with engine.connect() as connection:
        found = [one for known in await trail.projects(connection) for one in await trail.broken(connection, known)]
    await engine.dispose()
    assert all(str(one.project_id) == project_id for one in found)
    return found


async def test_every_step_on_a_project_is_in_its_trail_in_order(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, street: str, served: Served
) -> None:
    made = ok(await planner.post("/v1/projects", json=project(street)), 201)
    path = f"/v1/projects/{made['id']}"
    filed = ok(await planner.post(f"{path}/evidence", json=evidence(street)), 201)
    asked = {"form": "survey", "began_on": "2026-10-01", "affected": 320, "reached": 310, "in_favour": 280,
             "against": 12, "evidence_id": filed["id"]}  # fmt: skip
    ok(await planner.post(f"{path}/participation", json=asked), 201)
    raised = {"title": "安置房源尚未落实", "department_id": street, "due_on": "2026-12-01"}
    issue = ok(await planner.post(f"{path}/issues", json=raised), 201)
    settled = {"state": "cleared", "note": "房源已公布"}
    assert ok(await planner.post(f"{path}/issues/{issue['id']}/settle", json=settled))["state"] == "cleared"
    ok(await planner.post(f"{path}/evidence/{filed['id']}/withdraw"))
    assert ok(await planner.patch(path, json={"stage": "implementing"}))["revision"] == 2

    steps = ok(await reader.get(f"{path}/trail"))
    assert [step["action"] for step in steps] == [
        "created", "evidence filed", "participation recorded", "issue raised", "issue cleared", "evidence withdrawn",
        "changed",
    ]  # fmt: skip
    assert [step["number"] for step in steps] == list(range(1, 8))
    assert all(later["before"] == step["hash"] for step, later in pairwise(steps))
    assert {step["actor"] for step in steps} == {"街道办"}
    assert await broken(served, made["id"]) == []


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE project SET scale = '{\"households\": 9}'", "project/"),
        ("UPDATE evidence SET dated = dated - 30", "evidence/"),
        ("DELETE FROM evidence", "evidence/"),
        ("UPDATE trail SET at = at - interval '1 year' WHERE number = 1", "记录内容被改动"),
        ("DELETE FROM trail WHERE number = 1", "记录不连续"),
        ("DELETE FROM trail WHERE number = 2", "没有任何记录"),
        ("UPDATE trail SET hash = before WHERE number = 2", "记录内容被改动"),
        ("INSERT INTO issue SELECT gen_random_uuid(), id, '旧问题', department_id, current_date, 'open', NULL, now(),"
         " NULL FROM project", "没有任何记录"),
    ],
)  # fmt: skip
async def test_what_was_changed_behind_the_trail_is_found(
    planner: httpx.AsyncClient, street: str, served: Served, tampering: str, said: str
) -> None:
    made = ok(await planner.post("/v1/projects", json=project(street)), 201)
    ok(await planner.post(f"/v1/projects/{made['id']}/evidence", json=evidence(street)), 201)
    assert await broken(served, made["id"]) == []

    with psycopg.connect(served.database_url) as connection:
        connection.execute(tampering.encode())

    assert any(said in one.what for one in await broken(served, made["id"]))


async def test_a_name_in_a_title_or_note_is_masked_before_it_is_kept(planner: httpx.AsyncClient, street: str) -> None:
    made = ok(await planner.post("/v1/projects", json=project(street, name="李某某 13812345678 户征收")), 201)
    assert "13812345678" not in made["name"]
    raised = {"title": "身份证 110101199003070038 户未签约", "department_id": street, "due_on": "2026-12-01"}
    assert "199003070038" not in ok(await planner.post(f"/v1/projects/{made['id']}/issues", json=raised), 201)["title"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"area": "990199000000"}, "unknown_area"),
        ({"department_id": "00000000-0000-7000-8000-000000000000"}, "unknown_department"),
        ({"kind": "war"}, "enum"),
        ({"scale": {"petitioners": 3}}, "extra_forbidden"),
        ({"name": " "}, "string_too_short"),
    ],
)
async def test_a_project_that_cannot_be_is_refused_naming_the_field(
    planner: httpx.AsyncClient, street: str, changes: dict[str, Any], code: str
) -> None:
    answer = await planner.post("/v1/projects", json=project(street, **changes))
    known = "invalid_project" if code.startswith("unknown") else "invalid_request"
    assert set(fields(refused(answer, 422, known)).values()) == {code}


async def test_stages_go_forward_only(planner: httpx.AsyncClient, street: str) -> None:
    path = f"/v1/projects/{ok(await planner.post('/v1/projects', json=project(street)), 201)['id']}"
    refused(await planner.patch(path, json={"stage": "completed"}), 409, "stage_order")
    ok(await planner.patch(path, json={"stage": "implementing"}))
    refused(await planner.patch(path, json={"stage": "pre_decision"}), 409, "stage_order")
    ok(await planner.patch(path, json={"stage": "stopped"}))
    refused(await planner.patch(path, json={"stage": "implementing"}), 409, "stage_order")


async def test_a_key_of_another_county_neither_sees_nor_makes_projects_here(
    planner: httpx.AsyncClient, street: str, served: Served
) -> None:
    made = ok(await planner.post("/v1/projects", json=project(street)), 201)
    neighbour = await served.client(Scope.PLAN, area=OTHER_COUNTY)
    refused(await neighbour.get(f"/v1/projects/{made['id']}"), 404, "not_found")
    refused(await neighbour.post(f"/v1/projects/{made['id']}/evidence", json=evidence(street)), 404, "not_found")
    assert ok(await neighbour.get("/v1/projects"))["items"] == []
    refused(await neighbour.post("/v1/projects", json=project(street)), 422, "invalid_project")


async def test_pages_of_projects_come_to_an_end_without_a_gap(planner: httpx.AsyncClient, street: str) -> None:
    made = [ok(await planner.post("/v1/projects", json=project(street, name=f"项目{n}")), 201)["id"] for n in range(5)]
    seen, after = [], None
    while True:
        page = ok(await planner.get("/v1/projects", params={"limit": 2} | ({"before": after} if after else {})))
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == made[::-1]
