"""The whole deny-list refused, by number in every spelling and by name, at every door that leads out."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest

from service.delivery.channels.dingtalk import DingTalkChannel
from service.delivery.channels.email import EmailChannel
from service.delivery.channels.feishu import FeishuChannel
from service.delivery.channels.sms import SmsChannel
from service.delivery.channels.syslog import SyslogChannel
from service.delivery.channels.webhook import WebhookChannel
from service.delivery.channels.wecom import WeComChannel
from service.delivery.denied import DENIED
from service.delivery.guard import AddressGuard, DeniedAddress, UnresolvableName
from service.delivery.parcel import Tools
from service.delivery.transport import new_client
from service.domain.problems import Problem

CLOSED = AddressGuard()
REFUSED = {"endpoint_denied_address", "endpoint_host", "endpoint_url", "endpoint_userinfo"}
IPV4 = [network for network in DENIED if isinstance(network, IPv4Network)]
FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９。")
CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")


def ends(network: IPv4Network) -> list[IPv4Address]:
    """First, last and one in the middle."""
    first, last = int(network.network_address), int(network.broadcast_address)
    return [IPv4Address(number) for number in (first, (first + last) // 2, last)]


def spellings(address: IPv4Address) -> Iterator[str]:
    """How some reader or other writes the same four bytes."""
    number, (a, b, c, d) = int(address), address.packed
    yield from (str(number), hex(number), f"0{number:o}", f"{number:#X}", f"{number + 2**32}")  # the last one wraps
    yield from (f"{a}.{b}.{c * 256 + d}", f"{a}.{(b * 256 + c) * 256 + d}")
    yield from (".".join(f"{part:#x}" for part in (a, b, c, d)), ".".join(f"0{part:o}" for part in (a, b, c, d)))
    yield f"{a:#x}.{b}.0{c:o}.{d}"
    yield from (f"{a:03d}.{b:03d}.{c:03d}.{d:03d}", f"{address}.", f"{number}.")
    yield from (str(address).translate(FULL_WIDTH), str(address).translate(CIRCLED), str(address).replace(".", "。"))
    yield from ("".join(f"%{ord(char):02x}" for char in str(address)), str(address).replace(".", "%2e"))
    yield from (f"user@{address}", f"dept.example@{address}", f"dept.example%40{address}", f"user:word@{address}")
    yield from (f"[::ffff:{address}]", f"[::{address}]", f"[::ffff:{a:02x}{b:02x}:{c:02x}{d:02x}]")
    yield from (f"[64:ff9b::{address}]", f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::]", f"[::ffff:0:{address}]")
    yield from (f"[::ffff:{address}%25lo]", f"[fe80::{address}%25eth0]", "[fe80::1%eth0]")
    yield from (f"{address}\\@dept.example", f"{address}#@dept.example", f"{address}\t", f" {address}")


@pytest.mark.parametrize("network", IPV4, ids=str)
async def test_no_spelling_of_a_denied_number_is_taken_as_an_address(network: IPv4Network) -> None:
    for address in ends(network):
        for host in (str(address), *spellings(address)):
            for scheme in ("https", "http"):
                with pytest.raises(Problem) as caught:
                    await CLOSED.check_url(f"{scheme}://{host}/hook")
                assert caught.value.code in REFUSED | {"endpoint_fragment"}, (host, caught.value.code)


@pytest.mark.parametrize("network", IPV4, ids=str)
async def test_what_the_system_makes_of_a_spelling_is_refused_where_it_is_dialled(network: IPv4Network) -> None:
    """The form is the first wall; here it is left out, and the name service of this machine reads the host."""
    for address in ends(network):
        refused: list[type[BaseException]] = []
        for host in [host for host in spellings(address) if _read_as(host) == address]:
            with pytest.raises((DeniedAddress, UnresolvableName)) as caught:
                await CLOSED.admit(host, 443, tls=True)
            refused.append(caught.type)
        assert refused.count(DeniedAddress) >= 8, "this machine reads most of them as the address"


@pytest.mark.parametrize("network", DENIED, ids=str)
async def test_a_name_that_leads_to_a_denied_network_is_refused(network: object) -> None:
    for address in (network[0], network[-1]):  # type: ignore[index]
        for listed in ([str(address)], ["8.8.8.8", str(address)], [str(address), "2400:3200::1"]):
            with pytest.raises(Problem, match="endpoint_denied_address"):
                await _resolving(listed).check_url("https://dept.example/hook")
            with pytest.raises(DeniedAddress):
                await _resolving(listed).admit("dept.example", 443, tls=True)


@pytest.mark.parametrize("network", IPV4, ids=str)
async def test_a_name_that_leads_to_a_denied_number_in_ipv6_dress_is_refused(network: IPv4Network) -> None:
    for address in ends(network):
        a, b, c, d = address.packed
        for dressed in (
            f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}", f"2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1",
            f"2001:0:0:0:0:0:{255 - a:02x}{255 - b:02x}:{255 - c:02x}{255 - d:02x}", f"::ffff:0:{address}",
            f"64:ff9b:1::{address}",
        ):  # fmt: skip
            assert isinstance(ip_address(dressed), IPv6Address)
            with pytest.raises(DeniedAddress):
                await _resolving([dressed]).admit("dept.example", 443, tls=True)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "[::1]", "[fd00::1]", "0x7f.1", "2130706433"]
)
async def test_every_kind_of_channel_asks_the_same_guard(host: str) -> None:
    async with new_client(CLOSED) as client:
        tools = Tools(CLOSED, client, 2.0, "https://weiyu.example", f"smtps://{host}?from=weiyu@house.example")
        doors = [
            (WebhookChannel(tools), f"https://{host}/"), (WeComChannel(tools), f"https://{host}/?key=1"),
            (DingTalkChannel(tools), f"https://{host}/?access_token=1"), (FeishuChannel(tools), f"https://{host}/"),
            (SmsChannel(tools), f"https://{host}/"), (SyslogChannel(tools), f"syslog+tls://{host}"),
            (SyslogChannel(tools), f"syslog://{host}"), (EmailChannel(tools), "mailto:office@dept.example"),
        ]  # fmt: skip
        for channel, url in doors:
            with pytest.raises(Problem) as caught:
                await channel.check(url)
            assert caught.value.code in REFUSED, (url, caught.value.code)


def _resolving(addresses: Sequence[str]) -> AddressGuard:
    async def resolve(host: str) -> Sequence[str]:
        return addresses

    return AddressGuard(resolve=resolve)


def _read_as(host: str) -> IPv4Address | None:
    """What the C library makes of it."""
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None
