"""A batch answers each item for itself, in order; random bodies never break the service."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused, running
from tests.makers import report
from tests.served import Served

__all__ = ["running"]  # a fixture
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grid(running: Served) -> httpx.AsyncClient:
    return await running.client(Scope.REPORT, Scope.READ, system="grid-system")


async def send(client: httpx.AsyncClient, *items: Any, **how: str) -> dict[str, Any]:
    """The answer to a batch that is taken as such."""
    answer: dict[str, Any] = ok(await client.post("/v1/incidents:batch", json={**how, "items": list(items)}))
    assert [item["index"] for item in answer["items"]] == list(range(len(items)))
    return answer


def statuses(answer: dict[str, Any]) -> list[str]:
    return [item["status"] for item in answer["items"]]


async def is_kept(client: httpx.AsyncClient, client_id: str) -> bool:
    return (await client.get(f"/v1/incidents/{client_id}")).status_code == 200


async def test_each_item_is_answered_for_itself(grid: httpx.AsyncClient) -> None:
    kept = report()
    ok(await grid.post("/v1/incidents", json=kept), 201)
    twin, used = report(), report()
    items = [twin, report(area="1"), twin, kept, kept | {"text": "改了"}, used, used | {"text": "也改了"}]

    answer = await send(grid, *items)

    assert statuses(answer) == ["created", "invalid", "duplicate", "duplicate", "conflict", "created", "conflict"]
    assert answer["items"][1]["errors"][0]["field"] == "area"
    assert answer["items"][2]["matter_id"] == answer["items"][0]["matter_id"]
    assert answer["items"][0]["level"]


async def test_a_bad_item_is_kept_apart_from_the_good_ones_beside_it(grid: httpx.AsyncClient) -> None:
    first, last = report(), report()
    bad = [report(text="空\x00"), report(name="某某"), report(category="x"), {}, 7, None, "text", [], {"id": {}}]

    answer = await send(grid, first, *bad, last)

    assert statuses(answer) == ["created", *["invalid"] * len(bad), "created"]
    assert await is_kept(grid, last["id"])


async def test_validating_says_what_would_happen_and_keeps_nothing(grid: httpx.AsyncClient) -> None:
    new = report()

    answer = await send(grid, new, new, report(text=""), mode="validate")

    assert statuses(answer) == ["created", "duplicate", "invalid"]
    assert answer["committed"] is False
    assert not await is_kept(grid, new["id"])


@pytest.mark.parametrize("bad", [{"text": ""}, {"category": "x"}, {"id": "already"}])
async def test_all_or_nothing_keeps_nothing_when_one_is_bad(grid: httpx.AsyncClient, bad: dict[str, str]) -> None:
    await grid.post("/v1/incidents", json=report(id="already"))
    good = report()

    answer = await send(grid, good, report(**bad), atomic="all")

    assert answer["committed"] is False
    assert not await is_kept(grid, good["id"])


async def test_all_or_nothing_keeps_all_when_all_are_good(grid: httpx.AsyncClient) -> None:
    first, second = report(), report()

    answer = await send(grid, first, second, second, atomic="all")

    assert (statuses(answer), answer["committed"]) == (["created", "created", "duplicate"], True)
    assert await is_kept(grid, second["id"])


async def test_five_hundred_items_are_taken_and_one_more_is_not(grid: httpx.AsyncClient) -> None:
    items = [report() for _ in range(501)]

    body = refused(await grid.post("/v1/incidents:batch", json={"items": items}), 422, "invalid_request")
    assert "501" in body["errors"][0]["detail"]
    assert set(statuses(await send(grid, *items[:500]))) == {"created"}
    assert set(statuses(await send(grid, *items[:500]))) == {"duplicate"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"items": []}, "items"),
        ({"items": {}}, "items"),
        ({}, "items"),
        ({"items": [{}], "mode": "try"}, "mode"),
        ({"items": [{}], "atomic": "some"}, "atomic"),
        ({"items": [{}], "name": "x"}, "name"),
    ],
)
async def test_a_batch_that_is_none_is_refused(grid: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    told = refused(await grid.post("/v1/incidents:batch", json=body), 422, "invalid_request")

    assert field in fields(told)


async def test_an_id_that_is_no_text_is_not_echoed(grid: httpx.AsyncClient) -> None:
    body = b'{"items": [{"id": "\\ud800"}, {"\\udfff": 1}]}'

    answer = ok(await grid.post("/v1/incidents:batch", content=body, headers={"content-type": "application/json"}))

    assert [item["id"] for item in answer["items"]] == [None, None]


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=30),
    lambda inside: some.lists(inside, max_size=4) | some.dictionaries(some.text(max_size=10), inside, max_size=4),
    max_leaves=8,
)
NEARLY_REPORTS = some.fixed_dictionaries(
    {},
    optional={
        name: JSON | some.sampled_from(["", "initial", "other", "990101001001", "2026-11-22T09:30:00+08:00", 10**12])
        for name in report()
    },
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=NEARLY_REPORTS, whole=JSON)
async def test_no_body_breaks_the_service(grid: httpx.AsyncClient, changes: dict[str, Any], whole: Any) -> None:
    for body in (report() | changes, whole):
        content = json.dumps(body).encode()
        answer = await grid.post("/v1/incidents", content=content, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 201, 409, 422, 400), (body, answer.text)
    answer = ok(
        await grid.post(
            "/v1/incidents:batch",
            content=json.dumps({"items": [body, report() | changes]}).encode(),
            headers={"content-type": "application/json"},
        )
    )
    assert len(answer["items"]) == 2
