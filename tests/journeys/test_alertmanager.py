"""Alertmanager's API v2 as it is spoken by HTTP: open warnings as alerts, alerts as reports, silences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.delivery.formats.alertmanager import fingerprint
from service.domain.catalogue import load_catalogue
from service.domain.words import Scope
from service.workflows.alert_mapping import MAPPING_FILE, AlertMappingError, load_alert_mapping
from tests.journeys.conftest import Office, ok
from tests.journeys.shared import fields, refused
from tests.journeys.test_stream import different
from tests.makers import COUNTY, OTHER_COUNTY, VILLAGE, blocked_road
from tests.served import Served

ALERTS = "/api/v2/alerts"


def alert(alertname: str = "WageArrears", **changes: Any) -> dict[str, Any]:
    """A firing alert as Prometheus sends it, with nanoseconds."""
    began = (datetime.now(UTC) - timedelta(minutes=3)).isoformat(timespec="microseconds").replace("+00:00", "789Z")
    body = {
        "labels": {"alertname": alertname, "area": VILLAGE},
        "annotations": {"summary": "青禾服饰厂欠薪", "description": "工资三个月未发，12人要求发放，电话13912345678"},
        "startsAt": began,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
    }
    return body | changes


def number_of(sent: dict[str, Any]) -> str:
    """The id of the report that an alert is: its labels and its start, in whole microseconds."""
    began = datetime.fromisoformat(sent["startsAt"]).astimezone(UTC)
    return f"am-{fingerprint(sent['labels'])}-{began:%Y%m%dT%H%M%S.%fZ}"


async def incidents(served: Served) -> list[dict[str, Any]]:
    """Every report that is kept, as its system reads it."""
    admin = await served.client(Scope.ADMINISTER)
    matters = ok(await admin.get("/v1/matters", params={"limit": 100}))["items"]
    return [matter for matter in matters for _ in range(matter["report_count"])]


# ---- out


def test_the_name_of_a_set_of_labels_is_alertmanagers_own() -> None:
    labels = {"level": "red", "area": "360121", "alertname": "event", "category": "demolition"}
    assert fingerprint(labels) == "6865342df501bd7f", "as a real Alertmanager 0.25 answered"
    assert fingerprint({}) == "cbf29ce484222325"


async def test_open_warnings_are_alerts_with_the_labels_that_routes_match(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    warning = ok(await reporter.post("/v1/incidents", json=different(1)), 201)["warnings"][0]
    found = ok(await reader.get(ALERTS))
    assert len(found) == 1
    shown = found[0]
    assert shown["labels"]["alertname"] == shown["labels"]["category"] == "labour.wage_arrears"
    assert (shown["labels"]["warning"], shown["labels"]["level"]) == (warning, "yellow")
    assert all(name.isascii() for name in shown["labels"]), "before 0.27 Alertmanager refuses other names"
    assert shown["fingerprint"] == fingerprint(shown["labels"])
    assert shown["receivers"] == [{"name": "人社局"}]
    assert shown["status"] == {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    assert datetime.fromisoformat(shown["startsAt"]) <= datetime.now(UTC) < datetime.fromisoformat(shown["endsAt"])

    ok(await office.client.post(f"/v1/warnings/{warning}/resolve", json={"outcome": "settled"}))
    assert ok(await reader.get(ALERTS)) == []


async def test_filters_states_and_receivers_narrow_the_alerts(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office, admin: httpx.AsyncClient
) -> None:
    yellow = ok(await reporter.post("/v1/incidents", json=different(1)), 201)["warnings"][0]
    waiting = ok(await reporter.post("/v1/incidents", json=blocked_road()), 201)["warnings"][0]

    async def found(**asked: Any) -> set[str]:
        return {one["labels"]["warning"] for one in ok(await reader.get(ALERTS, params=asked))}

    assert await found() == {yellow, waiting}
    assert await found(unprocessed="false") == {yellow}, "what waits for a person's word is not processed yet"
    assert await found(active="false") == {waiting}
    assert await found(filter='level="orange"') == {waiting}
    assert await found(filter=['级别=~"黄|橙"', f'area!="{VILLAGE}0"', 'level!="orange"']) == {yellow}
    assert await found(receiver="人社.*") == {yellow}
    assert await found(receiver="人社") == set(), "anchored at both ends"
    groups = ok(await reader.get("/api/v2/alerts/groups"))
    assert [(one["receiver"]["name"], one["labels"]) for one in groups] == [
        ("人社局", {"category": "labour.wage_arrears", "county": "990101"})
    ]
    assert ok(await reader.get("/api/v2/receivers")) == [{"name": "人社局"}]
    for bad in ({"filter": "level=="}, {"filter": 'level=~"("'}, {"receiver": "("}):
        answer = await reader.get(ALERTS, params=bad)
        assert answer.status_code == 400, bad
        assert isinstance(answer.json(), str)

    silence = {"matchers": ['level="yellow"'], "ends_at": "2100-01-01T00:00:00+08:00", "reason": "演练"}
    silence["ends_at"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = ok(await admin.post("/v1/silences", json=silence), 201)
    assert await found(silenced="false") == {waiting}
    suppressed = ok(await reader.get(ALERTS, params={"active": "false", "unprocessed": "false"}))
    assert [(one["status"]["state"], one["status"]["silencedBy"]) for one in suppressed] == [
        ("suppressed", [made["id"]])
    ]


async def test_what_a_louder_alert_holds_back_names_it_by_its_fingerprint(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    ok(await admin.put("/v1/routes", content="routing: 试\nversion: '1'\nroot: {name: 全区}\n".encode()))
    ok(await admin.post("/v1/standing-orders", json={"levels": ["red"], "reason": "值守"}), 201)
    red = different(1, people_affected=30, signals=["death"])
    ok(await reporter.post("/v1/incidents", json=red), 201)
    ok(await reporter.post("/v1/incidents", json=different(2)), 201)
    found = {one["labels"]["level"]: one for one in ok(await reader.get(ALERTS))}
    assert (found["red"]["status"]["state"], found["yellow"]["status"]["state"]) == ("active", "suppressed")
    assert found["yellow"]["status"]["inhibitedBy"] == [found["red"]["fingerprint"]]
    assert len(ok(await reader.get(ALERTS, params={"inhibited": "false"}))) == 1


async def test_alerts_are_narrowed_by_the_key(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1, people_affected=2)), 201)
    elsewhere = await served.client(Scope.READ, area=OTHER_COUNTY)
    for client, count in ((reader, 0), (elsewhere, 0), (office.client, 1)):
        assert len(ok(await client.get(ALERTS))) == count
        assert len(ok(await client.get("/api/v2/alerts/groups"))) == count


# ---- in


async def test_an_alert_is_a_report_once_however_often_it_is_sent(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    first = alert()
    for again in (first, first, first | {"annotations": {"summary": "现在是14人"}}, {**first, "generatorURL": ""}):
        answer = await reporter.post(ALERTS, json=[again])
        assert (answer.status_code, answer.content) == (200, b"")
    found = await incidents(served)
    assert [(one["category"], one["area"], one["level"]) for one in found] == [
        ("labour.wage_arrears", VILLAGE, "yellow")
    ]
    later = alert(startsAt=datetime.now(UTC).isoformat())
    ok_empty = await reporter.post(ALERTS, json=[later])
    assert ok_empty.status_code == 200
    assert len(await incidents(served)) == 2, "another start is another alert"


async def test_what_people_wrote_in_an_alert_is_masked_at_the_door(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    sent = alert()
    assert (await reporter.post(ALERTS, json=[sent])).status_code == 200
    kept = ok(await reader.get(f"/v1/incidents/{number_of(sent)}"))
    assert kept["text"].startswith("工资三个月未发，12人要求发放")
    assert "13912345678" not in str(kept)
    assert kept["masked"] == {"手机号": 1}


async def test_a_resolved_alert_is_no_report(served: Served, reporter: httpx.AsyncClient) -> None:
    over = alert(endsAt=(datetime.now(UTC) - timedelta(minutes=1)).isoformat())
    assert (await reporter.post(ALERTS, json=[over])).status_code == 200
    assert ok(await reporter.post("/v1/incidents:alertmanager", json={"alerts": [over]})) == {
        "created": 0, "repeated": 0, "resolved": 1,
    }  # fmt: skip
    assert await incidents(served) == []


async def test_good_alerts_are_kept_although_others_are_bad(served: Served, reporter: httpx.AsyncClient) -> None:
    ends = {"startsAt": datetime.now(UTC).isoformat(), "endsAt": "2026-01-01T00:00:00Z"}
    bad = [
        alert("HighCPULoad"),
        alert(labels={"alertname": "WageArrears"}),
        alert(labels={"alertname": "WageArrears", "area": "12345"}),
        alert(labels={"alertname": "WageArrears", "area": "110101"}),
        alert(labels={"alertname": "", "area": ""}),
        alert(labels={"alertname": "WageArrears", "area": VILLAGE, "warning": str(uuid4())}),
        alert(**ends),
        alert(startsAt="soon"),
        alert(startsAt="2026-11-22T08:27:07"),
        alert(labels={"alertname": "WageArrears", "area": VILLAGE, "signals": "no_such_signal"}),
        "text",
        {"labels": "text"},
    ]
    mixed = [bad[0], alert(), *bad[1:], alert("Mixed", labels={"alertname": "欠薪", "area": "990101001"})]
    answer = await reporter.post(ALERTS, json=mixed)
    assert answer.status_code == 400
    said = answer.json()
    assert isinstance(said, str)
    for place in {1, *range(3, len(bad) + 2)}:
        assert f"第 {place} 条：" in said
    assert f"第 {len(mixed)} 条" not in said
    assert "第 2 条" not in said
    assert len(await incidents(served)) == 2

    body = refused(await reporter.post("/v1/incidents:alertmanager", json={"alerts": mixed}), 400, "alerts_refused")
    assert set(fields(body)) == {f"alerts.{place}" for place in {0, *range(2, len(bad) + 1)}}
    for content in (b"{}", b"[", b'"text"'):
        assert (await reporter.post(ALERTS, content=content)).status_code == 400


async def test_an_alert_without_a_start_counts_once_a_day(served: Served, reporter: httpx.AsyncClient) -> None:
    zero = "0001-01-01T00:00:00.000Z"
    for _ in range(2):
        assert (await reporter.post(ALERTS, json=[alert(startsAt=zero, endsAt=zero)])).status_code == 200
    assert len(await incidents(served)) == 1


async def test_alerts_are_taken_from_keys_that_may_report_there(served: Served, reader: httpx.AsyncClient) -> None:
    refused(await reader.post(ALERTS, json=[alert()]), 403, "scope_missing")
    elsewhere = await served.client(Scope.REPORT, area=OTHER_COUNTY)
    answer = await elsewhere.post(ALERTS, json=[alert()])
    assert answer.status_code == 400
    assert OTHER_COUNTY in answer.json()


def test_a_mapping_with_faults_is_refused_with_line_and_column() -> None:
    catalogue = load_catalogue()
    text = MAPPING_FILE.read_text("utf-8")
    for old, new, said in (
        ("labour.wage_arrears", "labour.wage_arears", "19:16"),
        ("resolve_minutes: 5", "resolve_minutes: 0", "resolve_minutes"),
        ("own_label", "own_lable", "own_lable"),
        ("version: 2026.11.1", "version: 1.5", "version"),
    ):
        with pytest.raises(AlertMappingError, match=said):
            load_alert_mapping(catalogue, text.replace(old, new).encode(), "mapping.yaml")


# ---- silences


async def test_silences_of_an_area_key_hold_there_only_and_say_so(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    office = await served.client(Scope.ADMINISTER, area=COUNTY, name="本区综治中心")
    body = {
        "matchers": [{"name": "alertname", "value": "labour.wage_arrears", "isRegex": False}],
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "createdBy": "zhangsan",
        "comment": "系统演练",
    }
    made = ok(await office.post("/api/v2/silences", json=body | {"id": ""}))["silenceID"]
    shown = ok(await reader.get(f"/api/v2/silence/{made}"))
    assert (shown["createdBy"], shown["comment"], shown["status"]) == ("本区综治中心", "系统演练", {"state": "active"})
    assert [(one["name"], one["value"], one["isRegex"]) for one in shown["matchers"]] == [
        ("category", "labour.wage_arrears", False), ("area", "990101.*", True),
    ]  # fmt: skip
    for number, area in ((1, VILLAGE), (2, OTHER_COUNTY)):
        ok(await reporter.post("/v1/incidents", json=different(number, area=area)), 201)
    states = {one["labels"]["area"]: one["status"]["state"] for one in ok(await reader.get(ALERTS))}
    assert states == {VILLAGE: "suppressed", OTHER_COUNTY: "active"}

    longer = shown | {"endsAt": (datetime.now(UTC) + timedelta(hours=2)).isoformat()}
    assert ok(await office.post("/api/v2/silences", json=longer)) == {"silenceID": made}, "changed in place"
    other = longer | {"matchers": [{"name": "level", "value": "blue|yellow", "isRegex": True}]}
    assert ok(await office.post("/api/v2/silences", json=other))["silenceID"] != made
    assert ok(await reader.get(f"/api/v2/silence/{made}"))["status"] == {"state": "expired"}
    assert len(ok(await reader.get("/api/v2/silences"))) == 2
    assert len(ok(await reader.get("/api/v2/silences", params={"filter": "alertname=labour.wage_arrears"}))) == 1

    for bad in (
        {"matchers": []},
        {"matchers": [{"name": "level", "value": ".*", "isRegex": True}]},
        {"matchers": [{"name": "level", "value": "(", "isRegex": True}]},
        {"matchers": [{"name": "phone", "value": "1"}]},
        {"comment": ""},
        {"endsAt": "2026-01-01T00:00:00Z"},
    ):
        answer = await office.post("/api/v2/silences", json=body | bad)
        assert answer.status_code == 400, bad
        assert isinstance(answer.json(), str)
    assert (await office.post("/api/v2/silences", json=body | {"id": str(uuid4())})).status_code == 404
    assert (await reader.get(f"/api/v2/silence/{uuid4()}")).status_code == 404
    assert (await office.delete(f"/api/v2/silence/{uuid4()}")).status_code == 404
    refused(await reader.post("/api/v2/silences", json=body), 403, "scope_missing")
