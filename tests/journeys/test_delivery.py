"""What can be seen of pushes over HTTP: who was told, what failed, what was given up, what is switched off."""

from __future__ import annotations

import httpx

from tests.journeys.conftest import Office, ok
from tests.journeys.test_stream import different
from tests.receiver import Receiver
from tests.served import until


async def test_an_endpoint_that_says_410_is_switched_off_in_sight_of_the_administrator(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    receiver.usual = 410
    warning = ok(await reporter.post("/v1/incidents", json=different(1)), 201)["warnings"][0]

    async def switched_off() -> bool:
        return bool(ok(await admin.get("/v1/endpoints"))[0]["state"] == "disabled")

    await until(switched_off)
    assert "410" in ok(await admin.get("/v1/endpoints"))[0]["disabled_reason"]
    [dead] = ok(await admin.get("/v1/outbox/given-up"))
    assert (dead["warning_id"], dead["last_status"], dead["attempts"]) == (warning, 410, 1)
    assert 'weiyu_outbox_rows{state="given_up"} 1.0' in (await admin.get("/metrics")).text
    [push] = ok(await admin.get(f"/v1/warnings/{warning}/why"))["pushes"]
    assert (push["state"], [one["status"] for one in push["tries"]]) == ("given_up", [410])


async def test_a_disabled_endpoint_is_not_pushed_to_until_it_is_active_again(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    endpoint = f"/v1/endpoints/{office.endpoint['id']}"
    ok(await admin.patch(endpoint, json={"state": "disabled"}))
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    ok(await admin.patch(endpoint, json={"state": "active"}))
    heard = ok(await reporter.post("/v1/incidents", json=different(2)), 201)["warnings"][0]

    await until(lambda: receiver.got)
    assert [told["id"] for told in receiver.of_type("warning.issued")] == [heard]


async def test_only_the_administrator_sees_what_was_given_up(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    assert (await reporter.get("/v1/outbox/given-up")).status_code == 403
    assert (await reader.get("/v1/outbox/given-up")).status_code == 403
