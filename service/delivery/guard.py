"""Where a push may go. Departments name the address, so it must not become a way into our own network (SSRF).

Default closed: every private or special range is denied unless the operator lists it (`WEIYU_PUSH_ALLOW`).
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from service.delivery.denied import DENIED
from service.domain.problems import Problem

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
Resolver = Callable[[str], Awaitable[Sequence[str]]]

PUBLIC_PORTS = frozenset({80, 443, 8080, 8443})  # to networks on the allow-list any port goes
MAX_URL = 2048  # characters
RESOLVE_SECONDS = 5.0

_HOST = "推送地址的主机名不合规：请写域名、标准的 IPv4 地址或带方括号的 IPv6 地址。"
_SPEAKABLE_HOST = re.compile(r"[a-z0-9_.-]+", re.ASCII)
_ENDS_IN_A_NUMBER = re.compile(r"(^|\.)(0x[0-9a-f]*|[0-9]+)\.?$")  # 2130706433, 0x7f.1, 127.1: other spellings of IPv4


class Objection(StrEnum):
    """Why an address is refused; also the error name of an attempt."""

    DENIED_ADDRESS = "denied_address"
    PLAIN_HTTP = "plain_http"
    DENIED_PORT = "denied_port"


_DETAILS = {
    Objection.DENIED_ADDRESS: "推送地址指向内部或保留网段；确需推送的，请管理员把该网段加入 WEIYU_PUSH_ALLOW。",
    Objection.PLAIN_HTTP: "推送地址须使用 https 或其他加密方式；只有在 WEIYU_PUSH_ALLOW 网段内的地址可以不加密。",
    Objection.DENIED_PORT: "推送端口须为常用端口（https 为 80、443、8080、8443）；只有 WEIYU_PUSH_ALLOW 网段内的地址"
    "可用其他端口。",
}


class DeniedAddress(OSError):
    """Raised instead of connecting."""

    def __init__(self, objection: Objection) -> None:
        super().__init__(objection.value)
        self.objection = objection


class UnresolvableName(OSError):
    """The name has no address now."""


class BadAllowList(ValueError):
    """WEIYU_PUSH_ALLOW cannot be read; the message (Chinese) says which entry and what would be right."""


def parse_allow(text: str) -> tuple[IPNetwork, ...]:
    """Networks from a comma-separated list: '10.1.0.0/16, 127.0.0.0/8'; empty text gives none."""
    return tuple(_network(entry.strip()) for entry in text.split(",") if entry.strip())


async def system_resolver(host: str) -> Sequence[str]:
    """All addresses of a name from the system's resolver, in its order. It reads the odd IPv4 spellings as well."""
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def canonical(address: IPAddress) -> IPAddress:
    """IPv4 hidden in IPv6 (::ffff:127.0.0.1) as IPv4; everything else as it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@dataclass(frozen=True, slots=True)
class Target:
    """Where something is to be sent. `tls`: encrypted; `ports`: those open to public addresses."""

    host: str
    port: int
    tls: bool
    ports: frozenset[int]


class AddressGuard:
    """The policy: `allow` lists the networks open beyond the public internet. `resolve` is the name service."""

    def __init__(self, allow: Iterable[IPNetwork] = (), resolve: Resolver = system_resolver) -> None:
        self._allow = tuple(allow)
        self._resolve = resolve

    @property
    def allowed(self) -> str:
        """The allow-list as `parse_allow` reads it."""
        return ",".join(str(network) for network in self._allow)

    def objection(
        self, address: IPAddress, port: int, tls: bool, ports: frozenset[int] = PUBLIC_PORTS
    ) -> Objection | None:
        """What speaks against sending there; None if nothing does."""
        address = canonical(address)
        if any(address in network for network in self._allow):
            return None
        if any(address in network for network in DENIED):
            return Objection.DENIED_ADDRESS
        if not tls:
            return Objection.PLAIN_HTTP
        return None if port in ports else Objection.DENIED_PORT

    async def admit(
        self, host: str, port: int, tls: bool, ports: frozenset[int] = PUBLIC_PORTS
    ) -> tuple[IPAddress, ...]:
        """Resolves once and gives the addresses to connect to, canonical, in the resolver's order.

        One bad address among good ones refuses them all. Raises DeniedAddress or UnresolvableName.
        """
        addresses = await self._addresses_of(host)
        for address in addresses:
            if objection := self.objection(address, port, tls, ports):
                raise DeniedAddress(objection)
        return addresses

    async def check_url(self, url: str) -> None:
        """Raises Problem (422, `endpoint_…`) unless a push may go to `url` as things stand. Asks the name service.

        A name without an address yet passes if it is https on a usual port: every push checks again as it connects.
        """
        target = inspect(url)
        host, tls = target.raw_host.decode(), target.scheme == "https"
        await check_target(self, Target(host, port_of(target), tls, PUBLIC_PORTS))

    async def _addresses_of(self, host: str) -> tuple[IPAddress, ...]:
        try:
            return (canonical(ip_address(host)),)
        except ValueError:
            pass  # a name, then
        try:
            found = await self._resolve(host)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError; UnicodeError: a label too long
            raise UnresolvableName(host) from error
        if not found:
            raise UnresolvableName(host)
        return tuple(dict.fromkeys(canonical(ip_address(text)) for text in found))


async def check_target(guard: AddressGuard, target: Target) -> None:
    """Raises Problem (422, `endpoint_…`) unless something may be sent there as things stand.

    A name without an address yet passes if it is encrypted and on a usual port: every push checks again.
    """
    if not is_speakable(target.host):
        raise Problem(422, "endpoint_host", _HOST)
    try:
        await guard.admit(target.host, target.port, target.tls, target.ports)
    except DeniedAddress as denied:
        raise _refusal(denied.objection) from denied
    except UnresolvableName as unresolvable:
        if not target.tls or target.port not in target.ports:
            detail = "域名目前无法解析，不能确认它在 WEIYU_PUSH_ALLOW 网段内；请检查域名，或改用加密与常用端口。"
            raise Problem(422, "endpoint_unresolvable", detail) from unresolvable


def inspect(url: str) -> httpx.URL:
    """The URL as the sender will read it, if its form is right; raises Problem (422). Needs no network.

    The same parser checks and sends: two parsers that disagree are the classic hole.
    """
    target = _parsed(url)
    host = target.raw_host.decode()
    if target.scheme not in ("http", "https"):
        raise Problem(422, "endpoint_scheme", "推送地址须以 https:// 开头。")
    if target.userinfo or "@" in _authority(url):
        raise Problem(422, "endpoint_userinfo", "推送地址中不能带用户名或密码，请去掉“@”及其前面的部分。")
    if "#" in url:
        raise Problem(422, "endpoint_fragment", "推送地址中不能带“#”及其后面的部分。")
    if not is_speakable(host):
        raise Problem(422, "endpoint_host", _HOST)
    if not 0 < port_of(target) < 65536:
        raise Problem(422, "endpoint_port", "推送地址的端口须在 1 至 65535 之间。")
    return target


def port_of(target: httpx.URL) -> int:
    if target.port is not None:
        return target.port
    return 443 if target.scheme == "https" else 80


def _parsed(url: str) -> httpx.URL:
    if len(url) <= MAX_URL and url.isprintable() and " " not in url and "\\" not in url:
        try:
            return httpx.URL(url)
        except httpx.InvalidURL:
            pass
    raise Problem(
        422, "endpoint_url", "推送地址不是有效的网址：请填写完整的 https 地址，不含空格与反斜杠，不超过 2048 个字符。"
    )


def _authority(url: str) -> str:
    return re.split(r"[/?#]", url.partition("//")[2], maxsplit=1)[0]


def is_speakable(host: str) -> bool:
    """Whether a host is written in the one way that every reader takes for the same: no other spellings of IPv4."""
    try:
        ip_address(host)
    except ValueError:
        return bool(_SPEAKABLE_HOST.fullmatch(host)) and not _ENDS_IN_A_NUMBER.search(host)
    return "%" not in host  # no zone: it names a network card of ours


def _refusal(objection: Objection) -> Problem:
    return Problem(422, f"endpoint_{objection.value}", _DETAILS[objection])


def _network(entry: str) -> IPNetwork:
    try:
        return ip_network(entry)
    except ValueError as error:
        hint = "应为 10.1.0.0/16 这样的网段（主机位为零），多个之间用英文逗号分隔"
        raise BadAllowList(f"WEIYU_PUSH_ALLOW 中的“{entry}”不是网段：{hint}。") from error
