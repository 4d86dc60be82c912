"""What a warning asks of departments, when it changes, and what cannot be done with it."""

from __future__ import annotations

from typing import Any

import httpx

from service.domain.words import Scope
from tests.journeys.conftest import Office, make_office, ok
from tests.journeys.shared import refused
from tests.makers import COUNTY, blocked_road, report
from tests.receiver import Receiver
from tests.served import Served, until


async def new(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = ok(await client.post("/v1/incidents", json=body), 201)
    return answer


async def warning(client: httpx.AsyncClient, answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ok(await client.get(f"/v1/warnings/{answer['warnings'][0]}"))
    return found


# ---- when a warning comes and changes


async def test_a_report_settled_on_the_spot_counts_but_does_not_warn_until_one_is_not(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    settled = await new(reporter, report(handling="settled_on_spot"))
    assert (settled["warnings"], settled["level"]) == ([], "yellow")
    matter = ok(await reader.get(f"/v1/matters/{settled['matter_id']}"))
    assert (matter["report_count"], matter["settled_on_spot_count"]) == (1, 1)

    again = await new(reporter, report(matter_id=settled["matter_id"]))
    assert again["warnings"]


async def test_an_injury_settled_on_the_spot_is_warned_about_all_the_same(reporter: httpx.AsyncClient) -> None:
    assert (await new(reporter, report(handling="settled_on_spot", signals=["injury"])))["warnings"]


async def test_a_matter_has_one_warning_with_a_new_revision_only_when_there_is_news(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    bodies = [report() for _ in range(2)]
    first = await new(reporter, bodies[0])
    opened = await warning(reader, first)
    grown = await new(reporter, bodies[1] | {"people_affected": 90})
    told = await warning(reader, grown)
    third = await new(reporter, report(matter_id=first["matter_id"]))
    before = await warning(reader, third)
    quiet = await new(reporter, report(people_affected=91, matter_id=first["matter_id"]))

    assert first["warnings"] == grown["warnings"] == quiet["warnings"]
    assert told["revision"] > opened["revision"]
    assert "90" in told["headline"]
    assert (await warning(reader, quiet))["revision"] == before["revision"], "a fourth report of much the same"


async def test_a_death_must_be_reported_upwards_and_the_warning_says_so(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    plain, grave = await new(reporter, report()), await new(reporter, report(text="井下作业事故", signals=["death"]))

    assert (await warning(reader, plain))["statutory_report_required"] is False
    assert (await warning(reader, grave))["statutory_report_required"] is True
    assert (await warning(reader, grave))["level"] == "red"


async def test_rules_and_model_far_apart_are_marked_for_a_persons_look(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    answers = [await new(reporter, report()), await new(reporter, report(text="一人受伤", signals=["death"]))]

    for answer in answers:
        why = ok(await reader.get(f"/v1/matters/{answer['matter_id']}/why"))
        ranks = ["blue", "yellow", "orange", "red"]
        both = why["rule_level"] and why["model_level"]
        apart = abs(ranks.index(why["rule_level"]) - ranks.index(why["model_level"])) >= 2 if both else False
        assert why["needs_look"] is answer["needs_look"] is apart


async def test_a_standing_order_lets_orange_leave_at_once_while_it_is_valid(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, admin: httpx.AsyncClient, office: Office
) -> None:
    order = {"levels": ["orange"], "area": COUNTY, "reason": "汛期"}
    made = ok(await admin.post("/v1/standing-orders", json=order), 201)
    at_once = await warning(reader, await new(reporter, blocked_road()))
    assert (at_once["state"], at_once["unverified"]) == ("issued", False)
    assert "汛期" in at_once["confirmed_by"]

    assert (await admin.delete(f"/v1/standing-orders/{made['id']}")).status_code == 204
    waits = await new(reporter, blocked_road() | {"text": "采石场占道，村民拦车", "area": "990101002001"})
    assert (await warning(reader, waits))["state"] == "pending_confirmation"


# ---- what departments do


async def test_confirming_twice_is_confirming_once(reporter: httpx.AsyncClient, office: Office) -> None:
    path = f"/v1/warnings/{(await new(reporter, blocked_road()))['warnings'][0]}"

    first = ok(await office.client.post(f"{path}/confirm"))
    second = ok(await office.client.post(f"{path}/confirm"))

    assert (first["state"], second["revision"]) == ("issued", first["revision"])


async def test_what_has_not_left_cannot_be_signed(reporter: httpx.AsyncClient, office: Office) -> None:
    path = f"/v1/warnings/{(await new(reporter, blocked_road()))['warnings'][0]}"

    refused(await office.client.post(f"{path}/acknowledge"), 409, "not_issued")


async def test_signing_twice_is_signing_once_and_keeps_the_first_note(
    reporter: httpx.AsyncClient, office: Office
) -> None:
    path = f"/v1/warnings/{(await new(reporter, report()))['warnings'][0]}/acknowledge"

    first = ok(await office.client.post(path, json={"note": "已收悉"}))
    second = ok(await office.client.post(path, json={"note": "又收"}))

    assert (first["state"], second["revision"]) == ("acknowledged", first["revision"])
    assert second["duties"] == first["duties"]


async def test_what_is_written_beside_an_act_is_masked(
    reporter: httpx.AsyncClient, office: Office, reader: httpx.AsyncClient
) -> None:
    found = await new(reporter, report())
    path, note = f"/v1/warnings/{found['warnings'][0]}", {"note": "已联系当事人，电话13812345678"}

    ok(await office.client.post(f"{path}/acknowledge", json=note))
    ok(await office.client.post(f"{path}/answer", json=note))
    ok(await office.client.post(f"{path}/resolve", json={"outcome": "settled"} | note))

    history = f"/v1/matters/{found['matter_id']}/history"
    kept = [(await reader.get(address)).text for address in (path, f"{path}/why", f"{path}/timeline", history)]
    assert all("已联系当事人" in one for one in kept)
    assert "13812345678" not in "".join(kept)


async def test_each_department_signs_for_itself_and_only_the_lead_moves_the_warning(
    served: Served, admin: httpx.AsyncClient, reporter: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    other = await make_office(served, admin, receiver, "总工会")
    path = f"/v1/warnings/{(await new(reporter, report()))['warnings'][0]}"

    by_other = ok(await other.client.post(f"{path}/acknowledge"))
    assert by_other["state"] == "issued"
    signed = {duty["department"]: bool(duty["signed_at"]) for duty in by_other["duties"]}
    assert signed == {"人社局": False, "总工会": True}
    assert ok(await office.client.post(f"{path}/acknowledge"))["state"] == "acknowledged"


async def test_a_department_without_a_duty_cannot_answer(
    served: Served, admin: httpx.AsyncClient, reporter: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    other = await make_office(served, admin, receiver, "总工会")
    path = f"/v1/warnings/{(await new(reporter, report()))['warnings'][0]}/answer"

    refused(await other.client.post(path, json={"note": "已处理"}), 409, "no_duty")
    refused(await office.client.post(path, json={"note": ""}), 422, "invalid_request")
    refused(await office.client.post(path, json={"note": "空\x00"}), 422, "invalid_request")
    ok(await office.client.post(path, json={"note": "约谈企业，月底前付清"}))


async def test_a_key_without_a_department_can_neither_sign_nor_answer(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    path = f"/v1/warnings/{(await new(reporter, report()))['warnings'][0]}"
    nobody = await served.client(Scope.RESPOND)

    refused(await nobody.post(f"{path}/acknowledge"), 403, "no_department")
    refused(await nobody.post(f"{path}/answer", json={"note": "好"}), 403, "no_department")


async def test_a_resolved_warning_is_touched_no_more(reporter: httpx.AsyncClient, office: Office) -> None:
    path = f"/v1/warnings/{(await new(reporter, report()))['warnings'][0]}"
    ok(await office.client.post(f"{path}/resolve", json={"outcome": "settled"}))
    again: dict[str, Any] = {
        "answer": {"note": "好"},
        "resolve": {"outcome": "settled"},
        "acknowledge": {},
        "confirm": {},
    }

    for deed, body in again.items():
        refused(await office.client.post(f"{path}/{deed}", json=body), 409, "already_ended")


async def test_a_false_alarm_ends_before_anybody_outside_heard_of_it(
    reporter: httpx.AsyncClient, office: Office, receiver: Receiver, reader: httpx.AsyncClient
) -> None:
    path = f"/v1/warnings/{(await new(reporter, blocked_road()))['warnings'][0]}"

    ended = ok(await office.client.post(f"{path}/resolve", json={"outcome": "false_alarm"}))

    assert (ended["state"], ended["issued_level"], ended["outcome"]) == ("resolved", None, "false_alarm")
    assert ok(await reader.get(f"{path}/why"))["pushes"] == []
    assert receiver.got == []


async def test_a_report_after_a_reply_counts_as_repeated(
    reporter: httpx.AsyncClient, office: Office, served: Served, reader: httpx.AsyncClient
) -> None:
    first = await new(reporter, report())
    ok(await office.client.post(f"/v1/warnings/{first['warnings'][0]}/answer", json={"note": "月底付清"}))
    replied = ok(await reader.get(f"/v1/matters/{first['matter_id']}"))
    assert (replied["reports_after_reply"], bool(replied["replied_at"])) == (0, True)

    await new(reporter, report(matter_id=first["matter_id"], occurred_at=served.clock().isoformat()))

    assert ok(await reader.get(f"/v1/matters/{first['matter_id']}"))["reports_after_reply"] == 1


async def test_raising_the_level_asks_every_department_to_sign_again(
    reporter: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    first = await new(reporter, report())
    path = f"/v1/warnings/{first['warnings'][0]}"
    ok(await office.client.post(f"{path}/acknowledge"))
    await new(reporter, blocked_road(matter_id=first["matter_id"]))

    issued = ok(await office.client.post(f"{path}/confirm"))

    assert (issued["level"], issued["state"]) == ("orange", "issued")
    assert issued["duties"][0]["signed_at"] is None
    await until(lambda: [one for one in receiver.of_type("warning.issued") if one["level"] == "orange"])
