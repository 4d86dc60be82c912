"""XML written by hand: short, ordered, and without what XML 1.0 cannot hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# A report may hold a form feed; XML 1.0 may not, not even escaped (§ 2.2).
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, text: object = None, attributes: Mapping[str, str | None] | None = None) -> str:
    """An element that holds text; attributes that are None are left out."""
    return wrap(name, "" if text is None else safe(str(text)), attributes)


def wrap(name: str, inside: str, attributes: Mapping[str, str | None] | None = None) -> str:
    """An element around what is XML already."""
    said = "".join(f' {key}="{safe(value)}"' for key, value in (attributes or {}).items() if value is not None)
    return f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>"


def safe(text: str) -> str:
    """Text as it may stand in an element or an attribute."""
    return escape(_IMPOSSIBLE.sub("\ufffd", text))
