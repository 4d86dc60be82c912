"""One compiled rule: from the values its conditions read to a finding with its whole trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Any

from service.domain.judging import Answer, Condition, Finding
from service.domain.levels import Level
from service.domain.quick import quick
from service.rules.conditions import Decide, Leaf, Tree, compiled, leaves
from service.rules.kept import Kept
from service.rules.schema import RulePart, SpanPart

Reads = tuple[Any, ...]
_NONE: tuple[str, ...] = ()
_finding = quick(Finding)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """`pick` takes the values this rule reads out of all that were read; `findings` answers them."""

    part: RulePart
    tree: Tree
    spans: tuple[SpanPart, ...]
    pick: Callable[[Mapping[str, Any]], Reads]
    findings: Kept[Reads, Finding]

    def applies(self, area: str, on: date) -> bool:
        region = self.part.region
        return all(span.covers(on) for span in self.spans) and (not region or area.startswith(tuple(region)))

    def finding(self, values: Mapping[str, Any]) -> Finding:
        """The answer for values as a FactReader gives them."""
        return self.findings[self.pick(values)]


@dataclass(slots=True)
class RuleCompiler:
    """Compiles the rules of one book; equal conditions of different rules share their kept lines."""

    lines: dict[tuple[str, str, Any], Kept[Any, Condition]] = field(default_factory=dict)

    def compile(self, part: RulePart, tree: Tree, outer: SpanPart) -> Rule:
        own = list(leaves(tree))
        spans = (outer, part.effective) if part.effective else (outer,)
        finder = _Finder(part, tuple(self._lines_of(leaf) for leaf in own), compiled(tree))
        return Rule(part, tree, spans, _picker([leaf.fact.name for leaf in own]), Kept(finder.find))

    def _lines_of(self, leaf: Leaf) -> Kept[Any, Condition]:
        key = (leaf.fact.name, leaf.op.name, leaf.expected)
        return self.lines.setdefault(key, Kept(leaf.reader()))


class _Finder:
    """The slow way to a finding; its answers are kept."""

    __slots__ = ("_clear", "_decide", "_hit", "_lines", "_open")

    def __init__(self, part: RulePart, lines: tuple[Kept[Any, Condition], ...], decide: Decide) -> None:
        then, about = part.then, (part.id, part.name)
        floor = Level(then.level_floor) if then.level_floor else None
        basis = (tuple(basis.text for basis in part.basis), any(basis.unverified for basis in part.basis))
        self._lines = lines
        self._decide = decide
        self._hit = (*about, Answer.HIT, floor, tuple(then.advice), *basis, then.statutory_report, then.life_danger)
        self._clear = (*about, Answer.CLEAR, None, _NONE, *basis, False, False)
        self._open = (*about, Answer.NOT_EVALUATED, None, _NONE, *basis, False, False)

    def find(self, reads: Reads) -> Finding:
        trace = tuple([line[read] for line, read in zip(self._lines, reads, strict=True)])
        holds = self._decide(tuple([line.holds for line in trace]))
        if holds is None:
            return _finding(*self._open, _unknown(trace), trace)
        return _finding(*(self._hit if holds else self._clear), _NONE, trace)


def _unknown(trace: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([line.fact for line in trace if line.holds is None]))


def _picker(names: list[str]) -> Callable[[Mapping[str, Any]], Reads]:
    if len(names) == 1:
        name = names[0]
        return lambda values: (values[name],)
    return itemgetter(*names)
