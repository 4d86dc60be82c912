"""The numbers a method cuts with: scales of p and q, classes of R, count rules, where grades begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from service.domain.assessing import Grade, RiskClass

_CLASSES = tuple(RiskClass)


class MethodError(ValueError):
    """What was given cannot be used. `where` names the part of `Given`; the text (Chinese) says what to do."""

    def __init__(self, where: str, text: str) -> None:
        self.where = where
        super().__init__(f"{where}：{text}")


def worst(grades: Iterable[Grade]) -> Grade:
    """The highest of some grades; 低 of none."""
    found = set(grades)
    if Grade.HIGH in found:
        return Grade.HIGH
    return Grade.MIDDLE if Grade.MIDDLE in found else Grade.LOW


@dataclass(frozen=True, slots=True)
class Origin:
    """Where numbers come from. `unverified`: no text of it could be read, or it is our own choice."""

    source: str
    unverified: bool


@dataclass(frozen=True, slots=True)
class Number:
    """One number with its source."""

    value: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Cut:
    """A border; `inclusive`: the number itself has reached it."""

    value: float
    inclusive: bool

    def reached(self, number: float) -> bool:
        return number >= self.value if self.inclusive else number > self.value


@dataclass(frozen=True, slots=True)
class Band:
    """One step of a scale, 0–1."""

    code: str
    name: str
    low: float
    high: float
    mid: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The steps of p or q, the lowest first. A number between two published ranges belongs to the higher one."""

    bands: tuple[Band, ...]
    origin: Origin

    def value(self, given: str | float, where: str) -> float:
        """The number itself, or the middle of the band of that code or name. Raises MethodError."""
        if isinstance(given, str):
            for band in self.bands:
                if given in (band.code, band.name):
                    return band.mid
            known = "、".join(f"{band.code} {band.name}" for band in self.bands)
            raise MethodError(where, f"没有 ‘{given}’ 这一档，可用 {known}")
        if isinstance(given, bool) or not 0 <= given <= 1:
            raise MethodError(where, f"要在 0 与 1 之间，得到 {given}")
        return float(given)

    def level(self, value: float) -> int:
        """The place of a number's band, 0 the lowest."""
        return next(place for place, band in enumerate(self.bands) if value <= band.high)

    def moved(self, value: float, steps: int) -> float:
        """The middle of the band so many steps away; the number itself where the scale ends or for no step."""
        here = self.level(value)
        there = min(max(here + steps, 0), len(self.bands) - 1)
        return value if there == here else self.bands[there].mid


@dataclass(frozen=True, slots=True)
class ClassCuts:
    """The class of R = p × q; the highest class first, 微小 below the last."""

    cuts: tuple[tuple[RiskClass, Cut], ...]
    origin: Origin

    def risk(self, r: float) -> RiskClass:
        return next((risk for risk, cut in self.cuts if cut.reached(r)), RiskClass.TINY)


@dataclass(frozen=True, slots=True)
class CountRule:
    """So many factors of one class or above make at least a grade."""

    grade: Grade
    risk: RiskClass
    least: int
    note: str | None


@dataclass(frozen=True, slots=True)
class CountRules:
    """All of them; 低 when none is met.

    A class counts with those above it. Taken by the letter (one 重大 and four 较大 are 中, five 较大 are 高), the
    table would punish whoever makes a factor smaller.
    """

    rules: tuple[CountRule, ...]
    origin: Origin

    def grade(self, counts: Mapping[RiskClass, int]) -> Grade:
        return worst(rule.grade for rule in self.met(counts))

    def met(self, counts: Mapping[RiskClass, int]) -> tuple[CountRule, ...]:
        above = dict(zip(_CLASSES, accumulate(counts.get(risk, 0) for risk in _CLASSES), strict=True))
        return tuple(rule for rule in self.rules if above[rule.risk] >= rule.least)


@dataclass(frozen=True, slots=True)
class GradeCuts:
    """Where 高 and 中 begin."""

    high: Cut
    middle: Cut
    origin: Origin

    def grade(self, number: float) -> Grade:
        if self.high.reached(number):
            return Grade.HIGH
        return Grade.MIDDLE if self.middle.reached(number) else Grade.LOW
