"""The description of the feed and the stream: what is answered from bytes is still declared."""

from __future__ import annotations

import re

from service.api.broadcast import EventOut
from service.main import create_app
from service.settings import Settings


def test_the_page_and_the_event_are_described_and_every_reference_leads_somewhere() -> None:
    described = create_app(Settings(), "postgresql://nobody@127.0.0.1/none").openapi()
    page, stream = (described["paths"][path]["get"]["responses"] for path in ("/v1/warnings", "/v1/warnings/stream"))

    assert page["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/WarningPage"}
    assert page["304"]["description"]
    event = stream["200"]["content"]["text/event-stream"]["itemSchema"]["properties"]["data"]["contentSchema"]
    assert set(event["properties"]) == set(EventOut.model_fields)
    leading = set(re.findall(r"#/components/schemas/(\w+)", repr(described)))
    assert {"WarningPage", "WarningState", "ReasonOut"} <= leading
    assert leading <= set(described["components"]["schemas"])
