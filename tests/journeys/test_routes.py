"""Routes over HTTP: put whole or refused, in force at once, tried, replayed; and what keeps quiet touches no record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import Office, ok
from tests.journeys.shared import fields, refused
from tests.journeys.test_stream import different
from tests.makers import COUNTY, VILLAGE, report
from tests.receiver import Receiver
from tests.served import Served, until

ROUTES = """\
routing: 试
version: '1'
times:
- {name: 总是, hours: '00:00-24:00'}
root:
  name: 全区
  routes:
  - name: 汇总
    receivers: [应急局]
    group_by: [county]
    group_wait: 2s
    group_interval: 1m
    escalation: 逐级
"""


@pytest.fixture
async def emergency(served: Served, admin: httpx.AsyncClient, receiver: Receiver) -> dict[str, Any]:
    """An office that subscribed to nothing; its endpoint is the same receiver's."""
    department = ok(await admin.post("/v1/departments", json={"name": "应急局", "area": COUNTY}), 201)
    endpoint = ok(await admin.post("/v1/endpoints", json={"department_id": department["id"], "url": receiver.url}), 201)
    receiver.secrets.append(endpoint["secret"])
    return dict(department)


async def put(admin: httpx.AsyncClient, text: str = ROUTES) -> dict[str, Any]:
    return dict(ok(await admin.put("/v1/routes", content=text.encode())))


async def test_routes_are_in_force_at_once_and_a_faulty_change_changes_nothing(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, reader: httpx.AsyncClient, emergency: dict[str, Any],
    office: Office, receiver: Receiver,
) -> None:  # fmt: skip
    assert ok(await reader.get("/v1/routes"))["number"] is None
    shown = await put(admin)
    assert (shown["number"], [one["name"] for one in shown["routes"]]) == (1, ["全区", "全区 / 汇总"])
    assert [one["department"] for one in shown["subscriptions"]] == ["人社局"]

    faulty = await admin.put(
        "/v1/routes", content=ROUTES.replace("应急局", "应急居").replace("county", "conty").encode()
    )
    assert [*fields(refused(faulty, 422, "routes_refused"))] == ["routes.yaml:9:17", "routes.yaml:10:16"]
    assert ok(await reader.get("/v1/routes"))["number"] == 1

    sent = [ok(await reporter.post("/v1/incidents", json=different(n) | {"people_affected": 30}), 201) for n in (1, 2)]
    ids = {one["warnings"][0] for one in sent}
    await until(lambda: [one for one in receiver.of_type("warning.issued") if "together" in one], seconds=20)
    [push] = [one for one in receiver.of_type("warning.issued") if "together" in one]
    assert {push["id"], *(one["id"] for one in push["together"])} == ids
    alone = [one["id"] for one in receiver.of_type("warning.issued") if "together" not in one]
    assert {*alone} == ids  # the labour office hears each by its subscription, at once

    why = ok(await admin.get(f"/v1/warnings/{push['id']}/why"))
    assert [(one["department"], one["state"], one["held_by"]) for one in why["held_pushes"]] == [
        ("应急局", "sent", "grouping")
    ]
    again = await put(admin, ROUTES.replace("version: '1'", "version: '2'"))
    assert again["number"] == 2
    versions = ok(await reader.get("/v1/routes/versions"))
    assert [(one["number"], one["active_since"] is None) for one in versions] == [(2, False), (1, True)]
    assert ok(await reader.get("/v1/routes/versions/1"))["body"] == ROUTES
    assert (await admin.delete("/v1/routes")).status_code == 204
    assert ok(await reader.get("/v1/routes"))["number"] is None


async def test_a_department_that_is_renamed_is_still_routed_to(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, emergency: dict[str, Any], receiver: Receiver
) -> None:
    await put(admin)
    ok(await admin.patch(f"/v1/departments/{emergency['id']}", json={"name": "应急管理局"}))
    ok(await reporter.post("/v1/incidents", json=report(people_affected=30)), 201)
    await until(lambda: receiver.of_type("warning.issued"), seconds=20)


async def test_a_department_that_routes_name_is_not_deleted(
    admin: httpx.AsyncClient, emergency: dict[str, Any]
) -> None:
    await put(admin)
    assert (await admin.delete(f"/v1/endpoints/{ok(await admin.get('/v1/endpoints'))[0]['id']}")).status_code == 204
    refused(await admin.delete(f"/v1/departments/{emergency['id']}"), 409, "in_use")
    assert (await admin.delete("/v1/routes")).status_code == 204
    assert (await admin.delete(f"/v1/departments/{emergency['id']}")).status_code == 204


async def test_a_trial_says_who_would_hear_when_by_what_and_why(
    admin: httpx.AsyncClient, emergency: dict[str, Any], office: Office
) -> None:
    await put(admin)
    at = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    warning = {"level": "yellow", "area": VILLAGE, "category": "labour.wage_arrears"}
    body = {"warning": warning, "at": at.isoformat(), "expect": ["应急局", "人社局"]}
    found = ok(await admin.post("/v1/routes:test", json=body))
    assert (found["as_expected"], found["routes"]) == (True, ["全区 / 汇总"])
    by_name = {one["department"]: one for one in found["hears"]}
    grouped, told = by_name["应急局"], by_name["人社局"]
    assert (grouped["held_by"], grouped["escalation"], grouped["route"]) == ("grouping", "逐级", "全区 / 汇总")
    assert datetime.fromisoformat(grouped["at"]) == at + timedelta(seconds=2)
    assert [one["kind"] for one in grouped["channels"]] == ["webhook"]
    assert (told["held_by"], told["role"], told["route"]) == (None, "lead", None)
    assert "订阅" in told["why"]

    quiet = ROUTES.replace("    escalation", "    muted: 总是\n    escalation")
    draft = ok(await admin.post("/v1/routes:test", json={"warning": warning, "draft": quiet, "expect": ["应急局"]}))
    assert (draft["as_expected"], draft["unexpected"], draft["missing"]) == (False, ["人社局"], [])
    assert {one["department"]: one["held_by"] for one in draft["hears"]}["应急局"] == "quiet_hours"
    red = ok(await admin.post("/v1/routes:test", json={"warning": warning | {"level": "red"}, "draft": quiet}))
    assert {one["held_by"] for one in red["hears"]} == {None}


async def test_a_replay_says_who_would_have_heard(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, emergency: dict[str, Any], office: Office
) -> None:
    for number in range(3):
        ok(await reporter.post("/v1/incidents", json=different(number) | {"people_affected": 30}), 201)
    found = ok(await admin.post("/v1/routes:replay", json={"draft": ROUTES}))
    assert (found["changes"], found["complete"]) == (3, True)
    offices = {one["department"]: one for one in found["offices"]}
    assert {name: offices["应急局"][name] for name in ("would_hear", "pushes", "heard", "newly")} == {
        "would_hear": 3, "pushes": 1, "heard": 0, "newly": 3,
    }  # fmt: skip
    assert {name: offices["人社局"][name] for name in ("would_hear", "pushes", "heard", "newly", "no_longer")} == {
        "would_hear": 3, "pushes": 3, "heard": 3, "newly": 0, "no_longer": 0,
    }  # fmt: skip
    assert found["routes"] == {"全区 / 汇总": 3}
    nothing = ok(await admin.post("/v1/routes:replay", json={"draft": ROUTES, "until": "2020-01-01T00:00:00+08:00"}))
    assert nothing["offices"] == []
    wrong = {"since": "2026-01-02T00:00:00+08:00", "until": "2026-01-01T00:00:00+08:00"}
    refused(await admin.post("/v1/routes:replay", json=wrong), 422, "invalid_request")


async def test_a_key_of_one_area_may_not_change_routes(served: Served, reader: httpx.AsyncClient) -> None:
    own = await served.client(Scope.ADMINISTER, area=COUNTY, name="本区")
    refused(await own.put("/v1/routes", content=ROUTES.encode()), 403, "outside_key_area")
    refused(await own.delete("/v1/routes"), 403, "outside_key_area")
    refused(await reader.put("/v1/routes", content=ROUTES.encode()), 403, "scope_missing")


async def test_what_is_not_pushed_still_stands_in_feed_on_clocks_and_in_the_upward_report(
    served: Served, reporter: httpx.AsyncClient, admin: httpx.AsyncClient, reader: httpx.AsyncClient,
    office: Office, emergency: dict[str, Any], receiver: Receiver,
) -> None:  # fmt: skip
    """The same two reports, one loud and one under silence and inhibition, leave the same records."""
    await put(admin, ROUTES.replace("    escalation", "    muted: 总是\n    escalation"))
    order = {"levels": ["red"], "reason": "值守"}
    ok(await admin.post("/v1/standing-orders", json=order), 201)
    grave = {"people_affected": 30, "signals": ["death"]}
    loud = ok(await reporter.post("/v1/incidents", json=different(1) | grave), 201)["warnings"][0]
    await until(lambda: len(receiver.of_type("warning.issued")) == 2)  # red: at once, quiet hours or not

    until_then = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    asked = {"matchers": ['category=~".+"'], "ends_at": until_then, "reason": "演练"}
    silence = ok(await admin.post("/v1/silences", json=asked), 201)["id"]
    second = await served.client(Scope.ADMINISTER, name="应急局值班")
    ok(await second.post(f"/v1/silences/{silence}/agree"))
    hushed = ok(await reporter.post("/v1/incidents", json=different(2) | grave), 201)["warnings"][0]
    low = ok(await reporter.post("/v1/incidents", json=different(3) | {"people_affected": 30}), 201)["warnings"][0]

    feed = {one["id"]: one for one in ok(await reader.get("/v1/warnings"))["items"]}
    assert {loud, hushed, low} <= feed.keys()
    assert feed[hushed]["statutory_report_required"] is feed[loud]["statutory_report_required"] is True
    details = {one: ok(await reader.get(f"/v1/warnings/{one}")) for one in (loud, hushed, low)}
    for one in (hushed, low):
        assert all(duty["sign_due_at"] for duty in details[one]["duties"])
        assert details[one]["issued_at"]
    assert _clock(details[hushed]) == pytest.approx(_clock(details[loud]), abs=1)

    why = {one: ok(await reader.get(f"/v1/warnings/{one}/why")) for one in (hushed, low)}
    for one in (hushed, low):
        assert why[one]["pushes"] == []
        assert [change["type"] for change in why[one]["changes"]] == ["issued"]
        assert all(any("\u4e00" <= char <= "\u9fff" for char in held["reason"]) for held in why[one]["held_pushes"])
    assert {held["held_by"] for held in why[hushed]["held_pushes"]} == {"silence"}
    timeline = ok(await admin.get(f"/v1/warnings/{hushed}/timeline"))["entries"]
    assert {one["department"] for one in timeline if one["kind"] == "held"} == {"人社局", "应急局"}
    assert len(why[hushed]["held_pushes"]) == 2
    assert {told["id"] for told in receiver.of_type("warning.issued")} == {loud}


def _clock(detail: dict[str, Any]) -> float:
    """Seconds from leaving to the last moment to sign."""
    [due] = [duty["sign_due_at"] for duty in detail["duties"] if duty["role"] == "lead"]
    return (datetime.fromisoformat(due) - datetime.fromisoformat(detail["issued_at"])).total_seconds()
