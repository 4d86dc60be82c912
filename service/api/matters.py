"""Matters: read, asked why, merged, split, closed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field

from service.api.access import READERS, may
from service.api.cursors import cursor_of, position
from service.api.in_words import with_words
from service.api.shapes import IncidentOut, MatterOut, MatterPage, incident_out, matter_out
from service.api.state import App, actor_of, app_of
from service.domain.incidents import Instant, Storable, Strict
from service.domain.levels import Level
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import MatterStatus, Outcome, Scope
from service.store import feed, incidents, rulebooks, warnings
from service.store.engine import Row
from service.store.keys import Viewer
from service.workflows.answering import Ending, close_matter
from service.workflows.tending import merge_matters, split_matter

router = APIRouter(prefix="/v1/matters", tags=["matters 事项"])
Reader = Annotated[Viewer, may(*READERS)]
Responder = Annotated[Viewer, may(Scope.RESPOND)]


class Merge(Strict):
    """The matters to move into the one in the address."""

    matter_ids: Annotated[list[UUID], Field(min_length=1, max_length=50)]


class Split(Strict):
    """The reports (by `incident_id`) to move into a new matter."""

    incident_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]


class End(Strict):
    """What really happened; `at` is when it did, now if absent."""

    outcome: Outcome
    at: Instant | None = None
    note: Annotated[str, Field(max_length=500), Storable] | None = None


@router.get("")
async def get_matters(
    viewer: Reader,
    request: Request,
    status: MatterStatus | None = None,
    level: Annotated[Level | None, Query(description="this level or above")] = None,
    area: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,
    category: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(description="`next` of the last page")] = None,
) -> MatterPage:
    """Matters by their last change, newest first."""
    app = app_of(request)
    question = feed.MatterQuestion(limit, position(before), status, level, area, category)
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
        rows = await feed.matters(connection, question, viewer.sight)
    following = cursor_of(rows[-1]) if len(rows) == limit else None
    return MatterPage(items=[matter_out(row, app.engines.catalogue, reference) for row in rows], next=following)


@router.get("/{matter_id}")
async def get_matter(matter_id: UUID, viewer: Reader, request: Request) -> MatterOut:
    app = app_of(request)
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
        row = await _seen(app, matter_id, viewer)
    return matter_out(row, app.engines.catalogue, reference)


@router.get("/{matter_id}/incidents")
async def get_matter_incidents(matter_id: UUID, viewer: Reader, request: Request) -> list[IncidentOut]:
    """The newest reports of a matter (at most 200), newest first."""
    app = app_of(request)
    await _seen(app, matter_id, viewer)
    async with app.engine.connect() as connection:
        rows = await incidents.of_matter(connection, matter_id)
        full = await incidents.with_judgement(connection, [row["id"] for row in rows])
    return [incident_out(full[row["id"]]) for row in rows]


@router.get("/{matter_id}/history")
async def get_matter_history(matter_id: UUID, viewer: Reader, request: Request) -> list[dict[str, Any]]:
    """What was done on a matter, by which department, oldest first."""
    app = app_of(request)
    await _seen(app, matter_id, viewer)
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
        rows = await feed.entries_of(connection, matter_id)
    return [{**row, "department": reference.department_name(row["department_id"])} for row in rows]


@router.get("/{matter_id}/why")
async def get_matter_why(
    matter_id: UUID,
    viewer: Reader,
    request: Request,
    at: Annotated[Instant | None, Query(description="as judged at this instant; now if absent")] = None,
) -> dict[str, Any]:
    """Why a matter has its level: findings with trace, score with reasons and model version, both kinds of reasons.

    `score.pooled` has rules alone and both as one probability; `in_words` says it in sentences, null without one.
    `findings` holds hits whole, what was missing for rules that could not be evaluated, and clear ones by id.
    """
    app = app_of(request)
    await _seen(app, matter_id, viewer)
    async with app.engine.connect() as connection:
        rows = await warnings.judgements_of(connection, matter_id, 200)
        chosen = next((row for row in rows if at is None or row["at"] <= at), None)
        if chosen is None:
            raise not_found("该时刻之前的研判", matter_id)
        rulebook = await rulebooks.by_hash(connection, chosen["rulebook_hash"])
    return {
        **_shown(chosen),
        "rulebook_kept": rulebook is not None,
        "earlier": [_brief(row) for row in rows if row is not chosen],
    }


@router.post("/{matter_id}/merge")
async def post_merge(matter_id: UUID, merge: Merge, viewer: Responder, request: Request) -> MatterOut:
    """Move the reports of other matters into this one; their open warnings are cancelled."""
    app = app_of(request)
    await merge_matters(app.work(), matter_id, merge.matter_ids, await actor_of(app, viewer))
    return await get_matter(matter_id, viewer, request)


@router.post("/{matter_id}/split", status_code=201)
async def post_split(matter_id: UUID, split: Split, viewer: Responder, request: Request) -> MatterOut:
    """Move some reports into a new matter, which is answered."""
    app = app_of(request)
    actor = await actor_of(app, viewer)
    fresh = await split_matter(app.work(), matter_id, split.incident_ids, actor)
    return await get_matter(fresh, viewer, request)


@router.post("/{matter_id}/close")
async def post_close(matter_id: UUID, end: End, viewer: Responder, request: Request) -> MatterOut:
    """Close a matter with what really happened; its warning ends with it."""
    app = app_of(request)
    actor = await actor_of(app, viewer)
    await close_matter(app.work(), matter_id, actor, ending(end, app.clock()))
    return await get_matter(matter_id, viewer, request)


def ending(end: End, now: datetime) -> Ending:
    """An outcome of the wire; it cannot lie in the future."""
    if end.at is not None and end.at > now:
        raise Problem(422, "invalid_request", "结果时间有误。", (FieldError("at", "in_future", "不能晚于当前时间。"),))
    return Ending(end.outcome, end.at or now, end.note)


async def _seen(app: App, matter_id: UUID, viewer: Viewer) -> Row:
    async with app.engine.connect() as connection:
        row = await feed.matter_in_sight(connection, matter_id, viewer.sight)
    if row is None:
        raise not_found("事项", matter_id)
    return row


def _shown(row: Row) -> dict[str, Any]:
    return {**with_words(row), "level_zh": Level(row["level"]).zh}


def _brief(row: Row) -> dict[str, Any]:
    names = ("id", "at", "cause", "level", "probability", "model_version", "rulebook")
    return {name: row[name] for name in names}
