"""4,326 real messages to a government board, through HTTP batches to signed pushes; then all of them once more.

The messages have a time, a title and a text, no counts and no outcomes: this shows that the path holds, not that it is
right. They are of 2017–2020, so the setting for late reports is widened; nothing else is changed for them.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.receiver import Receiver
from tests.served import ROOT, Served, load_areas, serving, until

MESSAGES = ROOT.parent / "shared" / "data" / "complaints_zh" / "messages_2019.csv.gz"
EVERYWHERE = "990000000000"
ZONE = ZoneInfo("Asia/Shanghai")
pytestmark = pytest.mark.skipif(not MESSAGES.exists(), reason="skipped: data not present")


def areas() -> dict[str, str]:
    """The publisher's anonymised places (A市, A3区 …) as a fictitious province."""
    cities = {f"99{n:02d}00000000": f"{letter}市" for n, letter in enumerate("ABCDEFGHIJKLM", start=1)}
    parts = {
        f"99{n:02d}{k:02d}000000": f"{letter}{k}区" for n, letter in enumerate("ABCDEFGHIJKLM", 1) for k in range(1, 15)
    }
    return {EVERYWHERE: "西地省", **cities, **parts}


def area_of(text: str) -> str:
    """The finest place a message names; the board belongs to A市."""
    named = re.search(r"([A-M])(\d{1,2})(?:区|县|市)", text) or re.search(r"([A-M])()市", text)
    city, part = (ord(named[1]) - 64, int(named[2] or 0)) if named else (1, 0)
    return f"99{city:02d}{part:02d}000000"


def messages() -> list[dict[str, Any]]:
    with gzip.open(MESSAGES, "rt", encoding="utf-8-sig", newline="") as file:
        return [body_of(row) for row in csv.DictReader(file)]


def body_of(row: dict[str, str]) -> dict[str, Any]:
    occurred = datetime.fromisoformat(row["留言时间"]).replace(tzinfo=ZONE)
    title, text = row["留言主题"][:200], row["留言详情"]
    place = area_of(title + text)
    return {
        "id": row["留言编号"], "area": place, "title": title, "text": text,
        "occurred_at": occurred.isoformat(), "source": "online",
    }  # fmt: skip


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(database_url, tmp_path, late_hours=24 * 365 * 20) as running:
        await load_areas(database_url, areas())
        yield running


@pytest.fixture
async def coordinator(admin: httpx.AsyncClient, receiver: Receiver) -> str:
    """A coordinating office that hears everything; a standing order lets orange and red leave at once."""
    made = {"name": "综治中心", "is_coordinator": True, "area": EVERYWHERE}
    department: str = ok(await admin.post("/v1/departments", json=made), 201)["id"]
    endpoint = ok(await admin.post("/v1/endpoints", json={"department_id": department, "url": receiver.url}), 201)
    receiver.secrets.append(endpoint["secret"])
    ok(await admin.post("/v1/subscriptions", json={"department_id": department, "minimum_level": "blue"}), 201)
    ok(await admin.post("/v1/standing-orders", json={"levels": ["orange", "red"], "reason": "回放"}), 201)
    return department


async def send(reporter: httpx.AsyncClient, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    for start in range(0, len(bodies), 500):
        answers += ok(
            await reporter.post("/v1/incidents:batch", json={"items": bodies[start : start + 500]}, timeout=120)
        )["items"]
    return answers


async def test_every_message_is_accounted_for_and_every_push_arrives_signed_and_a_second_import_doubles_nothing(
    served: Served, reporter: httpx.AsyncClient, coordinator: str, receiver: Receiver
) -> None:
    bodies = messages()
    first = await send(reporter, bodies)

    accounted = Counter(answer["status"] for answer in first)
    assert len(first) == len(bodies) == 4326
    assert accounted["created"] + accounted["invalid"] == 4326
    assert all(answer["errors"] for answer in first if answer["status"] == "invalid")
    matters = {answer["matter_id"] for answer in first if answer["matter_id"]}
    assert len(matters) < accounted["created"]

    with psycopg.connect(served.database_url, autocommit=True) as database:

        def number(question: str) -> int:
            row = database.execute(question).fetchone()  # type: ignore[arg-type]
            return int(row[0]) if row else 0

        await until(lambda: number("SELECT count(*) FROM outbox WHERE state = 'pending'") == 0, seconds=120, every=0.2)
        owed = number("SELECT count(*) FROM outbox WHERE state = 'delivered'")
        assert receiver.refused == 0, "every signature verified"
        assert len(set(receiver.ids)) == owed > 0
        assert number("SELECT count(*) FROM outbox WHERE state <> 'delivered'") == 0
        kept = [number(f"SELECT count(*) FROM {table}") for table in ("incident", "matter", "warning", "outbox")]
        assert kept[:2] == [accounted["created"], len(matters)]
        print(f"\n{dict(accounted)}, matters {kept[1]}, warnings {kept[2]}, pushes {owed}")

        again = Counter(answer["status"] for answer in await send(reporter, bodies))
        assert again == {"duplicate": accounted["created"], "invalid": accounted["invalid"]}
        assert kept == [
            number(f"SELECT count(*) FROM {table}") for table in ("incident", "matter", "warning", "outbox")
        ]


async def test_a_dashboard_that_polls_the_whole_feed_sees_each_warning_once(
    served: Served, reporter: httpx.AsyncClient, coordinator: str
) -> None:
    answers = await send(reporter, messages()[:1000])
    office = await served.client(Scope.READ, department_id=coordinator, name="大屏")

    seen: list[str] = []
    cursor, more = 0, True
    while more:
        page = ok(await office.get("/v1/warnings", params={"after": cursor, "limit": 100}))
        seen += [item["id"] for item in page["items"]]
        cursor, more = page["next"], page["more"]

    told = {warning for answer in answers for warning in answer.get("warnings") or []}
    assert sorted(seen) == sorted(told)
