from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.guard import (
    AddressGuard,
    BadAllowList,
    DeniedAddress,
    Objection,
    UnresolvableName,
    parse_allow,
)
from service.domain.problems import Problem

CLOSED = AddressGuard()
LOOPBACK = AddressGuard(parse_allow("127.0.0.0/8, ::1/128"))

INNER = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
OUTER = [
    "1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.254", "2400:3200::1",
    "2606:4700::1111",
]  # fmt: skip
# Spellings that reach loopback by one reader or another; none may pass, at the form or at the address.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.0.0.1", "0x7f.1",
    "0", "127.0.0.1.", "localhost", "LOCALHOST", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]", "[::1%25lo]",
    "127.0.0.%31", "１２７.０.０.１", "①②⑦.0.0.1", "127。0。0。1",
]  # fmt: skip


def resolving_to(*addresses: str) -> AddressGuard:
    async def resolve(host: str) -> Sequence[str]:
        return addresses

    return AddressGuard(parse_allow("10.8.0.0/16"), resolve)


async def code_of(guard: AddressGuard, url: str) -> str | None:
    try:
        await guard.check_url(url)
    except Problem as problem:
        return problem.code
    return None


@pytest.mark.parametrize("address", INNER)
def test_an_inner_or_reserved_address_is_denied(address: str) -> None:
    assert CLOSED.objection(ip_address(address), 443, tls=True) is Objection.DENIED_ADDRESS


@pytest.mark.parametrize("address", OUTER)
def test_a_public_address_is_open_to_https_on_a_usual_port_only(address: str) -> None:
    place = ip_address(address)
    assert CLOSED.objection(place, 443, tls=True) is None
    assert CLOSED.objection(place, 80, tls=False) is Objection.PLAIN_HTTP
    assert CLOSED.objection(place, 22, tls=True) is Objection.DENIED_PORT


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_dress_is_judged_as_itself(address: IPv4Address) -> None:
    dressed = ip_address(f"::ffff:{address}")
    assert CLOSED.objection(dressed, 443, True) == CLOSED.objection(address, 443, True)


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_spelling_of_loopback_passes(host: str, scheme: str) -> None:
    assert await code_of(CLOSED, f"{scheme}://{host}/hook") in {
        "endpoint_denied_address",
        "endpoint_host",
        "endpoint_url",
    }


@pytest.mark.parametrize(
    "host", ["2130706433", "017700000001", "0x7f.1", "127.1", "localhost", "::ffff:127.0.0.1", "::1"]
)
async def test_a_spelling_that_gets_past_the_form_is_stopped_at_the_connection(host: str) -> None:
    with pytest.raises(DeniedAddress) as caught:
        await CLOSED.admit(host, 443, tls=True)
    assert caught.value.objection is Objection.DENIED_ADDRESS


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:39481/x",
        "https://127.0.0.1/x",
        "http://localhost:39481/x",
        "http://[::1]:8/",
        "http://127.9.9.9",
    ],
)
async def test_the_allow_list_opens_loopback_by_http_on_any_port(url: str) -> None:
    assert await code_of(LOOPBACK, url) is None


async def test_a_zone_of_ours_is_refused_even_where_its_network_is_open() -> None:
    guard = AddressGuard(parse_allow("fe80::/10"))
    assert await code_of(guard, "http://[fe80::1]/") is None
    assert await code_of(guard, "http://[fe80::1%25lo]/") == "endpoint_host"


async def test_a_refusal_is_a_422_that_says_what_to_do_and_names_no_address() -> None:
    with pytest.raises(Problem, match="endpoint_denied_address") as caught:
        await resolving_to("10.0.0.1").check_url("https://dept.example/")
    assert caught.value.status == 422
    assert "WEIYU_PUSH_ALLOW" in caught.value.detail
    assert "10.0.0.1" not in caught.value.detail


async def test_the_allow_list_opens_nothing_else() -> None:
    assert await code_of(LOOPBACK, "https://10.0.0.1/") == "endpoint_denied_address"
    assert await code_of(LOOPBACK, "http://8.8.8.8/") == "endpoint_plain_http"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://8.8.8.8/hook?a=1", None),
        ("https://8.8.8.8:8443/", None),
        ("HTTPS://8.8.8.8/", None),
        ("https://8.8.8.8:22/", "endpoint_denied_port"),
        ("http://8.8.8.8/", "endpoint_plain_http"),
        ("ftp://8.8.8.8/", "endpoint_scheme"),
        ("file:///etc/passwd", "endpoint_scheme"),
        ("8.8.8.8", "endpoint_scheme"),
        ("//8.8.8.8/", "endpoint_scheme"),
        ("", "endpoint_scheme"),
        ("https:///hook", "endpoint_host"),
        ("https://", "endpoint_host"),
        ("https://me:word@8.8.8.8/", "endpoint_userinfo"),
        ("https://me@8.8.8.8/", "endpoint_userinfo"),
        ("https://@8.8.8.8/", "endpoint_userinfo"),
        ("https://8.8.8.8/#part", "endpoint_fragment"),
        ("https://8.8.8.8/#", "endpoint_fragment"),
        ("https://8.8.8.8:0/", "endpoint_port"),
        ("https://8.8.8.8:65536/", "endpoint_port"),
        ("https://8.8.8.8:443x/", "endpoint_url"),
        ("https://8.8.8.8\\@10.0.0.1/", "endpoint_url"),
        ("https://8.8.8.8/a b", "endpoint_url"),
        ("https://8.8.8.8/\r\nX: y", "endpoint_url"),
        ("https://8.8.8.8/" + "a" * 2048, "endpoint_url"),
        ("https://exa$mple.com/", "endpoint_host"),
    ],
)
async def test_a_url_is_judged_by_its_form_and_address(url: str, code: str | None) -> None:
    assert await code_of(CLOSED, url) == code


async def test_a_name_with_one_inner_address_among_public_ones_is_denied() -> None:
    guard = resolving_to("8.8.8.8", "10.0.0.1")
    assert await code_of(guard, "https://dept.example/") == "endpoint_denied_address"


async def test_a_name_within_the_allow_list_may_use_http_and_any_port() -> None:
    assert await code_of(resolving_to("10.8.1.2"), "http://dept.example:9000/") is None
    assert await code_of(resolving_to("10.8.1.2", "8.8.8.8"), "http://dept.example:9000/") == "endpoint_plain_http"


async def test_a_name_without_an_address_passes_only_where_no_address_would_be_needed_to_judge() -> None:
    guard = resolving_to()
    assert await code_of(guard, "https://later.example/") is None
    assert await code_of(guard, "http://later.example/") == "endpoint_unresolvable"
    assert await code_of(guard, "https://later.example:9000/") == "endpoint_unresolvable"
    with pytest.raises(UnresolvableName):
        await guard.admit("later.example", 443, tls=True)


async def test_a_label_too_long_for_the_name_service_is_unresolvable() -> None:
    with pytest.raises(UnresolvableName):
        await CLOSED.admit("a" * 64 + ".例子", 443, tls=True)


async def test_addresses_come_canonical_in_order_and_once() -> None:
    found = await resolving_to("10.8.0.2", "::ffff:10.8.0.1", "10.8.0.2").admit("dept.example", 80, tls=False)
    assert [str(address) for address in found] == ["10.8.0.2", "10.8.0.1"]


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        (" , ", []),
        ("127.0.0.0/8", ["127.0.0.0/8"]),
        (" 10.1.0.0/16 ,fd00::/8,", ["10.1.0.0/16", "fd00::/8"]),
        ("10.1.2.3", ["10.1.2.3/32"]),
    ],
)
def test_the_allow_list_is_read(text: str, networks: list[str]) -> None:
    assert [str(network) for network in parse_allow(text)] == networks


@pytest.mark.parametrize("entry", ["10.1.2.3/8", "intranet", "10.0.0.0/33", "10.0.0.0/8;127.0.0.0/8"])
def test_an_entry_that_is_no_network_is_named(entry: str) -> None:
    with pytest.raises(BadAllowList, match="WEIYU_PUSH_ALLOW") as caught:
        parse_allow(f"127.0.0.0/8,{entry}")
    assert entry in str(caught.value)


async def test_a_name_service_that_hangs_is_cut_off() -> None:
    async def hangs(host: str) -> Sequence[str]:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
        return []

    with pytest.raises(UnresolvableName):
        await AddressGuard(resolve=hangs).admit("dept.example", 443, tls=True)
