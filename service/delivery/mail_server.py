"""The mail server that mails go out by, from one setting: smtps://login:password@host:465?from=weiyu@house.example."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from service.delivery.guard import Target
from service.domain.problems import Problem

# Scheme → port, TLS from the first byte. `smtp` (no TLS at all) is only for networks on the allow-list.
_SCHEMES = {"smtps": (465, True), "smtp+starttls": (587, False), "smtp": (25, False)}
OPEN_PORTS = frozenset({465, 587})


class BadMailServer(ValueError):
    """WEIYU_SMTP cannot be read; the message (Chinese) says what would be right."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, as whom, and from which address they come."""

    target: Target
    from_the_start: bool
    login: str | None
    password: str | None
    sender: str


@lru_cache(maxsize=8)
def parse_smtp(text: str) -> MailServer:
    """The server named by WEIYU_SMTP. Raises BadMailServer."""
    try:
        parts = urlsplit(text)
        port, from_the_start = _SCHEMES[parts.scheme]
        sender = parse_qs(parts.query)["from"][0]
        target = Target(_host(parts), parts.port or port, parts.scheme != "smtp", OPEN_PORTS)
    except (KeyError, ValueError) as error:
        hint = "应为 smtps://用户:密码@主机:465?from=发件地址，或以 smtp+starttls:// 开头；密码中的特殊字符用百分号编码"
        raise BadMailServer(f"WEIYU_SMTP 无法读取：{hint}。") from error
    login = unquote(parts.username) if parts.username else None
    return MailServer(target, from_the_start, login, unquote(parts.password) if parts.password else None, sender)


def mail_server(text: str | None) -> MailServer:
    """The same; raises Problem (422) where none is set."""
    if not text:
        raise Problem(422, "no_mail_server", "尚未配置发信服务器；请管理员设置 WEIYU_SMTP 后再添加邮件地址。")
    return parse_smtp(text)


def _host(parts: SplitResult) -> str:
    if not parts.hostname:
        raise ValueError("no host")
    return parts.hostname
