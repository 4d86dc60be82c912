"""Silences over HTTP: looked at before they are made, told of, red only with a second office, over at their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import Office, ok
from tests.journeys.shared import fields, refused
from tests.journeys.test_stream import different
from tests.makers import COUNTY, OTHER_COUNTY
from tests.receiver import Receiver
from tests.served import Served, until


def asked(**changes: Any) -> dict[str, Any]:
    ends = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    return {"matchers": ['category=~"labour.*"'], "area": COUNTY, "ends_at": ends, "reason": "欠薪集中核查"} | changes


async def test_a_silence_is_looked_at_made_changed_and_ended(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    warning = ok(await reporter.post("/v1/incidents", json=different(1)), 201)["warnings"][0]
    look = ok(await admin.post("/v1/silences:preview", json={"matchers": ['级别="黄"']}))
    assert (look["hides"], look["by_level"], look["red_needs_second"]) == (1, {"yellow": 1}, False)
    assert look["warnings"][0]["id"] == warning
    assert ok(await admin.get("/v1/silences")) == []  # looking keeps nothing

    made = ok(await admin.post("/v1/silences", json=asked()), 201)
    assert (made["state"], made["author"], made["hides_red"]) == ("active", "管理员", False)
    assert made["preview"]["hides"] == 1
    later = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
    same = {"id": made["id"], "starts_at": made["starts_at"]}
    changed = ok(await admin.post("/v1/silences", json=asked(ends_at=later, **same)), 201)
    assert changed["id"] == made["id"]
    other = ok(await admin.post("/v1/silences", json=asked(matchers=["level=blue"], **same)), 201)
    assert other["id"] != made["id"]
    states = {one["id"]: one["state"] for one in ok(await admin.get("/v1/silences?expired=true"))}
    assert states == {made["id"]: "expired", other["id"]: "active"}
    assert (await admin.delete(f"/v1/silences/{other['id']}")).status_code == 204
    assert ok(await admin.get("/v1/silences")) == []
    assert ok(await admin.get(f"/v1/silences/{other['id']}"))["state"] == "expired"


async def test_departments_are_told_when_a_silence_is_made_and_when_it_ends(
    served: Served, reporter: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    made = ok(await admin.post("/v1/silences", json=asked()), 201)
    await until(lambda: receiver.of_type("silence.made"))
    [told] = receiver.of_type("silence.made")
    assert (told["id"], told["hides_now"], told["author"]) == (made["id"], 1, "管理员")
    assert "欠薪集中核查" in told["headline"]

    assert (await admin.delete(f"/v1/silences/{made['id']}")).status_code == 204
    await until(lambda: receiver.of_type("silence.ended"), seconds=40)
    assert [one["id"] for one in receiver.of_type("silence.ended")] == [made["id"]]


async def test_only_another_office_may_agree_to_hide_red(served: Served, admin: httpx.AsyncClient) -> None:
    made = ok(await admin.post("/v1/silences", json=asked()), 201)
    where = f"/v1/silences/{made['id']}/agree"
    refused(await admin.post(where), 409, "second_office_needed")
    namesake = await served.client(Scope.ADMINISTER, name="管理员")
    refused(await namesake.post(where), 409, "second_office_needed")
    second = await served.client(Scope.ADMINISTER, name="应急局")
    agreed = ok(await second.post(where))
    assert (agreed["hides_red"], agreed["second"]) == (True, "应急局")
    longer = asked(
        id=made["id"], starts_at=made["starts_at"], ends_at=(datetime.now(UTC) + timedelta(days=1)).isoformat()
    )
    assert ok(await admin.post("/v1/silences", json=longer), 201)["hides_red"] is False  # more than was agreed to


async def test_two_keys_of_one_department_are_one_office(
    served: Served, admin: httpx.AsyncClient, office: Office
) -> None:
    own: dict[str, Any] = {"department_id": UUID(office.id)}
    first = await served.client(Scope.ADMINISTER, name="人社一号", **own)
    second = await served.client(Scope.ADMINISTER, name="人社二号", **own)
    made = ok(await first.post("/v1/silences", json=asked()), 201)
    where = f"/v1/silences/{made['id']}/agree"

    refused(await second.post(where), 409, "second_office_needed")
    assert ok(await admin.post(where))["hides_red"] is True


async def test_what_is_written_as_the_reason_is_masked_before_it_is_kept_or_pushed(
    reporter: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    made = ok(await admin.post("/v1/silences", json=asked(reason="核查中，联系电话13812345678")), 201)
    await until(lambda: receiver.of_type("silence.made"))

    assert made["reason"].startswith("核查中")
    assert "13812345678" not in str(made) + str(receiver.got)
    same = {"id": made["id"], "starts_at": made["starts_at"], "reason": "核查中，联系电话13812345678"}
    assert ok(await admin.post("/v1/silences", json=asked(**same)), 201)["reason"] == made["reason"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"matchers": ["level=", "级别=红"]}, "matchers.0", "bad_matcher"),
        ({"matchers": ["levle=red"]}, "matchers.0", "unknown_label"),
        ({"matchers": ['level!="red"']}, "matchers", "matches_everything"),
        ({"ends_at": "2020-01-01T00:00:00+08:00"}, "ends_at", "before_starts_at"),
        ({"area": "123456789012"}, "area", "unknown_area"),
        ({"ends_at": ...}, "ends_at", "missing"),
        ({"reason": ""}, "reason", "string_too_short"),
    ],
)
async def test_a_faulty_silence_is_refused(
    admin: httpx.AsyncClient, changes: dict[str, Any], field: str, code: str
) -> None:
    body = {name: value for name, value in asked(**changes).items() if value is not ...}
    assert fields(refused(await admin.post("/v1/silences", json=body), 422, "invalid_request")) == {field: code}


async def test_a_key_of_one_area_silences_only_there(served: Served, admin: httpx.AsyncClient) -> None:
    everywhere = ok(await admin.post("/v1/silences", json=asked(area=None)), 201)
    own = await served.client(Scope.ADMINISTER, area=COUNTY, name="本区")
    for area in (None, OTHER_COUNTY):
        refused(await own.post("/v1/silences", json=asked(area=area)), 403, "outside_key_area")
    assert ok(await own.post("/v1/silences", json=asked()), 201)["area"] == COUNTY
    refused(await own.delete(f"/v1/silences/{everywhere['id']}"), 404, "not_found")
    refused(await own.post("/v1/silences", json=asked(id=everywhere["id"])), 404, "not_found")
