"""Mail against a real SMTP server with TLS: thread, both texts, log-in, and every refusal named."""

from __future__ import annotations

import asyncio
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from service.delivery.channels.email import EmailChannel
from service.delivery.guard import AddressGuard, parse_allow
from service.delivery.mail_server import BadMailServer, parse_smtp
from service.delivery.parcel import Parcel, Tools
from service.delivery.result import PushResult, Verdict
from service.delivery.transport import new_client
from service.domain.problems import Problem
from tests.delivery.channels.conftest import LINK_BASE, parcel

# The server under test asks for a log-in inside TLS that its library does not see.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
PASSWORD = "p@ss/word"
TO = "mailto:duty@dept.example,second@dept.example"


@dataclass
class PostOffice:
    """What the mail server took, and what it says to the next mail."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    answer: str = "250 taken"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return self.answer

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _how: str, given: LoginPassword) -> AuthResult:
        good = (given.login, given.password) == (b"weiyu@house.example", PASSWORD.encode())
        return AuthResult(success=good, handled=False)


@dataclass
class House:
    """An authority, a mail server by its certificate, and the way to hand mails in."""

    office: PostOffice
    trusting: ssl.SSLContext
    scheme: str

    async def push(self, sent: Parcel, host: str = "mail.example", password: str = PASSWORD) -> PushResult:
        async def resolve(_: str) -> list[str]:
            return ["127.0.0.1"]

        guard = AddressGuard(parse_allow("127.0.0.0/8"), resolve)
        login = f"{quote('weiyu@house.example')}:{quote(password, safe='')}"
        smtp = f"{self.scheme}://{login}@{host}:{self.office.port}?from=weiyu@house.example"
        async with new_client(guard, self.trusting) as client:
            return await EmailChannel(Tools(guard, client, 5.0, LINK_BASE, smtp)).push(sent)


@asynccontextmanager
async def opened(scheme: str) -> AsyncIterator[House]:
    authority = trustme.CA()
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("mail.example").configure_cert(serving)
    authority.configure_trust(trusting)
    office, at_once = PostOffice(), scheme == "smtps"
    talking: dict[str, Any] = {"authenticator": office.authenticate, "auth_required": True}
    if not at_once:
        talking |= {"tls_context": serving, "require_starttls": True}
    else:
        talking |= {"auth_require_tls": False}  # it is all within TLS, which this server does not know
    lines: list[SMTP] = []

    def line() -> SMTP:
        lines.append(SMTP(office, hostname="mail.example", **talking))
        return lines[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(line, "127.0.0.1", 0, ssl=serving if at_once else None)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield House(office, trusting, scheme)
    finally:
        server.close()
        for talked in lines:
            if talked.transport is not None:
                talked.transport.abort()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_mail_arrives_encrypted_with_both_texts(scheme: str) -> None:
    async with opened(scheme) as house:
        result = await house.push(parcel(TO))

    assert (result.verdict, result.error) == (Verdict.DELIVERED, None), result
    [mail], [envelope] = house.office.mails, house.office.envelopes
    assert envelope.rcpt_tos == ["duty@dept.example", "second@dept.example"]
    assert mail["Subject"].startswith("【黄色预警·示例】示例预警")
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "示例街道" in plain.get_content()
    assert LINK_BASE in plain.get_content()
    assert f'<a href="{LINK_BASE}' in html.get_content()


async def test_mails_of_one_warning_are_one_thread_and_a_repeat_is_known_by_its_id() -> None:
    async with opened("smtps") as house:
        for _ in range(2):
            await house.push(parcel(TO))

    first, again = house.office.mails
    assert first["Message-ID"] == again["Message-ID"] == "<msg_1@house.example>"
    assert first["References"] == first["In-Reply-To"] == "<warning.00000000-0000-7000-8000-000000000000@house.example>"


async def test_a_server_with_another_name_on_its_certificate_gets_no_password() -> None:
    async with opened("smtps") as house:
        result = await house.push(parcel(TO), host="other.example")
    assert (result.verdict, result.error) == (Verdict.RETRY, "tls")
    assert house.office.mails == []


@pytest.mark.parametrize(
    ("answer", "error", "verdict"),
    [("550 no such box", "mail_refused", Verdict.RETRY), ("451 later", "mail_refused", Verdict.THROTTLE)],
)
async def test_a_refused_mail_is_named_and_tried_again(answer: str, error: str, verdict: Verdict) -> None:
    async with opened("smtps") as house:
        house.office.answer = answer
        result = await house.push(parcel(TO))
    assert (result.error, result.verdict, result.status) == (error, verdict, int(answer[:3]))
    assert answer[4:] in result.response_head


async def test_a_wrong_password_is_named() -> None:
    async with opened("smtps") as house:
        result = await house.push(parcel(TO), password="wrong")
    assert (result.error, result.verdict) == ("mail_unauthenticated", Verdict.RETRY)


async def test_a_mail_server_that_says_nothing_is_cut_off(tools: Tools) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with silent:
        smtp = f"smtp://127.0.0.1:{silent.sockets[0].getsockname()[1]}?from=weiyu@house.example"
        result = await EmailChannel(Tools(tools.guard, tools.client, 0.3, LINK_BASE, smtp)).push(parcel(TO))
    assert (result.error, result.verdict) == ("timeout", Verdict.RETRY)


@pytest.mark.parametrize(
    "url",
    [
        "mailto:", "mailto:a", "mailto:a@b", "https://a@b.example", "mailto:a@b.example?bcc=c@d.example",
        "mailto:a@b.example%0d%0aBcc:c@d.example", "mailto:" + ",".join(["a@b.example"] * 21), "a@b.example",
    ],
)  # fmt: skip
async def test_an_address_that_is_none_is_refused(tools: Tools, url: str) -> None:
    smtp = "smtp://127.0.0.1:9?from=weiyu@house.example"
    with pytest.raises(Problem, match="endpoint_url"):
        await EmailChannel(Tools(tools.guard, tools.client, 5, LINK_BASE, smtp)).check(url)


async def test_the_mail_server_passes_the_same_guard(tools: Tools) -> None:
    for host, code in (("10.0.0.1", "denied_address"), ("8.8.8.8:25", "denied_port")):
        smtp = f"smtps://{host}?from=weiyu@house.example"
        channel = EmailChannel(Tools(tools.guard, tools.client, 5, LINK_BASE, smtp))
        with pytest.raises(Problem, match=f"endpoint_{code}"):
            await channel.check(TO)
        assert (await channel.push(parcel(TO))).error == code


async def test_without_a_mail_server_no_mail_address_is_taken(tools: Tools) -> None:
    with pytest.raises(Problem, match="no_mail_server"):
        await EmailChannel(tools).check(TO)


@pytest.mark.parametrize(
    "text", ["mail.example", "smtps://mail.example", "smtps://?from=a@b.c", "smtps://m:x?from=a@b.c"]
)
def test_a_setting_that_names_no_mail_server_says_what_would_be_right(text: str) -> None:
    with pytest.raises(BadMailServer, match="WEIYU_SMTP"):
        parse_smtp(text)
