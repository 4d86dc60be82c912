"""A running service, a receiving department, and clients with one scope each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.domain.words import Scope
from tests.makers import COUNTY
from tests.receiver import Receiver
from tests.served import Served, serving


@dataclass
class Office:
    """A department with an endpoint at a receiver and a key to answer with."""

    id: str
    endpoint: dict[str, Any]
    client: httpx.AsyncClient


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(database_url, tmp_path) as running:
        yield running


@pytest.fixture
async def reporter(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.REPORT, system="grid-system")


@pytest.fixture
async def reader(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.READ)


@pytest.fixture
async def admin(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.ADMINISTER, name="管理员")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
async def office(served: Served, admin: httpx.AsyncClient, receiver: Receiver) -> Office:
    """The labour office: leads wage arrears in the county, hears everything from blue, answers by its own key."""
    return await make_office(served, admin, receiver, "人社局", lead="labour")


async def make_office(
    served: Served, admin: httpx.AsyncClient, receiver: Receiver, name: str, lead: str | None = None
) -> Office:
    """A department with endpoint and subscription; with `lead` it answers for that category in the county."""
    department = ok(await admin.post("/v1/departments", json={"name": name, "area": COUNTY}), 201)
    endpoint = ok(await admin.post("/v1/endpoints", json={"department_id": department["id"], "url": receiver.url}), 201)
    receiver.secrets.append(endpoint["secret"])
    subscription = {"department_id": department["id"], "area": COUNTY, "minimum_level": "blue"}
    ok(await admin.post("/v1/subscriptions", json=subscription), 201)
    if lead:
        entry = {"area": COUNTY, "category": lead, "lead_id": department["id"], "source": "测试"}
        ok(await admin.post("/v1/responsibilities", json=entry), 201)
    client = await served.client(Scope.RESPOND, department_id=department["id"], name=name)
    return Office(department["id"], endpoint, client)


def ok(response: httpx.Response, status: int = 200) -> Any:
    """The body of an answer that must have this status."""
    assert response.status_code == status, response.text
    return response.json()
