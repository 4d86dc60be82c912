"""One report by hand: posted, judged, warned, confirmed, pushed, signed, answered, resolved; every step asked why."""

from __future__ import annotations

import httpx

from tests.journeys.conftest import Office, ok
from tests.makers import blocked_road, report
from tests.receiver import Receiver
from tests.served import until


async def test_a_report_becomes_a_signed_warning_of_the_department_that_leads(
    reporter: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    answer = ok(await reporter.post("/v1/incidents", json=report()), 201)

    assert answer["level"] == "yellow"
    await until(lambda: receiver.got)
    pushed = receiver.of_type("warning.issued")[0]
    assert pushed["id"] == answer["warnings"][0]
    assert pushed["your_role"] == "lead"
    assert "青禾" not in str(receiver.got), "the text of a report never leaves by push"


async def test_an_orange_warning_walks_from_report_to_outcome_and_answers_why_at_each_step(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    answer = ok(await reporter.post("/v1/incidents", json=blocked_road()), 201)
    warning = f"/v1/warnings/{answer['warnings'][0]}"

    judged = ok(await reader.get(f"/v1/matters/{answer['matter_id']}/why"))
    hits = judged["findings"]["hit"]
    assert judged["level"] == "orange"
    assert any(line["read"] for finding in hits for line in finding["trace"])
    assert judged["score"]["model_version"].startswith("escalation-") or judged["model_version"]
    assert {reason["kind"] for reason in judged["reasons"]} >= {"rule", "model"}
    assert ok(await reader.get(warning))["state"] == "pending_confirmation"
    assert not receiver.got, "orange waits for a person"

    assert ok(await office.client.post(f"{warning}/confirm"))["state"] == "issued"
    await until(lambda: receiver.of_type("warning.issued"))

    signed = ok(await office.client.post(f"{warning}/acknowledge", json={"note": "已收悉"}))
    assert signed["duties"][0]["signed_at"]

    refused = await office.client.post(f"{warning}/answer", json={"note": "已约谈开发商"})
    assert refused.status_code == 200, "whoever signed takes part and may answer"

    ended = ok(await office.client.post(f"{warning}/resolve", json={"outcome": "settled", "note": "补偿到位"}))
    assert (ended["state"], ended["outcome"]) == ("resolved", "settled")
    assert ok(await reader.get(f"/v1/matters/{answer['matter_id']}"))["status"] == "closed"

    why = ok(await reader.get(f"{warning}/why"))
    assert [change["type"] for change in why["changes"]] == ["opened", "issued", "acknowledged", "resolved"]
    await until(lambda: receiver.of_type("warning.resolved"))
    assert why["pushes"][0]["why"]


async def test_a_second_report_of_the_matter_joins_it_and_says_by_what(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    first = ok(await reporter.post("/v1/incidents", json=report()), 201)
    second = ok(await reporter.post("/v1/incidents", json=report(id="again")), 201)

    assert second["matter_id"] == first["matter_id"]
    assert second["possible_duplicates"] == [first["id"]]
    kept = ok(await reader.get("/v1/incidents/again"))
    assert kept["linked_by"]["by"] == "likeness"


async def test_telephone_numbers_are_masked_before_anything_is_kept(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    ok(await reporter.post("/v1/incidents", json=report(id="m", text="请回电13812345678，工资未发")), 201)

    kept = ok(await reader.get("/v1/incidents/m"))
    assert "13812345678" not in str(kept)
    assert sum(kept["masked"].values()) == 1
