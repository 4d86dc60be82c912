"""CAP 1.2 (urn:oasis:names:tc:emergency:cap:1.2): one message for each revision that departments heard.

The order of the elements is the schema's. An instant has an offset and neither Z nor fractions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.delivery.formats.bulletin import ISSUER, Bulletin, Naming, link_of
from service.delivery.formats.cap_words import cap_words
from service.delivery.formats.xml_text import DECLARATION, element, wrap
from service.domain.warnings import WarningEventType
from service.domain.words import WarningState

MEDIA_TYPE = "application/cap+xml"
NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
RESTRICTION = "仅供有职责的单位内部使用，不得对外发布"
HEADLINE_CHARACTERS = 160  # source: CAP 1.2 § 3.2.2, headline
PARAMETER = "layer:weiyu:1.0"
# What is only said again, or said to nobody outside, is no message of its own.
_HEARD = {
    WarningEventType.ISSUED,
    WarningEventType.UPDATED,
    WarningEventType.RESOLVED,
    WarningEventType.CANCELLED,
}
_IDENTIFIER = re.compile(r"^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9]\d{0,8})$")


@dataclass(frozen=True, slots=True)
class Message:
    """What other messages need to know of one: whose revision it is, and when it was sent."""

    identifier: str
    sent: datetime


def status(naming: Naming) -> str:
    return "Exercise" if naming.exercise else "Actual"


def is_message(bulletin: Bulletin) -> bool:
    """Whether departments heard this revision: it left the house, and said something that was not said before."""
    left = bulletin.issued_level is not None and bulletin.state is not WarningState.PENDING_CONFIRMATION
    return left and bulletin.kind in _HEARD


def identifier(bulletin: Bulletin) -> str:
    """Of a message: no space, comma, < or & may be in it."""
    return f"{bulletin.id}.{bulletin.revision}"


def named(text: str) -> tuple[str, int] | None:
    """The warning and the revision that an identifier names, or None when it is none of ours."""
    found = _IDENTIFIER.fullmatch(text)
    return (found[1], int(found[2])) if found else None


def instant(moment: datetime, naming: Naming) -> str:
    """As CAP writes it; UTC is -00:00 there."""
    written = moment.astimezone(naming.zone).isoformat(timespec="seconds")
    return written.replace("+00:00", "-00:00")


def alert(bulletin: Bulletin, earlier: Sequence[Message], naming: Naming) -> bytes:
    """The message of a revision. `earlier` are all messages of its warning before it: they are superseded."""
    references = " ".join(f"{naming.authority},{one.identifier},{instant(one.sent, naming)}" for one in earlier)
    parts = [
        element("identifier", identifier(bulletin)),
        element("sender", naming.authority),
        element("sent", instant(bulletin.at, naming)),
        element("status", status(naming)),
        element("msgType", _kind(bulletin, earlier)),
        element("scope", "Restricted"),
        element("restriction", RESTRICTION),
        element("note", bulletin.note) if bulletin.note else "",
        element("references", references) if references else "",
        _info(bulletin, naming),
    ]
    return (DECLARATION + wrap("alert", "\n".join(filter(None, parts)), {"xmlns": NAMESPACE})).encode()


def _kind(bulletin: Bulletin, earlier: Sequence[Message]) -> str:
    if not earlier:
        return "Alert"
    # A settled warning was right and is over: an Update that says all clear. Only a withdrawn one is cancelled.
    return "Cancel" if bulletin.state is WarningState.CANCELLED else "Update"


def _info(bulletin: Bulletin, naming: Naming) -> str:
    words = cap_words()
    over = bulletin.resolved_at is not None
    level = words.levels[bulletin.level]
    parts = [
        element("language", "zh-CN"),
        element("category", words.category(bulletin.category, bulletin.first_level)),
        element("event", bulletin.category_name),
        element("responseType", "AllClear") if over else "",
        element("urgency", "Past" if over else level.urgency),
        element("severity", level.severity),
        element("certainty", words.certainty(bulletin)),
        element("effective", instant(bulletin.at, naming)),
        element("expires", instant(bulletin.resolved_at, naming)) if bulletin.resolved_at else "",
        element("senderName", ISSUER),
        element("headline", _clipped(bulletin.headline)),
        element("description", bulletin.text),
        element("instruction", "\n".join(bulletin.measures)) if bulletin.measures and not over else "",
        element("web", link_of(bulletin, naming)),
        *_parameters(bulletin),
        _area(bulletin),
    ]
    return wrap("info", "".join(parts))


def _parameters(bulletin: Bulletin) -> list[str]:
    said = {
        "level": bulletin.level.value,
        "level_zh": bulletin.level.zh,
        "state": bulletin.state.value,
        "revision": str(bulletin.revision),
        "unverified": str(bulletin.unverified).lower(),
        "statutory_report_required": str(bulletin.statutory_report_required).lower(),
    }
    return [_pair("parameter", f"{PARAMETER}:{name}", value) for name, value in said.items()]


def _area(bulletin: Bulletin) -> str:
    codes = [_pair("geocode", "GB/T2260", bulletin.area[:6]), _pair("geocode", "统计用区划代码", bulletin.area)]
    return wrap("area", element("areaDesc", bulletin.area_name) + "".join(codes))


def _pair(kind: str, name: str, value: str) -> str:
    return wrap(kind, element("valueName", name) + element("value", value))


def _clipped(headline: str) -> str:
    return headline if len(headline) <= HEADLINE_CHARACTERS else headline[: HEADLINE_CHARACTERS - 1] + "…"
