"""A push as a CloudEvent 1.0, structured or binary. Signature and `webhook-id` go with it either way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from service.delivery.formats.cloud_events import SEVERITY
from service.domain.levels import Level

TYPE_PREFIX = "weiyu."  # of `type`: weiyu.warning.issued, as in the feed
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


@dataclass(frozen=True, slots=True)
class Packed:
    """Headers and content of one request."""

    headers: dict[str, str]
    content: bytes


def structured(message_id: str, body: bytes, source: str) -> Packed:
    """Attributes and data in one JSON object."""
    attributes, data = _event(message_id, body, source)
    event = {**attributes, "datacontenttype": "application/json", "data": data}
    return Packed({"Content-Type": "application/cloudevents+json; charset=utf-8"}, _json(event))


def binary(message_id: str, body: bytes, source: str) -> Packed:
    """Attributes as headers, percent-encoded; the body is the data alone."""
    attributes, data = _event(message_id, body, source)
    headers = {f"ce-{name}": quote(str(value), safe=_PLAIN) for name, value in attributes.items()}
    return Packed({**headers, "Content-Type": "application/json"}, _json(data))


def _event(message_id: str, body: bytes, source: str) -> tuple[dict[str, Any], dict[str, Any]]:
    packed: dict[str, Any] = json.loads(body)
    data: dict[str, Any] = packed["data"]
    attributes: dict[str, Any] = {
        "specversion": "1.0", "id": message_id, "source": source,
        "type": TYPE_PREFIX + packed["type"], "time": packed["timestamp"],
    }  # fmt: skip
    if data.get("id"):
        attributes |= {"subject": data["id"], "correlationid": data["id"]}
    if data.get("level"):
        level = Level(data["level"])
        attributes |= {"severitytext": level.zh, "severitynumber": SEVERITY[level]}
    return attributes, data


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
