"""A rulebook is loaded whole or not at all; a holder swaps it while others read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

from service.rules.checking import RulesetChecker
from service.rules.conditions import leaves
from service.rules.kept import Kept
from service.rules.positions import Document, LoadError, LoadFailure, read_source
from service.rules.rule import Rule
from service.rules.vocabulary import FactReader, FactVocabulary

RULEBOOKS = Path(__file__).with_name("rulebooks")
INCIDENT_RULEBOOK = RULEBOOKS / "incident.yaml"


class RulebookError(LoadFailure):
    """A rulebook that cannot be used; `errors` holds every fault with its position."""


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """Compiled rules. `sha256` is that of the canonical form: comments, order of keys and spacing do not count."""

    name: str
    title: str
    version: str
    sha256: str
    rules: tuple[Rule, ...]
    vocabulary: FactVocabulary
    reader: FactReader = field(init=False)
    _depth: int = field(init=False)
    _active: Kept[tuple[str, date], tuple[Rule, ...]] = field(init=False)

    def __post_init__(self) -> None:
        asked = {leaf.fact.name: None for rule in self.rules for leaf in leaves(rule.tree)}
        prefixes = [len(prefix) for rule in self.rules for prefix in rule.part.region]
        object.__setattr__(self, "reader", self.vocabulary.reader(asked))
        object.__setattr__(self, "_depth", max(prefixes, default=0))
        object.__setattr__(self, "_active", Kept(lambda place: _active(self.rules, *place)))

    def active(self, area: str, on: date) -> tuple[Rule, ...]:
        """The rules that apply in an area (12 digits) on a day, in the order of the file."""
        return self._active[area[: self._depth], on]

    def rule(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.part.id == rule_id), None)


def load_rulebook(source: Path | str | bytes, vocabulary: FactVocabulary, name: str | None = None) -> Rulebook:
    """Read, check, compile and test a rulebook: a Path is a file, a str or bytes its text.

    `name` is how faults call the file. Raises RulebookError with every fault found.
    """
    return load_document(read_source(source, name), vocabulary)


def load_document(document: Document, vocabulary: FactVocabulary) -> Rulebook:
    """The same from a document already read."""
    checker = RulesetChecker(document, vocabulary)
    checker.run()
    if document.errors or checker.head is None:
        raise RulebookError(document.errors)
    return Rulebook(
        name=checker.head.ruleset,
        title=checker.head.title,
        version=checker.head.version,
        sha256=digest(document.data),
        rules=tuple(checker.rules),
        vocabulary=vocabulary,
    )


@dataclass(frozen=True, slots=True)
class Reload:
    """What a reload did. `current` is the rulebook in use afterwards, new or last good."""

    accepted: bool
    current: Rulebook
    errors: tuple[LoadError, ...] = ()


class RulebookHolder:
    """The rulebook in use. Readers take `current` once per subject and keep it to the end of that subject."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._current = rulebook
        self._one_at_a_time = Lock()

    @property
    def current(self) -> Rulebook:
        return self._current

    def reload(self, source: Path | str | bytes, name: str | None = None) -> Reload:
        """Load beside the current rulebook and swap it in whole; with any fault the current one stays."""
        with self._one_at_a_time:
            try:
                self._current = load_rulebook(source, self._current.vocabulary, name)
            except RulebookError as failure:
                return Reload(False, self._current, failure.errors)
            return Reload(True, self._current)


def _active(rules: Iterable[Rule], area: str, on: date) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.applies(area, on))


def digest(data: Any) -> str:
    """SHA-256 of the canonical form of what a file holds: comments, order of keys and spacing do not count."""
    return hashed(canonical(data))


def hashed(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(data: Any) -> str:
    """What a file holds, written in one way only."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_day)


def _day(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"cannot stand in a rulebook: {value!r}")
