"""What a process may never need is loaded when it is first asked for: here and nowhere else.

The contracts of imports do not see what is named here, so tests/test_later.py holds every such name to them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def loaded(place: str) -> Any:
    """What `module:name` names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def later(place: str) -> Callable[..., Any]:
    """The function `module:name`, whose module its first call loads: its true type is declared where this is called."""

    def call(*given: Any, **named: Any) -> Any:
        return loaded(place)(*given, **named)

    return call
