"""The facts that may be asked of each kind of project, read from several dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from service.domain.projects import ProjectKind
from service.rules.law.derived import Derived, derived
from service.rules.law.schema import DICTIONARY_INSIDE, DictionaryPart
from service.rules.positions import Document, hint
from service.rules.validation import validated
from service.rules.vocabulary import Fact, FactError, FactType, FactVocabulary, facts_from

FIRST_YEAR, LAST_YEAR = 1949, 2199  # a date outside is a slip of the pen

Kinds = frozenset[ProjectKind]


@dataclass(frozen=True, slots=True)
class FactLibrary:
    """`asked` says of which kinds a fact is asked; `fixed` what is so for a whole kind and is not asked of it."""

    facts: Mapping[str, Fact]
    derived: Mapping[str, Derived]
    asked: Mapping[str, Kinds]  # plain and derived facts
    fixed: Mapping[ProjectKind, Mapping[str, Any]]

    def vocabulary(self, name: str, version: str) -> FactVocabulary:
        """Plain and derived facts together, as conditions may ask them."""
        made = {name: each.fact for name, each in self.derived.items()}
        return FactVocabulary(name, version, {**self.facts, **made})

    def of(self, kind: ProjectKind) -> tuple[Fact, ...]:
        """What is asked of a kind, in the order of the files; derived and fixed facts are not asked."""
        fixed = self.fixed.get(kind, {})
        return tuple(fact for name, fact in self.facts.items() if kind in self.asked[name] and name not in fixed)

    def typed(self, kind: ProjectKind, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Facts as they come in JSON, each in its own type: dates from ISO text, sets from lists; None is left out.

        Raises FactError with every bad name and value, one a line, in Chinese.
        """
        known = {fact.name: fact for fact in self.of(kind)}
        result: dict[str, Any] = {}
        faults: list[str] = []
        for name, value in raw.items():
            fact = known.get(name)
            if fact is None:
                faults.append(self._stranger(kind, name, known))
            elif value is not None:
                value = _from_json(fact, value)
                fault = wrong(fact, value)
                faults.extend([fault] if fault else [])
                result[name] = value if fault else fact.normal(value)
        if faults:
            raise FactError("\n".join(faults))
        return result

    def _stranger(self, kind: ProjectKind, name: str, known: Iterable[str]) -> str:
        if name in self.derived:
            return f"‘{name}’ 由 {'、'.join(self.derived[name].inputs)} 推算，不用填写"
        if name in self.fixed.get(kind, {}):
            return f"‘{name}’ 对{kind.zh}是固定的，不用填写"
        if name in self.facts:
            return f"‘{name}’ 不用于{kind.zh}"
        return f"没有名为 ‘{name}’ 的事实{hint(name, known)}"


@dataclass(slots=True)
class LibraryReader:
    """Reads dictionaries one after the other; faults gather in their documents."""

    facts: dict[str, Fact] = field(default_factory=dict)
    derived: dict[str, Derived] = field(default_factory=dict)
    asked: dict[str, Kinds] = field(default_factory=dict)
    fixed: dict[ProjectKind, dict[str, Any]] = field(default_factory=dict)

    def read(self, document: Document) -> None:
        """Take one dictionary in. A derived fact may use the facts of this and of earlier dictionaries."""
        if document.errors:
            return
        part = validated(DictionaryPart, document, (), DICTIONARY_INSIDE)
        if part is None:
            return
        self._note_repeated(part, document)
        kinds = _kinds(part.kinds)
        self.facts |= facts_from(part.facts, part.words, document)
        self.asked |= {each.name: _kinds(each.kinds) if each.kinds else kinds for each in part.facts}
        for place, written in enumerate(part.derived):
            self._derive(derived(written), document, place)
        for word, values in part.fixed.items():
            self._fix(ProjectKind(word), values, document)

    def library(self) -> FactLibrary:
        return FactLibrary(self.facts, self.derived, self.asked, self.fixed)

    def _note_repeated(self, part: DictionaryPart, document: Document) -> None:
        names = [("facts", place, each.name) for place, each in enumerate(part.facts)]
        names += [("derived", place, each.name) for place, each in enumerate(part.derived)]
        for where, place, name in names:
            if name in self.facts or name in self.derived:
                document.fault((where, place, "name"), f"事实 ‘{name}’ 重复")

    def _derive(self, made: Derived, document: Document, place: int) -> None:
        faults = list(self._wrong_inputs(made))
        if made.fact.name in self.derived or made.fact.name in self.facts:
            faults.append(f"事实 ‘{made.fact.name}’ 重复")
        for fault in faults:
            document.fault(("derived", place, "name"), fault)
        if not faults:
            self.derived[made.fact.name] = made
            self.asked[made.fact.name] = frozenset.intersection(*(self.asked[name] for name in made.inputs))

    def _wrong_inputs(self, made: Derived) -> Iterator[str]:
        for name in made.inputs:
            fact = self.facts.get(name)
            if fact is None:
                yield f"没有名为 ‘{name}’ 的事实{hint(name, self.facts)}"
            elif fact.type not in made.wants:
                yield f"‘{made.fact.name}’ 不能由 {fact.type} 类型的 ‘{name}’ 推算"

    def _fix(self, kind: ProjectKind, values: Mapping[str, Any], document: Document) -> None:
        for name, value in values.items():
            fact = self.facts.get(name)
            fault = wrong(fact, value) if fact else f"没有名为 ‘{name}’ 的事实{hint(name, self.facts)}"
            if fault:
                document.fault(("fixed", kind.value, name), fault, at_key=fact is None)
            elif fact:
                self.fixed.setdefault(kind, {})[name] = fact.normal(value)


def _kinds(words: Iterable[str]) -> Kinds:
    return frozenset(map(ProjectKind, words))


def _from_json(fact: Fact, value: Any) -> Any:
    """A date written as text becomes one; what cannot be one stays as it is and is told as wrong."""
    if fact.type is not FactType.DATE or not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return value


def wrong(fact: Fact, value: Any) -> str | None:
    """What is wrong with a value as written in a file or given from outside; None when nothing."""
    fault = fact.wrong(value)
    if fault:
        return fault
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        return f"‘{fact.name}’ 的年份要在 {FIRST_YEAR} 与 {LAST_YEAR} 之间，得到 ‘{value}’"
    if fact.type in (FactType.INT, FactType.FLOAT) and value < 0:
        return f"‘{fact.name}’ 不能小于 0，得到 ‘{value}’"
    return None
