"""Rosters, hand-overs, the timeline of a warning and the monthly statement of a department, over HTTP."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import Office, make_office, ok
from tests.journeys.shared import fields, refused
from tests.makers import COUNTY, OTHER_COUNTY, blocked_road, report
from tests.receiver import Receiver
from tests.served import Served, until

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = f"{datetime.now(ZONE):%G-W%V}"
MONTH = f"{datetime.now(ZONE):%Y-%m}"


def shift(role: str = "duty", begin: timedelta = timedelta(), **changes: Any) -> dict[str, Any]:
    """A shift of a day, from Tuesday eight o'clock of this local week."""
    today = datetime.now(ZONE).replace(hour=8, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=today.weekday() - 1) + begin
    end = start + timedelta(days=1)
    return {"role": role, "post": "值班室", "starts_at": start.isoformat(), "ends_at": end.isoformat()} | changes


async def put(admin: httpx.AsyncClient, office: Office, *shifts: dict[str, Any]) -> dict[str, Any]:
    roster: dict[str, Any] = ok(await admin.put(f"/v1/rosters/{office.id}/{WEEK}", json={"shifts": shifts}))
    return roster


async def issued(office: Office, receiver: Receiver, reporter: httpx.AsyncClient) -> str:
    ok(await reporter.post("/v1/incidents", json=report()), 201)
    await until(lambda: receiver.of_type("warning.issued"))
    return str(receiver.of_type("warning.issued")[0]["id"])


async def test_a_week_is_put_whole_and_shows_its_gaps(admin: httpx.AsyncClient, office: Office) -> None:
    roster = await put(admin, office, shift(), shift("leader", endpoint_ids=[office.endpoint["id"]]))
    assert [(one["role_zh"], one["post"]) for one in roster["shifts"]] == [("值班员", "值班室"), ("带班领导", "值班室")]
    assert {gap["role"] for gap in roster["gaps"]} == {"duty", "leader", "second"}
    [kept] = (await put(admin, office, shift(post="信访科")))["shifts"]
    assert kept["post"] == "信访科", "the week is replaced"
    gaps = ok(await admin.get("/v1/rosters/gaps", params={"department_id": office.id}))
    assert {gap["department"] for gap in gaps} == {"人社局"}
    assert ok(await admin.get("/v1/rosters/gaps")) == gaps, "only departments that have a roster"


async def test_a_roster_refuses_what_it_cannot_mean(admin: httpx.AsyncClient, office: Office) -> None:
    address = f"/v1/rosters/{office.id}/{WEEK}"
    early = shift(begin=-timedelta(days=10))
    stranger = shift(endpoint_ids=["00000000-0000-7000-8000-000000000000"])
    problem = refused(await admin.put(address, json={"shifts": [early, stranger]}), 422, "invalid_request")
    assert fields(problem) == {"shifts.0.starts_at": "outside_week", "shifts.1.endpoint_ids": "unknown_endpoint"}
    backwards = shift() | {"ends_at": "2020-01-01T00:00:00+08:00"}
    refused(await admin.put(address, json={"shifts": [backwards]}), 422, "invalid_request")
    refused(await admin.get(f"/v1/rosters/{office.id}/2026-W77"), 422, "invalid_request")
    refused(
        await admin.get("/v1/rosters/gaps", params={"first": "2026-01-01", "last": "2027-01-01"}),
        422,
        "invalid_request",
    )


async def test_a_post_is_masked_like_any_text(admin: httpx.AsyncClient, office: Office) -> None:
    roster = await put(admin, office, shift(post="值班室13812345678"))
    assert "13812345678" not in roster["shifts"][0]["post"]


async def test_a_shift_is_handed_over_with_what_is_open_and_both_sign(
    served: Served, admin: httpx.AsyncClient, office: Office, receiver: Receiver, reporter: httpx.AsyncClient
) -> None:
    warning = await issued(office, receiver, reporter)
    roster = await put(admin, office, shift(), shift(begin=timedelta(days=1)))
    first, second = (one["id"] for one in roster["shifts"])
    body = {"to_shift_id": second, "note": "青禾服饰厂须上午跟进"}

    refused(await office.client.post(f"/v1/shifts/{second}/take-over"), 409, "nothing_to_take_over")
    refused(
        await office.client.post(f"/v1/shifts/{second}/hand-over", json={"to_shift_id": first}), 422, "invalid_request"
    )
    handed = ok(await office.client.post(f"/v1/shifts/{first}/hand-over", json=body), 201)
    assert [(one["warning_id"], one["owed"]) for one in handed["open_warnings"]] == [(warning, "待签收")]
    refused(await office.client.post(f"/v1/shifts/{first}/hand-over", json=body), 409, "already_handed_over")
    [taken] = ok(await office.client.post(f"/v1/shifts/{second}/take-over", json={"note": "已接"}))
    assert taken["taken_at"] is not None
    assert taken["handed_note"] == "青禾服饰厂须上午跟进"

    stranger = await served.client(Scope.RESPOND, department_id=None)
    refused(await stranger.post(f"/v1/shifts/{first}/hand-over", json=body), 403, "no_department")
    kept = await put(admin, office)
    assert [one["id"] for one in kept["shifts"]] == [first, second], "what was signed stays"
    page = await office.client.get(f"/v1/rosters/{office.id}/{WEEK}/log.html")
    assert page.status_code == 200
    for said in ("值班日志", "值班室（值班员）", "（待签收）", "青禾服饰厂须上午跟进；已接", "带班领导", "@page"):
        assert said in page.text, said


async def test_a_shift_log_names_no_warning_that_its_reader_may_not_see(
    reader: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office, receiver: Receiver, reporter: httpx.AsyncClient
) -> None:
    ok(await reporter.post("/v1/incidents", json=report(people_affected=2)), 201)
    await until(lambda: receiver.of_type("warning.issued"))
    headline = receiver.of_type("warning.issued")[0]["headline"]
    roster = await put(admin, office, shift(), shift(begin=timedelta(days=1)))
    first, second = (one["id"] for one in roster["shifts"])
    ok(await office.client.post(f"/v1/shifts/{first}/hand-over", json={"to_shift_id": second}), 201)

    own, other = [(await who.get(f"/v1/rosters/{office.id}/{WEEK}/log.html")).text for who in (office.client, reader)]
    assert headline in own
    assert headline not in other
    assert "另有 1 件不在可见范围" in other


async def test_the_timeline_tells_all_in_order_as_data_table_and_page(
    admin: httpx.AsyncClient, office: Office, receiver: Receiver, reporter: httpx.AsyncClient
) -> None:
    warning = await issued(office, receiver, reporter)
    ok(await office.client.post(f"/v1/warnings/{warning}/acknowledge", json={"note": "已派专班"}))
    ok(await office.client.post(f"/v1/warnings/{warning}/answer", json={"note": "三日内支付"}))
    address = f"/v1/warnings/{warning}/timeline"

    async def tried() -> bool:
        kinds = [one["kind"] for one in ok(await office.client.get(address))["entries"]]
        return "tried" in kinds

    await until(tried)
    told = ok(await office.client.get(address))
    kinds = [one["kind"] for one in told["entries"]]
    assert kinds[0] == "judged"
    assert {"judged", "changed", "owed", "tried", "signed", "answered"} == set(kinds)
    assert kinds.index("owed") < kinds.index("tried")
    assert [one["at"] for one in told["entries"]] == sorted(one["at"] for one in told["entries"])
    assert "研判为黄级" in told["entries"][0]["text"]
    assert told["entries"][0]["data"]["rulebook_hash"]
    assert [(one["clock"], one["ended_by"]) for one in told["chains"]] == [("sign", "本单位已签收")]

    answer = await office.client.get(f"{address}.csv")
    assert answer.text.startswith("\ufeff")
    rows = [*csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))]
    assert rows[0] == ["时间", "类型", "单位", "内容", "版本"]
    assert len(rows) == len(told["entries"]) + 1
    page = await office.client.get(f"{address}.html")
    assert page.status_code == 200
    assert "预警办理全程记录" in page.text
    assert "已派专班" not in page.text or "签收" in page.text
    refused(await admin.get("/v1/warnings/00000000-0000-7000-8000-000000000000/timeline"), 404, "not_found")


async def test_a_key_of_another_county_sees_no_timeline(
    served: Served, office: Office, receiver: Receiver, reporter: httpx.AsyncClient
) -> None:
    warning = await issued(office, receiver, reporter)
    stranger = await served.client(Scope.READ, area=OTHER_COUNTY)
    for ending in ("", ".csv", ".html"):
        refused(await stranger.get(f"/v1/warnings/{warning}/timeline{ending}"), 404, "not_found")
    statement = f"/v1/departments/{office.id}/delivery-statement"
    seen = ok(await stranger.get(statement, params={"month": MONTH}))
    assert (seen["pushes"]["owed"], seen["lines"]) == (0, []), "of warnings elsewhere it counts nothing"


async def test_the_statement_counts_what_was_owed_delivered_and_signed(
    reader: httpx.AsyncClient, office: Office, receiver: Receiver, reporter: httpx.AsyncClient
) -> None:
    warning = await issued(office, receiver, reporter)
    ok(await office.client.post(f"/v1/warnings/{warning}/acknowledge"))
    address = f"/v1/departments/{office.id}/delivery-statement"

    async def delivered() -> bool:
        return bool(ok(await reader.get(address, params={"month": MONTH}))["pushes"]["delivered"])

    await until(delivered)
    told = ok(await reader.get(address, params={"month": MONTH}))
    assert told["pushes"] == {
        "owed": 1, "delivered": 1, "pending": 0, "given_up": 0, "cancelled": 0, "attempts": 1,
    }  # fmt: skip
    assert told["duties"]["leading"] == told["duties"]["signed_in_time"] == 1
    assert told["duties"]["unsigned_overdue"] == 0
    assert 0 <= told["first_attempt_s"][0] <= told["delivered_s"][2] < 60
    [line] = told["lines"]
    assert (line["warning_id"], line["role"], line["escalations"]) == (warning, "lead", 0)

    table = await reader.get(f"{address}.csv", params={"month": MONTH})
    assert len([*csv.reader(io.StringIO(table.text))]) == 2
    page = await reader.get(f"{address}.html", params={"month": MONTH})
    assert "预警送达与签收月报" in page.text
    empty = ok(await reader.get(address, params={"month": "2001-01"}))
    assert (empty["pushes"]["owed"], empty["first_attempt_s"], empty["lines"]) == (0, None, [])
    refused(await reader.get(address, params={"month": "2026-13"}), 422, "invalid_request")
    refused(await reader.get(address, params={"month": "2026-1"}), 422, "invalid_request")


async def test_a_red_is_reported_directly_and_nothing_else_is(
    served: Served, admin: httpx.AsyncClient, office: Office, receiver: Receiver, reporter: httpx.AsyncClient
) -> None:
    centre = await make_office(served, admin, receiver, "综治中心")
    ok(await admin.patch(f"/v1/departments/{centre.id}", json={"is_coordinator": True, "area": COUNTY}))
    ok(await admin.post("/v1/standing-orders", json={"levels": ["red"], "reason": "汛期值守"}), 201)
    yellow = await issued(office, receiver, reporter)
    body = {"reason": "现场人数仍在增加"}
    refused(await office.client.post(f"/v1/warnings/{yellow}/report-directly", json=body), 409, "not_red")

    worse = blocked_road() | {"signals": ["road_blocked", "injury"]}
    told = ok(await reporter.post("/v1/incidents", json=worse), 201)
    [red] = told["warnings"]
    seen = ok(await centre.client.post(f"/v1/warnings/{red}/report-directly", json=body))
    [step] = [one for one in seen["entries"] if one["kind"] == "escalated"]
    assert step["text"] == "综治中心直接报送带班领导：现场人数仍在增加"
    assert step["data"]["clock"] == "direct"
    await until(lambda: receiver.of_type("warning.escalated"))
    assert receiver.of_type("warning.escalated")[0]["note"] == step["text"]


@pytest.mark.parametrize("ending", ["", ".csv", ".html"])
async def test_a_statement_of_a_department_that_is_not_there_is_not_found(
    reader: httpx.AsyncClient, ending: str
) -> None:
    address = f"/v1/departments/00000000-0000-7000-8000-000000000000/delivery-statement{ending}"
    refused(await reader.get(address, params={"month": MONTH}), 404, "not_found")
