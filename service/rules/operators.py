"""The operators a condition may use: which facts they fit, what they compare with, how they read in Chinese."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.rules.vocabulary import MISSING, FactType


class Takes(StrEnum):
    """What stands under `value`: one value, a list of them, or nothing."""

    ONE = "one"
    MANY = "many"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Operator:
    """`test(read, expected)` is only asked of a known fact, except by the two operators that ask about knowing."""

    name: str
    zh: str
    fits: frozenset[FactType]
    takes: Takes
    test: Callable[[Any, Any], bool]

    @property
    def asks_presence(self) -> bool:
        return self.takes is Takes.NOTHING


_ORDERED = frozenset({FactType.INT, FactType.FLOAT, FactType.DATE})
_SINGLE = _ORDERED | {FactType.BOOL, FactType.TEXT}
_SET = frozenset({FactType.SET})
_ANY = frozenset(FactType)


def _is_in(read: Any, expected: Any) -> bool:
    return read in expected


def _shares(read: frozenset[str], expected: frozenset[str]) -> bool:
    return not read.isdisjoint(expected)


def _is_known(read: Any, _: Any) -> bool:
    return read is not MISSING


def _is_missing(read: Any, _: Any) -> bool:
    return read is MISSING


_ALL = (
    Operator("==", "等于", _SINGLE, Takes.ONE, operator.eq),
    Operator("!=", "不等于", _SINGLE, Takes.ONE, operator.ne),
    Operator("<", "小于", _ORDERED, Takes.ONE, operator.lt),
    Operator("<=", "不超过", _ORDERED, Takes.ONE, operator.le),
    Operator(">", "大于", _ORDERED, Takes.ONE, operator.gt),
    Operator(">=", "至少", _ORDERED, Takes.ONE, operator.ge),
    Operator("in", "属于", frozenset({FactType.INT, FactType.TEXT}), Takes.MANY, _is_in),
    Operator("contains", "含有", _SET, Takes.ONE, operator.contains),
    Operator("contains_any", "含有其中之一", _SET, Takes.MANY, _shares),
    Operator("contains_all", "同时含有", _SET, Takes.MANY, operator.ge),
    Operator("known", "已知", _ANY, Takes.NOTHING, _is_known),
    Operator("missing", "缺少", _ANY, Takes.NOTHING, _is_missing),
)

OPERATORS: Mapping[str, Operator] = {each.name: each for each in _ALL}


def fitting(kind: FactType) -> list[str]:
    """The names of the operators that fit a type of fact."""
    return [each.name for each in _ALL if kind in each.fits]
