"""The feed in the formats of others, each read by the client or held against a schema of its own."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import httpx
import psycopg
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from jsonschema import Draft202012Validator
from lxml import etree

from service.api import documents
from service.domain.words import Scope
from tests.journeys.conftest import Office, ok
from tests.journeys.test_stream import different
from tests.makers import COUNTY, NOON, OTHER_COUNTY, OTHER_VILLAGE, STREET, at, blocked_road, report
from tests.served import Served, SetClock, serving

SCHEMAS = Path(__file__).parent.parent / "schemas"
RELAX_NG = etree.RelaxNG(etree.parse(SCHEMAS / "atom.rng"))
JSON_FEED = Draft202012Validator(json.loads((SCHEMAS / "json-feed-1.1.json").read_text("utf-8")))
FEEDS = ("/v1/warnings.atom", "/v1/warnings.json", "/v1/warnings.cloudevents")
MEDIA = ("application/atom+xml", "application/feed+json", "application/cloudevents-batch+json")


def parsed(response: httpx.Response) -> Any:
    """An Atom document as feedparser reads it, once it holds against the schema."""
    assert response.status_code == 200, response.text
    RELAX_NG.assertValid(etree.fromstring(response.content))
    # Its content type and not only its text: feedparser decides by the headers.
    feed = feedparser.parse(response.content, response_headers={"content-type": response.headers["content-type"]})
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    return feed


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def link(feed: Any, rel: str) -> str | None:
    return next((one.href for one in feed.feed.links if one.rel == rel), None)


async def json_feed(client: httpx.AsyncClient, address: str = "/v1/warnings.json", **asked: Any) -> dict[str, Any]:
    page: dict[str, Any] = ok(await client.get(address, params=asked or None))
    JSON_FEED.validate(page)
    return page


async def events(client: httpx.AsyncClient, **asked: Any) -> list[Any]:
    """A batch, each of its events read by the official library as if it came alone."""
    answer = await client.get("/v1/warnings.cloudevents", params=asked)
    single = {"content-type": "application/cloudevents+json"}
    return [from_http_event(HTTPMessage(single, json.dumps(one).encode())) for one in ok(answer)]


async def reported(reporter: httpx.AsyncClient, *numbers: int, **changes: Any) -> list[str]:
    """Warnings of as many matters of their own."""
    bodies = [different(number, **changes) for number in numbers]
    return [ok(await reporter.post("/v1/incidents", json=body), 201)["warnings"][0] for body in bodies]


# ---- what every format has in common


@pytest.mark.parametrize(("path", "media"), [*zip(FEEDS, MEDIA, strict=True)])
async def test_a_feed_says_its_type_and_answers_304_while_nothing_changed(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, path: str, media: str
) -> None:
    await reported(reporter, 1)
    first = await reader.get(path)
    assert first.headers["content-type"] == media
    assert first.headers["cache-control"] == "private, no-cache"
    again = await reader.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])

    await reported(reporter, 2)
    changed = await reader.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert len(changed.content) > len(first.content)


async def test_formats_of_one_feed_have_tags_of_their_own(reader: httpx.AsyncClient) -> None:
    assert len({(await reader.get(path)).headers["etag"] for path in (*FEEDS, "/v1/warnings")}) == 4


@pytest.mark.parametrize("path", FEEDS)
async def test_who_may_not_see_a_warning_finds_it_in_no_format(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office, path: str
) -> None:
    few = (await reported(reporter, 1, people_affected=2))[0]
    elsewhere = await served.client(Scope.READ, area=OTHER_COUNTY)
    many = (await reported(reporter, 2))[0]

    assert few not in (await reader.get(path)).text
    assert few in (await office.client.get(path)).text
    assert many in (await reader.get(path)).text
    assert many not in (await elsewhere.get(path)).text
    assert (await served.client_with(None).get(path)).status_code == 401


async def test_a_warning_that_moved_out_of_sight_leaves_the_archive_too(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    warning = (await reported(reporter, 1))[0]
    here = await served.client(Scope.READ, area=COUNTY)
    assert warning in (await here.get("/v1/warnings.atom")).text
    async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
        await connection.execute("UPDATE warning SET area = %s WHERE id = %s", (OTHER_COUNTY, warning))
        await connection.execute("UPDATE feed_counter SET seq = seq + 1")
    served.app.written()
    assert warning not in (await here.get("/v1/warnings.atom")).text


@pytest.mark.parametrize("path", FEEDS)
async def test_filters_narrow_every_format(reporter: httpx.AsyncClient, reader: httpx.AsyncClient, path: str) -> None:
    orange = ok(await reporter.post("/v1/incidents", json=blocked_road()), 201)["warnings"][0]
    yellow, south = await reported(reporter, 1), await reported(reporter, 2, area=OTHER_VILLAGE)

    async def found(**asked: Any) -> set[str]:
        text = (await reader.get(path, params=asked)).text
        return {one for one in (orange, *yellow, *south) if one in text}

    assert await found() == {orange, *yellow, *south}
    assert await found(level="orange") == {orange}
    assert await found(area=STREET) == {orange, *yellow}
    assert await found(category="labour") == {*yellow, *south}
    assert await found(category=["urban_rural", "labour.wage_arrears"], area=STREET) == {orange, *yellow}
    for bad in ({"level": "purple"}, {"area": "1"}, {"before": 0, "after": -1}):
        assert (await reader.get(path, params=bad)).status_code == 422, bad


async def test_an_old_feed_is_answered_304_by_date_and_a_fresh_one_is_not(database_url: str, tmp_path: Path) -> None:
    clock = SetClock(NOON + timedelta(milliseconds=300))
    async with serving(database_url, tmp_path, clock) as served:
        reporter, reader = await served.client(Scope.REPORT), await served.client(Scope.READ)

        async def atom(**headers: str) -> httpx.Response:
            return await reader.get("/v1/warnings.atom", headers={n.replace("_", "-"): v for n, v in headers.items()})

        ok(await reporter.post("/v1/incidents", json=at(NOON)), 201)
        tomorrow = format_datetime(NOON + timedelta(days=1), usegmt=True)
        fresh = await atom(If_Modified_Since=tomorrow)
        assert (fresh.status_code, fresh.headers.get("last-modified")) == (200, None), "another may follow at once"

        clock.moment += timedelta(minutes=2)
        since = (await atom()).headers["last-modified"]
        assert since == format_datetime(NOON + timedelta(seconds=1), usegmt=True), "no earlier than the change"
        assert (await atom(If_Modified_Since=since)).status_code == 304
        assert (await atom(If_Modified_Since=since, If_None_Match='"x"')).status_code == 200
        for other in ("soon", format_datetime(NOON, usegmt=True)):
            assert (await atom(If_Modified_Since=other)).status_code == 200, other

        ok(await reporter.post("/v1/incidents", json=at(clock(), text="南塘镇上坪村道路塌陷，车辆无法通行")), 201)
        clock.moment += timedelta(minutes=2)
        assert (await atom(If_Modified_Since=since)).status_code == 200


# ---- Atom


async def test_an_empty_feed_is_a_valid_one(reader: httpx.AsyncClient) -> None:
    assert parsed(await reader.get("/v1/warnings.atom")).entries == []
    assert (await json_feed(reader))["items"] == []
    assert await events(reader) == []


async def test_a_feed_reader_fetches_it_by_itself_and_is_told_when_nothing_changed(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    warning = (await reported(reporter, 1))[0]
    key = await served.key(Scope.READ)

    async def fetched(**known: str) -> Any:
        asking = {"request_headers": {"Authorization": f"Bearer {key}"}, **known}
        return await asyncio.to_thread(feedparser.parse, f"{served.base}/v1/warnings.atom", **asking)

    first = await fetched()
    assert (first.status, first.bozo, [entry.id.rsplit("/")[-1] for entry in first.entries]) == (200, False, [warning])
    again = await fetched(etag=first.etag)
    assert (again.status, again.entries) == (304, [])


async def test_an_entry_keeps_its_id_for_good_and_its_date_moves_with_the_level(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    order = {"levels": ["orange"], "reason": "测试", "valid_from": "2026-01-01T00:00:00+08:00"}
    ok(await admin.post("/v1/standing-orders", json=order), 201)
    matter = ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    before = parsed(await reader.get("/v1/warnings.atom")).entries[0]

    more = report(id="more", matter_id=matter["matter_id"], people_present=40, signals=["road_blocked"])
    assert ok(await reporter.post("/v1/incidents", json=more), 201)["level"] == "orange"

    entries = parsed(await reader.get("/v1/warnings.atom")).entries
    assert len(entries) == 1, "one entry in a document, whatever happened to its warning"
    assert entries[0].id == before.id == f"tag:weiyu.invalid,2026:warning/{matter['warnings'][0]}"
    assert entries[0].updated > before.updated
    assert entries[0].published == before.published
    assert (before.title[:3], entries[0].title[:3]) == ("【黄】", "【橙】")
    assert {one.scheme.rsplit(":")[-1]: one.term for one in entries[0].tags}["level"] == "orange"
    related = next(one for one in entries[0].links if one.rel == "related")
    assert related.type == "application/cap+xml"
    assert (await reader.get(path_of(related.href))).status_code == 200
    assert ok(await reader.get(path_of(entries[0].link)))["level"] == "orange", entries[0].link

    await served.restart()
    back = await served.client(Scope.READ)
    assert parsed(await back.get("/v1/warnings.atom")).entries[0].id == before.id


async def test_the_archive_leads_to_every_warning_and_its_documents_do_not_change(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    warnings = await reported(reporter, *range(documents.BLOCK + documents.LEAST + 20))
    seen: dict[str, bytes] = {}
    found: set[str] = set()
    address: str | None = "/v1/warnings.atom"
    while address:
        answer = await reader.get(address)
        feed = parsed(answer)
        found |= {entry.id.rsplit("/")[-1] for entry in feed.entries}
        if "before=" in address:
            seen[address] = answer.content
            assert b"<fh:archive/>" in answer.content
        previous = link(feed, "prev-archive")
        address = path_of(previous) if previous else None
    assert found == set(warnings)
    assert seen

    await reported(reporter, 1001)
    for address, content in seen.items():
        assert (await reader.get(address)).content == content


async def test_what_xml_cannot_hold_does_not_break_the_feed(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    warning = (await reported(reporter, 1))[0]
    async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
        nasty = "\x0b<&>\"'\ufffe ]]> 预警"
        await connection.execute(
            "UPDATE warning_event SET body = jsonb_set(body, '{headline}', to_jsonb(%s::text))", (nasty,)
        )
    entry = parsed(await reader.get("/v1/warnings.atom")).entries[0]
    assert "<&>\"'" in entry.title
    cap = etree.fromstring((await reader.get(f"/v1/warnings/{warning}.cap")).content)
    assert cap.findtext("{*}info/{*}headline") == "\ufffd<&>\"'\ufffd ]]> 预警"


# ---- JSON Feed


async def test_json_feed_leads_from_the_newest_to_the_oldest_with_each_warning_once(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    warnings = await reported(reporter, *range(7))
    ok(await office.client.post(f"/v1/warnings/{warnings[0]}/acknowledge"))

    page = await json_feed(reader, limit=3)
    items = page["items"]
    while "next_url" in page:
        page = await json_feed(reader, path_of(page["next_url"]))
        items += page["items"]
    assert [item["_weiyu"]["id"] for item in items] == [warnings[0], *reversed(warnings[1:])]
    assert items[0]["_weiyu"]["state"] == "acknowledged"
    assert all(item["id"] == f"tag:weiyu.invalid,2026:warning/{item['_weiyu']['id']}" for item in items)
    assert items[1]["tags"] == ["黄", "欠薪", "清河街道第一社区"]


async def test_the_schema_refuses_what_is_no_json_feed() -> None:
    whole = {"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [{"id": "1", "content_text": "x"}]}
    JSON_FEED.validate(whole)
    for change in ({"title": ""}, {"items": [{"id": "1"}]}, {"items": [{"content_text": "x"}]}, {"version": "1"}):
        assert not JSON_FEED.is_valid(whole | change), change


# ---- CloudEvents


async def test_cloud_events_are_read_in_order_from_a_number_on(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office
) -> None:
    warnings = await reported(reporter, 1, 2, 3)
    first = await events(reader, limit=2)
    assert [event.get_subject() for event in first] == warnings[:2]
    event = first[0]
    assert (event.get_specversion(), event.get_type()) == ("1.0", "weiyu.warning.issued")
    assert event.get_source() == "tag:weiyu.invalid,2026:warnings"
    assert event.get_extension("severitynumber") == 13
    assert event.get_data()["headline"]
    assert event.get_time().utcoffset() is not None

    after = int(first[-1].get_extension("sequence"))
    assert [event.get_subject() for event in await events(reader, after=after)] == warnings[2:]
    ok(await office.client.post(f"/v1/warnings/{warnings[0]}/acknowledge"))
    later = await events(reader, after=after)
    assert [(one.get_subject(), one.get_type()) for one in later][-1] == (warnings[0], "weiyu.warning.acknowledged")
    names = [(one.get_source(), one.get_id()) for one in (*first, *later)]
    assert len(names) == len(set(names)), "source and id name an event for good"
    assert [one.get_extension("sequence") for one in later] == sorted(one.get_extension("sequence") for one in later)
