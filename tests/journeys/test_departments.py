"""Departments, endpoints, subscriptions, responsibilities, standing orders: kept, changed, removed, refused."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused, running
from tests.makers import COUNTY, report
from tests.receiver import Receiver
from tests.served import Served, ids, serving, until

__all__ = ["running"]  # a fixture
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(running: Served) -> httpx.AsyncClient:
    return await running.client(Scope.ADMINISTER, name="管理员")


async def department(admin: httpx.AsyncClient, name: str | None = None, **more: Any) -> str:
    return str(ok(await admin.post("/v1/departments", json={"name": name or uuid4().hex, **more}), 201)["id"])


async def endpoint(admin: httpx.AsyncClient, url: str) -> dict[str, Any]:
    made: dict[str, Any] = ok(
        await admin.post("/v1/endpoints", json={"department_id": await department(admin), "url": url}), 201
    )
    return made


async def test_a_department_is_made_changed_and_removed(admin: httpx.AsyncClient) -> None:
    made = await department(admin, " 住建局 ", area=COUNTY)
    path = f"/v1/departments/{made}"

    changed = ok(await admin.patch(path, json={"is_coordinator": True}))

    assert (changed["name"], changed["is_coordinator"], changed["area"]) == ("住建局", True, COUNTY)
    assert ok(await admin.patch(path, json={"area": None}))["area"] is None
    assert made in ids(ok(await admin.get("/v1/departments")))
    assert (await admin.delete(path)).status_code == 204
    refused(await admin.delete(path), 404, "not_found")
    refused(await admin.patch(path, json={}), 404, "not_found")


async def test_what_is_wrong_with_a_department_is_told(admin: httpx.AsyncClient) -> None:
    first, second = await department(admin, "水利局"), await department(admin)

    refused(await admin.post("/v1/departments", json={"name": "水利局"}), 409, "name_taken")
    refused(await admin.patch(f"/v1/departments/{second}", json={"name": "水利局"}), 409, "name_taken")
    ok(await admin.patch(f"/v1/departments/{first}", json={"name": "水利局"}))
    for body in ({"name": None}, {"name": " "}, {"name": "空\x00"}, {"is_coordinator": None}, {"area": "999999999999"}):
        refused(await admin.patch(f"/v1/departments/{first}", json=body), 422, "invalid_request")
    for body in ({}, {"name": "x" * 101}, {"name": "新", "area": "999999999999"}, {"name": "新", "phone": "1"}):
        refused(await admin.post("/v1/departments", json=body), 422, "invalid_request")


async def test_a_department_that_something_stands_on_is_not_removed(running: Served, admin: httpx.AsyncClient) -> None:
    subscribed, keyed, leading, partner = [await department(admin) for _ in range(4)]
    wish = {"department_id": subscribed, "minimum_level": "red"}
    ok(await admin.post("/v1/subscriptions", json=wish), 201)
    await running.key(Scope.RESPOND, department_id=keyed)
    entry = {"area": COUNTY, "category": "contract", "lead_id": leading, "participant_ids": [partner], "source": "测试"}
    ok(await admin.post("/v1/responsibilities", json=entry), 201)

    for used in (subscribed, keyed, leading, partner):
        refused(await admin.delete(f"/v1/departments/{used}"), 409, "in_use")


async def test_an_endpoint_shows_its_secret_once(admin: httpx.AsyncClient, receiver: Receiver) -> None:
    made = await endpoint(admin, receiver.url)

    assert made["secret"].startswith("whsec_")
    path = f"/v1/endpoints/{made['id']}"
    shown = [await admin.get("/v1/endpoints"), await admin.patch(path, json={"state": "disabled"})]
    assert all("whsec_" not in answer.text for answer in shown)
    assert shown[1].json()["disabled_reason"]
    assert ok(await admin.patch(path, json={"state": "active"}))["disabled_reason"] is None
    refused(await admin.patch(path, json={"state": None}), 422, "invalid_request")
    refused(await admin.patch(path, json={"url": None}), 422, "invalid_request")
    refused(await admin.patch(path, json={"url": "http://10.0.0.1/"}), 422, "endpoint_denied_address")
    refused(await admin.patch(path, json={"secret": "x"}), 422, "invalid_request")
    assert (await admin.delete(path)).status_code == 204
    refused(await admin.delete(path), 404, "not_found")


async def test_an_endpoint_that_was_pushed_to_is_disabled_and_its_record_stays(
    running: Served, admin: httpx.AsyncClient, receiver: Receiver
) -> None:
    made = await endpoint(admin, receiver.url)
    receiver.secrets.append(made["secret"])
    wish = {"department_id": made["department_id"], "minimum_level": "blue"}
    ok(await admin.post("/v1/subscriptions", json=wish), 201)
    ok(await (await running.client(Scope.REPORT)).post("/v1/incidents", json=report()), 201)
    await until(lambda: receiver.got)

    assert (await admin.delete(f"/v1/endpoints/{made['id']}")).status_code == 204

    kept = next(one for one in ok(await admin.get("/v1/endpoints")) if one["id"] == made["id"])
    assert (kept["state"], kept["disabled_reason"]) == ("disabled", "已删除")


async def test_no_push_goes_to_a_private_address_unless_it_is_allowed(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async with serving(database_url, tmp_path, push_allow="") as strict:
        admin = await strict.client(Scope.ADMINISTER)
        made = await department(admin)
        for url in (receiver.url, "http://localhost/", "https://169.254.169.254/", "https://[::1]/", "https://0x7f.1/"):
            answer = await admin.post("/v1/endpoints", json={"department_id": made, "url": url})
            assert answer.status_code == 422, url
            assert answer.json()["code"].startswith("endpoint_"), answer.text
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_test_push_tells_how_it_went(admin: httpx.AsyncClient, receiver: Receiver) -> None:
    made = await endpoint(admin, receiver.url)
    path = f"/v1/endpoints/{made['id']}/test"

    assert ok(await admin.post(path))["status"] == 401, "the receiver does not know the secret yet"
    receiver.secrets.append(made["secret"])
    told = ok(await admin.post(path))
    assert (told["delivered"], told["status"], told["error"]) == (True, 200, None)
    receiver.answers.append(500)
    failed = ok(await admin.post(path))
    assert (failed["delivered"], failed["status"]) == (False, 500)
    refused(await admin.post(f"/v1/endpoints/{uuid4()}/test"), 404, "not_found")


async def test_a_test_push_to_a_port_where_nobody_listens_says_so(admin: httpx.AsyncClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        made = await endpoint(admin, f"http://127.0.0.1:{taken.getsockname()[1]}/")

        told = ok(await admin.post(f"/v1/endpoints/{made['id']}/test"))

    assert (told["delivered"], told["status"]) == (False, None)
    assert told["error"]


async def test_a_subscription_is_kept_changed_and_removed(admin: httpx.AsyncClient) -> None:
    body = {
        "department_id": await department(admin),
        "area": COUNTY,
        "categories": ["labour"],
        "minimum_level": "yellow",
    }
    made = ok(await admin.post("/v1/subscriptions", json=body), 201)
    path = f"/v1/subscriptions/{made['id']}"

    assert ok(await admin.patch(path, json={"categories": None}))["categories"] is None
    assert ok(await admin.patch(path, json={"minimum_level": "red"}))["area"] == COUNTY
    assert made["id"] in ids(ok(await admin.get("/v1/subscriptions")))
    told = refused(await admin.patch(path, json={"categories": ["labor"]}), 422, "invalid_request")
    assert "did you mean labour" in str(told)
    refused(await admin.patch(path, json={"minimum_level": None}), 422, "invalid_request")
    refused(await admin.patch(path, json={"area": "999999999999"}), 422, "invalid_request")
    assert (await admin.delete(path)).status_code == 204
    refused(await admin.patch(path, json={}), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"department_id": str(uuid4())}, "department_id"),
        ({"area": "999999999999"}, "area"),
        ({"categories": []}, "categories"),
        ({"categories": ["labour", "x"]}, "categories.1"),
        ({"minimum_level": "purple"}, "minimum_level"),
        ({"minimum_level": None}, "minimum_level"),
    ],
)
async def test_what_is_wrong_with_a_subscription_is_told(
    admin: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    body = {"department_id": await department(admin), "minimum_level": "blue"}

    told = refused(await admin.post("/v1/subscriptions", json=body | change), 422, "invalid_request")

    assert field in fields(told)


async def test_a_responsibility_for_the_same_place_and_kind_replaces_the_one_before(admin: httpx.AsyncClient) -> None:
    first, second = await department(admin), await department(admin)
    known = len(ok(await admin.get("/v1/responsibilities")))
    for category in ("labour", None):
        entry = {"area": COUNTY, "category": category, "source": "测试"}
        before = ok(await admin.post("/v1/responsibilities", json=entry | {"lead_id": first}), 201)
        after = ok(await admin.post("/v1/responsibilities", json=entry | {"lead_id": second}), 201)
        assert (after["id"], after["lead_id"]) == (before["id"], second)
    assert len(ok(await admin.get("/v1/responsibilities"))) == known + 2
    wrong = {"area": COUNTY, "category": "labor", "lead_id": first, "source": "测试"}
    assert "category" in fields(refused(await admin.post("/v1/responsibilities", json=wrong), 422, "invalid_request"))
    nobody = {"area": COUNTY, "lead_id": first, "participant_ids": [second, str(uuid4())], "source": "测试"}
    told = refused(await admin.post("/v1/responsibilities", json=nobody), 422, "invalid_request")
    assert "participant_ids.1" in fields(told)
    assert (await admin.delete(f"/v1/responsibilities/{after['id']}")).status_code == 204
    refused(await admin.delete(f"/v1/responsibilities/{after['id']}"), 404, "not_found")


async def test_a_standing_order_ends_once_and_its_record_stays(admin: httpx.AsyncClient) -> None:
    made = ok(await admin.post("/v1/standing-orders", json={"levels": ["red"], "reason": "汛期，问13812345678"}), 201)
    assert "13812345678" not in made["reason"]
    path = f"/v1/standing-orders/{made['id']}"

    assert (await admin.delete(path)).status_code == 204
    ended = ok(await admin.get("/v1/standing-orders"))[0]["valid_to"]
    assert (await admin.delete(path)).status_code == 204

    assert ok(await admin.get("/v1/standing-orders"))[0]["valid_to"] == ended
    assert made["recorded_by"] == "管理员"


@pytest.mark.parametrize(
    "change",
    [
        {"levels": []},
        {"levels": ["purple"]},
        {"area": "999999999999"},
        {"reason": ""},
        {"valid_from": "2026-12-01T00:00:00"},
        {"valid_from": "2026-12-01T00:00:00Z", "valid_to": "2026-12-01T00:00:00Z"},
        {"valid_to": "2020-01-01T00:00:00Z"},
    ],
)
async def test_what_is_wrong_with_a_standing_order_is_told(admin: httpx.AsyncClient, change: dict[str, Any]) -> None:
    body = {"levels": ["red"], "reason": "汛期"} | change

    refused(await admin.post("/v1/standing-orders", json=body), 422, "invalid_request")


async def test_each_setting_is_read_by_its_id(admin: httpx.AsyncClient, running: Served) -> None:
    office = await department(admin)
    address = (await endpoint(admin, "https://example.org/hook"))["id"]
    wanted = {"department_id": office, "minimum_level": "yellow"}
    subscription = ok(await admin.post("/v1/subscriptions", json=wanted), 201)["id"]

    for path in (f"departments/{office}", f"endpoints/{address}", f"subscriptions/{subscription}"):
        found = ok(await admin.get(f"/v1/{path}"))
        assert found["id"] == path.split("/")[1]
        assert "secret" not in found
    refused(await admin.get(f"/v1/departments/{uuid4()}"), 404, "not_found")
