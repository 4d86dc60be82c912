"""What each form of 稳评 (简易, 普通) asks for, step by step, as plain values with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.domain.projects import ProjectKind
from service.rules.method.cuts import Origin

SIMPLE, ORDINARY = "simple", "ordinary"
FORM_NAMES = {SIMPLE: "简易程序", ORDINARY: "普通程序"}


@dataclass(frozen=True, slots=True)
class Scope:
    """When a form may be used: kinds, and the largest scale by name (households, people, area_m2 …), included."""

    kinds: frozenset[ProjectKind]
    most: Mapping[str, float]
    origin: Origin


@dataclass(frozen=True, slots=True)
class PlanNeed:
    """How many different methods a plan must name at least."""

    methods: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class RoundNeed:
    """A round of asking the public, in any one of `forms`: days at least, share of those concerned reached at least."""

    code: str
    name: str
    forms: tuple[str, ...]
    least_days: int
    least_coverage: float | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReviewNeed:
    """How many opinions the review needs, from how many different offices."""

    opinions: int
    offices: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Validity:
    """For how many months, counted from the day of the review, an assessment may be valid at most."""

    months: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything one form of one procedure asks for. `scope` None: it may always be used."""

    procedure: str
    form: str
    scope: Scope | None
    plan: PlanNeed
    commission: Origin
    rounds: tuple[RoundNeed, ...]
    review: ReviewNeed
    filing: Origin
    validity: Validity


@dataclass(frozen=True, slots=True)
class Procedures:
    """All procedures of one file; `sha256` is that of its canonical form, `source` that form."""

    name: str
    version: str
    sha256: str
    source: str
    methods: Mapping[str, str]  # code → Chinese name
    methods_origin: Origin
    of_preset: Mapping[str, Mapping[str, Needs]]  # preset → form → what it asks

    def needs(self, preset: str, form: str) -> Needs:
        """What a form asks under a preset. Raises KeyError for a preset that is not in the file."""
        return self.of_preset[preset][form]
