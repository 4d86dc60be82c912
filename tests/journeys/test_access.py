"""Who may do what: no route without a key that fits, nothing of another county, small matters for few eyes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from service.domain.words import Scope
from service.store import keys
from service.store.engine import open_engine
from tests.journeys.conftest import ok
from tests.journeys.shared import refused, running
from tests.makers import COUNTY, OTHER_COUNTY, OTHER_VILLAGE, STREET, blocked_road, report
from tests.served import Served, ids

__all__ = ["running"]  # a fixture
pytestmark = pytest.mark.asyncio(loop_scope="module")
OPEN = {"/healthz", "/readyz", "/sign/{token}"}  # the link itself is the permission
READERS = {Scope.READ, Scope.PLAN, Scope.RESPOND, Scope.ADMINISTER}
FOR_ALL = {"/v1/areas", "/v1/categories", "/v1/signals", "/v1/openapi.json", "/api/v2/status"}
BY_REPORTERS_TOO = {"/v1/incidents/{incident_id}", "/v1/incidents/{incident_id}/revisions"}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path template) of everything that is served."""
    found = [(method, one.path) for one in iter_route_contexts(app.routes) for method in one.methods or ()]
    assert len(found) > 40
    return [(method, path) for method, path in found if path not in OPEN]


def intended(method: str, path: str) -> set[Scope]:
    """The scopes that may use a route, as the interface was decided, not as it was written down there."""
    if method == "GET":
        if path in FOR_ALL:
            return set(Scope)
        if path in BY_REPORTERS_TOO:
            return READERS | {Scope.REPORT}
        administrative = ("/v1/endpoints", "/v1/deliveries", "/v1/outbox", "/v1/operations")
        return {Scope.ADMINISTER} if path.startswith(administrative) else READERS
    if path.startswith(("/v1/incidents", "/api/v2/alerts")):
        return {Scope.REPORT}
    if path.startswith(("/v1/projects", "/v1/assessments")):
        return {Scope.PLAN}
    if path == "/v1/routes:test":  # changes nothing
        return READERS
    if path.startswith("/v1/shifts"):
        return {Scope.RESPOND}
    if path.endswith("/confirm"):
        return {Scope.RESPOND, Scope.ADMINISTER}
    return {Scope.RESPOND} if path.startswith(("/v1/matters", "/v1/warnings", "/v1/cap")) else {Scope.ADMINISTER}


async def ask(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """An answer's head: a stream would never end."""
    async with client.stream(method, re.sub(r"{\w+}", str(uuid4()), path)) as answer:
        if answer.headers["content-type"].startswith("text/event-stream"):
            return httpx.Response(answer.status_code)
        await answer.aread()
    return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everything(running: Served) -> httpx.AsyncClient:
    return await running.client(Scope.REPORT, Scope.RESPOND, Scope.READ, system="both")


async def test_no_route_answers_without_a_key_that_works(running: Served) -> None:
    working = await running.key(*Scope)
    expired = await running.key(*Scope, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    revoked = await running.key(*Scope)
    engine = open_engine(running.database_url, 2)
    async with engine.begin() as connection:
        assert await keys.revoke(connection, revoked.split("_")[1], datetime.now(UTC))
    await engine.dispose()
    wrong = [expired, revoked, working + "x", "wy_000000000000_x", "wy__", "wy_" + "0" * 5000 + "_x", "x"]
    for client in map(running.client_with, wrong):
        refused(await client.get("/v1/areas"), 401, "key_required")
    for client in map(running.client_with, [None, working[:-1]]):
        for method, path in routes(running.app):
            answer = await ask(client, method, path)
            refused(answer, 401, "key_required")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_without_the_scope_is_refused_on_every_route(running: Served) -> None:
    clients: dict[frozenset[Scope], httpx.AsyncClient] = {}
    for method, path in routes(running.app):
        others = frozenset(Scope) - intended(method, path)
        if others and others not in clients:
            clients[others] = await running.client(*others)
        if others:
            refused(await ask(clients[others], method, path), 403, "scope_missing")


@pytest.mark.parametrize("scope", [Scope.READ, Scope.REPORT])
async def test_a_key_opens_what_its_scope_is_for(running: Served, scope: Scope) -> None:
    client = await running.client(scope)
    for method, path in routes(running.app):
        if scope in intended(method, path):
            fitting = (200, 400, 404) if path.startswith("/api/v2") else (200, 404, 422)
            assert (await ask(client, method, path)).status_code in fitting, (method, path)


async def test_the_health_routes_need_no_key(running: Served) -> None:
    client = running.client_with(None)

    assert ok(await client.get("/healthz")) == {"status": "ok"}
    assert ok(await client.get("/readyz"))["status"] == "ready"


async def test_another_county_can_neither_report_nor_see_nor_touch(
    running: Served, everything: httpx.AsyncClient
) -> None:
    body = blocked_road(id="ours")
    mine = ok(await everything.post("/v1/incidents", json=body), 201)
    warning, matter = mine["warnings"][0], mine["matter_id"]
    other = await running.client(*Scope, area=OTHER_COUNTY, system="both")

    refused(await other.post("/v1/incidents", json=report()), 422, "invalid_report")
    refused(await other.post("/v1/incidents", json=report(area=OTHER_COUNTY, matter_id=matter)), 422, "invalid_report")
    for path in ("/v1/incidents/ours", "/v1/incidents/ours/revisions", f"/v1/warnings/{warning}"):
        refused(await other.get(path), 404, "not_found")
    for path in ("", "/why", "/incidents", "/history"):
        refused(await other.get(f"/v1/matters/{matter}{path}"), 404, "not_found")
    refused(await other.get(f"/v1/warnings/{warning}/why"), 404, "not_found")
    refused(await other.post(f"/v1/warnings/{warning}/confirm"), 404, "not_found")
    end = {"outcome": "settled"}
    refused(await other.post(f"/v1/warnings/{warning}/resolve", json=end), 404, "not_found")
    refused(await other.post(f"/v1/matters/{matter}/close", json=end), 404, "not_found")
    splitting = {"incident_ids": [str(uuid4())]}
    refused(await other.post(f"/v1/matters/{matter}/split", json=splitting), 404, "not_found")
    refused(await other.post("/v1/incidents/ours/withdraw", json={"note": "x"}), 404, "not_found")
    moved = {"report": body | {"area": OTHER_COUNTY}}
    refused(await other.post("/v1/incidents/ours/revisions", json=moved), 404, "not_found")
    assert ok(await other.get("/v1/warnings"))["items"] == []
    assert ok(await other.get("/v1/matters"))["items"] == []
    assert ok(await everything.get("/v1/incidents/ours"))["status"] == "current", "nothing was done"


async def test_matters_of_two_counties_are_merged_only_by_who_sees_both(
    running: Served, everything: httpx.AsyncClient
) -> None:
    ours = ok(await everything.post("/v1/incidents", json=report(text="石板桥垮塌后无人修")), 201)["matter_id"]
    theirs = ok(await everything.post("/v1/incidents", json=report(area=OTHER_COUNTY, text="石板桥垮塌")), 201)[
        "matter_id"
    ]
    county = await running.client(Scope.RESPOND, area=COUNTY)

    refused(await county.post(f"/v1/matters/{ours}/merge", json={"matter_ids": [theirs]}), 404, "not_found")
    refused(await county.post(f"/v1/matters/{theirs}/merge", json={"matter_ids": [ours]}), 404, "not_found")
    ok(await everything.post(f"/v1/matters/{ours}/merge", json={"matter_ids": [theirs]}))


async def test_a_key_of_a_street_sees_its_villages_and_no_others(
    running: Served, everything: httpx.AsyncClient
) -> None:
    inside = ok(await everything.post("/v1/incidents", json=report(text="井盖缺失多处")), 201)
    outside = ok(await everything.post("/v1/incidents", json=report(area=OTHER_VILLAGE, text="水渠堵塞")), 201)
    street = await running.client(Scope.READ, area=STREET)

    seen = ids(ok(await street.get("/v1/matters?limit=200"))["items"])
    assert inside["matter_id"] in seen
    assert outside["matter_id"] not in seen
    feed = ids(ok(await street.get("/v1/warnings?limit=500"))["items"])
    assert (inside["warnings"][0] in feed, outside["warnings"][0] in feed) == (True, False)


async def test_a_reporting_system_reads_its_own_reports_only(running: Served, everything: httpx.AsyncClient) -> None:
    ok(await everything.post("/v1/incidents", json=report(id="private")), 201)
    own = await running.client(Scope.REPORT, system="both")
    other = await running.client(Scope.REPORT, system="other")

    ok(await own.get("/v1/incidents/private"))
    refused(await other.get("/v1/incidents/private"), 404, "not_found")
    refused(await other.get("/v1/incidents/private?system=both"), 404, "not_found")
    refused(await other.post("/v1/incidents/private/withdraw", json={"note": "x"}), 404, "not_found")
    ok(await other.post("/v1/incidents", json=report(id="private")), 201)


async def test_an_id_that_two_systems_use_asks_for_the_system(running: Served, everything: httpx.AsyncClient) -> None:
    ok(await everything.post("/v1/incidents", json=report(id="both-use-it")), 201)
    ok(
        await (await running.client(Scope.REPORT, system="hotline")).post(
            "/v1/incidents", json=report(id="both-use-it")
        ),
        201,
    )

    refused(await everything.get("/v1/incidents/both-use-it"), 409, "ambiguous_id")
    assert ok(await everything.get("/v1/incidents/both-use-it?system=hotline"))["system"] == "hotline"


async def test_an_administrator_of_one_county_manages_that_county_only(running: Served) -> None:
    whole = await running.client(Scope.ADMINISTER)
    county = await running.client(Scope.ADMINISTER, area=COUNTY)
    foreign = ok(await whole.post("/v1/departments", json={"name": "邻区人社局", "area": OTHER_COUNTY}), 201)["id"]
    entry = {"area": OTHER_COUNTY, "lead_id": foreign, "source": "测试"}
    kept = ok(await whole.post("/v1/responsibilities", json=entry), 201)["id"]
    order = {"levels": ["red"], "reason": "测试"}

    tries = [
        county.post("/v1/departments", json={"name": "到处都管"}),
        county.patch(f"/v1/departments/{foreign}", json={"name": "改名"}),
        county.delete(f"/v1/departments/{foreign}"),
        county.post("/v1/endpoints", json={"department_id": foreign, "url": "https://example.org/"}),
        county.post("/v1/subscriptions", json={"department_id": foreign, "minimum_level": "blue"}),
        county.post("/v1/responsibilities", json=entry),
        county.delete(f"/v1/responsibilities/{kept}"),
        county.post("/v1/standing-orders", json=order),
        county.post("/v1/standing-orders", json=order | {"area": OTHER_COUNTY}),
        county.delete("/v1/rulebooks/incident"),
        county.put("/v1/rulebooks/incident", content=b"x"),
    ]
    for attempt in tries:
        refused(await attempt, 403, "outside_key_area")
    made = ok(await county.post("/v1/standing-orders", json=order | {"area": COUNTY}), 201)
    assert (await county.delete(f"/v1/standing-orders/{made['id']}")).status_code == 204


# ---- matters of a few people


async def small(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """The answer to a report of two people at odds with a landlord, in the other county."""
    answer: dict[str, Any] = ok(
        await client.post("/v1/incidents", json=report(area=OTHER_COUNTY, people_affected=2, **changes)), 201
    )
    return answer


async def department(running: Served, name: str, **more: Any) -> tuple[str, httpx.AsyncClient]:
    admin = await running.client(Scope.ADMINISTER)
    made = ok(await admin.post("/v1/departments", json={"name": name, "area": OTHER_COUNTY, **more}), 201)["id"]
    return made, await running.client(Scope.RESPOND, department_id=made, area=OTHER_COUNTY)


async def test_a_matter_of_two_people_is_seen_by_its_lead_and_the_coordinator_and_never_scored(
    running: Served, everything: httpx.AsyncClient
) -> None:
    admin = await running.client(Scope.ADMINISTER)
    lead, leading = await department(running, "邻区劳动监察")
    partner, taking_part = await department(running, "邻区总工会")
    _, coordinating = await department(running, "邻区综治中心", is_coordinator=True)
    _, standing_by = await department(running, "邻区文旅局")
    entry = {
        "area": OTHER_COUNTY,
        "category": "labour",
        "lead_id": lead,
        "participant_ids": [partner],
        "source": "测试",
    }
    ok(await admin.post("/v1/responsibilities", json=entry), 201)

    answer = await small(everything, text="两名帮工被拖欠工钱")
    warning = answer["warnings"][0]

    assert answer["probability"] is None
    assert "5 人" in answer["why_no_probability"]
    for client, seen in (
        (leading, True),
        (coordinating, True),
        (taking_part, False),
        (standing_by, False),
        (admin, False),
    ):
        assert (warning in ids(ok(await client.get("/v1/warnings?limit=500"))["items"])) is seen
        assert (await client.get(f"/v1/warnings/{warning}")).is_success is seen

    grown = await small(everything, text="帮工被拖欠工钱", matter_id=answer["matter_id"])
    assert grown["probability"] is None
    ok(
        await everything.post(
            "/v1/incidents", json=report(area=OTHER_COUNTY, people_affected=6, matter_id=answer["matter_id"])
        ),
        201,
    )
    for client in (leading, coordinating, taking_part, standing_by, admin):
        assert warning in ids(ok(await client.get("/v1/warnings?limit=500"))["items"]), "five people: everybody"


@pytest.mark.parametrize("signal", ["injury", "self_harm_threatened", "death"])
async def test_danger_to_life_is_told_however_few_it_touches(
    running: Served, everything: httpx.AsyncClient, signal: str
) -> None:
    reader = await running.client(Scope.READ)

    answer = await small(everything, text=f"租客与房东争执 {signal}", signals=[signal], category=...)

    assert answer["level"] == "red"
    assert answer["probability"] is None
    assert answer["warnings"][0] in ids(ok(await reader.get("/v1/warnings?limit=500"))["items"])
