"""Attention levels: how soon somebody must answer. Internal, never a published statutory warning."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """蓝/黄/橙/红, compared by `rank`, written in English on the wire."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        """1 (蓝) to 4 (红)."""
        return _RANKS[self]

    @property
    def zh(self) -> str:
        return _NAMES[self]

    @classmethod
    def of_rank(cls, rank: int) -> Level:
        """The level of a rank; ranks outside 1–4 are taken to the nearest end."""
        return _ORDER[min(max(rank, 1), 4) - 1]


_ORDER = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
_RANKS = {level: place for place, level in enumerate(_ORDER, start=1)}
_NAMES = dict(zip(_ORDER, "蓝黄橙红", strict=True))


def highest(*levels: Level | None) -> Level | None:
    """The highest of the levels that are there; None when none is."""
    return max((level for level in levels if level is not None), key=lambda level: level.rank, default=None)
