"""Real receivers on loopback: an asyncio server whose manners are the argument."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """Where it listens and what it got: (path, headers in lower case, body) per request."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


Manners = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(manners: Manners, context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that reads each request whole and then behaves as told; with `context` it speaks TLS."""
    receiver, busy = Receiver(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        try:
            receiver.requests.append(await _read(reader))
            receiver.arrived.release()
            await manners(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender hung up, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy)
        await server.wait_closed()


def answers(status: str, *headers: str, body: bytes = b"ok") -> Manners:
    """Answers at once and closes."""

    async def manners(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, f"Content-Length: {len(body)}", *headers) + body)
        await writer.drain()

    return manners


async def hangs(writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await asyncio.sleep(60)


async def drips(writer: asyncio.StreamWriter) -> None:
    """Answers 200 at once and then sends a byte now and then, each well within any read timeout."""
    writer.write(_head("200 OK", "Content-Length: 10000"))
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drips_its_head(writer: asyncio.StreamWriter) -> None:
    """Never gets to the end of its header lines."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def closes_in_the_middle(writer: asyncio.StreamWriter) -> None:
    """Promises a hundred bytes and sends seven."""
    writer.write(_head("200 OK", "Content-Length: 100") + b"partial")
    await writer.drain()


async def closes_at_once(writer: asyncio.StreamWriter) -> None:
    """Hangs up without a word."""


async def talks_nonsense(writer: asyncio.StreamWriter) -> None:
    """Speaks something that is not HTTP."""
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


async def never_ends(writer: asyncio.StreamWriter) -> None:
    """Answers 200 with a body without end, as fast as it is read."""
    writer.write(_head("200 OK"))
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def _head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]).encode()


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return head[0].split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", 0)))
