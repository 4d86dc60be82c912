"""The kinds of projects, what is asked of each, and the methods by which they may be assessed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Request

from service.api.access import READERS, may
from service.api.shapes import Out
from service.api.state import app_of
from service.domain.problems import not_found
from service.domain.projects import ProjectKind
from service.rules.method.cuts import MethodError
from service.store.keys import Viewer
from service.workflows.assessing import plain

router = APIRouter(prefix="/v1", tags=["projects 重大事项"])
Reader = Annotated[Viewer, may(*READERS)]


class KindOut(Out):
    """A kind; `track` quick is checked (前置排查), full is assessed (稳评)."""

    code: ProjectKind
    zh: str
    track: str


class FactOut(Out):
    """One fact that is asked. A set of words is closed when `words` is given."""

    name: str
    type: str
    label: str
    question: str
    unit: str
    source: str
    words: dict[str, str] | None


class MethodOut(Out):
    """A method in force from `first` to `last`; `by_name_only`: never chosen by area."""

    name: str
    title: str
    regions: list[str]
    kinds: list[ProjectKind]
    by_name_only: bool
    columns: list[str]
    first: date
    last: date
    version: str
    sha256: str


@router.get("/project-kinds")
async def get_kinds(_: Reader) -> list[KindOut]:
    """The kinds of projects and how each is assessed."""
    return [KindOut(code=kind, zh=kind.zh, track=kind.track) for kind in ProjectKind]


@router.get("/project-kinds/{kind}/facts")
async def get_facts(kind: ProjectKind, _: Reader, request: Request) -> list[FactOut]:
    """What is asked of a kind of project, in the order to ask it."""
    return [FactOut.model_validate(fact) for fact in app_of(request).engines.law.facts(kind)]


@router.get("/assessment-methods")
async def get_methods(_: Reader, request: Request) -> list[MethodOut]:
    """The presets: for which areas, kinds and days, and which columns each asks for."""
    return [MethodOut.model_validate(preset) for preset in app_of(request).engines.methods.presets]


@router.get("/assessment-methods/{name}")
async def get_method(name: str, _: Reader, request: Request) -> dict[str, Any]:
    """One preset whole: bands, cuts, tables, checklist of factors; each number with its source, unverified or not."""
    app = app_of(request)
    try:
        found: dict[str, Any] = plain(app.engines.methods.named(name, app.engines.day(app.clock())))
    except MethodError:
        raise not_found("评估方法", name) from None
    return found
