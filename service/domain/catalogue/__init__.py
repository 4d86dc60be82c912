"""The closed vocabularies kept as data beside this module: categories in two levels, signals with definitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from service.domain.yaml_files import read_yaml

HERE = Path(__file__).parent
UNSORTED = "other"


@dataclass(frozen=True, slots=True)
class Category:
    """A category (事项类别); `parent` is None on the first level."""

    code: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Signal:
    """A fact about an event (信号), with its definition."""

    code: str
    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Categories and signals by code."""

    version: str
    categories: dict[str, Category]
    signals: dict[str, Signal]

    @property
    def first_levels(self) -> tuple[str, ...]:
        return tuple(code for code, category in self.categories.items() if category.parent is None)

    def first_level(self, code: str) -> str:
        """The first-level code of a category: labour.wage_arrears → labour."""
        return self.categories[code].parent or code

    def category_name(self, code: str) -> str:
        return self.categories[code].name if code in self.categories else code

    def signal_names(self, codes: Iterable[str]) -> list[str]:
        return [self.signals[code].name if code in self.signals else code for code in sorted(codes)]

    def category_like(self, code: str) -> str | None:
        """The known code or Chinese name most like a misspelt one."""
        return _like(code, self.categories, {c.name: c.code for c in self.categories.values()})

    def signal_like(self, code: str) -> str | None:
        return _like(code, self.signals, {s.name: s.code for s in self.signals.values()})


def load_catalogue(folder: Path = HERE) -> Catalogue:
    """Read categories.yaml and signals.yaml."""
    categories = read_yaml(folder / "categories.yaml")
    signals = read_yaml(folder / "signals.yaml")
    return Catalogue(
        version=f"{categories['version']}+{signals['version']}",
        categories={category.code: category for row in categories["categories"] for category in _family(row)},
        signals={row["code"]: Signal(**row) for row in signals["signals"]},
    )


def _family(row: dict[str, Any]) -> list[Category]:
    children = [Category(child["code"], child["name"], row["code"]) for child in row.get("children", [])]
    return [Category(row["code"], row["name"], None), *children]


def _like(code: str, known: Iterable[str], names: dict[str, str]) -> str | None:
    if code in names:
        return names[code]
    return next(iter(get_close_matches(code, list(known), n=1, cutoff=0.5)), None)
