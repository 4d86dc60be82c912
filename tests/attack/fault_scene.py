"""Receivers with every fault there is, two good ones, and what they are owed, on one database."""

from __future__ import annotations

import contextlib
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import trustme
from sqlalchemy.ext.asyncio import AsyncEngine

from service.delivery.signing import new_secret
from service.store import outbox
from service.store.engine import Beside, Row, insert_all, insert_rows, new_id
from service.store.tables_service import DepartmentTable, EndpointTable
from tests.attack.clients import Department
from tests.attack.fault_pusher import SECOND_LOOK, off_clock
from tests.delivery import receivers
from tests.delivery.receivers import Manners, Receiver, answers, listening
from tests.store.making import department, endpoint, owed


@dataclass
class Fault:
    """One bad receiver: how it behaves, and the names that its failures may have."""

    name: str
    manners: Manners
    errors: frozenset[str]
    most_owed: int = 4  # each of them is tried nine times


@dataclass
class Place:
    """Where a fault lives, and what it was owed."""

    fault: Fault
    receiver: Receiver
    endpoint_id: UUID


def faults(target: str) -> list[Fault]:
    """Everything a receiver may do wrong; `target` is where a redirect would lead."""
    lost = frozenset({"broken_response", "connection_lost"})
    return [
        Fault("hangs", receivers.hangs, frozenset({"timeout"}), 2),
        Fault("drips its body", receivers.drips, frozenset({"timeout"}), 2),
        Fault("drips its head", receivers.drips_its_head, frozenset({"timeout"}), 2),
        Fault("answers 500", answers("500 Internal Server Error"), frozenset({"bad_status"})),
        Fault("answers 429", answers("429 Too Many Requests", "Retry-After: 99999"), frozenset({"bad_status"})),
        Fault("answers 410", answers("410 Gone"), frozenset({"bad_status", "410：接收方要求停止推送"})),
        Fault("answers 302", answers("302 Found", f"Location: {target}"), frozenset({"redirect"})),
        Fault("closes mid-body", receivers.closes_in_the_middle, lost),
        Fault("closes at once", receivers.closes_at_once, lost),
        Fault("bad certificate", answers("200 OK"), frozenset({"tls"})),
        Fault("private at second look", answers("200 OK"), frozenset({"denied_address"}), 12),
    ]


@dataclass
class FaultScene:
    """Everything that pushers meet. `owed` is the ledger: message id → where it goes and what it is about."""

    engine: AsyncEngine
    url: str
    dice: random.Random
    clock: Path
    good: list[Department] = field(default_factory=list)
    good_ids: list[UUID] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    target: Receiver = field(default_factory=Receiver)
    standby_id: UUID | None = None
    owed: dict[str, tuple[UUID, UUID]] = field(default_factory=dict)

    async def owe(self, at: UUID, now: datetime) -> None:
        """One more push for an endpoint, as the service owes it; an endpoint switched off is owed nothing."""
        row = owed(at, priority=self.dice.randrange(4), due_at=now, created_at=now)
        async with self.engine.begin() as connection:
            await insert_all(connection, [outbox.owed([row])], Beside(notify=(outbox.OUTBOX_CHANNEL,)))
        self.owed[row["message_id"]] = (at, row["warning_id"])

    async def endpoint(self, url: str, secret: str, **changes: Any) -> Row:
        owner = changes.pop("owner", None) or department()
        made = endpoint(owner["id"], url=url, secret=secret, **changes)
        async with self.engine.begin() as connection:
            if "standby" not in changes:
                await insert_rows(connection, DepartmentTable, [owner])
            await insert_rows(connection, EndpointTable, [made])
        return made | {"owner": owner}

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement.encode()).fetchall()


@contextlib.asynccontextmanager
async def furnished(scene: FaultScene) -> AsyncIterator[None]:
    """All receivers listening, all endpoints made; one bad one has a standby, a good one."""
    async with contextlib.AsyncExitStack() as stack:
        scene.target = await stack.enter_async_context(listening(answers("200 OK")))
        for _ in range(3):
            await _good(scene, stack)
        for fault in faults(scene.target.url):
            scene.places.append(await _bad(scene, stack, fault))
        yield


async def _good(scene: FaultScene, stack: contextlib.AsyncExitStack) -> None:
    kept = stack.enter_context(Department(scene.dice.randrange(2**32)))
    kept.secrets.append(new_secret())
    kept.clock = lambda: off_clock(scene.clock)  # it goes by the same wrong time, or it would refuse it all
    scene.good.append(kept)
    if len(scene.good) <= 2:
        scene.good_ids.append((await scene.endpoint(kept.url, kept.secrets[0]))["id"])


async def _bad(scene: FaultScene, stack: contextlib.AsyncExitStack, fault: Fault) -> Place:
    context = _unknown_authority() if fault.name == "bad certificate" else None
    receiver = await stack.enter_async_context(listening(fault.manners, context))
    url = receiver.url.replace("http://", "https://") if context else receiver.url
    if fault.name == "private at second look":
        url = url.replace("127.0.0.1", f"dept{SECOND_LOOK}")
    made = await scene.endpoint(url, new_secret())
    if fault.name == "answers 500":
        standby = await scene.endpoint(
            scene.good[2].url, scene.good[2].secrets[0], owner=made["owner"], standby=True, id=new_id()
        )
        scene.standby_id = standby["id"]
    return Place(fault, receiver, made["id"])


def _unknown_authority() -> ssl.SSLContext:
    """A certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context
