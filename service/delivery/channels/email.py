"""E-mail over SMTP with TLS: plain text and HTML, one thread per warning."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import format_datetime
from html import escape
from typing import ClassVar
from urllib.parse import unquote

import aiosmtplib
from pydantic import BaseModel

from service.delivery.channels.robots import NoOptions
from service.delivery.dialling import dial
from service.delivery.guard import check_target
from service.delivery.mail_server import MailServer, mail_server
from service.delivery.parcel import Parcel, Proof, Tools
from service.delivery.reading import Reading, read
from service.delivery.result import FORESEEN, Answer, PushResult, Verdict, error_name, result_of
from service.delivery.transport import certificates
from service.domain.problems import Problem

MOST_RECIPIENTS = 20
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class EmailChannel:
    """Mail to `mailto:office@department.example,…` through the service's own mail server."""

    Options: ClassVar[type[BaseModel]] = NoOptions
    proof: ClassVar[Proof] = Proof.CODE
    makes_secret: ClassVar[bool] = False
    url_is_secret: ClassVar[bool] = False

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def check(self, url: str) -> None:
        recipients(url)
        await check_target(self._tools.guard, mail_server(self._tools.smtp).target)

    async def push(self, parcel: Parcel) -> PushResult:
        answer, started = Answer(), time.perf_counter()
        try:
            server = mail_server(self._tools.smtp)
            mail = mail_of(parcel, server)
            async with asyncio.timeout(self._tools.total_seconds):
                await self._send(server, mail, answer)
            answer.verdict = Verdict.DELIVERED
        except Problem as problem:
            answer.error = problem.code
        except aiosmtplib.SMTPException as error:
            _note(answer, error)
        except FORESEEN as error:
            answer.error = error_name(error)
        return result_of(answer, round((time.perf_counter() - started) * 1000), parcel.now_unix)

    async def _send(self, server: MailServer, mail: EmailMessage, answer: Answer) -> None:
        connected = await dial(self._tools.guard, server.target)
        client = aiosmtplib.SMTP(
            hostname=server.target.host, port=None, sock=connected, timeout=self._tools.total_seconds,
            use_tls=server.from_the_start, start_tls=not server.from_the_start and server.target.tls,
            tls_context=certificates(self._tools.client), username=server.login, password=server.password,
        )  # fmt: skip
        try:
            await client.connect()
            refused, said = await client.send_message(mail)
            answer.head += said.encode()[:500]
            if refused:
                answer.head += f" refused: {', '.join(refused)}".encode()
            await client.quit()
        finally:
            client.close()  # and with it what it was given


def recipients(url: str) -> list[str]:
    """The addresses of `mailto:a@b.example,c@d.example`. Raises Problem (422)."""
    scheme, _, rest = url.partition(":")  # not urlsplit: it raises for half a bracket
    named = unquote(rest).split(",")
    if scheme.lower() != "mailto" or len(named) > MOST_RECIPIENTS or not all(map(_is_address, named)):
        raise Problem(422, "endpoint_url", "邮件地址应为 mailto:office@dept.example，多个用英文逗号分隔，至多 20 个。")
    return named


def mail_of(parcel: Parcel, server: MailServer) -> EmailMessage:
    """The mail of a push. Its Message-ID is the same at every attempt; all mails of a warning refer to one thread."""
    reading, domain = read(parcel.body), server.sender.rpartition("@")[2]
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["From"], mail["To"] = server.sender, ", ".join(recipients(parcel.address.url))
    mail["Subject"] = " ".join(reading.title.split())
    mail["Date"] = format_datetime(datetime.fromtimestamp(parcel.now_unix, UTC))
    mail["Message-ID"] = f"<{parcel.message_id}@{domain}>"
    if reading.subject_id:
        thread = f"<warning.{reading.subject_id}@{domain}>"
        mail["In-Reply-To"], mail["References"] = thread, thread
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(reading.text + "\n", cte="base64")
    mail.add_alternative(_html(reading), subtype="html", cte="base64")
    return mail


def _html(reading: Reading) -> str:
    links = [(reading.link, reading.link), (reading.sign_link, "签收")]
    linked = "".join(
        f'<p><a href="{escape(to)}">{escape(said or to)}</a></p>' for to, said in links if to and _is_web(to)
    )
    lines = "".join(f"<p>{escape(line)}</p>" for line in reading.lines)
    return f'<!doctype html><html lang="zh"><body><h3>{escape(reading.title)}</h3>{lines}{linked}</body></html>'


def _is_web(link: str) -> bool:
    return link.startswith(("https://", "http://"))


def _is_address(text: str) -> bool:
    return len(text) <= 254 and bool(_ADDRESS.fullmatch(text))


def _note(answer: Answer, error: aiosmtplib.SMTPException) -> None:
    """4xx is for now, 5xx is refused too but tried again: a full mailbox says either."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        answer.status = error.code
        answer.head += str(error.message).encode()[:500]
    named = error_name(error)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        answer.error = "mail_unauthenticated"
    elif isinstance(error, aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused):
        answer.error = "mail_refused"
    else:
        answer.error = "timeout" if isinstance(error, aiosmtplib.SMTPTimeoutError) else named
    answer.verdict = Verdict.THROTTLE if answer.status in (421, 450, 451, 452) else Verdict.RETRY
