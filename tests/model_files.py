"""Models made from the one that ships: other versions, other weights, each with a card that vouches for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tests.served import ROOT

(SHIPPED,) = (ROOT / "models").glob("escalation-*")
SHIPPED_VERSION = SHIPPED.name.removeprefix("escalation-")
Change = Callable[[dict[str, Any]], object]


def files(version: str, change: Change | None = None, **on_card: Any) -> dict[str, str]:
    """`model` and `card` as POST /v1/models takes them."""
    model = json.loads((SHIPPED / "model.json").read_text("utf-8")) | {"version": version}
    card = json.loads((SHIPPED / "card.json").read_text("utf-8")) | {"version": version}
    if change:
        change(model)
    text = json.dumps(model)
    return {"model": text, "card": json.dumps(card | {"sha256": sha256(text.encode()).hexdigest()} | on_card)}


def bolder(model: dict[str, Any]) -> None:
    """Much higher probabilities."""
    model["intercept"] += 3
