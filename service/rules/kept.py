"""A function's answers, kept by argument."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_KEPT = 256  # answers per function: eighty two-condition rules with all their traces stay under about 15 MB


class Kept(dict[K, V]):
    """`kept[argument]` calls `make` once per argument. For pure functions with immutable answers only.

    Building a finding with its trace costs ten times what looking it up does, and the same counts and signals come
    back all day. When full it stays as it is: replacing old answers would keep the garbage collector busy, which costs
    more than it saves. Safe to read from several threads: at worst an answer is made twice.
    """

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[K], V]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, argument: K) -> V:
        answer = self._make(argument)
        if len(self) < MOST_KEPT:
            self[argument] = answer
        return answer
