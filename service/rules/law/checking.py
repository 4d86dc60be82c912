"""From the files of a law book to compiled checks: every fault of every file is found in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from service.domain.projects import ProjectKind
from service.rules.checking import note_bad_givens, note_lacking_tests, note_repeated_ids
from service.rules.conditions import Group, Tree, TreeReader
from service.rules.law.library import FactLibrary, LibraryReader, wrong
from service.rules.law.rule import LawRule
from service.rules.law.schema import RULE_INSIDE, IndexPart, LawRulePart, LawRulesPart
from service.rules.plain_yaml import Path
from service.rules.positions import Document, hint, read_source
from service.rules.schema import SpanPart
from service.rules.validation import validated
from service.rules.vocabulary import FactType, FactVocabulary

ANSWERS = ("hit", "clear", "not_evaluated")
"""What every check must have been seen to answer in its own tests."""

_NO_LIBRARY = FactLibrary({}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class Placed:
    """A compiled check and where it stands."""

    rule: LawRule
    document: Document
    path: Path


@dataclass(slots=True)
class LawReader:
    """Reads an index and the files it names, all relative to `folder`; faults gather in `documents`."""

    index: Document
    folder: FilePath
    head: IndexPart | None = None
    library: FactLibrary = _NO_LIBRARY
    documents: list[Document] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)

    def read(self) -> None:
        self.documents.append(self.index)
        self.head = None if self.index.errors else validated(IndexPart, self.index, (), {})
        if self.head is None:
            return
        facts = LibraryReader()
        for name in self.head.facts:
            facts.read(self._opened(name))
        self.library = facts.library()
        if not self._is_sound():
            return  # every rule would be told to ask for facts that are only misspelt there
        vocabulary = self.library.vocabulary(self.head.lawbook, self.head.version)
        seen: dict[str, tuple[str, int]] = {}
        for name in self.head.rules:
            _FileReader(self._opened(name), vocabulary, self.library, self.placed).read(seen)
        self._check_overrides()

    def _opened(self, name: str) -> Document:
        document = read_source(self.folder / name)
        self.documents.append(document)
        return document

    def _is_sound(self) -> bool:
        return not any(document.errors for document in self.documents)

    def _check_overrides(self) -> None:
        by_id = {each.rule.part.id: each.rule for each in self.placed}
        for each in self.placed:
            for place, name in enumerate(each.rule.part.overrides):
                fault = _wrong_override(each.rule, name, by_id)
                if fault:
                    each.document.fault((*each.path, "overrides", place), fault, each.rule.part.id)


@dataclass(slots=True)
class _FileReader:
    """Reads one file of rules."""

    document: Document
    vocabulary: FactVocabulary
    library: FactLibrary
    placed: list[Placed]
    outer: SpanPart = field(default_factory=SpanPart)
    only_if: Tree | None = None

    def read(self, seen: dict[str, tuple[str, int]]) -> None:
        data = self.document.data
        if self.document.errors:
            return
        head = validated(LawRulesPart, self.document, (), {"effective": SpanPart})
        if head:
            self.outer = head.effective
            if head.only_if:
                self.only_if = TreeReader(self.document, self.vocabulary, None).read(head.only_if, ("only_if",))
        raw = data.get("rules") if isinstance(data, dict) else None
        rules = raw if isinstance(raw, list) else []
        for place, each in enumerate(rules):
            self._read_rule(each, ("rules", place))
        note_repeated_ids(self.document, rules, seen)

    def _read_rule(self, raw: object, path: Path) -> None:
        if not isinstance(raw, dict):
            self.document.fault(path, "一条规则要写成一组键值")
            return
        before = len(self.document.errors)
        rule_id = raw["id"] if isinstance(raw.get("id"), str) else None
        part = validated(LawRulePart, self.document, path, RULE_INSIDE, rule_id)
        tree = self._tree(raw, path, rule_id)
        plain = replace(self.vocabulary, facts=self.library.facts)  # what is derived cannot be given
        note_bad_givens(self.document, plain, raw.get("tests"), (*path, "tests"), rule_id)
        if part is not None and len(self.document.errors) == before:
            self._check_bounds(part, path)
        if part is None or len(self.document.errors) > before:
            return
        note_lacking_tests(self.document, part.tests, ANSWERS, (*path, "tests"), part.id)
        self._check_due(part, path)
        if len(self.document.errors) > before:
            return
        rule = LawRule(part, tree, self.outer)
        self._check_asked(rule, path)
        self.placed.append(Placed(rule, self.document, path))

    def _tree(self, raw: Mapping[str, Any], path: Path, rule_id: str | None) -> Tree | None:
        if raw.get("when") is None:
            return self.only_if
        tree = TreeReader(self.document, self.vocabulary, rule_id).read(raw["when"], (*path, "when"))
        return Group("all", (self.only_if, tree)) if tree and self.only_if else tree

    def _check_bounds(self, part: LawRulePart, path: Path) -> None:
        for place, test in enumerate(part.tests):
            for name, value in test.given.items():
                fault = wrong(self.library.facts[name], value)
                if fault:
                    self.document.fault((*path, "tests", place, "given", name), fault, part.id)

    def _check_due(self, part: LawRulePart, path: Path) -> None:
        asked = {"from": part.due.from_, "done": part.due.done} if part.due else {}
        for key, name in asked.items():
            fact = self.library.facts.get(name) if name else None
            fault = None if fact or not name else f"没有名为 ‘{name}’ 的事实{hint(name, self.library.facts)}"
            if fact and fact.type is not FactType.DATE:
                fault = f"‘{name}’ 是 {fact.type} 类型，期限只能从日期算起"
            if fault:
                self.document.fault((*path, "due", key), fault, part.id)

    def _check_asked(self, rule: LawRule, path: Path) -> None:
        """A check may only ask what is asked of every kind it applies to."""
        for name in rule.names():
            strange = sorted(kind.value for kind in rule.kinds - self.library.asked[name])
            if strange:
                message = f"事实 ‘{name}’ 不用于 {'、'.join(strange)}"
                self.document.fault((*path, "kinds"), message, rule.part.id)


def _wrong_override(rule: LawRule, name: str, by_id: Mapping[str, LawRule]) -> str | None:
    other = by_id.get(name)
    if other is None:
        return f"没有编号为 ‘{name}’ 的规则{hint(name, by_id)}"
    if other is rule:
        return "规则不能替代自己"
    shared: frozenset[ProjectKind] = rule.kinds & other.kinds
    return None if shared else f"‘{name}’ 与本规则没有共同的项目种类"
