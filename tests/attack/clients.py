"""Those who use the service while it is attacked: reporting systems, a listener, a poller, receiving departments."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from tests.attack.processes import PUSH_SECONDS
from tests.makers import OTHER_VILLAGE, STREET, VILLAGE
from tests.receiver import Receiver

Bodies = list[dict[str, Any]]
AREAS = (VILLAGE, OTHER_VILLAGE, STREET)
# One category with a rule that warns from ten people on, one that a single department subscribes to, one more.
COMMON, RARE = ("labour.wage_arrears", "urban_rural.demolition"), "labour.restructuring"
REPORTS_OF_AN_EVENT = 12
EVENTS_AT_ONCE = 8
# How often the axe fell between commit and answer: the report was there when it came again.
KEPT_UNANSWERED, KEPT_REFUSED = "kept by a try that was not answered", "kept by a try that was refused (5xx)"
LETTERS = [chr(code) for code in range(0x5200, 0x5200 + 600)]  # texts of different events have nothing in common


@dataclass
class Told:
    """The client's ledger: what was sent, and what the service said of it."""

    event_of: dict[str, int] = field(default_factory=dict)  # report → event
    answers: dict[str, list[str]] = field(default_factory=dict)  # report → matter ids, one for each 2xx answer
    warnings: set[str] = field(default_factory=set)
    mishaps: dict[str, Counter[str]] = field(default_factory=dict)  # report → "no answer" or the status of a refusal
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def answered(self, report: str, status: str, matter: str, warnings: list[str]) -> None:
        known = self.answers.setdefault(report, [])
        before = self.mishaps.get(report, Counter())
        if status == "duplicate" and not known:
            # Kept by a try that was not answered, or answered with a refusal although it was kept.
            only_refused = before and not before["no answer"]
            self.counts[KEPT_REFUSED if only_refused else KEPT_UNANSWERED] += 1
            if not before:
                self.faults.append(f"report {report}: called a duplicate when it was first sent")
        if status == "created" and known:
            self.faults.append(f"report {report}: created again after it had been answered")
        known.append(matter)
        self.warnings.update(warnings)


class Events:
    """What happens in the district: events that go on for a while, each told by several reports in the same words."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._now: list[tuple[int, dict[str, Any], int]] = []  # number, body, reports so far
        self._count = 0
        self._reports = 0

    def report(self, told: Told) -> dict[str, Any]:
        """A report of a current event. The head-count doubles now and then, so that its warning gets new revisions."""
        if len(self._now) < EVENTS_AT_ONCE:
            self._now.append((self._count, self._event(), 0))
            self._count += 1
        place = self._dice.randrange(len(self._now))
        number, body, reports = self._now.pop(place)
        if reports + 1 < REPORTS_OF_AN_EVENT:
            self._now.append((number, body, reports + 1))
        self._reports += 1
        name = f"attack-{self._reports}"
        told.event_of[name] = number
        return {**body, "id": name, "people_affected": 12 * 2 ** (reports // 5)}

    def _event(self) -> dict[str, Any]:
        return {
            "area": self._dice.choice(AREAS),
            "category": RARE if self._dice.random() < 0.05 else self._dice.choice(COMMON),
            "text": "".join(self._dice.choices(LETTERS, k=40)),
            "occurred_at": datetime.now(UTC).isoformat(),
            "source": "grid",
        }


class Reporter:
    """A reporting system: sends single reports and batches; what is not answered with 2xx is sent again."""

    def __init__(self, bases: list[str], key: str, events: Events, told: Told, dice: random.Random) -> None:
        self._bases, self._events, self._told, self._dice = bases, events, told, dice
        self._client = new_client(key)
        self._recent: deque[dict[str, Any]] = deque(maxlen=50)
        self.asked = asyncio.Event()  # set whenever a request leaves
        self.closing = False

    async def work(self) -> None:
        """Report until closing; returns once everything sent is answered."""
        async with self._client:
            while not self.closing:
                await self._deliver(self._some())

    def _some(self) -> Bodies:
        if self._recent and self._dice.random() < 0.05:  # answered long ago, and sent once more
            return [self._dice.choice(self._recent)]
        size = self._dice.randint(2, 8) if self._dice.random() < 0.25 else 1
        return [self._events.report(self._told) for _ in range(size)]

    async def _deliver(self, reports: Bodies) -> None:
        answered = False
        while not answered:
            answered = await self._post(reports)
            await asyncio.sleep(self._dice.uniform(0, 0.05) if answered else self._dice.uniform(0.05, 0.5))
        self._recent.extend(reports)

    async def _post(self, reports: Bodies) -> bool:
        base, one = self._dice.choice(self._bases), len(reports) == 1
        path, body = ("/v1/incidents", reports[0]) if one else ("/v1/incidents:batch", {"items": reports})
        self.asked.set()
        try:
            response = await self._client.post(base + path, json=body)
        except httpx.TransportError as error:
            never_came = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            self._mishap(reports, "no connection" if never_came else "no answer")
            return False
        if response.status_code >= 500:
            self._mishap(reports, str(response.status_code))
            return False
        self._told.counts["requests answered"] += 1
        self._note(reports, response)
        return True

    def _mishap(self, reports: Bodies, what: str) -> None:
        self._told.counts[f"requests: {what}"] += 1
        if what != "no connection":
            for report in reports:
                self._told.mishaps.setdefault(report["id"], Counter())[what] += 1

    def _note(self, reports: Bodies, response: httpx.Response) -> None:
        if response.status_code not in (200, 201):
            names = [report["id"] for report in reports]
            self._told.faults.append(f"reports {names}: {response.status_code} {response.text[:300]}")
            return
        answer = response.json()
        items = answer["items"] if "items" in answer else [_as_item(answer)]
        for report, item in zip(reports, items, strict=True):
            if item["id"] != report["id"] or item["status"] not in ("created", "duplicate"):
                self._told.faults.append(f"report {report['id']}: answered {item}")
            else:
                self._told.answered(item["id"], item["status"], item["matter_id"], item["warnings"])


def _as_item(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "status": "duplicate" if answer["duplicate"] else "created"}


class Listener:
    """A dashboard on the stream; whenever it is cut off it goes on after the last event it saw, at any server."""

    def __init__(self, bases: list[str], key: str, dice: random.Random) -> None:
        self._bases, self._dice, self._client = bases, dice, new_client(key)
        self.seen: list[int] = []
        self.resets = self.cuts = 0

    async def work(self) -> None:
        async with self._client:
            while True:
                try:
                    await self._listen(self._dice.choice(self._bases))
                except (httpx.HTTPError, ValueError):  # ValueError: an answer that is no stream (503)
                    self.cuts += 1
                await asyncio.sleep(0.2)

    async def _listen(self, base: str) -> None:
        after = {"Last-Event-ID": str(self.seen[-1] if self.seen else 0)}
        async with aconnect_sse(self._client, "GET", f"{base}/v1/warnings/stream", headers=after) as source:
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                if event.event.startswith("warning."):
                    self.seen.append(int(event.id))
                elif event.event == "reset":
                    self.resets += 1


class Poller:
    """A dashboard that polls the feed by its cursor, now at one server, now at the other."""

    def __init__(self, bases: list[str], key: str, dice: random.Random) -> None:
        self._bases, self._dice, self._client = bases, dice, new_client(key)
        self.latest: dict[str, int] = {}  # warning → the number at which it was last seen
        self.out_of_order: list[int] = []
        self.next = 0

    async def work(self) -> None:
        async with self._client:
            while True:
                with contextlib.suppress(httpx.HTTPError):  # asked again with the same cursor
                    await self._poll(self._dice.choice(self._bases))
                await asyncio.sleep(0.1)

    async def _poll(self, base: str) -> None:
        response = await self._client.get(f"{base}/v1/warnings", params={"after": self.next, "limit": 500})
        response.raise_for_status()
        page = response.json()
        for item in page["items"]:
            if item["seq"] <= self.next:
                self.out_of_order.append(item["seq"])
            self.next = item["seq"]
            self.latest[item["id"]] = item["seq"]


class Department(Receiver):
    """A receiving system in a bad mood: some pushes it refuses with 500, at some it hangs until the pusher gives up.

    While `held`, it keeps whoever pushes waiting for the answer. It calls `heard` for each push that arrives.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.moody = True
        self.held = threading.Event()
        self.heard: Callable[[], object] = bool
        self.hangs = self.cut_off = 0
        self._moods = random.Random(seed)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.heard()
        if len(body) < int(headers["content-length"]):  # whoever pushed died in the middle of a sentence
            self.cut_off += 1
            return 400
        deadline = time.monotonic() + PUSH_SECONDS
        while self.held.is_set() and time.monotonic() < deadline:
            time.sleep(0.001)
        mood = self._moods.random() if self.moody else 1
        if mood < 0.06:
            self.answers.append(500)
        elif mood < 0.07:
            self.hangs += 1
            time.sleep(PUSH_SECONDS * 1.3)
        return super().take(headers, body)


def new_client(key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False)
