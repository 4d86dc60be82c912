"""Syslog against real sockets: octet counting over TCP and TLS, one datagram over UDP."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from service.delivery.channels.syslog import SyslogChannel
from service.delivery.guard import AddressGuard, parse_allow
from service.delivery.parcel import Tools
from service.delivery.result import Verdict
from service.delivery.transport import new_client
from service.domain.problems import Problem
from tests.delivery.channels.conftest import LINK_BASE, parcel

LINE = re.compile(
    rb"<(\d+)>1 (\d{4}-\d\d-\d\dT\S+) (\S+) weiyu (msg_1) (warning\.example) - \xef\xbb\xbf(.+)", re.DOTALL
)


@asynccontextmanager
async def collecting(context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, asyncio.Queue[bytes]]]:
    """A server that reads by octet counting, as RFC 6587 has it."""
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int(await reader.readuntil(b" "))
        got.put_nowait(await reader.readexactly(length))
        assert await reader.read() == b""
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], got


async def test_a_line_over_tcp_is_counted_and_reads_as_rfc_5424(tools: Tools) -> None:
    async with collecting() as (port, got):
        result = await SyslogChannel(tools).push(parcel(f"syslog+tcp://127.0.0.1:{port}", facility=4))
        line = await asyncio.wait_for(got.get(), 5)

    assert (result.verdict, result.error) == (Verdict.DELIVERED, None)
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert (int(found[1]), found[3]) == (4 * 8 + 4, b"weiyu.example")
    assert "【黄色预警·示例】" in found[6].decode()
    assert LINK_BASE in found[6].decode()


async def test_a_line_over_tls_goes_only_to_the_name_on_the_certificate() -> None:
    authority = trustme.CA()
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("log.example").configure_cert(serving)
    authority.configure_trust(trusting)

    async def resolve(host: str) -> list[str]:
        return ["127.0.0.1"]

    guard = AddressGuard(parse_allow("127.0.0.0/8"), resolve)
    async with new_client(guard, trusting) as client, collecting(serving) as (port, got):
        channel = SyslogChannel(Tools(guard, client, 5.0, LINK_BASE))
        good = await channel.push(parcel(f"syslog+tls://log.example:{port}"))
        assert LINE.fullmatch(await asyncio.wait_for(got.get(), 5))
        bad = await channel.push(parcel(f"syslog+tls://other.example:{port}"))

    assert good.verdict is Verdict.DELIVERED
    assert (bad.verdict, bad.error) == (Verdict.RETRY, "tls")


async def test_a_line_over_udp_is_one_datagram(tools: Tools) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(5)
        result = await SyslogChannel(tools).push(parcel(f"syslog://127.0.0.1:{collector.getsockname()[1]}"))
        line = await asyncio.to_thread(collector.recv, 65536)

    assert result.verdict is Verdict.DELIVERED
    assert LINE.fullmatch(line)


async def test_nobody_listening_is_a_failure_that_is_tried_again(tools: Tools) -> None:
    async with collecting() as (port, _):
        pass
    result = await SyslogChannel(tools).push(parcel(f"syslog+tcp://127.0.0.1:{port}"))
    assert (result.verdict, result.error) == (Verdict.RETRY, "refused")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("syslog+tls://10.0.0.1", "endpoint_denied_address"),
        ("syslog+tls://0x7f000001", "endpoint_host"),
        ("syslog+tls://8.8.8.8:22", "endpoint_denied_port"),
        ("syslog+tcp://8.8.8.8", "endpoint_plain_http"),
        ("syslog://8.8.8.8", "endpoint_plain_http"),
        ("https://8.8.8.8", "endpoint_url"),
        ("syslog+tls://a@8.8.8.8", "endpoint_url"),
        ("syslog+tls://8.8.8.8/path", "endpoint_url"),
        ("syslog+tls://8.8.8.8:x", "endpoint_url"),
        ("syslog+tls://[::1", "endpoint_url"),
        ("syslog+tls://", "endpoint_url"),
    ],
)
async def test_a_log_server_passes_the_same_guard(tools: Tools, url: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        await SyslogChannel(tools).check(url)
    assert caught.value.code == code
    assert (await SyslogChannel(tools).push(parcel(url))).verdict is Verdict.RETRY
