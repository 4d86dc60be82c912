"""What reports may say: areas, categories, signals, rules, thresholds."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from service.api.access import ANY, READERS, may
from service.api.state import app_of
from service.domain.areas import prefix_of
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Scope
from service.store import rulebooks
from service.store.keys import Viewer

router = APIRouter(prefix="/v1", tags=["catalogue 目录"])
Anyone = Annotated[Viewer, may(*ANY)]
Reader = Annotated[Viewer, may(*READERS)]
Administrator = Annotated[Viewer, may(Scope.ADMINISTER)]


class AreaOut(BaseModel):
    """An area with the nearest known one above it."""

    code: str
    name: str
    parent: str | None
    valid_from: date
    valid_to: date | None


@router.get("/areas")
async def get_areas(
    _: Anyone,
    request: Request,
    under: Annotated[str | None, Query(pattern=r"^\d{12}$", description="an area and all inside it")] = None,
    on: Annotated[date | None, Query(description="valid on this day; today if absent")] = None,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 5_000,
    after: Annotated[str | None, Query(description="the last code of the page before")] = None,
) -> list[AreaOut]:
    """Areas valid on a day, by code."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        known = await app.doors.reference.get(connection)
    prefix, day = prefix_of(under) if under else "", on or app.engines.day(app.clock())
    codes = [code for code in known.areas if code.startswith(prefix) and (after is None or code > after)]
    valid = (known.area_on(code, day) for code in codes)
    shown = [area for area in valid if area is not None][:limit]
    return [
        AreaOut(
            code=a.code, name=a.name, parent=_parent(a.code, known.areas), valid_from=a.valid_from, valid_to=a.valid_to
        )
        for a in shown
    ]


@router.get("/categories")
async def get_categories(_: Anyone, request: Request) -> list[dict[str, Any]]:
    """The two-level catalogue of categories."""
    known = app_of(request).engines.catalogue.categories.values()
    return [{"code": c.code, "name": c.name, "parent": c.parent} for c in known]


@router.get("/signals")
async def get_signals(_: Anyone, request: Request) -> list[dict[str, str]]:
    """The closed vocabulary of facts about an event, each with its definition."""
    known = app_of(request).engines.catalogue.signals.values()
    return [{"code": s.code, "name": s.name, "definition": s.definition} for s in known]


@router.get("/rules")
async def get_rules(_: Reader, request: Request) -> dict[str, Any]:
    """The rulebook that judges now: version, hash, and every rule with its basis."""
    book = app_of(request).engines.rulebooks.current
    rules = [rule.part.model_dump(mode="json", exclude={"tests"}) for rule in book.rules]
    return {"name": book.name, "title": book.title, "version": book.version, "sha256": book.sha256, "rules": rules}


@router.get("/rules/{rule_id}")
async def get_rule(rule_id: str, _: Reader, request: Request) -> dict[str, Any]:
    """One rule with its conditions, basis, advice and own tests."""
    rule = app_of(request).engines.rulebooks.current.rule(rule_id)
    if rule is None:
        raise not_found("规则", rule_id)
    return rule.part.model_dump(mode="json")


@router.put("/rulebooks/incident")
async def put_rulebook(viewer: Administrator, request: Request) -> dict[str, Any]:
    """Put a rulebook in force (body: its YAML). A faulty one is refused with positions; the last good one stays."""
    app = app_of(request)
    _must_be_everywhere(viewer)
    errors = await app.rulebooks.put(await request.body(), viewer.name, app.clock())
    if errors:
        fields = tuple(FieldError(f"{e.file}:{e.line}:{e.column}", "rulebook_error", str(e)) for e in errors)
        raise Problem(
            422, "rulebook_refused", "规则库有误，未启用；正在使用的规则库不变。请按 errors 中的位置修改。", fields
        )
    return await get_rules(viewer, request)


@router.delete("/rulebooks/incident")
async def delete_rulebook(viewer: Administrator, request: Request) -> dict[str, Any]:
    """Go back to the rulebook that ships (or the file named in the settings)."""
    _must_be_everywhere(viewer)
    await app_of(request).rulebooks.drop()
    return await get_rules(viewer, request)


@router.get("/rulebooks/{digest}")
async def get_rulebook(digest: str, _: Reader, request: Request) -> dict[str, Any]:
    """The text of a rulebook that judged, by its sha256, years later too."""
    async with app_of(request).engine.connect() as connection:
        row = await rulebooks.by_hash(connection, digest)
    if row is None:
        raise not_found("规则库", digest)
    return row


def _must_be_everywhere(viewer: Viewer) -> None:
    """Rules judge in every area, so a key of one area may not change them."""
    if viewer.area is not None:
        raise Problem(403, "outside_key_area", "规则库对所有区域生效，限定区域的密钥不能更换。")


def _parent(code: str, known: dict[str, Any]) -> str | None:
    prefix = prefix_of(code)
    for step in (9, 6, 4, 2):
        above = prefix[:step].ljust(12, "0")
        if step < len(prefix) and above in known:
            return above
    return None
