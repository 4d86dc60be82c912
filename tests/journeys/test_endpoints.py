"""Addresses by kind over HTTP: proven before use, rotated, tried, counted; pushes looked at and sent again."""

from __future__ import annotations

import json
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import Office, ok
from tests.journeys.shared import fields, refused
from tests.journeys.test_stream import different
from tests.receiver import Receiver
from tests.served import Served, serving, until

ROBOT = "https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef"


async def department(admin: httpx.AsyncClient, name: str = "某局") -> str:
    return str(ok(await admin.post("/v1/departments", json={"name": name}), 201)["id"])


async def made(admin: httpx.AsyncClient, url: str, **more: Any) -> dict[str, Any]:
    """An endpoint of a department that hears everything."""
    owner = await department(admin, f"单位 {url} {more}"[:100])
    wish = {"department_id": owner, "minimum_level": "blue"}
    ok(await admin.post("/v1/subscriptions", json=wish), 201)
    found: dict[str, Any] = ok(await admin.post("/v1/endpoints", json={"department_id": owner, "url": url} | more), 201)
    return found


async def test_an_address_that_does_not_agree_hears_nothing_until_it_echoes_a_challenge(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.consents = False
    endpoint = await made(admin, receiver.url)
    receiver.secrets.append(endpoint["secret"])
    assert (endpoint["state"], endpoint["verified_at"]) == ("unverified", None)
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    path = f"/v1/endpoints/{endpoint['id']}"
    refused(await admin.post(f"{path}:enable"), 409, "endpoint_unproven")
    refused(await admin.post(f"{path}:verify"), 409, "endpoint_unproven")
    assert ok(await admin.patch(path, json={"state": "active"}))["state"] == "unverified"

    receiver.echoes = True
    assert ok(await admin.post(f"{path}:verify"))["state"] == "active"
    told = ok(await reporter.post("/v1/incidents", json=different(2)), 201)["warnings"][0]
    await until(lambda: receiver.of_type("warning.issued"))
    assert [data["id"] for data in receiver.of_type("warning.issued")] == [told]


async def test_a_new_address_has_to_prove_itself_again(admin: httpx.AsyncClient, receiver: Receiver) -> None:
    endpoint = await made(admin, receiver.url)
    assert endpoint["state"] == "active", "it agreed by itself"
    path = f"/v1/endpoints/{endpoint['id']}"
    receiver.consents = False
    changed = ok(await admin.patch(path, json={"url": receiver.url + "/other"}))
    assert (changed["state"], changed["verified_at"]) == ("unverified", None)
    receiver.consents = True
    assert ok(await admin.post(f"{path}:verify"))["state"] == "active"


async def test_a_log_server_is_proven_by_the_code_that_was_read_there(admin: httpx.AsyncClient) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(5)
        url = f"syslog://127.0.0.1:{collector.getsockname()[1]}"
        endpoint = await made(admin, url, kind="syslog", options={"facility": 4})
        assert (endpoint["state"], endpoint["secret"]) == ("unverified", None)
        path = f"/v1/endpoints/{endpoint['id']}"
        ok(await admin.post(f"{path}:verify"))
        line = collector.recv(65536).decode()
    code = re.search("验证码：([0-9A-Z]{8})", line)
    assert code is not None, line
    refused(await admin.post(f"{path}:verify", json={"code": "00000000"}), 409, "endpoint_unproven")
    assert ok(await admin.post(f"{path}:verify", json={"code": code[1].lower()}))["state"] == "active"


async def test_a_rotated_secret_signs_beside_the_old_one_for_the_overlap(
    admin: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await made(admin, receiver.url, options={"sm3": True})
    assert endpoint["sm3_secret"].startswith("whsm3_")
    path = f"/v1/endpoints/{endpoint['id']}"
    receiver.secrets = [endpoint["secret"]]
    rotated = ok(await admin.post(f"{path}:rotate-secret"))
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != endpoint["secret"]
    assert ok(await admin.post(f"{path}/test"))["delivered"], "the old one still verifies"
    receiver.secrets = [rotated["secret"]]
    assert ok(await admin.post(f"{path}/test"))["delivered"], "and so does the new one"

    again = ok(await admin.post(f"{path}:rotate-secret", json={"overlap_hours": 0}))
    assert ok(await admin.post(f"{path}/test"))["status"] == 401
    receiver.secrets = [again["secret"]]
    assert ok(await admin.post(f"{path}/test"))["delivered"]
    shown = (await admin.get("/v1/endpoints")).text
    assert "whsec_" not in shown
    assert "whsm3_" not in shown


async def test_an_example_looks_like_a_warning_and_says_it_is_none(
    admin: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    assert ok(await admin.post(f"/v1/endpoints/{office.endpoint['id']}:send-example"))["delivered"]
    [example] = receiver.of_type("warning.example")
    assert example["test"]
    assert "不是真实事件" in example["headline"]


async def test_what_was_given_up_is_listed_counted_and_recovered_under_the_same_id(
    served: Served, reporter: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    receiver.usual = 410
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    path = f"/v1/endpoints/{office.endpoint['id']}"

    async def given_up() -> bool:
        return bool(ok(await admin.get("/v1/deliveries?state=given_up"))["given_up"])

    await until(given_up)
    page = ok(await admin.get("/v1/deliveries"))
    [dead] = page["items"]
    assert (page["given_up"], page["pending"], dead["state"], dead["last_status"]) == (1, 0, "given_up", 410)
    one = ok(await admin.get(f"/v1/deliveries/{dead['id']}"))
    assert [(tried["number"], tried["status"]) for tried in one["tries"]] == [(1, 410)]
    span = {"since": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    refused(await admin.post(f"{path}:recover", json=span), 409, "endpoint_not_active")
    refused(await admin.post(f"/v1/deliveries/{dead['id']}:resend"), 409, "endpoint_not_active")

    receiver.usual = 200
    assert ok(await admin.post(f"{path}:enable"))["disabled_reason"] is None
    assert ok(await admin.post(f"{path}:recover", json=span)) == {"recovered": 1}
    await until(lambda: receiver.ids)
    assert receiver.ids == [dead["message_id"]]

    ok(await admin.post(f"/v1/deliveries/{dead['id']}:resend"))
    await until(lambda: len(receiver.ids) == 2)
    assert set(receiver.ids) == {dead["message_id"]}

    async def settled() -> bool:
        return len(ok(await admin.get(f"/v1/deliveries/{dead['id']}"))["tries"]) == 3

    await until(settled)
    attempts = ok(await admin.get(f"{path}/attempts"))
    assert [(each["number"], each["status"]) for each in attempts] == [(3, 200), (2, 200), (1, 410)]
    assert ok(await admin.get(f"{path}/attempts?limit=1&before={attempts[1]['started_at'].replace('+', '%2B')}")) == [
        attempts[2]
    ]
    stats = ok(await admin.get(f"{path}/stats"))
    assert (stats["attempts"], stats["succeeded"], stats["errors"]) == (3, 2, {"none": 2, "bad_status": 1})
    assert stats["pending"] == stats["given_up"] == 0
    refused(await admin.get("/v1/deliveries?state=delivered"), 422, "too_wide")
    listed = ok(await admin.get(f"/v1/deliveries?state=delivered&endpoint_id={office.endpoint['id']}"))
    assert [item["id"] for item in listed["items"]] == [dead["id"]]


async def test_an_address_that_opens_the_way_by_itself_is_shown_shortened(admin: httpx.AsyncClient) -> None:
    owner = await department(admin)
    body = {"department_id": owner, "url": ROBOT, "kind": "dingtalk", "secret": "SECabc"}
    endpoint = ok(await admin.post("/v1/endpoints", json=body), 201)
    for shown in (json.dumps(endpoint), (await admin.get(f"/v1/endpoints/{endpoint['id']}")).text):
        assert "0123456789" not in shown
        assert "SECabc" not in shown
    assert endpoint["url"] == "https://oapi.dingtalk.com/…cdef"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"kind": "fax"}, {"kind": "unknown_kind"}),
        ({"options": {"form": "x"}}, {"options.form": "extra_forbidden"}),
        ({"options": {"format": "xml"}}, {"options.format": "literal_error"}),
        ({"kind": "sms", "options": {}}, {"options.template": "missing"}),
        ({"secret": "mine"}, {"secret": "made_here"}),
        ({"at_once": 0}, {"at_once": "greater_than_equal"}),
        ({"per_minute": 100_000}, {"per_minute": "less_than_equal"}),
    ],
)
async def test_what_is_wrong_with_an_endpoint_is_told(
    admin: httpx.AsyncClient, change: dict[str, Any], where: dict[str, str]
) -> None:
    body = {"department_id": await department(admin), "url": "https://8.8.8.8/hook"} | change
    assert fields(refused(await admin.post("/v1/endpoints", json=body), 422, "invalid_request")) == where


async def test_mail_needs_a_mail_server_first(admin: httpx.AsyncClient) -> None:
    body = {"department_id": await department(admin), "url": "mailto:duty@dept.example", "kind": "email"}
    refused(await admin.post("/v1/endpoints", json=body), 422, "no_mail_server")


async def test_a_key_of_another_area_sees_and_does_nothing_with_a_push(
    served: Served, reporter: httpx.AsyncClient, office: Office, admin: httpx.AsyncClient, receiver: Receiver
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    await until(lambda: receiver.got)
    [push] = ok(await admin.get(f"/v1/deliveries?endpoint_id={office.endpoint['id']}"))["items"]
    other = await served.client(Scope.ADMINISTER, area="440000000000")
    assert ok(await other.get(f"/v1/deliveries?endpoint_id={office.endpoint['id']}"))["items"] == []
    refused(await other.get(f"/v1/deliveries/{push['id']}"), 403, "outside_key_area")
    for act in (":verify", ":enable", ":rotate-secret", ":send-example", "/test"):
        path = f"/v1/endpoints/{office.endpoint['id']}{act}"
        refused(await other.post(path), 403, "outside_key_area")


async def test_where_it_is_not_asked_for_a_new_address_is_active_at_once(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.consents = False
    async with serving(database_url, tmp_path, push_verify=False) as trusting:
        admin = await trusting.client(Scope.ADMINISTER)
        assert (await made(admin, receiver.url))["state"] == "active"
