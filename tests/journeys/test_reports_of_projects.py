"""A report that belongs to a project is judged with what is known of the project."""

from __future__ import annotations

from math import log1p
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.test_assessments import AREAS, OLD_TOWN, TOWN, taken_up
from tests.makers import report
from tests.served import Served, load_areas

LACKS_STEPS = "IN-207"
LACKING = OLD_TOWN | {"funds_ready": False}  # 590号令 Art. 12: the money has to be there before the decision


@pytest.fixture
async def office(served: Served, admin: httpx.AsyncClient) -> str:
    await load_areas(served.database_url, AREAS)
    made = ok(await admin.post("/v1/departments", json={"name": "区征收办", "area": "330102000000"}), 201)
    return str(made["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="区征收办")


async def judged(reporter: httpx.AsyncClient, reader: httpx.AsyncClient, project: str | None, text: str) -> Any:
    """The judgement of a new matter about something else than any other."""
    body = report(area=TOWN, category="urban_rural.transport", text=text, people_affected=20)
    made = ok(await reporter.post("/v1/incidents", json=body | {"project_id": project}), 201)
    return ok(await reader.get(f"/v1/matters/{made['matter_id']}/why"))


def hits(why: Any) -> set[str]:
    return {one["rule_id"] for one in why["findings"]["hit"]}


def told_of_project(why: Any) -> tuple[float, float | None]:
    row = why["score"]["features"]
    return row["project_under_way"], row["project_missing_steps"]


async def test_a_project_that_lacks_a_step_the_law_asks_for_makes_its_matters_graver(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, planner: httpx.AsyncClient, office: str
) -> None:
    lacking = await taken_up(planner, office, facts=LACKING)
    ok(await planner.patch(f"/v1/projects/{lacking}", json={"stage": "implementing"}))

    of_project = await judged(reporter, reader, lacking, "施工车辆占道，居民出行不便")
    of_none = await judged(reporter, reader, None, "路灯整夜不亮，多户反映")

    assert told_of_project(of_project) == (1.0, pytest.approx(log1p(1)))
    assert (LACKS_STEPS in hits(of_project), of_project["level"]) == (True, "orange")
    assert told_of_project(of_none) == (0.0, 0.0)
    assert LACKS_STEPS not in hits(of_none)


async def test_a_project_in_order_lacks_nothing_and_one_nobody_checked_is_not_known_to(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, planner: httpx.AsyncClient, office: str
) -> None:
    in_order = await judged(reporter, reader, await taken_up(planner, office), "围挡过高，遮挡商铺")
    unchecked = await judged(reporter, reader, await taken_up(planner, office, facts={}), "夜间噪声扰民")

    assert told_of_project(in_order) == (0.0, 0.0)
    assert LACKS_STEPS in in_order["findings"]["clear"]
    assert told_of_project(unchecked) == (0.0, None)
    assert LACKS_STEPS in {one["rule_id"] for one in unchecked["findings"]["not_evaluated"]}


async def test_a_report_that_names_a_project_nobody_knows_is_judged_without_one(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: str
) -> None:
    assert office
    assert told_of_project(await judged(reporter, reader, str(uuid4()), "公交改线不便")) == (0.0, 0.0)
