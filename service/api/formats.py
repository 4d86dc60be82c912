"""The feed as Atom, JSON Feed and CloudEvents, each at an address of its own; who may read what is as in the feed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from service.api.access import READERS, may
from service.api.documents import BLOCK, LEAST, Filters
from service.api.state import app_of
from service.api.unchanged import Asking, answer
from service.delivery.formats import atom, cloud_events, json_feed
from service.domain.levels import Level
from service.store.bulletins import BulletinQuestion
from service.store.keys import Viewer

router = APIRouter(prefix="/v1", tags=["warnings 预警"])
Reader = Annotated[Viewer, may(*READERS)]
Before = Annotated[int | None, Query(ge=1, lt=2**63, description="changes before this number; absent: the newest")]
Limit = Annotated[int, Query(ge=1, le=500)]


async def _filters(
    level: Annotated[Level | None, Query(description="this level or above")] = None,
    area: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,
    category: Annotated[list[str] | None, Query(description="codes; a first-level one stands for all below it")] = None,
) -> Filters:
    """What a document is narrowed to, as the address says it."""
    single = (("level", level.value if level else None), ("area", area))
    return (*((name, value) for name, value in single if value), *(("category", code) for code in category or ()))


Asked = Annotated[Filters, Depends(_filters)]


def _said(media_type: str) -> dict[int | str, dict[str, Any]]:
    unchanged = {"description": "nothing changed since `If-None-Match`, or since `If-Modified-Since`"}
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}, 304: unchanged}


@router.get("/warnings.atom", response_class=Response, responses=_said(atom.MEDIA_TYPE))
async def get_atom(viewer: Reader, request: Request, filters: Asked, before: Before = None) -> Response:
    """The newest changes as Atom (RFC 4287); `prev-archive` leads to older ones (RFC 5005)."""
    documents = app_of(request).documents
    question = _question(filters, limit=LEAST + BLOCK, before=before, every_revision=True)
    asking = Asking(request, viewer, question, atom.MEDIA_TYPE)
    return await answer(asking, lambda now: documents.atom(question, viewer.sight, now.reference, filters))


@router.get("/warnings.json", response_class=Response, responses=_said(json_feed.MEDIA_TYPE))
async def get_json_feed(
    viewer: Reader, request: Request, filters: Asked, before: Before = None, limit: Limit = 50
) -> Response:
    """Each warning at its latest state, the last changed first, as JSON Feed 1.1; `next_url` leads to older ones."""
    documents = app_of(request).documents
    question = _question(filters, limit=limit, before=before)
    asking = Asking(request, viewer, question, json_feed.MEDIA_TYPE)
    return await answer(asking, lambda now: documents.json(question, viewer.sight, now.reference, filters))


@router.get("/warnings.cloudevents", response_class=Response, responses=_said(cloud_events.MEDIA_TYPE))
async def get_cloud_events(
    viewer: Reader,
    request: Request,
    filters: Asked,
    after: Annotated[int, Query(ge=0, lt=2**63, description="`sequence` of the last event that was read")] = 0,
    limit: Limit = 50,
) -> Response:
    """The last change of each warning after a number as a CloudEvents batch, in reading order; it may be empty."""
    documents = app_of(request).documents
    question = _question(filters, limit=limit, after=after)
    asking = Asking(request, viewer, question, cloud_events.MEDIA_TYPE)
    return await answer(asking, lambda now: documents.events(question, viewer.sight, now.reference))


def _question(filters: Filters, **asked: Any) -> BulletinQuestion:
    single = dict(filters)
    codes = tuple(code for name, code in filters if name == "category")
    level = Level(single["level"]) if "level" in single else None
    return BulletinQuestion(**asked, level=level, area=single.get("area"), categories=codes)
