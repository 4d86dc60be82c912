"""Making and changing frozen dataclasses fast, for the values that are made by the hundred thousand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, make_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def quick(kind: type[T]) -> Callable[..., T]:
    """A maker of a frozen dataclass with slots that takes every field by position.

    A frozen dataclass sets each field through object.__setattr__: eleven fields cost 1.1 µs. A twin with the same slots
    and plain assignment costs 0.2 µs and then becomes the frozen class; Python refuses when the slots are not the same.
    """
    slots = [(field.name, Any) for field in fields(kind)]  # type: ignore[arg-type]
    twin = make_dataclass(f"_{kind.__name__}", slots, slots=True, eq=False, repr=False)

    def make(*values: Any) -> T:
        made: Any = twin(*values)
        made.__class__ = kind
        return made  # type: ignore[no-any-return]

    return make


def changed(old: T, **changes: Any) -> T:
    """`dataclasses.replace` for a frozen dataclass with slots, in half its time. Raises TypeError for a stranger."""
    places, read, make = _ways(type(old))  # type: ignore[arg-type]  # a class can be hashed
    values = [*read(old)]
    for name, value in changes.items():
        if name not in places:
            raise TypeError(f"{type(old).__name__} has no {name}")
        values[places[name]] = value
    made: T = make(*values)
    return made


@cache
def _ways(kind: type[Any]) -> tuple[dict[str, int], Callable[[Any], tuple[Any, ...]], Callable[..., Any]]:
    names = [field.name for field in fields(kind)]
    return {name: place for place, name in enumerate(names)}, attrgetter(*names), quick(kind)
