"""CAP 1.2 both ways: messages held against a schema, and the Ack by which a department's system signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from lxml import etree

from service.delivery.formats.bulletin import Naming
from service.delivery.formats.cap import instant
from service.delivery.formats.cap_ack import MOST_BYTES
from service.domain.words import Scope
from tests.journeys.conftest import Office, ok
from tests.journeys.shared import fields, refused
from tests.journeys.test_stream import different
from tests.makers import OTHER_COUNTY, blocked_road, report
from tests.receiver import Receiver
from tests.served import Served, serving

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent.parent / "schemas" / "cap-1.2.xsd"))
CAP = {"Content-Type": "application/cap+xml"}


async def message(client: httpx.AsyncClient, warning: str, **asked: Any) -> etree._Element:
    """A CAP message that holds against the schema."""
    answer = await client.get(f"/v1/warnings/{warning}.cap", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/cap+xml"
    parsed = etree.fromstring(answer.content)
    SCHEMA.assertValid(parsed)
    return parsed


def said(cap: etree._Element, path: str) -> str | None:
    return cap.findtext("/".join(f"{{*}}{name}" for name in path.split("/")))


def name_of(cap: etree._Element) -> str:
    """How other messages refer to this one."""
    return ",".join(str(said(cap, name)) for name in ("sender", "identifier", "sent"))


def parameters(cap: etree._Element) -> dict[str, str]:
    pairs = cap.findall("{*}info/{*}parameter")
    return {str(said(pair, "valueName")).rpartition(":")[2]: str(said(pair, "value")) for pair in pairs}


def ack(*references: str, note: str | None = None, **changes: str) -> bytes:
    """What a department's system sends; itself held against the schema."""
    parts = {
        "identifier": uuid4().hex,
        "sender": "oa@rsj.example",
        "sent": "2026-11-22T09:30:00+08:00",
        "status": "Actual",
        "msgType": "Ack",
        "scope": "Restricted",
        "restriction": "内部",
        **({"note": note} if note else {}),
        "references": " ".join(references),
    }
    root = etree.Element("alert", nsmap={None: "urn:oasis:names:tc:emergency:cap:1.2"})
    for name, text in (parts | changes).items():
        etree.SubElement(root, name).text = text
    whole = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    if not changes:
        SCHEMA.assertValid(etree.fromstring(whole))
    return whole


async def new(reporter: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = ok(await reporter.post("/v1/incidents", json=body), 201)
    return answer


# ---- out


async def test_a_warning_is_an_alert_then_updates_and_each_names_all_before_it(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    first = await new(reporter, different(1))
    warning = first["warnings"][0]
    alert = await message(reader, warning)
    assert [said(alert, name) for name in ("msgType", "status", "scope", "references")] == [
        "Alert", "Actual", "Restricted", None,
    ]  # fmt: skip
    assert [said(alert, f"info/{name}") for name in ("category", "event", "urgency", "severity", "certainty")] == [
        "Security", "欠薪", "Expected", "Moderate", "Possible",
    ]  # fmt: skip
    assert (parameters(alert)["level"], parameters(alert)["level_zh"]) == ("yellow", "黄")
    assert said(alert, "info/area/geocode/value") == "990101"

    await new(reporter, report(id="more", matter_id=first["matter_id"], people_affected=90))
    update = await message(reader, warning)
    assert (said(update, "msgType"), said(update, "references")) == ("Update", name_of(alert))
    ok(await office.client.post(f"/v1/warnings/{warning}/acknowledge"))
    assert name_of(await message(reader, warning)) == name_of(update), "that somebody signed is no message"

    ok(await office.client.post(f"/v1/warnings/{warning}/resolve", json={"outcome": "settled", "note": "已付清"}))
    end = await message(reader, warning)
    assert (said(end, "msgType"), said(end, "references")) == ("Update", f"{name_of(alert)} {name_of(update)}")
    assert [said(end, f"info/{name}") for name in ("responseType", "urgency")] == ["AllClear", "Past"]
    assert said(end, "info/expires")
    assert name_of(await message(reader, warning, revision=1)) == name_of(alert), "an earlier one is still there"


async def test_a_withdrawn_warning_is_cancelled(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    kept, gone = await new(reporter, different(1)), await new(reporter, different(2))
    alert = await message(reader, gone["warnings"][0])
    merging = {"matter_ids": [gone["matter_id"]]}
    ok(await office.client.post(f"/v1/matters/{kept['matter_id']}/merge", json=merging))
    cancel = await message(reader, gone["warnings"][0])
    assert (said(cancel, "msgType"), said(cancel, "references")) == ("Cancel", name_of(alert))
    assert said(cancel, "identifier") != said(alert, "identifier")


async def test_levels_are_said_in_the_words_of_cap(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    waiting = (await new(reporter, blocked_road()))["warnings"][0]
    refused(await reader.get(f"/v1/warnings/{waiting}.cap"), 409, "not_issued")
    ok(await admin.post(f"/v1/warnings/{waiting}/confirm"))
    orange = await message(reader, waiting)
    assert [said(orange, f"info/{name}") for name in ("category", "urgency", "severity", "certainty")] == [
        "Infra", "Expected", "Severe", "Likely",
    ]  # fmt: skip
    red = (await new(reporter, report(text="厂房起火，有人死亡", people_affected=60, signals=["death"])))["warnings"][0]
    ok(await admin.post(f"/v1/warnings/{red}/confirm"))
    said_of_red = await message(reader, red)
    assert parameters(said_of_red)["level"] == "red"
    assert [said(said_of_red, f"info/{name}") for name in ("urgency", "severity", "certainty")] == [
        "Immediate", "Extreme", "Observed",
    ]  # fmt: skip


async def test_a_message_that_is_not_there_or_not_in_sight_is_404(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    few = (await new(reporter, different(1, people_affected=2)))["warnings"][0]
    seen = (await new(reporter, different(2)))["warnings"][0]
    elsewhere = await served.client(Scope.READ, area=OTHER_COUNTY)
    late = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT", "If-None-Match": "*"}
    for client, warning in ((reader, few), (elsewhere, seen), (reader, uuid4())):
        refused(await client.get(f"/v1/warnings/{warning}.cap", headers=late), 404, "not_found")
    refused(await reader.get(f"/v1/warnings/{seen}.cap", params={"revision": 9}), 404, "not_found")
    assert said(await message(office.client, few), "msgType") == "Alert"
    tag = (await reader.get(f"/v1/warnings/{seen}.cap")).headers["etag"]
    assert (await reader.get(f"/v1/warnings/{seen}.cap", headers={"If-None-Match": tag})).status_code == 304
    assert (await reader.get("/v1/warnings/no-id.cap")).status_code == 422


async def test_a_demo_says_exercise(database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, tmp_path, demo=True, push_workers=0) as served:
        reporter, reader = await served.client(Scope.REPORT), await served.client(Scope.READ)
        warning = (await new(reporter, different(1)))["warnings"][0]
        assert said(await message(reader, warning), "status") == "Exercise"


# ---- in


async def test_an_ack_signs_for_the_department_of_the_key(
    served: Served, reporter: httpx.AsyncClient, office: Office, admin: httpx.AsyncClient, receiver: Receiver
) -> None:
    warnings = [(await new(reporter, different(number)))["warnings"][0] for number in (1, 2)]
    names = [name_of(await message(office.client, warning)) for warning in warnings]
    for _ in range(2):  # a system that did not get the answer sends it again
        done = ok(
            await office.client.post("/v1/cap", content=ack(*names, note="已转劳动监察，电话13912345678"), headers=CAP)
        )
        assert [one["warning_id"] for one in done["acknowledged"]] == warnings
    for warning in warnings:
        shown = ok(await office.client.get(f"/v1/warnings/{warning}"))
        assert (shown["state"], shown["revision"]) == ("acknowledged", 2)
        duty = next(one for one in shown["duties"] if one["department_id"] == office.id)
        assert duty["signed_at"]
        assert duty["sign_note"].startswith("已转劳动监察")
        assert "13912345678" not in duty["sign_note"]


async def test_what_was_read_must_be_no_less_than_what_there_is(
    reporter: httpx.AsyncClient, office: Office, admin: httpx.AsyncClient
) -> None:
    first = await new(reporter, different(1))
    warning = first["warnings"][0]
    yellow = name_of(await message(office.client, warning))
    grown = report(id="more", matter_id=first["matter_id"], people_present=40, signals=["road_blocked"])
    await new(reporter, grown)
    ok(await admin.post(f"/v1/warnings/{warning}/confirm"))

    body = refused(await office.client.post("/v1/cap", content=ack(yellow), headers=CAP), 422, "invalid_cap")
    assert fields(body) == {"references": "superseded"}
    orange = await message(office.client, warning)
    assert said(orange, "identifier") in body["errors"][0]["detail"]
    ok(await office.client.post("/v1/cap", content=ack(name_of(orange)), headers=CAP))


async def test_one_unknown_message_keeps_all_from_being_signed(
    served: Served, reporter: httpx.AsyncClient, office: Office
) -> None:
    warning = (await new(reporter, different(1)))["warnings"][0]
    name = name_of(await message(office.client, warning))
    sender, identifier, sent = name.split(",")
    late = (datetime.fromisoformat(sent) + timedelta(seconds=1)).isoformat()
    for other in (
        f"{sender},{uuid4()}.1,{sent}",
        f"{sender},{warning}.7,{sent}",
        f"other.example,{identifier},{sent}",
        f"{sender},{identifier},{late}",
        f"{sender},nothing,{sent}",
    ):
        body = refused(await office.client.post("/v1/cap", content=ack(name, other), headers=CAP), 422, "invalid_cap")
        assert fields(body) == {"references": "unknown_message"}
    elsewhere = await served.client(Scope.RESPOND, area=OTHER_COUNTY, department_id=office.id)
    refused(await elsewhere.post("/v1/cap", content=ack(name), headers=CAP), 422, "invalid_cap")
    assert ok(await office.client.get(f"/v1/warnings/{warning}"))["state"] == "issued"


async def test_an_ack_needs_a_key_that_may_and_a_department(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    name = name_of(await message(reader, (await new(reporter, different(1)))["warnings"][0]))
    nobody = await served.client(Scope.RESPOND)
    refused(await nobody.post("/v1/cap", content=ack(name), headers=CAP), 403, "no_department")
    refused(await reader.post("/v1/cap", content=ack(name), headers=CAP), 403, "scope_missing")
    refused(await served.client_with(None).post("/v1/cap", content=ack(name), headers=CAP), 401, "key_required")
    refused(await office.client.post("/v1/cap", json={}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"msgType": "Alert"}, {"msgType": "not_an_ack"}),
        ({"status": "Test"}, {"status": "other_status"}),
        ({"sent": "2026-11-22T01:30:00Z"}, {"sent": "bad_instant"}),
        ({"sender": ""}, {"sender": "missing"}),
        ({"references": "weiyu.invalid,only-two"}, {"references": "bad_reference"}),
        ({"references": " ".join(f"a,{n},c" for n in range(51))}, {"references": "too_long"}),
        ({"note": "长" * 501}, {"note": "string_too_long"}),
    ],
)
async def test_what_is_no_ack_of_ours_is_refused_field_by_field(
    office: Office, changes: dict[str, str], wrong: dict[str, str]
) -> None:
    body = ack("weiyu.invalid,x.1,2026-11-22T09:30:00+08:00", **changes)
    assert fields(refused(await office.client.post("/v1/cap", content=body, headers=CAP), 422, "invalid_cap")) == wrong


async def test_hostile_xml_is_refused_before_it_costs_anything(office: Office) -> None:
    root = '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
    laughs = '<!DOCTYPE alert [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + root + "<note>&b;</note></alert>"
    outside = '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + root + "<note>&x;</note></alert>"
    for body, status, code in (
        (laughs, 400, "doctype_refused"),
        (outside, 400, "doctype_refused"),
        ('<!DOCTYPE alert SYSTEM "http://example.org/x.dtd">' + root + "</alert>", 400, "doctype_refused"),
        (root + "<note>&unknown;</note></alert>", 400, "unreadable_xml"),
        (root + "<note>", 400, "unreadable_xml"),
        ("", 400, "unreadable_xml"),
        ('<?xml version="1.0" encoding="klingon"?>' + root + "</alert>", 400, "unreadable_xml"),
        ("<alert/>", 422, "invalid_cap"),
        (root + "<a>" * 40 + "</a>" * 40 + "</alert>", 422, "invalid_cap"),
        (root + f"<note>{'x' * MOST_BYTES}</note></alert>", 413, "body_too_large"),
    ):
        refused(await office.client.post("/v1/cap", content=body.encode(), headers=CAP), status, code)
    assert "第 1 行" in (await office.client.post("/v1/cap", content=b"<alert", headers=CAP)).json()["detail"]


async def test_the_schema_refuses_what_is_no_cap() -> None:
    good = ack("a,b,2026-11-22T09:30:00+08:00")
    assert SCHEMA.validate(etree.fromstring(good))
    for old, bad in ((b"+08:00", b"Z"), (b"Ack", b"Nod"), (b"oa@rsj", b"oa rsj"), (b"<scope>Restricted</scope>", b"")):
        assert not SCHEMA.validate(etree.fromstring(good.replace(old, bad))), bad


def test_utc_is_written_as_cap_wants_it() -> None:
    moment = datetime(2026, 11, 22, 1, 30, 5, 999, tzinfo=UTC)
    assert instant(moment, Naming("x.example", "", ZoneInfo("UTC"))) == "2026-11-22T01:30:05-00:00"
    assert instant(moment, Naming("x.example", "", ZoneInfo("Asia/Shanghai"))) == "2026-11-22T09:30:05+08:00"
