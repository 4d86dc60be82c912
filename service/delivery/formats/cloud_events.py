"""CloudEvents 1.0 in JSON batches: each warning's latest change as one event."""

from __future__ import annotations

import json
from typing import Any

from service.delivery.formats.bulletin import Bulletin, Naming, instant, link_of, told
from service.domain.levels import Level

MEDIA_TYPE = "application/cloudevents-batch+json"
FORWARDABLE_BYTES = 64 * 1024  # source: CloudEvents 1.0, "Size Limits"
# OpenTelemetry's severity numbers, as the CloudEvents extension "severity" uses them: INFO, WARN, ERROR, FATAL.
SEVERITY = {Level.BLUE: 9, Level.YELLOW: 13, Level.ORANGE: 17, Level.RED: 21}


def batch(bulletins: list[Bulletin], naming: Naming) -> bytes:
    """A batch in the order given; it may be empty."""
    return b"[%s]" % b",".join(_event(bulletin, naming) for bulletin in bulletins)


def _event(bulletin: Bulletin, naming: Naming) -> bytes:
    """One event, small enough to be forwarded: reasons and measures give way, the link stays."""
    data = told(bulletin, naming)
    packed = _packed(bulletin, naming, data)
    if len(packed) > FORWARDABLE_BYTES:
        packed = _packed(bulletin, naming, {**data, "reasons": [], "measures": [], "shortened": True})
    return packed


def _packed(bulletin: Bulletin, naming: Naming, data: dict[str, Any]) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"{bulletin.id}.{bulletin.revision}",
        "source": naming.tag("warnings"),
        "type": f"weiyu.warning.{bulletin.kind}",
        "subject": str(bulletin.id),
        "time": instant(bulletin.at, naming),
        "datacontenttype": "application/json",
        "dataref": link_of(bulletin, naming),
        "severitytext": bulletin.level.zh,
        "severitynumber": SEVERITY[bulletin.level],
        "sequence": f"{bulletin.seq:020d}",  # compared as text, so all have the same length
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
