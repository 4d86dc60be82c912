"""What offices do with matters and reports: merged, split, closed, corrected, withdrawn, and what follows."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import Office, make_office, ok
from tests.journeys.shared import refused
from tests.makers import OTHER_COUNTY, OTHER_VILLAGE, blocked_road, report
from tests.receiver import Receiver
from tests.served import Served, ids, until

STREETLIGHT = "东门外路灯整片不亮，晚上出行不便"


@pytest.fixture
async def hand(served: Served) -> httpx.AsyncClient:
    """A key that reports, reads and acts for an office without a department."""
    return await served.client(Scope.REPORT, Scope.RESPOND, Scope.READ, system="grid-system", name="综治中心")


async def new(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ok(await client.post("/v1/incidents", json=report(**changes)), 201)
    return answer


async def matter(client: httpx.AsyncClient, matter_id: str) -> dict[str, Any]:
    found: dict[str, Any] = ok(await client.get(f"/v1/matters/{matter_id}"))
    return found


async def kinds(client: httpx.AsyncClient, matter_id: str) -> list[str]:
    return [entry["kind"] for entry in ok(await client.get(f"/v1/matters/{matter_id}/history"))]


async def state(client: httpx.AsyncClient, answer: dict[str, Any]) -> str:
    return str(ok(await client.get(f"/v1/warnings/{answer['warnings'][0]}"))["state"])


async def merge(client: httpx.AsyncClient, into: str, *others: str) -> httpx.Response:
    return await client.post(f"/v1/matters/{into}/merge", json={"matter_ids": list(others)})


async def correct(client: httpx.AsyncClient, body: dict[str, Any], **changes: Any) -> httpx.Response:
    corrected = {"report": body | changes, "note": "核对后更正"}
    return await client.post(f"/v1/incidents/{body['id']}/revisions", json=corrected)


# ---- merge


async def test_merging_joins_counts_and_people_and_cancels_the_other_warning(hand: httpx.AsyncClient) -> None:
    into = await new(hand)
    other = await new(hand, text=STREETLIGHT, people_affected=40, category=...)

    joined = ok(await merge(hand, into["matter_id"], other["matter_id"], other["matter_id"]))

    assert (joined["report_count"], joined["people_max"]) == (2, 40)
    assert await state(hand, other) == "cancelled"
    assert await state(hand, into) == "issued"
    gone = await matter(hand, other["matter_id"])
    assert (gone["status"], gone["merged_into"]) == ("merged", into["matter_id"])
    assert "merged" in await kinds(hand, into["matter_id"])
    assert "merged" in await kinds(hand, other["matter_id"])
    feed = {one["id"]: one["state"] for one in ok(await hand.get("/v1/warnings"))["items"]}
    assert feed[other["warnings"][0]] == "cancelled"


async def test_a_report_that_names_a_merged_matter_goes_where_that_went_however_often_it_was_merged(
    hand: httpx.AsyncClient,
) -> None:
    first, second, third = [
        (await new(hand, text=text, category=...))["matter_id"]
        for text in (STREETLIGHT, "菜场污水横流", "公交站牌倒伏")
    ]
    ok(await merge(hand, second, first))
    ok(await merge(hand, third, second))

    follows = await new(hand, matter_id=first, text="还是老问题")

    assert follows["matter_id"] == third
    assert (await matter(hand, third))["report_count"] == 4
    assert (await matter(hand, first))["merged_into"] == third


async def test_a_merged_matter_is_tended_no_more(hand: httpx.AsyncClient) -> None:
    into, other = await new(hand), await new(hand, text=STREETLIGHT, category=...)
    ok(await merge(hand, into["matter_id"], other["matter_id"]))
    bodies = {
        "merge": {"matter_ids": [into["matter_id"]]},
        "split": {"incident_ids": [str(uuid4())]},
        "close": {"outcome": "settled"},
    }

    for again, body in bodies.items():
        answer = await hand.post(f"/v1/matters/{other['matter_id']}/{again}", json=body)
        refused(answer, 409, "matter_not_open")


async def test_what_cannot_be_merged_is_refused(hand: httpx.AsyncClient) -> None:
    only = (await new(hand))["matter_id"]

    refused(await merge(hand, only, only), 422, "merge_into_itself")
    refused(await merge(hand, only), 422, "invalid_request")
    refused(await merge(hand, only, str(uuid4())), 404, "not_found")
    refused(await merge(hand, str(uuid4()), only), 404, "not_found")


async def test_reports_that_come_while_matters_are_merged_are_lost_to_none(hand: httpx.AsyncClient) -> None:
    into = (await new(hand))["matter_id"]
    others = [(await new(hand, text=f"{n}号院{STREETLIGHT}{n}", category=...))["matter_id"] for n in range(4)]
    others = [one for one in dict.fromkeys(others) if one != into]

    merging = [merge(hand, into, other) for other in others]
    reporting = [new(hand, matter_id=other, text=f"又来反映 {n}") for other in others for n in range(4)]
    answers = await asyncio.gather(*merging, *reporting)

    assert all(one.status_code == 200 for one in answers[: len(others)])
    assert (await matter(hand, into))["report_count"] == 5 + 4 * len(others)
    listed = ok(await hand.get(f"/v1/matters/{into}/incidents"))
    assert len(listed) == 5 + 4 * len(others)


# ---- split


async def test_splitting_moves_reports_to_a_matter_of_their_own_with_a_warning_of_its_own(
    hand: httpx.AsyncClient,
) -> None:
    stays = await new(hand, people_affected=30)
    goes = await new(hand, matter_id=stays["matter_id"], text=STREETLIGHT, category="urban_rural.demolition")
    moved = ok(await hand.get(f"/v1/incidents/{goes['id']}"))["incident_id"]

    fresh = ok(await hand.post(f"/v1/matters/{stays['matter_id']}/split", json={"incident_ids": [moved, moved]}), 201)

    assert (fresh["report_count"], fresh["people_max"], fresh["category"]) == (1, 12, "urban_rural.demolition")
    assert fresh["title"] == STREETLIGHT
    left = await matter(hand, stays["matter_id"])
    assert (left["report_count"], left["people_max"]) == (1, 30)
    assert "split" in await kinds(hand, fresh["id"])
    assert "split" in await kinds(hand, left["id"])
    about = [one["subject"]["id"] for one in ok(await hand.get("/v1/warnings"))["items"]]
    assert sorted(about) == sorted([fresh["id"], left["id"]])


async def test_what_cannot_be_split_off_is_refused(hand: httpx.AsyncClient) -> None:
    only = await new(hand)
    path = f"/v1/matters/{only['matter_id']}/split"
    its_own = ok(await hand.get(f"/v1/incidents/{only['id']}"))["incident_id"]

    for chosen in ([its_own], [str(uuid4())], [its_own, str(uuid4())]):
        refused(await hand.post(path, json={"incident_ids": chosen}), 422, "bad_split")


# ---- close


async def test_closing_ends_the_warning_and_a_new_report_reopens_with_a_new_one(hand: httpx.AsyncClient) -> None:
    first = await new(hand)
    path = f"/v1/matters/{first['matter_id']}"
    ended = ok(await hand.post(f"{path}/close", json={"outcome": "settled"}))
    assert (ended["status"], ended["outcome"], await state(hand, first)) == ("closed", "settled", "resolved")
    refused(await hand.post(f"{path}/close", json={"outcome": "settled"}), 409, "matter_not_open")

    unnamed = await new(hand, text=report()["text"])
    again = await new(hand, matter_id=first["matter_id"])

    assert unnamed["matter_id"] != first["matter_id"], "a closed matter takes nothing that does not name it"
    assert again["matter_id"] == first["matter_id"]
    assert (await matter(hand, first["matter_id"]))["status"] == "open"
    assert (await matter(hand, first["matter_id"]))["outcome"] is None
    assert again["warnings"]
    assert again["warnings"] != first["warnings"]
    assert await kinds(hand, first["matter_id"]) == ["opened", "closed", "reopened"]


async def test_an_outcome_cannot_lie_in_the_future(hand: httpx.AsyncClient) -> None:
    path = f"/v1/matters/{(await new(hand))['matter_id']}/close"

    refused(await hand.post(path, json={"outcome": "settled", "at": "2999-01-01T00:00:00Z"}), 422, "invalid_request")
    refused(await hand.post(path, json={"outcome": "settled", "at": "2026-01-01T00:00:00"}), 422, "invalid_request")
    refused(await hand.post(path, json={"outcome": "won"}), 422, "invalid_request")


# ---- correct


async def test_a_correction_answers_with_the_new_judgement_and_the_old_revision_stays(hand: httpx.AsyncClient) -> None:
    body = report()
    first = ok(await hand.post("/v1/incidents", json=body), 201)

    answer = ok(await correct(hand, body, signals=["road_blocked"], people_affected=45, people_present=45), 201)

    assert (answer["revision"], answer["status"], answer["level"]) == (2, "current", "orange")
    assert answer["warnings"] == first["warnings"]
    assert answer["note"] == "核对后更正"
    newest, oldest = ok(await hand.get(f"/v1/incidents/{body['id']}/revisions"))
    assert (newest["revision"], oldest["revision"], oldest["status"]) == (2, 1, "superseded")
    assert (oldest["level"], oldest["people_affected"], newest["people_affected"]) == ("yellow", 12, 45)
    assert (await matter(hand, first["matter_id"]))["report_count"] == 1
    warning = ok(await hand.get(f"/v1/warnings/{first['warnings'][0]}"))
    assert (warning["level"], warning["issued_level"], warning["state"]) == ("orange", "yellow", "pending_confirmation")


async def test_a_correction_downwards_never_lowers_an_open_warning(hand: httpx.AsyncClient) -> None:
    body = blocked_road()
    first = ok(await hand.post("/v1/incidents", json=body), 201)

    answer = ok(await correct(hand, body, signals=[], people_affected=2, people_present=None, text="误报"), 201)

    assert answer["level"] in ("blue", "yellow")
    assert ok(await hand.get(f"/v1/warnings/{first['warnings'][0]}"))["level"] == "orange"


async def test_the_first_wording_sent_again_after_a_correction_is_still_a_duplicate(hand: httpx.AsyncClient) -> None:
    body = report()
    first = ok(await hand.post("/v1/incidents", json=body), 201)
    ok(await correct(hand, body, people_affected=20), 201)

    assert ok(await hand.post("/v1/incidents", json=body)) == first | {"duplicate": True}
    assert ok(await hand.post("/v1/incidents", json=body | {"people_affected": 20}))["revision"] == 2
    refused(await hand.post("/v1/incidents", json=body | {"people_affected": 21}), 409, "id_reused")


async def test_a_correction_may_be_taken_back_but_not_sent_twice(hand: httpx.AsyncClient) -> None:
    body = report()
    ok(await hand.post("/v1/incidents", json=body), 201)
    ok(await correct(hand, body, people_affected=20), 201)

    refused(await correct(hand, body, people_affected=20), 409, "nothing_corrected")
    assert ok(await correct(hand, body), 201)["revision"] == 3


async def test_two_corrections_at_one_instant_are_two_revisions(hand: httpx.AsyncClient) -> None:
    body = report()
    ok(await hand.post("/v1/incidents", json=body), 201)

    answers = await asyncio.gather(*(correct(hand, body, people_affected=20 + n) for n in range(4)))

    assert sorted(answer.json()["revision"] for answer in answers)[-1] == 5
    kept = ok(await hand.get(f"/v1/incidents/{body['id']}/revisions"))
    assert [one["revision"] for one in kept] == [5, 4, 3, 2, 1]
    assert [one["status"] for one in kept] == ["current", *["superseded"] * 4]


async def test_correcting_the_village_of_a_lone_report_moves_its_matter_and_tells_the_departments(
    hand: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    body = report()
    first = ok(await hand.post("/v1/incidents", json=body), 201)

    ok(await correct(hand, body, area=OTHER_VILLAGE, text=STREETLIGHT), 201)

    moved = await matter(hand, first["matter_id"])
    assert (moved["area"], moved["title"], moved["status"]) == (OTHER_VILLAGE, STREETLIGHT, "open")
    assert ok(await hand.get(f"/v1/warnings/{first['warnings'][0]}"))["area"] == OTHER_VILLAGE
    await until(lambda: receiver.of_type("warning.updated"))


async def test_correcting_the_kind_of_a_lone_report_cancels_what_was_asked_wrongly_and_asks_the_right_department(
    served: Served, admin: httpx.AsyncClient, hand: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    housing = await make_office(served, admin, receiver, "住建局", lead="urban_rural")
    body = report()
    first = ok(await hand.post("/v1/incidents", json=body), 201)

    answer = ok(await correct(hand, body, category="urban_rural.demolition", people_affected=30), 201)

    assert await state(hand, first) == "cancelled"
    assert (await matter(hand, first["matter_id"]))["merged_into"] == answer["matter_id"] != first["matter_id"]
    assert (await matter(hand, answer["matter_id"]))["category"] == "urban_rural.demolition"
    warning = ok(await hand.get(f"/v1/warnings/{answer['warnings'][0]}"))
    assert [duty["department_id"] for duty in warning["duties"]] == [housing.id]
    assert (await new(hand, matter_id=first["matter_id"]))["matter_id"] == answer["matter_id"]
    await until(lambda: receiver.of_type("warning.cancelled"))


async def test_a_responsibility_that_changed_hands_has_one_lead_at_the_next_news(
    served: Served, admin: httpx.AsyncClient, hand: httpx.AsyncClient, office: Office, receiver: Receiver
) -> None:
    first = await new(hand)
    other = await make_office(served, admin, receiver, "住建局", lead="labour")
    await new(hand, matter_id=first["matter_id"], people_affected=90)

    duties = ok(await hand.get(f"/v1/warnings/{first['warnings'][0]}"))["duties"]

    assert {duty["department_id"]: duty["role"] for duty in duties} == {other.id: "lead", office.id: "participant"}


async def test_what_is_wrong_with_a_correction_is_told(hand: httpx.AsyncClient) -> None:
    body = report()
    ok(await hand.post("/v1/incidents", json=body), 201)
    elsewhere = (await new(hand, text=STREETLIGHT, category=...))["matter_id"]

    refused(await correct(hand, body, area="999999999999"), 422, "invalid_report")
    refused(await correct(hand, body, matter_id=elsewhere), 422, "invalid_report")
    refused(await correct(hand, report(id="never-sent")), 404, "not_found")
    other = {"report": report(), "note": None}
    refused(await hand.post(f"/v1/incidents/{body['id']}/revisions", json=other), 422, "invalid_report")


async def test_correcting_a_report_of_a_closed_matter_keeps_it_closed_with_its_outcome(
    hand: httpx.AsyncClient,
) -> None:
    body = report()
    first = ok(await hand.post("/v1/incidents", json=body), 201)
    ok(await hand.post(f"/v1/matters/{first['matter_id']}/close", json={"outcome": "escalated"}))

    ok(await correct(hand, body, people_affected=300, signals=["road_blocked"]), 201)

    kept = await matter(hand, first["matter_id"])
    assert (kept["status"], kept["outcome"], kept["people_max"]) == ("closed", "escalated", 300)
    assert kept["closed_at"]
    assert await state(hand, first) == "resolved"


# ---- withdraw


async def withdraw(client: httpx.AsyncClient, client_id: str) -> httpx.Response:
    return await client.post(f"/v1/incidents/{client_id}/withdraw", json={"note": "重复登记"})


async def test_withdrawing_the_only_report_cancels_the_warning_and_sending_it_again_revives_nothing(
    hand: httpx.AsyncClient,
) -> None:
    body = report()
    first = ok(await hand.post("/v1/incidents", json=body), 201)

    gone = ok(await withdraw(hand, body["id"]))

    assert (gone["status"], gone["revision"]) == ("withdrawn", 2)
    assert await state(hand, first) == "cancelled"
    closed = await matter(hand, first["matter_id"])
    assert (closed["status"], closed["report_count"], closed["people_max"]) == ("closed", 0, None)
    refused(await withdraw(hand, body["id"]), 404, "not_found")
    refused(await correct(hand, body, people_affected=3), 404, "not_found")
    assert ok(await hand.post("/v1/incidents", json=body))["duplicate"] is True
    assert (await matter(hand, first["matter_id"]))["report_count"] == 0


async def test_withdrawing_one_of_two_leaves_the_other_and_its_warning(hand: httpx.AsyncClient) -> None:
    first = await new(hand, people_affected=200)
    await new(hand, matter_id=first["matter_id"])

    ok(await withdraw(hand, first["id"]))

    left = await matter(hand, first["matter_id"])
    assert (left["report_count"], left["people_max"], left["status"]) == (1, 12, "open")
    assert await state(hand, first) != "cancelled"


async def test_withdrawing_from_a_closed_matter_does_not_close_it_twice(hand: httpx.AsyncClient) -> None:
    first = await new(hand)
    ok(await hand.post(f"/v1/matters/{first['matter_id']}/close", json={"outcome": "settled"}))

    ok(await withdraw(hand, first["id"]))

    kept = await matter(hand, first["matter_id"])
    assert (kept["outcome"], kept["report_count"]) == ("settled", 0)
    assert (await kinds(hand, first["matter_id"])).count("closed") == 1


async def test_a_key_of_another_county_withdraws_nothing_even_of_its_own_system(
    served: Served, hand: httpx.AsyncClient
) -> None:
    first = await new(hand)
    other = await served.client(Scope.REPORT, system="grid-system", area=OTHER_COUNTY)

    refused(await withdraw(other, first["id"]), 404, "not_found")

    assert await state(hand, first) == "issued"
    assert ok(await hand.get(f"/v1/incidents/{first['id']}"))["status"] == "current"


async def test_pages_of_matters_follow_each_other_even_when_the_cursor_is_not_escaped(hand: httpx.AsyncClient) -> None:
    made = [(await new(hand, text=f"{word}一事", category=...))["matter_id"] for word in ("噪声", "油烟", "漏水")]
    seen, query = [], "/v1/matters?limit=1"
    while query:
        page = ok(await hand.get(query))
        seen += ids(page["items"])
        query = f"/v1/matters?limit=1&before={page['next']}" if page["next"] else ""

    assert seen == list(reversed(list(dict.fromkeys(made))))
