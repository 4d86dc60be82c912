"""A receiver as bare as it gets: takes POSTs on kept-alive connections and knows when each one's first byte came.

`python -m benchmarks.catching` listens on $PORT. `GET /seen` gives the moments (seconds, CLOCK_MONOTONIC, which all
processes of a machine share) by `webhook-id`, and forgets them.
"""

from __future__ import annotations

import asyncio
import json
import os
import time

_ID = b"\r\nwebhook-id: "
_LENGTH = b"\r\ncontent-length: "
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
seen: dict[str, float] = {}


class _Catcher(asyncio.Protocol):
    def __init__(self) -> None:
        self._got, self._began = b"", 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._began = self._began if self._got else time.monotonic()
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        head = self._got[:end].lower()
        if end < 0 or len(self._got) < end + 4 + int(_value(head, _LENGTH) or 0):
            return
        self._got = b""
        if head.startswith(b"get /seen"):
            self._tell()
            return
        seen.setdefault(_value(head, _ID).decode(), self._began)
        self._transport.write(_OK)

    def _tell(self) -> None:
        body = json.dumps(seen).encode()
        seen.clear()
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def _value(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    return b"" if at < 0 else head[at + len(name) :].split(b"\r\n", 1)[0].strip()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Catcher, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
