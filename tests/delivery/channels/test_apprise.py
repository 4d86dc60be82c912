"""What Apprise carries: the real library in its own process, and no connection past the guard."""

from __future__ import annotations

import json

import apprise
import pytest

from service.delivery.channels.apprise import SCHEMES, AppriseChannel
from service.delivery.guard import AddressGuard
from service.delivery.parcel import Tools
from service.delivery.result import Verdict
from service.domain.problems import Problem
from tests.delivery.channels.conftest import LINK_BASE, parcel
from tests.delivery.receivers import answers, listening


async def test_a_push_goes_out_by_the_real_library(tools: Tools) -> None:
    slow = Tools(tools.guard, tools.client, 30.0, LINK_BASE)
    async with listening(answers("200 OK", body=b"{}")) as service:
        result = await AppriseChannel(slow).push(parcel(f"ntfy://127.0.0.1:{service.port}/district"))

    assert (result.verdict, result.error) == (Verdict.DELIVERED, None), result
    assert "示例街道" in json.loads(service.requests[0][2])["message"]


async def test_a_denied_address_is_refused_where_it_is_dialled(tools: Tools) -> None:
    closed = Tools(AddressGuard(), tools.client, 30.0, LINK_BASE)
    async with listening(answers("200 OK", body=b"{}")) as service:
        result = await AppriseChannel(closed).push(parcel(f"ntfy://localhost:{service.port}/district"))

    assert (result.verdict, result.error) == (Verdict.RETRY, "denied_address")
    assert service.requests == []


async def test_a_refusal_by_the_service_is_named(tools: Tools) -> None:
    slow = Tools(tools.guard, tools.client, 30.0, LINK_BASE)
    async with listening(answers("403 Forbidden", body=b"{}")) as service:
        result = await AppriseChannel(slow).push(parcel(f"ntfy://127.0.0.1:{service.port}/district"))
    assert (result.verdict, result.error) == (Verdict.RETRY, "refused_by_gateway")


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1/", "mailto://a:b@c.example", "syslog://", "dbus://", "ntfy", "", "ntfy://a b"]
)
async def test_a_scheme_that_is_not_listed_is_refused(tools: Tools, url: str) -> None:
    with pytest.raises(Problem, match="endpoint_scheme"):
        await AppriseChannel(tools).check(url)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own
def test_every_listed_scheme_is_one_that_apprise_knows() -> None:
    known = {
        scheme
        for plugin in apprise.Apprise().details()["schemas"]
        for scheme in (*(plugin["protocols"] or ()), *(plugin["secure_protocols"] or ()))
    }
    assert known >= SCHEMES
