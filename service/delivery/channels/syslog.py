"""Syslog (RFC 5424) by TLS, TCP with octet counting (RFC 6587) or UDP: for a house's own log of warnings."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from service.delivery.dialling import dial
from service.delivery.guard import Target, check_target
from service.delivery.parcel import Parcel, Proof, Tools
from service.delivery.reading import Reading, read
from service.delivery.result import FORESEEN, Answer, PushResult, Verdict, error_name, result_of
from service.delivery.transport import certificates
from service.domain.incidents import Strict
from service.domain.problems import Problem

_DEFAULT_PORTS = {"syslog": 514, "syslog+tcp": 601, "syslog+tls": 6514}
OPEN_PORTS = frozenset(_DEFAULT_PORTS.values())
# alert, error, warning, notice; what is no warning is informational. Source: RFC 5424, table 2
_SEVERITY = {"red": 1, "orange": 3, "yellow": 4, "blue": 5}
_INFORMATIONAL = 6


class SyslogOptions(Strict):
    """`facility` as RFC 5424 numbers it; 16 is local0."""

    facility: Annotated[int, Field(ge=0, le=23)] = 16


class SyslogChannel:
    """One line per push: `syslog://` (UDP), `syslog+tcp://` or `syslog+tls://`. Nothing confirms that it was kept."""

    Options: ClassVar[type[BaseModel]] = SyslogOptions
    proof: ClassVar[Proof] = Proof.CODE
    makes_secret: ClassVar[bool] = False
    url_is_secret: ClassVar[bool] = False

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._name = urlsplit(tools.link_base).hostname or "-"

    async def check(self, url: str) -> None:
        await check_target(self._tools.guard, _target(url))

    async def push(self, parcel: Parcel) -> PushResult:
        answer, started = Answer(), time.perf_counter()
        try:
            target = _target(parcel.address.url)
            async with asyncio.timeout(self._tools.total_seconds):
                await self._send(urlsplit(parcel.address.url).scheme, target, self._line(parcel))
            answer.verdict = Verdict.DELIVERED
        except Problem as problem:
            answer.error = problem.code
        except FORESEEN as error:
            answer.error = error_name(error)
        return result_of(answer, round((time.perf_counter() - started) * 1000), parcel.now_unix)

    async def _send(self, scheme: str, target: Target, line: bytes) -> None:
        if scheme == "syslog":
            await self._send_datagram(target, line)
            return
        connected = await dial(self._tools.guard, target)
        context: ssl.SSLContext | None = certificates(self._tools.client) if target.tls else None
        name = target.host if context else None
        try:
            _, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname=name)
        except BaseException:
            connected.close()
            raise
        try:
            writer.write(b"%d %b" % (len(line), line))
            await writer.drain()
            writer.write_eof() if writer.can_write_eof() else None
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _send_datagram(self, target: Target, line: bytes) -> None:
        addresses = await self._tools.guard.admit(target.host, target.port, target.tls, target.ports)
        where = (str(addresses[0]), target.port)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=where
        )
        transport.sendto(line)
        transport.close()

    def _line(self, parcel: Parcel) -> bytes:
        options = SyslogOptions.model_validate(parcel.address.options)
        reading = read(parcel.body)
        priority = options.facility * 8 + _SEVERITY.get(reading.level or "", _INFORMATIONAL)
        head = f"<{priority}>1 {reading.at.isoformat()} {self._name} weiyu {parcel.message_id} {reading.event} - "
        return head.encode() + b"\xef\xbb\xbf" + _one_line(reading).encode()


def _one_line(reading: Reading) -> str:
    return "　".join([reading.title, *reading.lines, *([reading.link] if reading.link else [])]).replace("\n", " ")


def _target(url: str) -> Target:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unreadable() from None
    if parts.scheme not in _DEFAULT_PORTS or parts.path not in ("", "/") or "@" in parts.netloc or not parts.hostname:
        raise _unreadable()
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    return Target(parts.hostname, port, parts.scheme == "syslog+tls", OPEN_PORTS)


def _unreadable() -> Problem:
    detail = "日志地址应为 syslog+tls://主机、syslog+tcp://主机 或 syslog://主机（UDP），可带端口，不带用户名和路径。"
    return Problem(422, "endpoint_url", detail)
