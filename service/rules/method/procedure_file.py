"""Reads the file of procedures: every fault with its line and column, every preset in exactly one of them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from service.domain.projects import ProjectKind
from service.rules.method.parts import Code, Name, Share, SourcedPart
from service.rules.method.procedure import (
    ORDINARY,
    SIMPLE,
    Needs,
    PlanNeed,
    Procedures,
    ReviewNeed,
    RoundNeed,
    Scope,
    Validity,
)
from service.rules.method.schema import KindWord
from service.rules.method.tables import origin
from service.rules.positions import Document, LoadFailure, hint, read_source
from service.rules.rulebook import canonical, hashed
from service.rules.schema import Text
from service.rules.validation import Part, validated

PROCEDURES_FILE = Path(__file__).with_name("procedures.yaml")
RoundWord = Literal["notice", "hearing", "dialogue", "consultation", "survey"]
ScaleWord = Literal["households", "people", "area_m2", "staff", "money_yuan"]


class ProceduresFileError(LoadFailure):
    """A file of procedures that cannot be used; `errors` holds every fault with its position."""


class _ChoicePart(Part):
    code: Code
    name: Text


class _ChoicesPart(SourcedPart):
    kinds: list[_ChoicePart] = Field(min_length=1)


class _ScopePart(SourcedPart):
    kinds: list[KindWord]
    most: dict[ScaleWord, float] = Field(default_factory=dict)


class _PlanPart(SourcedPart):
    methods: int = Field(ge=1)


class _RoundPart(SourcedPart):
    code: Code
    name: Text
    forms: list[RoundWord] = Field(min_length=1)
    least_days: int = Field(default=0, ge=0)
    least_coverage: Share | None = None


class _ReviewPart(SourcedPart):
    opinions: int = Field(ge=1)
    offices: int = Field(ge=1)


class _ValidityPart(SourcedPart):
    months: int = Field(ge=1)


class _FormPart(Part):
    scope: _ScopePart | None = None
    plan: _PlanPart
    rounds: list[_RoundPart]
    review: _ReviewPart
    validity: _ValidityPart


class _ProcedurePart(Part):
    name: Name
    presets: list[Name] = Field(min_length=1)
    simple: _FormPart
    ordinary: _FormPart


class _ProceduresPart(Part):
    procedures: Text
    version: Text
    methods: _ChoicesPart
    commission: SourcedPart
    filing: SourcedPart
    procedures_of: list[_ProcedurePart] = Field(min_length=1)


_INSIDE: dict[str, type[BaseModel]] = {
    "methods": _ChoicesPart, "kinds": _ChoicePart, "commission": SourcedPart, "filing": SourcedPart,
    "procedures_of": _ProcedurePart, "simple": _FormPart, "ordinary": _FormPart, "scope": _ScopePart,
    "plan": _PlanPart, "rounds": _RoundPart, "review": _ReviewPart, "validity": _ValidityPart,
}  # fmt: skip


def load_procedures(
    presets: Collection[str], source: Path | str | bytes = PROCEDURES_FILE, name: str | None = None
) -> Procedures:
    """Read and check the file against the names of all presets. Raises ProceduresFileError."""
    document = read_source(source, name)
    part = None if document.errors else validated(_ProceduresPart, document, (), _INSIDE)
    if part is not None:
        _check(part, document, presets)
    if part is None or document.errors:
        raise ProceduresFileError(document.errors)
    text = canonical(document.data)
    return Procedures(
        name=part.procedures,
        version=part.version,
        sha256=hashed(text),
        source=text,
        methods={each.code: each.name for each in part.methods.kinds},
        methods_origin=origin(part.methods),
        of_preset={preset: _forms(part, each) for each in part.procedures_of for preset in each.presets},
    )


def _check(part: _ProceduresPart, document: Document, presets: Collection[str]) -> None:
    seen: set[str] = set()
    for place, procedure in enumerate(part.procedures_of):
        for number, preset in enumerate(procedure.presets):
            at = ("procedures_of", place, "presets", number)
            if preset not in presets:
                document.fault(at, f"没有名为 ‘{preset}’ 的评估方法{hint(preset, presets)}")
            if preset in seen:
                document.fault(at, f"‘{preset}’ 重复")
            seen.add(preset)
    missing = [preset for preset in presets if preset not in seen]
    if missing:
        document.fault(("procedures_of",), f"没有写程序的评估方法：{'、'.join(missing)}")


def _forms(whole: _ProceduresPart, part: _ProcedurePart) -> dict[str, Needs]:
    return {SIMPLE: _needs(whole, part, SIMPLE), ORDINARY: _needs(whole, part, ORDINARY)}


def _needs(whole: _ProceduresPart, procedure: _ProcedurePart, form: str) -> Needs:
    part = procedure.simple if form == SIMPLE else procedure.ordinary
    return Needs(
        procedure=procedure.name,
        form=form,
        scope=_scope(part.scope) if part.scope else None,
        plan=PlanNeed(part.plan.methods, origin(part.plan)),
        commission=origin(whole.commission),
        rounds=tuple(map(_round, part.rounds)),
        review=ReviewNeed(part.review.opinions, part.review.offices, origin(part.review)),
        filing=origin(whole.filing),
        validity=Validity(part.validity.months, origin(part.validity)),
    )


def _scope(part: _ScopePart) -> Scope:
    return Scope(frozenset(map(ProjectKind, part.kinds)), dict(part.most.items()), origin(part))


def _round(part: _RoundPart) -> RoundNeed:
    return RoundNeed(part.code, part.name, tuple(part.forms), part.least_days, part.least_coverage, origin(part))
