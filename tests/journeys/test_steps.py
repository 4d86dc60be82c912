"""An assessment's steps over HTTP: seen, entered, and asked for before it is submitted and before it passes."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from service.store.trail import LATER
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused
from tests.journeys.stepping import ago, asked, commission, passing, plan, prepared, round_
from tests.journeys.test_assessments import AREAS, BODIES, GIVEN, assessed, broken, taken_up
from tests.served import Served, load_areas

SMALL = {"households": 20, "people": 60, "area_m2": 900}


@pytest.fixture
async def office(served: Served, admin: httpx.AsyncClient) -> str:
    await load_areas(served.database_url, AREAS)
    made = ok(await admin.post("/v1/departments", json={"name": "区征收办", "area": "330102000000"}), 201)
    return str(made["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="区征收办")


async def small_work(planner: httpx.AsyncClient, office: str, **changes: Any) -> str:
    return await taken_up(planner, office, **({"kind": "construction", "facts": {}, "scale": SMALL} | changes))


async def steps(client: httpx.AsyncClient, assessment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    answer = ok(await client.get(f"/v1/assessments/{assessment['id']}/steps"))
    return {one["step"]: one for one in answer["steps"]}


async def test_each_step_shows_what_it_lacks_until_it_is_taken(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, office: str, served: Served
) -> None:
    draft = await assessed(planner, await taken_up(planner, office))
    path = f"/v1/assessments/{draft['id']}"
    before = await steps(reader, draft)
    assert list(before) == [
        "form", "plan", "commission", "survey", "draft", "review", "filing", "validity", "decision",
    ]  # fmt: skip
    assert [name for name, one in before.items() if one["done"]] == ["form"]
    assert before["plan"]["lacking"][0]["text"] == "尚无评估方案；请填写 plan（范围、方法、起止日期）"
    assert before["review"]["basis"] == [{"source": "本项目约定", "unverified": True}]

    answer = refused(await planner.post(f"{path}/submit"), 409, "steps_lacking")
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [
        ("plan", "missing"), ("commission", "missing"), ("participation.notice", "missing"),
        ("participation.survey", "missing"), ("participation.meet", "missing"),
    ]  # fmt: skip

    await prepared(planner, draft)
    ok(await planner.post(f"{path}/submit"))
    after = await steps(reader, draft)
    assert [name for name, one in after.items() if one["done"]] == list(before)[:5]
    assert (after["commission"]["by"], after["commission"]["at"]) == ("委托单位（测试）", ago(61))
    ok(await planner.post(f"{path}/review", json=passing()))
    ok(await planner.post(f"{path}/decide", json={"advice": "proceed"}))
    ended = await steps(reader, draft)
    assert all(one["done"] for one in ended.values())
    assert ended["filing"]["by"] == "测评备〔2026〕7号"
    bodies = [step["body"] for step in ok(await reader.get(f"/v1/projects/{draft['project_id']}/trail"))]
    assert {"fields": ["commission", "plan"]} in bodies
    assert await broken(served) == ()


async def test_a_review_passes_only_with_what_the_form_asks_and_may_always_return(
    planner: httpx.AsyncClient, office: str
) -> None:
    draft = await assessed(planner, await taken_up(planner, office))
    path = f"/v1/assessments/{draft['id']}"
    await prepared(planner, draft)
    ok(await planner.post(f"{path}/submit"))
    little = passing(opinions=[{"office": "区司法局", "text": "同意"}], valid_until=ago(-3000), filing_number=None)
    answer = refused(await planner.post(f"{path}/review", json=little), 409, "steps_lacking")
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [
        ("opinions", "too_few"), ("opinions", "too_few_offices"), ("filing_number", "missing"),
        ("valid_until", "too_long"),
    ]  # fmt: skip
    returned = little | {"outcome": "returned", "valid_until": None}
    assert ok(await planner.post(f"{path}/review", json=returned))["state"] == "returned"
    assert not (await steps(planner, draft))["draft"]["done"]


async def test_a_small_work_may_be_assessed_by_the_simple_form(planner: httpx.AsyncClient, office: str) -> None:
    project = await small_work(planner, office)
    entered = {"form": "simple", "bodies": BODIES, "given": GIVEN, "plan": plan(methods=["symposium"]),
               "commission": commission()}  # fmt: skip
    draft = ok(await planner.post(f"/v1/projects/{project}/assessments", json=entered), 201)
    await asked(planner, project, round_("notice", 20, 14), round_("dialogue", 10, 10, affected=60, reached=30))
    path = f"/v1/assessments/{draft['id']}"
    ok(await planner.post(f"{path}/submit"))
    ok(await planner.post(f"{path}/review", json=passing(opinions=[{"office": "区发改局", "text": "同意"}])))

    grown = ok(await planner.get(path))["facts"]
    assert (grown["form"], grown["procedure"]["name"], grown["stage"]) == ("simple", "STANDARD", "pre_decision")
    assert (grown["name"], grown["department_id"]) == ("清河片区旧城改建", office)
    assert len(grown["participation"]) == 2


async def test_the_simple_form_is_refused_to_what_is_too_large_or_of_another_kind(
    planner: httpx.AsyncClient, office: str
) -> None:
    simple = {"form": "simple", "bodies": BODIES, "given": GIVEN}
    homes = await taken_up(planner, office)
    answer = refused(await planner.post(f"/v1/projects/{homes}/assessments", json=simple), 409, "form_not_allowed")
    assert fields(answer) == {"form": "kind_not_allowed"}
    large = await small_work(planner, office, scale=SMALL | {"households": 51})
    answer = refused(await planner.post(f"/v1/projects/{large}/assessments", json=simple), 409, "form_not_allowed")
    assert fields(answer) == {"scale.households": "too_large"}

    draft = await assessed(planner, large)
    path = f"/v1/assessments/{draft['id']}"
    refused(await planner.patch(path, json={"form": "simple"}), 409, "form_not_allowed")
    ok(await planner.patch(f"/v1/projects/{large}", json={"scale": {"people": 60, "area_m2": 900}}))
    assert ok(await planner.patch(path, json={"form": "simple"}))["form"] == "simple"
    lacking = (await steps(planner, draft))["form"]["lacking"]
    assert [(one["code"], one["known"]) for one in lacking] == [("scale_unknown", False)]
    answer = refused(await planner.post(f"{path}/submit"), 409, "steps_lacking")
    assert fields(answer)["scale.households"] == "scale_unknown"


@pytest.mark.parametrize(
    ("entered", "status", "field"),
    [
        ({"plan": plan(methods=["fortune_telling"])}, 422, "plan.methods"),
        ({"plan": plan(methods=[])}, 422, "plan.methods"),
        ({"plan": plan(methods=["notice", "notice"])}, 422, "plan"),
        ({"plan": plan(scope=" ")}, 422, "plan.scope"),
        ({"plan": plan(from_on=ago(1), to_on=ago(2))}, 422, "plan"),
        ({"plan": plan(from_on="昨天")}, 422, "plan.from_on"),
        ({"plan": {"scope": "全部"}}, 422, "plan.methods"),
        ({"commission": commission(body="assessor")}, 422, "commission.body"),
        ({"commission": commission(office="")}, 422, "commission.office"),
        ({"commission": commission(applicant="张三")}, 422, "commission.applicant"),
        ({"form": "quick"}, 422, "form"),
    ],
)
async def test_a_bad_plan_or_commission_is_refused(
    planner: httpx.AsyncClient, office: str, entered: dict[str, Any], status: int, field: str
) -> None:
    draft = await assessed(planner, await taken_up(planner, office))
    answer = await planner.patch(f"/v1/assessments/{draft['id']}", json=entered)
    assert answer.status_code == status, answer.text
    assert field in fields(answer.json())


async def test_null_takes_a_plan_back_and_leaves_what_must_stand(planner: httpx.AsyncClient, office: str) -> None:
    draft = await assessed(planner, await taken_up(planner, office))
    path = f"/v1/assessments/{draft['id']}"
    assert ok(await planner.patch(path, json={"plan": plan()}))["plan"]["methods"]
    left = ok(await planner.patch(path, json={"plan": None, "bodies": None, "given": None, "form": None}))
    assert (left["plan"], left["bodies"], left["form"]) == (None, BODIES, "ordinary")


async def test_what_names_a_number_is_masked_in_a_plan(planner: httpx.AsyncClient, office: str) -> None:
    draft = await assessed(planner, await taken_up(planner, office))
    told = plan(scope="逐户走访，联系电话13800138000")
    kept = ok(await planner.patch(f"/v1/assessments/{draft['id']}", json={"plan": told}))
    assert "13800138000" not in str(kept["plan"])


async def test_an_election_has_no_such_steps(planner: httpx.AsyncClient, office: str) -> None:
    project = await taken_up(planner, office, kind="village_election", facts={})
    draft = await assessed(planner, project)
    path = f"/v1/assessments/{draft['id']}"
    refused(await planner.get(f"{path}/steps"), 409, "no_steps")
    refused(await planner.patch(path, json={"plan": plan()}), 409, "quick_has_no_steps")
    ok(await planner.post(f"{path}/submit"))
    opinions = [{"office": "县民政局", "text": "同意"}]
    bare = {"outcome": "passed", "opinions": opinions}
    answer = refused(await planner.post(f"{path}/review", json=bare), 409, "steps_lacking")
    assert fields(answer) == {"filing_number": "missing", "valid_until": "missing"}
    ok(await planner.post(f"{path}/review", json=passing(opinions=opinions)))


async def test_what_was_submitted_before_steps_were_asked_for_still_reads_and_computes_the_same(
    planner: httpx.AsyncClient, office: str, served: Served
) -> None:
    draft = await assessed(planner, await taken_up(planner, office))
    await prepared(planner, draft)
    path = f"/v1/assessments/{draft['id']}"
    ok(await planner.post(f"{path}/submit"))
    names = ("name", "department_id", "stage", "procedure", "form", "bodies", "plan", "commission", "participation")
    with psycopg.connect(served.database_url) as connection:
        connection.execute(
            "UPDATE assessment SET facts = facts - CAST(%s AS text[]), plan = NULL, commission = NULL", [list(names)]
        )
    assert ok(await planner.get(f"{path}/recompute"))["same"]
    assert (await steps(planner, draft))["draft"]["done"]
    page = await planner.get(f"{path}/report.html")
    assert page.status_code == 200
    assert "清河片区旧城改建" in page.text


async def test_a_row_recorded_before_a_column_came_is_still_as_its_trail_says(
    planner: httpx.AsyncClient, office: str, served: Served
) -> None:
    """An empty column of a later migration is no part of what was seen; one that is filled is."""
    draft = await assessed(planner, await taken_up(planner, office))
    assert {"plan", "commission"} <= set(LATER["assessment"])
    assert await broken(served) == ()
    with psycopg.connect(served.database_url) as connection:
        connection.execute("UPDATE assessment SET plan = '{}' WHERE id = %s", [draft["id"]])
    assert any("assessment/" in what for what in await broken(served))


async def test_what_each_form_asks_can_be_read_with_its_source(reader: httpx.AsyncClient) -> None:
    found = ok(await reader.get("/v1/assessment-procedures"))
    assert len(found["of_preset"]) == 8
    assert found["methods"]["symposium"] == "座谈会"
    notice = found["of_preset"]["POLICY_713"]["ordinary"]["rounds"][0]
    assert (notice["least_days"], notice["origin"]["unverified"]) == (30, False)


async def test_one_who_may_not_see_the_project_sees_no_steps(
    planner: httpx.AsyncClient, office: str, served: Served
) -> None:
    draft = await assessed(planner, await taken_up(planner, office))
    elsewhere = await served.client(Scope.READ, area="990000000000")
    refused(await elsewhere.get(f"/v1/assessments/{draft['id']}/steps"), 404, "not_found")
