"""What may be asked of a subject: facts with a type, a unit and a meaning. An engine is given one vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from math import isnan
from pathlib import Path as FilePath
from typing import Any, Final, Literal

from pydantic import Field

from service.domain.levels import Level
from service.rules.positions import Document, LoadFailure, hint, read_source
from service.rules.validation import Part, validated


class _Missing(Enum):
    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing.MISSING
"""A fact that is not known. None and an absent key mean the same."""


class FactType(StrEnum):
    """What kind of value a fact has."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    TEXT = "text"
    SET = "set"
    DATE = "date"


_TYPE_WORDS = {
    FactType.INT: "整数",
    FactType.FLOAT: "数字",
    FactType.BOOL: "true 或 false",
    FactType.TEXT: "文字",
    FactType.SET: "列表",
    FactType.DATE: "日期",
}
_EXACT: dict[FactType, type] = {
    FactType.INT: int,
    FactType.BOOL: bool,
    FactType.TEXT: str,
    FactType.SET: frozenset,
    FactType.DATE: date,
}


class FactError(ValueError):
    """A fact was given a value that is not of its type, or a name that is not in the vocabulary."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One question. `words` is the closed list of codes with Chinese names, or None when any text may stand.

    `ceiling` is the highest level a rule may give that asks this fact: weak evidence never reaches red.
    """

    name: str
    type: FactType
    label: str
    question: str
    source: str
    unit: str = ""
    words: Mapping[str, str] | None = None
    ceiling: Level | None = None

    def wrong(self, value: object) -> str | None:
        """What is wrong with a whole value of this fact as written in a file (sets are lists); None when nothing."""
        if self.type is not FactType.SET:
            return self.wrong_item(value)
        if not isinstance(value, list | tuple | set | frozenset):
            return f"‘{self.name}’ 要写{_TYPE_WORDS[self.type]}，得到 ‘{value}’"
        return next((fault for item in value if (fault := self.wrong_item(item))), None)

    def wrong_item(self, value: object) -> str | None:
        """The same for one value: an element of a set, or the value of any other fact."""
        item_type = FactType.TEXT if self.type is FactType.SET else self.type
        if not _is_a(value, item_type):
            return f"‘{self.name}’ 要写{_TYPE_WORDS[item_type]}，得到 ‘{value}’"
        if self.words is not None and value not in self.words:
            return f"‘{self.name}’ 没有 ‘{value}’ 这个取值{_word_hint(str(value), self.words)}"
        return None

    def normal(self, value: object) -> Any:
        """The value in its one form: sets frozen, floats as float, None as MISSING. Raises FactError."""
        if value is None or value is MISSING:
            return MISSING
        if self.type is FactType.SET and isinstance(value, set | list | tuple | frozenset):
            return frozenset(value)
        if not _is_a(value, self.type):
            raise FactError(f"事实 ‘{self.name}’ 应为{_TYPE_WORDS[self.type]}，得到 {value!r}")
        return float(value) if self.type is FactType.FLOAT else value  # type: ignore[arg-type]

    def shown(self, value: object) -> str:
        """A value in Chinese: codes by their names, numbers with their unit."""
        if value is None or value is MISSING:
            return "缺少"
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, list | tuple | set | frozenset):
            return "、".join(self.shown(item) for item in sorted(value, key=str)) or "（无）"
        if self.words is not None:
            return self.words.get(str(value), str(value))
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{text} {self.unit}" if self.unit else text


@dataclass(frozen=True, slots=True)
class FactVocabulary:
    """The facts one kind of rulebook may ask."""

    name: str
    version: str
    facts: Mapping[str, Fact]

    def reader(self, names: Iterable[str]) -> FactReader:
        """A reader of just these facts."""
        return FactReader([self.facts[name] for name in names])

    def checked(self, given: Mapping[str, object]) -> list[tuple[str, str]]:
        """What is wrong with facts as written in a file: (name, message) for each fault."""
        faults = []
        for name, value in given.items():
            fact = self.facts.get(name)
            fault = fact.wrong(value) if fact else f"没有名为 ‘{name}’ 的事实{self.hint(name)}"
            if fault:
                faults.append((name, fault))
        return faults

    def hint(self, name: object) -> str:
        return hint(name, self.facts)


class FactReader:
    """Reads the wanted facts of a subject, each in its one form, in a fixed order."""

    __slots__ = ("_wanted",)

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._wanted = tuple((fact.name, _EXACT.get(fact.type), fact) for fact in facts)

    def read(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Every wanted fact by name; what is not known is MISSING. Raises FactError on a wrong type."""
        get = facts.get
        return {
            name: value if type(value := get(name, MISSING)) is exact else fact.normal(value)
            for name, exact, fact in self._wanted
        }


class FactPart(Part):
    """One fact as it is written; `vocabulary` names its closed list of words."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: Literal["int", "float", "bool", "text", "set", "date"]
    label: str
    question: str
    source: str
    unit: str = ""
    vocabulary: str | None = None
    ceiling: Literal["blue", "yellow", "orange"] | None = None


class _FactsPart(Part):
    vocabulary: str
    version: str
    facts: list[FactPart] = Field(min_length=1)


def load_vocabulary(source: FilePath | str, words: Mapping[str, Mapping[str, str]]) -> FactVocabulary:
    """Read a facts file. `words` holds the closed lists its facts refer to. Raises LoadFailure."""
    document = read_source(source)
    part = None
    if not document.errors:
        part = validated(_FactsPart, document, (), {"facts": FactPart})
    facts = facts_from(part.facts, words, document) if part else {}
    if part is None or document.errors:
        raise LoadFailure(document.errors)
    return FactVocabulary(part.vocabulary, part.version, facts)


def facts_from(
    parts: Iterable[FactPart], words: Mapping[str, Mapping[str, str]], document: Document
) -> dict[str, Fact]:
    """The facts that stand under `facts`, by name; a name that comes twice or a strange list of words is a fault."""
    facts: dict[str, Fact] = {}
    for place, part in enumerate(parts):
        if part.name in facts:
            document.fault(("facts", place, "name"), f"事实 ‘{part.name}’ 重复")
        if part.vocabulary is not None and part.vocabulary not in words:
            message = f"没有词表 ‘{part.vocabulary}’{hint(part.vocabulary, words)}"
            document.fault(("facts", place, "vocabulary"), message)
        facts[part.name] = _fact(part, words)
    return facts


def _fact(part: FactPart, words: Mapping[str, Mapping[str, str]]) -> Fact:
    return Fact(
        name=part.name,
        type=FactType(part.type),
        label=part.label,
        question=part.question,
        source=part.source,
        unit=part.unit,
        words=words.get(part.vocabulary) if part.vocabulary else None,
        ceiling=Level(part.ceiling) if part.ceiling else None,
    )


def _is_a(value: object, kind: FactType) -> bool:
    if kind is FactType.FLOAT:
        return isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value)
    if kind is FactType.DATE:
        return isinstance(value, date) and not isinstance(value, datetime)
    wanted = _EXACT[kind]
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _word_hint(value: str, words: Mapping[str, str]) -> str:
    by_name = {name: code for code, name in words.items()}
    return f" (did you mean ‘{by_name[value]}’?)" if value in by_name else hint(value, words)
