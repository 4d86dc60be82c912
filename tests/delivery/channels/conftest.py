"""What channels are made with, on this machine alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.delivery.guard import AddressGuard, parse_allow
from service.delivery.message import example_body
from service.delivery.parcel import Address, Parcel, Tools
from service.delivery.transport import new_client
from tests.makers import NOON

NOW = 1_800_000_000
LINK_BASE = "https://weiyu.example"
BODY = example_body(NOON, LINK_BASE)


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    guard = AddressGuard(parse_allow("127.0.0.0/8"))
    async with new_client(guard) as client:
        yield Tools(guard, client, 5.0, LINK_BASE)


def parcel(url: str, *secrets: str, body: bytes = BODY, **options: object) -> Parcel:
    return Parcel(Address(url, secrets, options), "msg_1", body, NOW)
