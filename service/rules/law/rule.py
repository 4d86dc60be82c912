"""One compiled check: from the values it reads to a finding with trace, due day and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from service.domain.assessing import LegalFinding, Severity
from service.domain.judging import Answer, Condition
from service.domain.projects import ProjectKind
from service.domain.quick import quick
from service.rules.conditions import Decide, Holds, Tree, all_of, compiled, leaves
from service.rules.law.derived import Clock, IsWorkday, clock
from service.rules.law.schema import LawRulePart
from service.rules.schema import SpanPart
from service.rules.vocabulary import MISSING

_finding = quick(LegalFinding)
_condition = quick(Condition)
Unknown = Callable[[str], tuple[str, ...]]
_ANSWERS = {True: Answer.HIT, False: Answer.CLEAR, None: Answer.NOT_EVALUATED}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check is asked about: the values of plain and derived facts, the day, the calendar.

    `unknown` names the plain facts for whose sake a fact is not known.
    """

    values: Mapping[str, Any]
    on: date
    is_workday: IsWorkday
    unknown: Unknown


@dataclass(frozen=True, slots=True, eq=False)
class LawRule:
    """`tree` None: the clock is the only condition."""

    part: LawRulePart
    tree: Tree | None
    outer: SpanPart
    kinds: frozenset[ProjectKind] = field(init=False)
    clock: Clock | None = field(init=False)
    basis: tuple[str, ...] = field(init=False)
    unverified: bool = field(init=False)
    severity: Severity = field(init=False)
    _lines: tuple[tuple[str, Callable[[Any], Condition]], ...] = field(init=False)
    _decide: Decide | None = field(init=False)

    def __post_init__(self) -> None:
        part = self.part
        own = list(leaves(self.tree)) if self.tree else []
        made = {
            "kinds": frozenset(map(ProjectKind, part.kinds)),
            "clock": clock(part.due) if part.due else None,
            "basis": tuple(basis.text for basis in part.basis),
            "unverified": any(basis.unverified for basis in part.basis),
            "severity": Severity(part.severity),
            "_lines": tuple((leaf.fact.name, leaf.reader()) for leaf in own),
            "_decide": compiled(self.tree) if self.tree else None,
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def names(self) -> tuple[str, ...]:
        """The facts it reads, plain and derived."""
        own = [name for name, _ in self._lines]
        timed = [self.clock.start, self.clock.done] if self.clock else []
        return tuple(dict.fromkeys([*own, *filter(None, timed)]))

    def spans(self) -> tuple[SpanPart, ...]:
        return (self.outer, self.part.effective) if self.part.effective else (self.outer,)

    def applies(self, kind: ProjectKind, area: str, on: date) -> bool:
        region = self.part.region
        placed = not region or area.startswith(tuple(region))
        return placed and kind in self.kinds and all(span.covers(on) for span in self.spans())

    def finding(self, asked: Asked) -> LegalFinding:
        trace = [line(asked.values[name]) for name, line in self._lines]
        holds = self._decide(tuple([line.holds for line in trace])) if self._decide else True
        due = self.clock.due(asked.values, asked.is_workday) if self.clock else None
        if self.clock and self.clock.done:
            late = self._late(self.clock.done, due, asked)
            trace.append(late)
            holds = all_of((holds, late.holds))
        part = self.part
        about = (part.id, part.name, _ANSWERS[holds], self.severity, self.basis, self.unverified, part.remedy)
        missing = self._missing(trace, due, asked) if holds is None else ()
        return _finding(*about, None if holds is False else due, missing, tuple(trace))

    def _missing(self, trace: list[Condition], due: date | None, asked: Asked) -> tuple[str, ...]:
        unknown = [name for line in trace if line.holds is None for name in asked.unknown(line.fact)]
        if self.clock and self.clock.done and due is None:
            unknown.append(self.clock.start)
        return tuple(dict.fromkeys(unknown))

    def _late(self, done: str, due: date | None, asked: Asked) -> Condition:
        """A thing not done yet has no date: once the clock has run out, that is a hit and not a doubt."""
        day = asked.values[done]
        if due is None:
            return _condition(done, ">", None, None if day is MISSING else day.isoformat(), None)
        if day is MISSING:
            holds: Holds = True if asked.on > due else None
            return _condition(done, ">", due.isoformat(), None, holds)
        return _condition(done, ">", due.isoformat(), day.isoformat(), day > due)
