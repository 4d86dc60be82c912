from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore
import pytest

from service.delivery.guard import AddressGuard, DeniedAddress, Objection, parse_allow
from service.delivery.result import error_name
from service.delivery.transport import new_client
from tests.delivery.receivers import answers, listening


class Names:
    """A name service that gives the next answer at each question, the last one for ever, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


LOOPBACK = parse_allow("127.0.0.0/16")


async def test_the_name_is_resolved_once_and_stays_in_the_host_header() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with listening(answers("200 OK")) as receiver, new_client(AddressGuard(LOOPBACK, names)) as client:
        response = await client.post(f"http://dept.example:{receiver.port}/")
    assert (response.status_code, names.asked) == (200, 1)
    assert receiver.requests[0][1]["host"] == f"dept.example:{receiver.port}"


async def test_a_name_that_changes_its_address_is_judged_anew_by_the_next_connection() -> None:
    names = Names(["127.0.0.1"], ["127.99.0.1"])
    async with listening(answers("200 OK")) as receiver, new_client(AddressGuard(LOOPBACK, names)) as client:
        await client.post(f"http://dept.example:{receiver.port}/")
        with pytest.raises(DeniedAddress):
            await client.post(f"http://dept.example:{receiver.port}/")
    assert len(receiver.requests) == 1


async def test_the_next_address_is_tried_when_the_first_is_closed() -> None:
    names = Names(["127.0.5.5", "127.0.0.1"])
    async with listening(answers("200 OK")) as receiver, new_client(AddressGuard(LOOPBACK, names)) as client:
        response = await client.post(f"http://dept.example:{receiver.port}/")
    assert response.status_code == 200


@pytest.mark.parametrize("addresses", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]])
async def test_one_denied_address_keeps_the_client_from_all_of_them(addresses: list[str]) -> None:
    async with (
        listening(answers("200 OK")) as receiver,
        new_client(AddressGuard(LOOPBACK, Names(addresses))) as client,
    ):
        with pytest.raises(DeniedAddress):
            await client.post(f"http://dept.example:{receiver.port}/")
        assert receiver.requests == []


@pytest.mark.parametrize(
    ("url", "objection"),
    [("http://8.8.8.8/", Objection.PLAIN_HTTP), ("https://8.8.8.8:22/", Objection.DENIED_PORT)],
)
async def test_scheme_and_port_are_judged_as_it_connects(url: str, objection: Objection) -> None:
    async with new_client(AddressGuard(LOOPBACK)) as client:
        with pytest.raises(DeniedAddress) as caught:
            await client.post(url)
    assert caught.value.objection is objection


@pytest.fixture(scope="session")
def own_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh self-signed certificate for dept.example, with its key, in one folder."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not present")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=dept.example"
    names = ["-addext", "subjectAltName=DNS:dept.example", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True, timeout=30)
    return folder


@asynccontextmanager
async def secure_receiver(folder: Path, asked: list[str | None]) -> AsyncIterator[int]:
    """Answers 200 over TLS; notes which server name each client asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def test_tls_asks_for_the_name_though_it_connects_to_the_checked_address(own_authority: Path) -> None:
    asked: list[str | None] = []
    trusting = ssl.create_default_context(cafile=own_authority / "certificate.pem")
    guard = AddressGuard(LOOPBACK, Names(["127.0.0.1"], ["10.0.0.1"]))
    async with secure_receiver(own_authority, asked) as port, new_client(guard, trusting) as client:
        response = await client.post(f"https://dept.example:{port}/")
    assert (response.status_code, asked) == (200, ["dept.example"])


@pytest.mark.parametrize("name", ["dept.example", "other.example"])
async def test_a_certificate_that_nobody_vouches_for_is_a_tls_error(own_authority: Path, name: str) -> None:
    trusted = name == "other.example"  # the right authority, the wrong name
    context = ssl.create_default_context(cafile=own_authority / "certificate.pem") if trusted else None
    guard = AddressGuard(LOOPBACK, Names(["127.0.0.1"]))
    async with secure_receiver(own_authority, []) as port, new_client(guard, context) as client:
        with pytest.raises(httpcore.ConnectError) as caught:
            await client.post(f"https://{name}:{port}/")
    assert error_name(caught.value) == "tls"
