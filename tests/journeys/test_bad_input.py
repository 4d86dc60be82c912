"""What is wrong is refused with a stable code and a Chinese sentence, and nothing of the house shows in the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused, running
from tests.makers import report
from tests.served import Served

__all__ = ["running"]  # a fixture
pytestmark = pytest.mark.asyncio(loop_scope="module")
SEEN_WITH_THE_DATA = {"too_early", "in_future", "unknown_area", "unknown_category", "unknown_signal", "unknown_matter"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grid(running: Served) -> httpx.AsyncClient:
    """The grid's reporting system, which may also read."""
    return await running.client(Scope.REPORT, Scope.READ, system="grid-system")


async def post(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/v1/incidents", json=report(**changes))


async def raw(client: httpx.AsyncClient, body: bytes, kind: str = "application/json") -> httpx.Response:
    return await client.post("/v1/incidents", content=body, headers={"content-type": kind})


async def test_the_same_id_with_other_content_conflicts(grid: httpx.AsyncClient) -> None:
    ok(await post(grid, id="taken"), 201)

    refused(await post(grid, id="taken", text="另一件事"), 409, "id_reused")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("occurred_at", "2026-11-18T10:00:00", "timezone_aware"),
        ("occurred_at", "2026-11-18", "timezone_aware"),
        ("occurred_at", 1_760_000_000, "datetime_parsing"),
        ("occurred_at", "1760000000", "datetime_parsing"),
        ("occurred_at", True, "datetime_parsing"),
        ("occurred_at", "昨天", "datetime_parsing"),
        ("occurred_at", "0001-01-01T00:00:00+08:00", "too_early"),
        ("captured_at", "0001-01-01T00:00:00+08:00", "too_early"),
        ("occurred_at", (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "in_future"),
        ("occurred_at", "9999-12-31T23:59:59-23:59", "in_future"),
        ("area", "999999999999", "unknown_area"),
        ("area", "99010100100", "string_pattern_mismatch"),
        ("id", "有中文", "string_pattern_mismatch"),
        ("id", "x" * 65, "string_pattern_mismatch"),
        ("id", "line\n", "string_pattern_mismatch"),
        ("id", ..., "missing"),
        ("category", "labour.wage_arears", "unknown_category"),
        ("category", "工资\x00", "unknown_category"),
        ("signals", ["road_blockd"], "unknown_signal"),
        ("signals", ["x"] * 41, "too_long"),
        ("signals", "road_blocked", "list_type"),
        ("text", "", "string_too_short"),
        ("text", " \n\u3000 ", "string_too_short"),
        ("text", "长" * 4001, "string_too_long"),
        ("text", "空\x00字符", "nul_character"),
        ("title", "空\x00字符", "nul_character"),
        ("place_text", "空\x00字符", "nul_character"),
        ("action_taken", "空\x00字符", "nul_character"),
        ("text", None, "string_type"),
        ("people_affected", -1, "greater_than_equal"),
        ("people_affected", 10**30, "less_than_equal"),
        ("people_affected", "12", "int_type"),
        ("people_affected", 1.5, "int_type"),
        ("people_affected", True, "int_type"),
        ("people_present", 10_000_001, "less_than_equal"),
        ("location", {"lat": 91, "lon": 0}, "less_than_equal"),
        ("location", [], "model_type"),
        ("matter_id", "not-a-uuid", "uuid_parsing"),
        ("matter_id", str(uuid4()), "unknown_matter"),
        ("project_id", 7, "uuid_type"),
        ("source", "gossip", "enum"),
        ("handling", "", "enum"),
        ("name", "某某", "extra_forbidden"),
        ("phone", "13800000000", "extra_forbidden"),
        ("petitioner_id_number", "110101199003070000", "extra_forbidden"),
    ],
)
async def test_a_report_is_refused_naming_the_field(grid: httpx.AsyncClient, field: str, value: Any, code: str) -> None:
    answer = await post(grid, **{field: value})
    body = refused(answer, 422, "invalid_report" if code in SEEN_WITH_THE_DATA else "invalid_request")

    assert any(name.startswith(field) and found == code for name, found in fields(body).items()), body


async def test_a_refusal_never_repeats_what_was_sent(grid: httpx.AsyncClient) -> None:
    body = refused(await post(grid, text=None, people_affected="13812345678"), 422, "invalid_request")

    assert "13812345678" not in str(body)


async def test_a_misspelt_category_is_answered_with_the_right_one(grid: httpx.AsyncClient) -> None:
    body = refused(await post(grid, category="labour.wage_arears"), 422, "invalid_report")

    assert "did you mean labour.wage_arrears" in str(body)


async def test_every_fault_of_a_report_is_named_at_once(grid: httpx.AsyncClient) -> None:
    changes = {"area": "999999999999", "category": "x", "signals": ["y"], "matter_id": str(uuid4())}
    body = refused(await post(grid, **changes), 422, "invalid_report")

    assert set(fields(body)) == {"area", "category", "signals.0", "matter_id"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid_request"),
        (b"not json", 422, "invalid_request"),
        (b'{"id": "a",}', 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b'{"id": "\xff"}', 422, "invalid_request"),
        (b"[" * 200_000, 422, "invalid_request"),
        (b'{"a":' * 100_000, 422, "invalid_request"),
        (b'{"people_affected": 1' + b"0" * 10_000 + b"}", 422, "invalid_request"),
        (b'{"text": "\\ud800"}', 422, "invalid_request"),
        (b'{"\\ud800": 1}', 422, "invalid_request"),
        (b'{"location": {"lat": NaN, "lon": Infinity}}', 422, "invalid_request"),
        (b'{"people_affected": 1e999}', 422, "invalid_request"),
    ],
)
async def test_a_body_that_is_no_report_is_refused(
    grid: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    refused(await raw(grid, body), status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_a_body_that_does_not_say_it_is_json_is_refused_by_its_type(grid: httpx.AsyncClient, kind: str) -> None:
    refused(await raw(grid, json.dumps(report()).encode(), kind), 415, "unsupported_media_type")


async def test_ten_megabytes_are_too_many(grid: httpx.AsyncClient) -> None:
    refused(await raw(grid, b" " * 10_000_000), 413, "body_too_large")


async def test_ten_megabytes_without_a_length_are_too_many(grid: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 1_000_000

    answer = await grid.post("/v1/incidents", content=pieces(), headers={"content-type": "application/json"})

    refused(answer, 413, "body_too_large")


async def test_a_thousand_wrong_fields_are_not_all_told(grid: httpx.AsyncClient) -> None:
    body = refused(await post(grid, **{f"wrong_{n}" * 40: n for n in range(1000)}), 422, "invalid_request")

    assert len(body["errors"]) == 50
    assert len(str(body)) < 20_000


@pytest.mark.parametrize(
    "path",
    [
        "/v1/incidents/%00",
        "/v1/incidents/a?system=%00",
        "/v1/matters?category=%00",
        "/v1/warnings?category=%00",
        "/v1/rulebooks/%00",
    ],
)
async def test_a_nul_in_an_address_is_the_askers_fault(grid: httpx.AsyncClient, path: str) -> None:
    refused(await grid.get(path), 422, "unstorable_value")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/matters/7", 422, "invalid_request"),
        ("/v1/matters?limit=0", 422, "invalid_request"),
        ("/v1/matters?before=x", 422, "invalid_request"),
        ("/v1/matters?level=purple", 422, "invalid_request"),
        ("/v1/warnings?after=-1", 422, "invalid_request"),
        (f"/v1/matters/{uuid4()}", 404, "not_found"),
        (f"/v1/matters/{uuid4()}/why", 404, "not_found"),
        (f"/v1/warnings/{uuid4()}/why", 404, "not_found"),
        ("/v1/incidents/unknown", 404, "not_found"),
        ("/v1/rules/unknown", 404, "not_found"),
        ("/v1/nowhere", 404, "not_found"),
    ],
)
async def test_a_wrong_address_is_answered_as_a_problem(
    grid: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    refused(await grid.get(path), status, code)


async def test_a_wrong_method_says_which_are_right(grid: httpx.AsyncClient) -> None:
    answer = await grid.put("/v1/incidents", json={})

    refused(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


# ---- odd, but right


async def test_a_chinese_category_name_is_taken(grid: httpx.AsyncClient) -> None:
    names = {one["code"]: one["name"] for one in ok(await grid.get("/v1/categories"))}
    ok(await post(grid, id="named", category=names["labour.wage_arrears"]), 201)

    assert ok(await grid.get("/v1/incidents/named"))["category"] == "labour.wage_arrears"


async def test_signals_said_twice_or_in_chinese_are_one(grid: httpx.AsyncClient) -> None:
    names = {one["code"]: one["name"] for one in ok(await grid.get("/v1/signals"))}
    ok(await post(grid, id="twice", signals=["payment_overdue", names["payment_overdue"], "payment_overdue"]), 201)

    assert ok(await grid.get("/v1/incidents/twice"))["signals"] == ["payment_overdue"]


@pytest.mark.parametrize(
    "text",
    ["。", "1", "\u200b", "😀" * 4000, "\u202e反", "'; DROP TABLE incident; --", "涉及99999999人", "{{x}} %s \\"],
)
async def test_an_odd_text_is_kept_as_it_is(grid: httpx.AsyncClient, text: str) -> None:
    posted = report(text=text, people_affected=...)
    ok(await grid.post("/v1/incidents", json=posted), 201)

    assert ok(await grid.get(f"/v1/incidents/{posted['id']}"))["text"] == text


async def test_a_text_of_four_thousand_characters_is_kept_when_masking_makes_it_longer(
    grid: httpx.AsyncClient,
) -> None:
    text = ("电话13812345678，" * 400)[:4000]
    ok(await post(grid, id="long", text=text), 201)

    kept = ok(await grid.get("/v1/incidents/long"))
    assert "13812345678" not in kept["text"]
    assert sum(kept["masked"].values()) >= 280


async def test_a_title_of_spaces_is_no_title(grid: httpx.AsyncClient) -> None:
    ok(await post(grid, id="blank", title="  "), 201)

    assert not ok(await grid.get("/v1/incidents/blank"))["title"]


async def test_a_project_is_remembered_by_the_matter(grid: httpx.AsyncClient) -> None:
    project = str(uuid4())
    answer = ok(await post(grid, project_id=project, text="高架桥施工扬尘，沿街商户不满"), 201)

    assert ok(await grid.get(f"/v1/matters/{answer['matter_id']}"))["project_id"] == project


# ---- late


async def test_a_late_report_is_kept_and_counted_but_warns_nobody_until_a_fresh_one_comes(
    grid: httpx.AsyncClient,
) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=5)).isoformat()
    late = ok(await post(grid, text="锦绣花园电梯停运，二十多户老人出不了门", occurred_at=long_ago), 201)
    assert (late["late"], late["warnings"]) == (True, [])
    assert late["level"]
    assert ok(await grid.get(f"/v1/matters/{late['matter_id']}"))["report_count"] == 1

    fresh = ok(await post(grid, text="锦绣花园电梯停运，老人出不了门", matter_id=late["matter_id"]), 201)
    assert fresh["matter_id"] == late["matter_id"]
    assert len(fresh["warnings"]) == 1


async def test_correcting_a_late_report_raises_no_stale_warning(grid: httpx.AsyncClient) -> None:
    late = report(text="砖窑厂拖欠运费", occurred_at=(datetime.now(UTC) - timedelta(days=5)).isoformat())
    ok(await grid.post("/v1/incidents", json=late), 201)

    path = f"/v1/incidents/{late['id']}/revisions"
    corrected = ok(await grid.post(path, json={"report": late | {"people_affected": 80}}), 201)

    assert (corrected["late"], corrected["warnings"]) == (True, [])
    assert corrected["people_affected"] == 80


async def test_who_has_no_key_is_told_that_before_the_body_is_looked_at(running: Served) -> None:
    async with httpx.AsyncClient(base_url=running.base) as stranger:
        refused(await raw(stranger, b"{"), 401, "key_required")


@pytest.mark.parametrize(
    "address",
    [
        "/v1/rosters/gaps?first=9999-12-31",
        "/v1/rosters/gaps?first=0001-01-01",
        "/v1/rosters/{office}/9999-W52",
        "/v1/rosters/{office}/0001-W01",
        "/v1/rosters/{office}/9999-W52/log.html",
        "/v1/departments/{office}/delivery-statement?month=9999-12",
        "/v1/departments/{office}/delivery-statement.csv?month=9999-12",
        "/v1/departments/{office}/delivery-statement.html?month=0000-01",
    ],
)
async def test_a_time_at_the_end_of_the_calendar_is_refused(running: Served, address: str) -> None:
    admin = await running.client(Scope.ADMINISTER)
    office = ok(await admin.post("/v1/departments", json={"name": f"日历{uuid4().hex}"}), 201)

    refused(await admin.get(address.format(office=office["id"])), 422, "invalid_request")


async def test_what_is_quoted_in_a_refusal_may_be_no_text_at_all(running: Served) -> None:
    admin = await running.client(Scope.ADMINISTER)
    office = ok(await admin.post("/v1/departments", json={"name": f"半字{uuid4().hex}"}), 201)
    body = {"department_id": office["id"], "categories": ["\ud800"], "minimum_level": "blue"}

    answer = await admin.post(
        "/v1/subscriptions", content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    assert fields(refused(answer, 422, "invalid_request")) == {"categories.0": "unknown_category"}


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000])
async def test_alerts_nested_without_end_are_refused(grid: httpx.AsyncClient, body: bytes) -> None:
    answer = await grid.post("/api/v2/alerts", content=body)

    assert (answer.status_code, answer.json()) == (400, "请求体不是合法的 JSON，或嵌套过深。")
