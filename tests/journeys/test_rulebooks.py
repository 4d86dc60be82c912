"""Rulebooks: a broken one is refused with its position, a good one takes over everywhere, its text stays readable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from service.domain.words import Scope
from service.rules.rulebook import INCIDENT_RULEBOOK
from tests.journeys.conftest import ok
from tests.journeys.shared import refused
from tests.makers import report
from tests.served import Served, serving, until

SHIPPED = INCIDENT_RULEBOOK.read_text("utf-8")
PATH = "/v1/rulebooks/incident"
OWN = """
ruleset: incident
title: 试用
version: 2026.12.1
facts: incident
rules:
- id: XX-11
  name: 报告即橙
  basis: [{source: 测试, unverified: true}]
  when: {field: report_count, op: '>=', value: 1}
  then: {level_floor: orange, advice: [当面答复]}
  tests:
  - {given: {report_count: 1}, expect: hit}
  - {given: {report_count: 0}, expect: clear}
  - {given: {}, expect: not_evaluated}
"""


def broken(old: str, new: str) -> bytes:
    assert old in OWN
    return OWN.replace(old, new).encode()


BROKEN = [
    (broken("report_count, op", "report_cuont, op"), ":10:", "report_count"),
    (broken("level_floor: orange", "level_flor: orange"), ":11:", "level_floor"),
    (broken("value: 1}", "value: many}"), ":10:", ""),
    (broken("{report_count: 0}", "{report_count: 5}"), ":14:", "XX-11"),
    ((OWN + OWN[OWN.index("- id") :]).encode(), ":16:", "XX-11"),
    (b"", ":1:1", ""),
    (b"rules: [", ":1:", ""),
    (b"\x00\x01", ":1:1", ""),
    (b"\xff\xfe", ":1:1", ""),
    (b"# " + b"x" * 5_000_000, ":1:1", "512"),
]


async def test_a_broken_rulebook_is_refused_with_its_position_and_the_old_one_stays(admin: httpx.AsyncClient) -> None:
    before = ok(await admin.get("/v1/rules"))["sha256"]
    for text, where, said in BROKEN:
        body = refused(await admin.put(PATH, content=text), 422, "rulebook_refused")

        told = [error["detail"] for error in body["errors"]]
        assert any(one.startswith("rulebook.yaml" + where) and said in one for one in told), (text[:300], told)
        assert ok(await admin.get("/v1/rules"))["sha256"] == before


async def test_a_changed_rulebook_judges_from_then_on_until_it_is_dropped_and_each_stays_readable(
    admin: httpx.AsyncClient, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    shipped = ok(await reader.get("/v1/rules"))["sha256"]

    async def judged(text: str) -> dict[str, Any]:
        answer = ok(await reporter.post("/v1/incidents", json=report(text=text)), 201)
        why: dict[str, Any] = ok(await reader.get(f"/v1/matters/{answer['matter_id']}/why"))
        return why

    put = ok(await admin.put(PATH, content=OWN.encode()))
    by_own = await judged("东街路灯不亮")
    ok(await admin.delete(PATH))
    by_shipped = await judged("西街下水道堵塞")

    assert (put["version"], len(put["rules"])) == ("2026.12.1", 1)
    assert (by_own["rulebook_hash"], by_own["level"], by_own["rulebook_kept"]) == (put["sha256"], "orange", True)
    assert (by_shipped["rulebook_hash"], by_shipped["rulebook_kept"]) == (shipped, True)
    assert "报告即橙" in ok(await reader.get(f"/v1/rulebooks/{put['sha256']}"))["body"]
    assert ok(await reader.get(f"/v1/rulebooks/{shipped}"))["body"] == SHIPPED


async def test_a_rulebook_with_a_byte_order_mark_is_read_and_kept_without(admin: httpx.AsyncClient) -> None:
    put = ok(await admin.put(PATH, content=b"\xef\xbb\xbf" + OWN.encode()))

    assert ok(await admin.get(f"/v1/rulebooks/{put['sha256']}"))["body"] == OWN


async def test_a_second_process_follows_within_seconds_and_back(
    served: Served, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    async with serving(served.database_url, tmp_path) as second:
        other = await second.client(Scope.READ)
        shipped = ok(await other.get("/v1/rules"))["sha256"]

        async def follows(digest: str) -> bool:
            return bool(ok(await other.get("/v1/rules"))["sha256"] == digest)

        put = ok(await admin.put(PATH, content=OWN.encode()))["sha256"]
        await until(lambda: follows(put), every=0.2)
        ok(await admin.delete(PATH))
        await until(lambda: follows(shipped), every=0.2)


async def test_a_restart_keeps_what_was_put_and_dropping_it_then_still_keeps_the_shipped_text(
    served: Served, admin: httpx.AsyncClient
) -> None:
    put = ok(await admin.put(PATH, content=OWN.encode()))["sha256"]
    await served.restart()
    admin = await served.client(Scope.ADMINISTER)
    assert ok(await admin.get("/v1/rules"))["sha256"] == put

    shipped = ok(await admin.delete(PATH))["sha256"]

    assert shipped != put
    assert ok(await admin.get(f"/v1/rulebooks/{shipped}"))["body"] == SHIPPED
