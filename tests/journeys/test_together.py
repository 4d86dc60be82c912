"""Before a project is decided its check says what it would meet where it is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.shared import refused
from tests.journeys.stepping import ago
from tests.makers import AREAS, COUNTY, OTHER_VILLAGE, STREET, VILLAGE, blocked_road, report
from tests.served import Served, load_areas


@pytest.fixture
async def bureau(served: Served, admin: httpx.AsyncClient) -> str:
    await load_areas(served.database_url, AREAS)
    made = ok(await admin.post("/v1/departments", json={"name": "区住建局", "area": COUNTY}), 201)
    return str(made["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="区住建局")


async def taken_up(planner: httpx.AsyncClient, bureau: str, name: str, **changes: Any) -> str:
    plain = {"name": name, "kind": "house_expropriation", "area": VILLAGE, "department_id": bureau, "facts": {}}
    return str(ok(await planner.post("/v1/projects", json=plain | changes), 201)["id"])


async def met(client: httpx.AsyncClient, project: str) -> Any:
    return ok(await client.get(f"/v1/projects/{project}/check"))["coming_together"]


async def test_a_project_alone_meets_nothing(planner: httpx.AsyncClient, bureau: str) -> None:
    project = await taken_up(planner, bureau, "清河片区")
    await taken_up(planner, bureau, "上坪片区", area=OTHER_VILLAGE, facts={"start_on": ago(-5)})
    await taken_up(planner, bureau, "明年再说", facts={"start_on": ago(-200)})
    assert await met(planner, project) is None


async def test_what_it_would_meet_is_listed_with_measures_limits_and_sources(
    planner: httpx.AsyncClient, reporter: httpx.AsyncClient, bureau: str
) -> None:
    project = await taken_up(planner, bureau, "清河片区")
    other = await taken_up(planner, bureau, "道路改造", kind="construction", area=STREET, facts={"start_on": ago(-5)})
    ok(await reporter.post("/v1/incidents", json=blocked_road()), 201)
    ok(await reporter.post("/v1/incidents", json=report(category="finance.private_loan", text="借款纠纷")), 201)

    found = await met(planner, project)
    assert [(one["id"], one["start_on"]) for one in found["projects"]] == [(other, ago(-5)), (project, None)]
    assert [reason["code"] for reason in found["reasons"]] == ["projects", "related", "related"]
    assert "清河片区（房屋征收（拆迁），开工时间未填）" in found["reasons"][0]["text"]
    assert found["matters"] == [
        {"category": "urban_rural", "category_zh": "城乡建设发展", "level": "orange", "level_zh": "橙", "number": 1}
    ]
    assert "开工之前先回应已有诉求，必要时暂缓进场" in found["measures"]
    assert (found["place"], found["warning_id"]) == (STREET, None)
    limits = {one["name"]: (one["value"], one["unverified"]) for one in found["limits"]}
    assert limits["window_days"] == (30, True)
    assert all("本项目约定" in one["source"] for one in found["limits"])


async def test_it_is_asked_around_its_own_start(planner: httpx.AsyncClient, bureau: str) -> None:
    project = await taken_up(planner, bureau, "清河片区", facts={"start_on": ago(-200)})
    await taken_up(planner, bureau, "道路改造", facts={"start_on": ago(-190)})
    await taken_up(planner, bureau, "本月开工", facts={"start_on": ago(-5)})
    found = await met(planner, project)
    assert [one["name"] for one in found["projects"]] == ["道路改造", "清河片区"]


async def test_what_is_over_meets_nothing_any_more(planner: httpx.AsyncClient, bureau: str) -> None:
    project = await taken_up(planner, bureau, "清河片区")
    other = await taken_up(planner, bureau, "道路改造", facts={"start_on": ago(-5)})
    assert await met(planner, project)
    ok(await planner.patch(f"/v1/projects/{other}", json={"stage": "stopped"}))
    assert await met(planner, project) is None
    assert await met(planner, other) is None


async def test_a_key_of_one_village_is_told_nothing_of_the_next(
    planner: httpx.AsyncClient, bureau: str, served: Served
) -> None:
    project = await taken_up(planner, bureau, "清河片区")
    hidden = await taken_up(planner, bureau, "街道的项目", area=STREET, facts={"start_on": ago(-5)})
    village = await served.client(Scope.READ, area=VILLAGE)
    refused(await village.get(f"/v1/projects/{hidden}"), 404, "not_found")
    assert await met(planner, project)
    assert await met(village, project) is None
