"""A law book: fact dictionaries and checks, loaded whole or not at all, and what it answers about a project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from service.domain.assessing import LegalFinding
from service.domain.projects import ProjectKind
from service.rules.checking import trace_line
from service.rules.kept import Kept
from service.rules.law.checking import LawReader
from service.rules.law.derived import Derived, IsWorkday, is_weekday
from service.rules.law.library import FactLibrary
from service.rules.law.rule import Asked, LawRule
from service.rules.law.schema import IndexPart, LawExamplePart
from service.rules.positions import LoadFailure, read_source
from service.rules.rulebook import canonical, hashed
from service.rules.vocabulary import MISSING, Fact, FactReader

LAW_BOOK = Path(__file__).with_name("law.yaml")


class LawBookError(LoadFailure):
    """A law book that cannot be used; `errors` holds every fault of every file with its position."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What the checks of one kind read: plain facts, those made of them, those that are fixed."""

    reader: FactReader
    derived: tuple[tuple[str, Derived], ...]
    fixed: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class LawBook:
    """Compiled checks. `sha256` is that of the canonical form of all its files together."""

    name: str
    title: str
    version: str
    sha256: str
    source: str  # that form, as it is kept beside what was judged by it
    rules: tuple[LawRule, ...]
    library: FactLibrary
    is_workday: IsWorkday
    _sheets: Mapping[ProjectKind, _Sheet] = field(init=False)
    _depth: int = field(init=False)
    _active: Kept[tuple[ProjectKind, str, date], tuple[LawRule, ...]] = field(init=False)

    def __post_init__(self) -> None:
        prefixes = [len(prefix) for rule in self.rules for prefix in rule.part.region]
        object.__setattr__(self, "_sheets", {kind: self._sheet(kind) for kind in ProjectKind})
        object.__setattr__(self, "_depth", max(prefixes, default=0))
        object.__setattr__(self, "_active", Kept(lambda place: _active(self.rules, *place)))

    def facts(self, kind: ProjectKind) -> tuple[Fact, ...]:
        """What is asked of a kind of project, in the order to ask it."""
        return self.library.of(kind)

    def typed(self, kind: ProjectKind, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Facts as they come in JSON, each in its type. Raises FactError with every bad name and value, in Chinese."""
        return self.library.typed(kind, raw)

    def active(self, kind: ProjectKind, area: str, on: date) -> tuple[LawRule, ...]:
        """The checks that apply to a kind in an area (12 digits) on a day, in the order of the files."""
        return self._active[kind, area[: self._depth], on]

    def found(self, rule_id: str) -> tuple[LawRule, ...]:
        """The check of this id, or all checks of this row of the table."""
        return tuple(rule for rule in self.rules if rule_id in (rule.part.id, rule.part.row))

    def asked(self, kind: ProjectKind, facts: Mapping[str, Any], on: date, calendar: IsWorkday | None = None) -> Asked:
        """Facts with those made of them, by the book's calendar unless given another.

        Raises FactError when one has a value of another type.
        """
        is_workday = calendar or self.is_workday
        sheet = self._sheets[kind]
        values = sheet.reader.read({**facts, **sheet.fixed})
        for name, made in sheet.derived:
            values[name] = made.value(values, is_workday)

        def unknown(name: str) -> tuple[str, ...]:
            made = self.library.derived.get(name)
            return made.unknown(values) if made else (name,) if values[name] is MISSING else ()

        return Asked(values, on, is_workday, unknown)

    def _sheet(self, kind: ProjectKind) -> _Sheet:
        read = dict.fromkeys(name for rule in self.rules if kind in rule.kinds for name in rule.names())
        derived = {name: self.library.derived[name] for name in read if name in self.library.derived}
        plain = dict.fromkeys([*read, *(name for made in derived.values() for name in made.inputs)])
        reader = FactReader([self.library.facts[name] for name in plain if name not in derived])
        return _Sheet(reader, tuple(derived.items()), self.library.fixed.get(kind, {}))


def check(law: LawBook, kind: ProjectKind, facts: Mapping[str, Any], area: str, on: date) -> tuple[LegalFinding, ...]:
    """The answer of every check that applies to a kind of project in `area` (12 digits) on day `on`.

    A fact that is absent, None or MISSING is not known; facts that no check asks are ignored. Raises FactError when
    an asked fact has a value of another type: give what `LawBook.typed` returns.
    """
    asked = law.asked(kind, facts, on)
    return tuple([rule.finding(asked) for rule in law.active(kind, area, on)])


def load_law(index: Path = LAW_BOOK, *, is_workday: IsWorkday) -> LawBook:
    """Read, check, compile and test a law book, given the file that names its others. Raises LawBookError."""
    reader = LawReader(read_source(index), index.parent)
    reader.read()
    head = _sound(reader)
    source = canonical([document.data for document in reader.documents])
    book = LawBook(
        name=head.lawbook,
        title=head.title,
        version=head.version,
        sha256=hashed(source),
        source=source,
        rules=tuple(each.rule for each in reader.placed),
        library=reader.library,
        is_workday=is_workday,
    )
    for each in reader.placed:
        for place, key, failure in failed_examples(book, each.rule):
            each.document.fault((*each.path, "tests", place, key), failure, each.rule.part.id)
    _sound(reader)
    return book


def examples(book: LawBook, rule: LawRule) -> Iterator[tuple[int, LawExamplePart, LegalFinding]]:
    """A check's own tests in order, each with the finding it really gets, whatever its region and dates.

    They ask about a project of the first kind that the check names, and know no holidays.
    """
    kind = ProjectKind(rule.part.kinds[0])
    for place, test in enumerate(rule.part.tests):
        yield place, test, rule.finding(book.asked(kind, test.given, test.on, is_weekday))


def failed_examples(book: LawBook, rule: LawRule) -> Iterator[tuple[int, str, str]]:
    """The own tests that do not get what they expect: (place in the list, which expectation, what happened)."""
    for place, test, finding in examples(book, rule):
        if finding.answer.value != test.expect:
            trace = "；".join(map(trace_line, finding.trace))
            yield place, "expect", f"自带测试 {place + 1} 应为 {test.expect}，得到 {finding.answer.value}：{trace}"
        elif test.due not in (None, finding.due):
            yield place, "due", f"自带测试 {place + 1} 的期限应为 {test.due}，得到 {finding.due}"


def _sound(reader: LawReader) -> IndexPart:
    errors = [error for document in reader.documents for error in document.errors]
    if errors or reader.head is None:
        raise LawBookError(errors)
    return reader.head


def _active(rules: Iterable[LawRule], kind: ProjectKind, area: str, on: date) -> tuple[LawRule, ...]:
    applying = [rule for rule in rules if rule.applies(kind, area, on)]
    overridden = {rule_id for rule in applying for rule_id in rule.part.overrides}
    return tuple(rule for rule in applying if rule.part.id not in overridden)
