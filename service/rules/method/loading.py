"""Reads the methods file: every fault with its line and column, every name resolved, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

from service.domain.assessing import Grade
from service.domain.projects import ProjectKind
from service.rules.method import tables
from service.rules.method.cuts import MethodError
from service.rules.method.preset import Checklist, HundredTable, MethodPreset
from service.rules.method.schema import INSIDE, MethodsPart, PresetPart
from service.rules.plain_yaml import Path as At
from service.rules.positions import Document, LoadFailure, hint, read_source
from service.rules.rulebook import canonical, hashed
from service.rules.validation import validated

METHODS_FILE = Path(__file__).with_name("methods.yaml")


class MethodsFileError(LoadFailure):
    """A methods file that cannot be used; `errors` holds every fault with its position."""


@dataclass(frozen=True, slots=True)
class Methods:
    """All presets of one file, as they stand there; `sha256` is that of its canonical form."""

    name: str
    version: str
    sha256: str
    source: str  # that form, as it is kept beside what was graded by it
    presets: tuple[MethodPreset, ...]

    @property
    def checklist(self) -> Checklist:
        """The factors; one list for all presets."""
        return self.presets[0].checklist

    def preset(self, area: str, on: date, name: str | None = None, kind: ProjectKind | None = None) -> MethodPreset:
        """The method in force for an area (12 digits) on a day, or the one of that name whatever the area.

        A longer prefix wins, then a preset made for that kind of project, then the later first day.
        Raises MethodError when nothing is in force.
        """
        if name:
            return self.named(name, on)
        found = [preset for preset in self.presets if _in_time(preset, on) and _suits(preset, area, kind)]
        if not found:
            raise MethodError("preset", f"{area} 于 {on} 没有生效的评估方法")
        return max(found, key=lambda preset: (_closeness(preset, area), bool(preset.kinds), preset.first))

    def named(self, name: str, on: date) -> MethodPreset:
        """The method of that name. Raises MethodError when there is none, or not on that day."""
        found = [preset for preset in self.presets if preset.name == name and _in_time(preset, on)]
        if not found:
            known = [preset.name for preset in self.presets]
            raise MethodError("preset", f"没有名为 ‘{name}’ 且于 {on} 生效的评估方法{hint(name, known)}")
        return found[0]


def load_methods(source: Path | str | bytes = METHODS_FILE, name: str | None = None) -> Methods:
    """Read and check a methods file: a Path is a file, a str or bytes its text. Raises MethodsFileError."""
    document = read_source(source, name)
    part = None if document.errors else validated(MethodsPart, document, (), INSIDE)
    if part is not None:
        _check(part, document)
    if part is None or document.errors:
        raise MethodsFileError(document.errors)
    source = canonical(document.data)
    sha256 = hashed(source)
    made = _Made(part, sha256)
    return Methods(part.methods, part.version, sha256, source, tuple(map(made.preset, part.presets)))


def _in_time(preset: MethodPreset, on: date) -> bool:
    return preset.first <= on <= preset.last


def _suits(preset: MethodPreset, area: str, kind: ProjectKind | None) -> bool:
    here = not preset.by_name_only and _closeness(preset, area) >= 0
    return here and (not preset.kinds or kind in preset.kinds)


def _closeness(preset: MethodPreset, area: str) -> int:
    """Digits of the longest region the area lies in; -1 in none."""
    return max((len(region) for region in preset.regions if area.startswith(region)), default=-1)


class _HasName(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_HasName)

_TABLES = {
    "probability": "scales", "impact": "scales", "classes": "classes", "counts": "counts", "index": "grade_cuts",
    "participants": "grade_cuts", "events": "events", "opposition": "oppositions", "decision": "decisions",
    "doubts": "doubts", "hundred": "hundreds",
}  # fmt: skip


def _check(part: MethodsPart, document: Document) -> None:
    for key in ("presets", *sorted({*_TABLES.values()})):
        _check_unique([each.name for each in getattr(part, key)], document, (key,), "name")
    _check_unique([category.id for category in part.categories], document, ("categories",), "id")
    for place, preset in enumerate(part.presets):
        _check_names(part, preset, document, ("presets", place))
    for place, hundred in enumerate(part.hundreds):
        known = [cuts.name for cuts in part.grade_cuts]
        if hundred.cuts not in known:
            document.fault(("hundreds", place, "cuts"), f"没有名为 ‘{hundred.cuts}’ 的表{hint(hundred.cuts, known)}")
    _check_codes(part, document)
    _check_overlap(part.presets, document)


def _check_unique(names: Iterable[str], document: Document, at: At, key: str) -> None:
    seen: set[str] = set()
    for place, name in enumerate(names):
        if name in seen:
            document.fault((*at, place, key), f"‘{name}’ 重复")
        seen.add(name)


def _check_names(part: MethodsPart, preset: PresetPart, document: Document, at: At) -> None:
    for key, table in _TABLES.items():
        wanted, known = getattr(preset, key), [each.name for each in getattr(part, table)]
        if wanted is not None and wanted not in known:
            document.fault((*at, key), f"没有名为 ‘{wanted}’ 的表{hint(wanted, known)}")
    if "hundred" in preset.columns and preset.hundred is None:
        document.fault((*at, "columns"), "要求百分表这一栏，却没有写 hundred")


def _check_codes(part: MethodsPart, document: Document) -> None:
    """Codes and ids that must be unique inside their table; item ids are so over all categories."""
    for key, inner in (("events", "kinds"), ("oppositions", "indicators"), ("scales", "bands")):
        for place, table in enumerate(getattr(part, key)):
            _check_unique([each.code for each in getattr(table, inner)], document, (key, place, inner), "code")
    for place, hundred in enumerate(part.hundreds):
        _check_unique([item.id for item in hundred.items], document, ("hundreds", place, "items"), "id")
    seen: set[str] = set()
    for place, category in enumerate(part.categories):
        for number, item in enumerate(category.items):
            if item.id in seen:
                document.fault(("categories", place, "items", number, "id"), f"‘{item.id}’ 重复")
            seen.add(item.id)


def _check_overlap(parts: list[PresetPart], document: Document) -> None:
    """Two presets for one region and kind that start on the same day: which is meant cannot be known."""
    seen: set[tuple[str, str, date | None]] = set()
    for place, part in enumerate(parts):
        kinds = set(map(str, part.kinds)) or {""}
        keys = {(region, kind, part.effective.from_) for region in part.region or [""] for kind in kinds}
        if part.by_name_only:
            continue
        if keys & seen:
            document.fault(("presets", place, "name"), f"‘{part.name}’ 与前面的方法同地、同类、同日生效")
        seen |= keys


class _Made:
    """The tables made once and shared by all presets."""

    def __init__(self, part: MethodsPart, sha256: str) -> None:
        self._part, self._sha256 = part, sha256
        self._checklist: Checklist = tables.checklist(part)
        self._hundreds: dict[str, HundredTable] = {
            each.name: tables.hundred(each, _named(part.grade_cuts, each.cuts)) for each in part.hundreds
        }

    def preset(self, part: PresetPart) -> MethodPreset:
        every = self._part
        return MethodPreset(
            name=part.name,
            title=part.title,
            probability=tables.scale(_named(every.scales, part.probability)),
            impact=tables.scale(_named(every.scales, part.impact)),
            classes=tables.classes(_named(every.classes, part.classes)),
            counts=tables.counts(_named(every.counts, part.counts)),
            index=tables.grade_cuts(_named(every.grade_cuts, part.index)),
            participants=tables.grade_cuts(_named(every.grade_cuts, part.participants)),
            events=tables.events(_named(every.events, part.events)),
            opposition=tables.grade_cuts(_named(every.oppositions, part.opposition)),
            indicators=tables.indicators(_named(every.oppositions, part.opposition)),
            decision=tables.decision(_named(every.decisions, part.decision)),
            doubts=tables.doubts(_named(every.doubts, part.doubts)),
            **self._where(part),
            **self._shared(),
            hundred=self._hundreds[part.hundred] if part.hundred else None,
        )

    def _where(self, part: PresetPart) -> dict[str, Any]:
        return {
            "regions": tuple(part.region or [""]),
            "kinds": frozenset(map(ProjectKind, part.kinds)),
            "by_name_only": part.by_name_only,
            "first": part.effective.from_ or date.min,
            "last": part.effective.to or date.max,
            "columns": tuple(part.columns),
        }

    def _shared(self) -> dict[str, Any]:
        return {
            "ahp": tables.ahp(self._part.ahp),
            "missing": Grade(self._part.missing.floor),
            "missing_origin": tables.origin(self._part.missing),
            "checklist": self._checklist,
            "version": self._part.version,
            "sha256": self._sha256,
        }


def _named(parts: list[N], name: str) -> N:
    return next(part for part in parts if part.name == name)
