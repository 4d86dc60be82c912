"""Atom (RFC 4287) with an archive (RFC 5005 § 4): what a feed reader subscribes to."""

from __future__ import annotations

from dataclasses import dataclass

from service.delivery.formats.bulletin import (
    ABOUT,
    ISSUER,
    TITLE,
    Bulletin,
    Naming,
    entry_id,
    instant,
    last_change,
    link_of,
    newest_of_each,
)
from service.delivery.formats.xml_text import DECLARATION, element, wrap

MEDIA_TYPE = "application/atom+xml"
CAP_TYPE = "application/cap+xml"
_NAMESPACES = {"xmlns": "http://www.w3.org/2005/Atom", "xmlns:fh": "http://purl.org/syndication/history/1.0"}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a feed: addresses of itself, of the document a reader subscribes to, and of the one before it.

    `feed` tells feeds that were asked with different filters apart; `archived` documents no longer change.
    """

    feed: str
    self_link: str
    current: str
    previous: str | None
    archived: bool


def document(bulletins: list[Bulletin], at: Document, naming: Naming) -> bytes:
    """A feed document, newest first; of several revisions of a warning in it the newest."""
    newest = newest_of_each(bulletins)
    parts = [
        element("id", naming.tag(f"warnings{at.feed}")),
        element("title", TITLE),
        element("subtitle", ABOUT),
        element("updated", instant(last_change(newest), naming)),
        wrap("author", element("name", ISSUER)),
        _link("self", MEDIA_TYPE, at.self_link),
    ]
    if at.archived:
        parts += [element("fh:archive"), _link("current", MEDIA_TYPE, at.current)]
    if at.previous:
        parts.append(_link("prev-archive", MEDIA_TYPE, at.previous))
    parts += [_entry(bulletin, naming) for bulletin in newest]
    return (DECLARATION + wrap("feed", "\n".join(parts), {**_NAMESPACES, "xml:lang": "zh-CN"})).encode()


def _entry(bulletin: Bulletin, naming: Naming) -> str:
    link = link_of(bulletin, naming)
    parts = [
        element("id", entry_id(bulletin, naming)),
        element("title", f"【{bulletin.level.zh}】{bulletin.headline}"),
        element("updated", instant(bulletin.at, naming)),
        element("published", instant(bulletin.opened_at, naming)),
        _category(naming, "level", bulletin.level.value, bulletin.level.zh),
        _category(naming, "category", bulletin.category, bulletin.category_name),
        _category(naming, "area", bulletin.area, bulletin.area_name),
        _category(naming, "state", bulletin.state.value, None),
        element("summary", bulletin.note) if bulletin.note else "",
        element("content", bulletin.text, {"type": "text"}),
        _link("alternate", None, link),  # with a type other than HTML readers take the id for the address
        _link("related", CAP_TYPE, f"{link}.cap") if bulletin.issued_level else "",
    ]
    return wrap("entry", "".join(parts))


def _category(naming: Naming, scheme: str, term: str, label: str | None) -> str:
    return element("category", None, {"term": term, "scheme": naming.tag(scheme), "label": label})


def _link(rel: str, media_type: str | None, href: str) -> str:
    return element("link", None, {"rel": rel, "type": media_type, "href": href})
