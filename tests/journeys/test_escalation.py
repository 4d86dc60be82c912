"""Escalation over HTTP: the policy, supervising departments, and the page behind a one-time link."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.domain.words import Scope
from service.rules.escalation import ESCALATION_FILE
from tests.journeys.conftest import Office, ok
from tests.journeys.shared import fields, refused
from tests.makers import COUNTY, report
from tests.receiver import Receiver
from tests.served import Served, until

POLICY = ESCALATION_FILE.read_text("utf-8")


async def told(receiver: Receiver, reporter: httpx.AsyncClient) -> dict[str, Any]:
    """A warning as a department was told it."""
    ok(await reporter.post("/v1/incidents", json=report()), 201)
    await until(lambda: receiver.of_type("warning.issued"))
    return receiver.of_type("warning.issued")[0]


async def test_a_link_in_the_push_signs_by_its_button_and_not_by_being_looked_at(
    served: Served, office: Office, receiver: Receiver, reporter: httpx.AsyncClient
) -> None:
    warning = await told(receiver, reporter)
    anybody = served.client_with(None)
    address = urlsplit(warning["sign_link"]).path
    assert address.startswith("/sign/")

    for _ in range(2):
        page = await anybody.get(address)
        assert page.status_code == 200
        assert '<form method="post">' in page.text
    assert "script" not in page.text
    assert "'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    shown = ok(await office.client.get(f"/v1/warnings/{warning['id']}"))
    assert shown["duties"][0]["signed_at"] is None

    signed = await anybody.post(address)
    assert signed.status_code == 200
    assert "已签收" in signed.text
    shown = ok(await office.client.get(f"/v1/warnings/{warning['id']}"))
    assert shown["duties"][0]["signed_at"] is not None
    assert shown["state"] == "acknowledged"

    again = await anybody.post(address)
    assert again.status_code == 409
    assert "不能再次使用" in again.text
    assert "<form" not in (await anybody.get(address)).text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_nobody_gave_is_refused_without_saying_why(served: Served, method: str) -> None:
    answer = await served.client_with(None).request(method, "/sign/" + "A" * 92)
    assert answer.status_code == 404
    assert "签收链接无效" in answer.text


async def test_a_policy_is_put_whole_or_refused_with_its_places(admin: httpx.AsyncClient) -> None:
    shipped = ok(await admin.get("/v1/escalation-policies"))
    assert {plan["unverified"] for plan in shipped["plans"]} == {True}

    spoilt = POLICY.replace("{to: second, wait_minutes: 5}", "{to: secnd, wait_minutes: 5}")
    problem = refused(await admin.put("/v1/escalation-policies", content=spoilt), 422, "policy_refused")
    assert [*fields(problem)] == ["escalation.yaml:15:10"]
    assert "did you mean ‘second’?" in problem["errors"][0]["detail"]
    assert ok(await admin.get("/v1/escalation-policies")) == shipped, "the last good one stays"

    own = POLICY.replace("version: 2026.11.1", "version: 区里第 1 版").replace(
        "wait_minutes: 5, repeat: 1}", "wait_minutes: 3}"
    )
    put = ok(await admin.put("/v1/escalation-policies", content=own.encode()))
    assert put["version"] == "区里第 1 版"
    assert put["sha256"] != shipped["sha256"]
    for digest, text in ((put["sha256"], own), (shipped["sha256"], POLICY)):
        assert ok(await admin.get(f"/v1/escalation-policies/{digest}"))["body"] == text
    assert ok(await admin.delete("/v1/escalation-policies")) == shipped


async def test_a_key_of_one_area_may_not_put_a_policy(served: Served) -> None:
    client = await served.client(Scope.ADMINISTER, area=COUNTY)
    refused(await client.put("/v1/escalation-policies", content=POLICY), 403, "outside_key_area")


async def test_a_department_is_supervised_by_one_that_is_there_and_not_below_it(admin: httpx.AsyncClient) -> None:
    upper = ok(await admin.post("/v1/departments", json={"name": "市局"}), 201)
    lower = ok(await admin.post("/v1/departments", json={"name": "区局", "supervisor_id": upper["id"]}), 201)
    assert lower["supervisor_id"] == upper["id"]
    body = {"supervisor_id": lower["id"]}
    problem = refused(await admin.patch(f"/v1/departments/{upper['id']}", json=body), 422, "invalid_request")
    assert fields(problem) == {"supervisor_id": "circular"}
    body = {"supervisor_id": "00000000-0000-7000-8000-000000000000"}
    problem = refused(await admin.patch(f"/v1/departments/{upper['id']}", json=body), 422, "invalid_request")
    assert fields(problem) == {"supervisor_id": "unknown"}
    refused(await admin.delete(f"/v1/departments/{upper['id']}"), 409, "in_use")
