"""Areas: 12-digit statistical division codes (统计用区划代码: GB/T 2260 six, township three, village three)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_STEPS = (2, 4, 6, 9, 12)
LEVEL_NAMES = {2: "省", 4: "市", 6: "县区", 9: "乡镇街道", 12: "村社区"}


@dataclass(frozen=True, slots=True)
class Area:
    """An area and the days on which its code is valid."""

    code: str
    name: str
    valid_from: date
    valid_to: date | None = None


@lru_cache(maxsize=8192)  # a report asks a dozen times, of the same few areas
def prefix_of(code: str) -> str:
    """The digits that all areas inside this one share: 360102000000 → 360102; the whole country (all zeros) → ''."""
    for step in _STEPS:
        if not code[step:].strip("0"):
            return code[:step] if code[:step].strip("0") else ""
    return code


def contains(outer: str, inner: str) -> bool:
    """Whether `inner` is `outer` or lies inside it."""
    return inner.startswith(prefix_of(outer))


def county_of(code: str) -> str:
    """The six digits of the county or district an area belongs to."""
    return code[:6]


def chain_of(code: str) -> list[str]:
    """The area itself and everything above it, nearest first."""
    prefix = prefix_of(code)
    return [prefix[:step].ljust(12, "0") for step in reversed(_STEPS) if step <= len(prefix)]
