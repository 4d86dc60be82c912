"""The real Alertmanager and its amtool, as Debian has them; a test that needs them says so when they are not there."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.served import until

ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
AMTOOL = shutil.which("amtool")
needs_both = pytest.mark.skipif(
    not (ALERTMANAGER and AMTOOL), reason="no Alertmanager on this machine: apt-get install prometheus-alertmanager"
)


@dataclass(frozen=True)
class Amtool:
    """amtool with the address of a server and a key in its --http.config.file."""

    url: str
    key_file: Path

    @classmethod
    def with_key(cls, url: str, key: str, folder: Path) -> Amtool:
        file = folder / f"{key.split('_')[1]}.yml"
        file.write_text(yaml.safe_dump({"authorization": {"type": "Bearer", "credentials": key}}))
        return cls(url, file)

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output, errors."""
        assert AMTOOL is not None
        general = (f"--alertmanager.url={self.url}", f"--http.config.file={self.key_file}", "--output=json")
        process = await asyncio.create_subprocess_exec(
            AMTOOL, *general, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, errors = await asyncio.wait_for(process.communicate(), 30)
        return process.returncode or 0, out.decode(), errors.decode()

    async def ok(self, *words: str) -> str:
        code, out, errors = await self.run(*words)
        assert code == 0, errors
        return out

    async def json(self, *words: str) -> Any:
        return json.loads(await self.ok(*words))


@asynccontextmanager
async def alertmanager(folder: Path, webhook: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A real Alertmanager that tells one webhook of everything at once; a client for its API."""
    assert ALERTMANAGER is not None
    route = {"receiver": "all", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
    config = folder / "alertmanager.yml"
    config.write_text(yaml.safe_dump({"route": route, "receivers": [{"name": "all", "webhook_configs": [webhook]}]}))
    address = f"127.0.0.1:{_free_port()}"
    log = (folder / "alertmanager.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        ALERTMANAGER, f"--config.file={config}", f"--storage.path={folder / 'data'}", f"--web.listen-address={address}",
        "--cluster.listen-address=", stdout=log, stderr=log,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            await until(lambda: _is_ready(client), 20)
            yield client
    finally:
        process.terminate()
        await process.wait()
        log.close()


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/-/ready")).is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def hearing() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver that takes whatever is posted: its address, and the bodies it got."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
