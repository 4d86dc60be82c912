"""The feed that dashboards poll: a cursor that skips nothing, tags that change when the answer may, filters."""

from __future__ import annotations

from typing import Any

import httpx

from service.domain.words import Scope
from tests.journeys.conftest import Office, ok
from tests.journeys.test_stream import different
from tests.makers import COUNTY, OTHER_COUNTY, OTHER_VILLAGE, STREET, blocked_road
from tests.served import Served, ids

FEED = "/v1/warnings"


async def _polled(reader: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    """All pages from the start."""
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        page = ok(await reader.get(FEED, params={"after": after, **asked}))
        found += page["items"]
        after = page["next"]
        if not page["more"]:
            return found


async def test_pages_follow_each_other_without_gap_or_repeat(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    for number in range(7):
        ok(await reporter.post("/v1/incidents", json=different(number)), 201)

    assert [item["seq"] for item in await _polled(reader, limit=3)] == list(range(1, 8))


async def test_a_warning_that_changed_comes_again_once_at_its_latest_number(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    first = ok(await reporter.post("/v1/incidents", json=different(1)), 201)["warnings"][0]
    second = ok(await reporter.post("/v1/incidents", json=different(2)), 201)["warnings"][0]
    seen = ok(await reader.get(FEED))["next"]

    ok(await office.client.post(f"{FEED}/{first}/acknowledge"))

    changed = ok(await reader.get(FEED, params={"after": seen}))
    assert [(item["id"], item["seq"], item["state"]) for item in changed["items"]] == [(first, 3, "acknowledged")]
    assert ids(await _polled(reader)) == [second, first]
    assert ok(await reader.get(FEED, params={"after": changed["next"]})) == {"items": [], "next": 3, "more": False}


async def test_an_unchanged_feed_is_answered_304_however_the_client_says_what_it_has(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    tag = (await reader.get(FEED)).headers["etag"]

    for lines in ([tag], [f"W/{tag}"], [f'"other", {tag}'], [f'"other",W/{tag} , "x"'], ["*"], ['"other"', tag]):
        again = await reader.get(FEED, headers=[("If-None-Match", line) for line in lines])
        assert (again.status_code, again.content) == (304, b""), lines
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "private, no-cache")

    assert (await reader.get(FEED, headers={"If-None-Match": tag.strip('"')})).status_code == 200, "not a tag"


async def test_a_tag_changes_with_the_feed_the_question_and_the_viewer(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    elsewhere = await served.client(Scope.READ, area=OTHER_COUNTY)
    before = (await reader.get(FEED)).headers["etag"]
    other = {(await reader.get(FEED, params={"limit": 7})).headers["etag"], (await elsewhere.get(FEED)).headers["etag"]}
    assert before not in other

    ok(await reporter.post("/v1/incidents", json=different(1)), 201)

    after = await reader.get(FEED, headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.headers["etag"] != before


async def test_filters_narrow_by_level_area_and_category(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    orange = ok(await reporter.post("/v1/incidents", json=blocked_road()), 201)["warnings"]
    yellow = ok(await reporter.post("/v1/incidents", json=different(1)), 201)["warnings"]
    south = ok(await reporter.post("/v1/incidents", json=different(2, area=OTHER_VILLAGE)), 201)["warnings"]
    foreign = ok(await reporter.post("/v1/incidents", json=different(3, area=OTHER_COUNTY)), 201)["warnings"]

    async def found(**asked: Any) -> list[str]:
        return ids(await _polled(reader, **asked))

    assert await found(level="orange") == orange
    assert await found(level="blue") == orange + yellow + south + foreign
    assert await found(area=STREET) == orange + yellow
    assert await found(area=COUNTY) == orange + yellow + south
    assert await found(category="labour.wage_arrears") == yellow + south + foreign
    assert await found(category="urban_rural") == orange, "a first-level code stands for all below it"
    assert await found(category=["urban_rural", "labour"], area=COUNTY) == orange + yellow + south
    assert await found(category="labour.wage") == [], "not a prefix of letters"


async def test_a_question_that_makes_no_sense_is_refused(reader: httpx.AsyncClient) -> None:
    for bad in ({"after": -1}, {"after": 2**70}, {"limit": 0}, {"limit": 501}, {"area": "1"}):
        answer = await reader.get(FEED, params=bad)
        assert answer.status_code == 422, bad


async def test_a_restricted_warning_is_in_nobodys_feed_but_its_lead_departments(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    few = ok(await reporter.post("/v1/incidents", json=different(1, people_affected=2)), 201)["warnings"]

    assert await _polled(reader) == []
    assert ids(await _polled(office.client)) == few
    assert (await reader.get(f"{FEED}/{few[0]}")).status_code == 404
