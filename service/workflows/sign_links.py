"""One-time links that sign a warning for one department: opened by anybody, used by a POST, good for one signature.

A link names warning, department, revision, deadline and last moment under a keyed digest. Nothing of it is stored or
logged: it is used up when the department's signature is there, and one from before the clock began anew signs nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from service.domain.problems import Problem

SIGN_PATH = "/sign/"
_PURPOSE = b"weiyu sign link 1"  # the database's own key makes this one; it is never used as it is
_LAYOUT = struct.Struct(">16s16sIQQ")  # warning, department, revision, deadline and end in µs since 1970
_MAC_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 4 * (_LAYOUT.size + _MAC_BYTES + 2) // 3


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows: sign a warning for one department before `until`, while `sign_due_at` is its deadline."""

    warning_id: UUID
    department_id: UUID
    revision: int  # by which the link was sent
    sign_due_at: datetime
    until: datetime


def token_of(mac_key: bytes, grant: Grant) -> str:
    """The grant as 91 characters that go in an address."""
    instants = _micros(grant.sign_due_at), _micros(grant.until)
    said = _LAYOUT.pack(grant.warning_id.bytes, grant.department_id.bytes, grant.revision, *instants)
    return _text(said + _mac(mac_key, said))


def read_token(mac_key: bytes, token: str, now: datetime) -> Grant:
    """The grant that this service gave. Raises Problem 404 for what it never gave, 410 for what has run out."""
    said, mac = _parts(token)
    if not hmac.compare_digest(mac, _mac(mac_key, said)):
        raise _unknown()
    warning_id, department_id, revision, due, until = _LAYOUT.unpack(said)
    grant = Grant(UUID(bytes=warning_id), UUID(bytes=department_id), revision, _instant(due), _instant(until))
    if now >= grant.until:
        raise Problem(410, "link_expired", "该签收链接已过期；请登录系统签收，或使用最近一次推送中的链接。")
    return grant


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _parts(token: str) -> tuple[bytes, bytes]:
    if len(token) > _LONGEST or not token.isascii():
        raise _unknown()
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _unknown() from None
    if len(raw) != _LAYOUT.size + _MAC_BYTES or _text(raw) != token:  # one way to write it, bits left over included
        raise _unknown()
    return raw[: _LAYOUT.size], raw[_LAYOUT.size :]


def _mac(mac_key: bytes, said: bytes) -> bytes:
    return hmac.digest(_own_key(mac_key), said, "sha256")[:_MAC_BYTES]


@lru_cache(maxsize=8)
def _own_key(mac_key: bytes) -> bytes:
    return hmac.digest(mac_key, _PURPOSE, "sha256")


def _unknown() -> Problem:
    return Problem(404, "unknown_link", "签收链接无效；请核对地址是否完整，或登录系统签收。")
