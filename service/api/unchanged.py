"""Whether a client has already what it asks for: tags of answers, and instants of the last change."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import Headers

from service.api.state import app_of
from service.store.keys import Viewer
from service.store.newest import Latest
from service.store.views import Sight

Make = Callable[[Latest], Coroutine[Any, Any, bytes]]
# A change that began earlier may be committed later: within this the clock does not say yet what was last.
SETTLED_SECONDS = 60  # source: RFC 9110 § 8.8.2.2, when an instant is a strong validator


@dataclass(frozen=True, slots=True)
class Asking:
    """One request for a document: who asks for what, in which format."""

    request: Request
    viewer: Viewer
    question: Hashable
    media_type: str


async def answer(asking: Asking, make: Make) -> Response:
    """The document with its tag and the instant of the last change, or 304 where the client has it."""
    app = app_of(asking.request)
    latest = await app.newest.get()
    tag = tag_of(latest, (asking.media_type, asking.question), asking.viewer.sight)
    modified = last_modified(await app.documents.changed_at(latest.head), app.clock())
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if modified is not None:
        headers["Last-Modified"] = http_date(modified)
    if is_unchanged(asking.request.headers, tag, modified):
        return Response(status_code=304, headers=headers)
    body = await app.documents.get(tag, lambda: make(latest))
    return Response(body, headers=headers, media_type=asking.media_type)


def tag_of(latest: Latest, question: Hashable, sight: Sight) -> str:
    """Changes exactly when the answer may: with the feed, the names in it, the question, or what the viewer may see."""
    asked = repr((latest.head, latest.reference.version, question, sight))
    return f'"{hashlib.blake2b(asked.encode(), digest_size=12).hexdigest()}"'


def has_tag(if_none_match: Sequence[str], tag: str) -> bool:
    """Whether the client has this tag already; compared weakly, as RFC 9110 § 13.1.2 asks (a proxy may add W/)."""
    known = {given.strip().removeprefix("W/") for line in if_none_match for given in line.split(",")}
    return tag in known or "*" in known


def last_modified(changed: datetime | None, now: datetime) -> datetime | None:
    """The full second after the last change, once it is sure to have been the last one of that second."""
    if changed is None or (now - changed).total_seconds() < SETTLED_SECONDS:
        return None
    return datetime.fromtimestamp(math.floor(changed.timestamp()) + 1, UTC)


def is_unchanged(headers: Headers, tag: str, modified: datetime | None) -> bool:
    """RFC 9110 § 13.2.2: where there is a tag, the instant is not looked at."""
    tags = headers.getlist("if-none-match")
    if tags:
        return has_tag(tags, tag)
    since = _instant(headers.get("if-modified-since"))
    return since is not None and modified is not None and modified <= since


def http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _instant(written: str | None) -> datetime | None:
    """What is no date is no condition (RFC 9110 § 13.1.3)."""
    try:
        found = parsedate_to_datetime(written) if written else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
