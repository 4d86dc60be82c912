"""JSON Feed 1.1: each warning once, at its latest revision."""

from __future__ import annotations

import json
from typing import Any

from service.delivery.formats.bulletin import ABOUT, ISSUER, TITLE, Bulletin, Naming, entry_id, instant, link_of, told

MEDIA_TYPE = "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"


def document(bulletins: list[Bulletin], feed_url: str, next_url: str | None, naming: Naming) -> bytes:
    """A page of the feed, newest first; `next_url` leads to the older ones."""
    said = {
        "version": VERSION,
        "title": TITLE,
        "description": ABOUT,
        "language": "zh-CN",
        "authors": [{"name": ISSUER}],
        "feed_url": feed_url,
        **({"next_url": next_url} if next_url else {}),
        "items": [_item(bulletin, naming) for bulletin in bulletins],
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _item(bulletin: Bulletin, naming: Naming) -> dict[str, Any]:
    return {
        "id": entry_id(bulletin, naming),
        "url": link_of(bulletin, naming),
        "title": f"【{bulletin.level.zh}】{bulletin.headline}",
        "content_text": bulletin.text,
        **({"summary": bulletin.note} if bulletin.note else {}),
        "date_published": instant(bulletin.opened_at, naming),
        "date_modified": instant(bulletin.at, naming),
        "tags": [bulletin.level.zh, bulletin.category_name, bulletin.area_name],
        "_weiyu": told(bulletin, naming),
    }
