"""Reads which matters show which predicted factor: every fault with its line and column, every name resolved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field, model_validator

from service.domain.catalogue import Catalogue
from service.rules.method.parts import Code
from service.rules.method.preset import Checklist
from service.rules.plain_yaml import Path as At
from service.rules.positions import Document, LoadFailure, hint, read_source
from service.rules.rulebook import canonical, hashed
from service.rules.schema import Text
from service.rules.validation import Part, validated

WATCH_FILE = Path(__file__).with_name("watch.yaml")


class WatchFileError(LoadFailure):
    """A watch file that cannot be used; `errors` holds every fault with its position."""


@dataclass(frozen=True, slots=True)
class ShownBy:
    """One way in which a matter shows a factor; None asks nothing of categories or signals."""

    categories: frozenset[str] | None
    signals: frozenset[str] | None

    def fits(self, category: str, signals: Collection[str]) -> bool:
        """Whether a matter of that category with these signals shows it."""
        inside = self.categories is None or not self.categories.isdisjoint((category, category.split(".")[0]))
        return inside and (self.signals is None or not self.signals.isdisjoint(signals))


@dataclass(frozen=True, slots=True)
class WatchTable:
    """The whole table; `source` is its canonical form, `sha256` that form's hash."""

    name: str
    version: str
    sha256: str
    source: str
    origin: str  # where it comes from, Chinese
    unverified: bool
    by_factor: Mapping[str, tuple[ShownBy, ...]]

    def shown_by(self, factor_id: str, category: str) -> tuple[ShownBy, ...]:
        """The lines of the factor itself, or else those of its category; () when no report can show it."""
        own = self.by_factor.get(factor_id)
        return self.by_factor.get(category, ()) if own is None else own


class _ShownByPart(Part):
    categories: list[Text] | None = Field(default=None, min_length=1)
    signals: list[Text] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _asks_something(self) -> _ShownByPart:
        if self.categories is None and self.signals is None:
            raise ValueError("‘shown_by’ 的一行至少要写 categories 或 signals")
        return self


class _FactorPart(Part):
    factor: Code
    shown_by: list[_ShownByPart]


class _WatchPart(Part):
    watch: Text
    version: Text
    source: Text
    unverified: bool
    factors: list[_FactorPart] = Field(min_length=1)


_INSIDE: dict[str, type[BaseModel]] = {"factors": _FactorPart, "shown_by": _ShownByPart}


def load_watch(
    checklist: Checklist, catalogue: Catalogue, source: Path | str | bytes = WATCH_FILE, name: str | None = None
) -> WatchTable:
    """Read and check a watch file against the checklist's factors and the catalogue. Raises WatchFileError."""
    document = read_source(source, name)
    part = None if document.errors else validated(_WatchPart, document, (), _INSIDE)
    if part is not None:
        _check_factors(part, checklist, document)
        _check_words(part, catalogue, document)
    if part is None or document.errors:
        raise WatchFileError(document.errors)
    text = canonical(document.data)
    by_factor = {each.factor: tuple(map(_shown_by, each.shown_by)) for each in part.factors}
    return WatchTable(part.watch, part.version, hashed(text), text, part.source, part.unverified, by_factor)


def _shown_by(part: _ShownByPart) -> ShownBy:
    return ShownBy(
        None if part.categories is None else frozenset(part.categories),
        None if part.signals is None else frozenset(part.signals),
    )


def _check_factors(part: _WatchPart, checklist: Checklist, document: Document) -> None:
    known = {category.category_id for category in checklist.categories}
    known |= {item.item_id for category in checklist.categories for item in category.items}
    seen: set[str] = set()
    for place, each in enumerate(part.factors):
        at: At = ("factors", place, "factor")
        if each.factor not in known:
            document.fault(at, f"因素表中没有 ‘{each.factor}’{hint(each.factor, known)}")
        if each.factor in seen:
            document.fault(at, f"‘{each.factor}’ 重复")
        seen.add(each.factor)


def _check_words(part: _WatchPart, catalogue: Catalogue, document: Document) -> None:
    lines = [
        (("factors", place, "shown_by", number), line)
        for place, each in enumerate(part.factors)
        for number, line in enumerate(each.shown_by)
    ]
    for at, line in lines:
        _check_known(line.categories, catalogue.categories, document, (*at, "categories"))
        _check_known(line.signals, catalogue.signals, document, (*at, "signals"))


def _check_known(words: list[str] | None, known: Collection[str], document: Document, at: At) -> None:
    for place, word in enumerate(words or ()):
        if word not in known:
            document.fault((*at, place), f"目录中没有 ‘{word}’{hint(word, known)}")
