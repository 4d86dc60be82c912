"""Condition trees: read from the file with positioned faults, then compiled to closures.

Three answers (Kleene): a condition on a missing fact is unknown; `all` is false as soon as one member is false, unknown
when one is unknown, else true; `any` mirrors it; `not` leaves unknown unknown. Every condition is always looked at, so
a trace is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeGuard

from service.domain.judging import Condition
from service.domain.quick import quick
from service.rules.operators import OPERATORS, Operator, Takes, fitting
from service.rules.plain_yaml import Path
from service.rules.positions import Document, hint
from service.rules.vocabulary import MISSING, Fact, FactType, FactVocabulary

Holds = bool | None
Decide = Callable[[tuple[Holds, ...]], Holds]

_condition = quick(Condition)

GROUPS = {"all": "同时满足", "any": "满足其一", "not": "不满足"}
_LEAF_KEYS = ("field", "op", "value")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition. `expected` is a scalar, a frozenset for lists, or None for `known` and `missing`."""

    fact: Fact
    op: Operator
    expected: Any

    def reader(self) -> Callable[[Any], Condition]:
        """From a value read to its line of the trace. Sets stand as sorted tuples and dates as text, ready for JSON."""
        about = (self.fact.name, self.op.name, _plain(self.expected))
        test, expected = self.op.test, self.expected
        shown = _SHOWN.get(self.fact.type)
        absent = _condition(*about, None, test(MISSING, None) if self.op.asks_presence else None)

        def condition(read: Any) -> Condition:
            if read is MISSING:
                return absent
            return _condition(*about, shown(read) if shown else read, test(read, expected))

        return condition


@dataclass(frozen=True, slots=True)
class Group:
    """`all`, `any` or `not` (one member)."""

    kind: str
    members: tuple[Tree, ...]


Tree = Leaf | Group


def leaves(tree: Tree) -> Iterator[Leaf]:
    """The conditions in the order of the file."""
    if isinstance(tree, Leaf):
        yield tree
    else:
        for member in tree.members:
            yield from leaves(member)


def compiled(tree: Tree) -> Decide:
    """The tree as a function of its leaves' answers, given in the order of `leaves`."""
    if isinstance(tree, Group) and tree.kind != "not" and all(isinstance(member, Leaf) for member in tree.members):
        return _COMBINE[tree.kind]  # most rules look like this: no closure between
    return _decider(tree, iter(range(sum(1 for _ in leaves(tree)))))


def _decider(tree: Tree, places: Iterator[int]) -> Decide:
    if isinstance(tree, Leaf):
        place = next(places)
        return lambda holds: holds[place]
    members = tuple(_decider(member, places) for member in tree.members)
    if tree.kind == "not":
        return _negation(members[0])
    combine = _COMBINE[tree.kind]
    return lambda holds: combine(tuple([member(holds) for member in members]))


def _negation(member: Decide) -> Decide:
    def negated(holds: tuple[Holds, ...]) -> Holds:
        answer = member(holds)
        return None if answer is None else not answer

    return negated


def all_of(answers: tuple[Holds, ...]) -> Holds:
    """Kleene's and."""
    return False if False in answers else None if None in answers else True


def any_of(answers: tuple[Holds, ...]) -> Holds:
    """Kleene's or."""
    return True if True in answers else None if None in answers else False


_COMBINE: Mapping[str, Decide] = {"all": all_of, "any": any_of}


@dataclass(frozen=True, slots=True)
class TreeReader:
    """Turns what stands under `when` into a tree; faults go to the document under the rule's id."""

    document: Document
    vocabulary: FactVocabulary
    rule_id: str | None

    def read(self, data: object, path: Path) -> Tree | None:
        """The tree, or None when something in it is wrong."""
        if not _is_mapping(data):
            self._fault(path, "条件要写成一组键值：all、any、not，或 field、op、value")
            return None
        kinds = [key for key in data if key in GROUPS]
        if not kinds:
            return self._leaf(data, path)
        if len(data) > 1:
            self._fault((*path, kinds[-1]), f"‘{kinds[-1]}’ 要独占一组，不能与别的键并列", at_key=True)
            return None
        return self._group(kinds[0], data[kinds[0]], (*path, kinds[0]))

    def _group(self, kind: str, data: object, path: Path) -> Tree | None:
        if kind == "not":
            member = self.read(data, path)
            return Group(kind, (member,)) if member else None
        if not isinstance(data, list) or not data:
            self._fault(path, f"‘{kind}’ 下要写至少一个条件的列表")
            return None
        members = [self.read(each, (*path, place)) for place, each in enumerate(data)]
        sound = tuple(member for member in members if member is not None)
        return Group(kind, sound) if len(sound) == len(members) else None

    def _leaf(self, data: Mapping[str, Any], path: Path) -> Tree | None:
        known = self._has_known_keys(data, path)
        fact = self._fact(data, path)
        op = self._operator(data, path, fact)
        if fact is None or op is None or not known:
            return None
        return self._with_value(Leaf(fact, op, None), data, path)

    def _has_known_keys(self, data: Mapping[str, Any], path: Path) -> bool:
        strange = [key for key in data if key not in _LEAF_KEYS]
        for key in strange:
            message = f"条件里不认识的键 ‘{key}’{hint(key, (*_LEAF_KEYS, *GROUPS))}"
            self._fault((*path, key), message, at_key=True)
        lacking = [key for key in ("field", "op") if key not in data]
        for key in lacking:
            self._fault(path, f"条件缺少键 ‘{key}’")
        return not strange and not lacking

    def _fact(self, data: Mapping[str, Any], path: Path) -> Fact | None:
        name = data.get("field")
        fact = self.vocabulary.facts.get(name) if isinstance(name, str) else None
        if fact is None and "field" in data:
            self._fault((*path, "field"), f"没有名为 ‘{name}’ 的事实{self.vocabulary.hint(name)}")
        return fact

    def _operator(self, data: Mapping[str, Any], path: Path, fact: Fact | None) -> Operator | None:
        if "op" not in data:
            return None
        name = data["op"]
        op = OPERATORS.get(name) if isinstance(name, str) else None
        if op is None:
            self._fault((*path, "op"), f"不认识的运算符 ‘{name}’{hint(name, OPERATORS)}")
        elif fact is not None and fact.type not in op.fits:
            usable = "、".join(fitting(fact.type))
            self._fault((*path, "op"), f"‘{name}’ 不能用于 {fact.type} 类型的 ‘{fact.name}’，可用：{usable}")
            return None
        return op

    def _with_value(self, leaf: Leaf, data: Mapping[str, Any], path: Path) -> Tree | None:
        here = (*path, "value")
        if leaf.op.takes is Takes.NOTHING:
            if "value" in data:
                self._fault(here, f"‘{leaf.op.name}’ 不带 value", at_key=True)
            return leaf
        if "value" not in data:
            self._fault(path, "条件缺少键 ‘value’")
            return None
        value = data["value"]
        if leaf.op.takes is Takes.MANY:
            return self._with_list(leaf, value, here)
        fault = leaf.fact.wrong_item(value)
        if fault:
            self._fault(here, fault)
            return None
        return Leaf(leaf.fact, leaf.op, value)

    def _with_list(self, leaf: Leaf, value: object, path: Path) -> Tree | None:
        if not isinstance(value, list) or not value:
            self._fault(path, f"‘{leaf.op.name}’ 的 value 要写列表")
            return None
        faults = [(place, fault) for place, each in enumerate(value) if (fault := leaf.fact.wrong_item(each))]
        for place, fault in faults:
            self._fault((*path, place), fault)
        return None if faults else Leaf(leaf.fact, leaf.op, frozenset(value))

    def _fault(self, path: Path, message: str, at_key: bool = False) -> None:
        self.document.fault(path, message, self.rule_id, at_key=at_key)


def _is_mapping(data: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(data, Mapping)


def _sorted(value: frozenset[Any]) -> tuple[Any, ...]:
    return tuple(sorted(value))


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return _sorted(value)
    return value.isoformat() if isinstance(value, date) else value


_SHOWN: Mapping[FactType, Callable[[Any], Any]] = {FactType.SET: _sorted, FactType.DATE: date.isoformat}
