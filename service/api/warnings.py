"""Warnings: the feed that dashboards poll, and what departments do with a warning."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from service.api.access import READERS, may
from service.api.emergency import EmergencyLink, emergency_link
from service.api.in_words import with_words
from service.api.matters import End, ending
from service.api.pages import Asked
from service.api.route_shapes import HeldPushOut
from service.api.shapes import DutyOut, WarningOut, WarningPage, warning_out
from service.api.state import App, actor_of, app_of
from service.api.unchanged import has_tag, tag_of
from service.domain.incidents import Storable, Strict
from service.domain.levels import Level
from service.domain.problems import not_found
from service.domain.words import Scope
from service.store import feed, filed, held, outbox, warnings
from service.store.keys import Viewer
from service.workflows.answering import acknowledge_warning, answer_warning, confirm_warning, resolve_warning

router = APIRouter(prefix="/v1/warnings", tags=["warnings 预警"])
Reader = Annotated[Viewer, may(*READERS)]
Responder = Annotated[Viewer, may(Scope.RESPOND)]
Confirmer = Annotated[Viewer, may(Scope.RESPOND, Scope.ADMINISTER)]


class WarningDetail(WarningOut):
    """A warning with the departments that owe something on it, and its project's emergency plan where there is one."""

    duties: list[DutyOut]
    emergency_plan: EmergencyLink | None


class Signature(Strict):
    """A note that goes with signing."""

    note: Annotated[str, Field(max_length=500), Storable] | None = None


class Reply(Strict):
    """What the department answered: a plan, a payment, a hearing, a mediation."""

    note: Annotated[str, Field(min_length=1, max_length=1000), Storable]


@router.get("", response_model=WarningPage, responses={304: {"description": "nothing changed since `If-None-Match`"}})
async def get_warnings(
    viewer: Reader,
    request: Request,
    after: Annotated[int, Query(ge=0, lt=2**63, description="`next` of the last poll; 0 from the start")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    level: Annotated[Level | None, Query(description="this level or above")] = None,
    area: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,
    category: Annotated[list[str] | None, Query(description="codes; a first-level one stands for all below")] = None,
) -> Response:
    """Each warning that changed after the cursor, at its latest state, in reading order. 304 while nothing changed."""
    app = app_of(request)
    question = feed.FeedQuestion(after, limit, level, area, tuple(category or ()))
    latest = await app.newest.get()
    sight = viewer.sight
    tag = tag_of(latest, question, sight)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if has_tag(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    page = await app.pages.page(Asked(question, sight, latest, tag))
    return Response(page, headers=headers, media_type="application/json")


@router.get("/{warning_id}")
async def get_warning(warning_id: UUID, viewer: Reader, request: Request) -> WarningDetail:
    """One warning with its duties."""
    return await _detail(app_of(request), warning_id, viewer)


@router.get("/{warning_id}/why")
async def get_warning_why(warning_id: UUID, viewer: Reader, request: Request) -> dict[str, Any]:
    """Why a warning is what it is: every change, who owes what, who was told and how it went."""
    app = app_of(request)
    detail = await _detail(app, warning_id, viewer)
    async with app.engine.connect() as connection:
        row = await feed.warning_in_sight(connection, warning_id, viewer.sight)
        events = await warnings.events_of(connection, warning_id)
        pushes = await outbox.of_warning(connection, warning_id)
        judged = await warnings.judgement(connection, row["judgement_id"]) if row and row["judgement_id"] else None
        waited = await held.of_warning(connection, warning_id)
    told = {"pushes": pushes, "held_pushes": [HeldPushOut.model_validate(one) for one in waited]}
    why = with_words(judged) if judged else None
    return {"warning": detail, "changes": events, "duties": detail.duties, **told, "judgement": why}


@router.post("/{warning_id}/confirm")
async def post_confirm(warning_id: UUID, viewer: Confirmer, request: Request) -> WarningDetail:
    """Vouch for a waiting warning: it leaves now. One that left unconfirmed loses its mark 未核实."""
    app = app_of(request)
    await confirm_warning(app.work(), warning_id, await actor_of(app, viewer))
    return await _detail(app, warning_id, viewer)


@router.post("/{warning_id}/acknowledge")
async def post_acknowledge(
    warning_id: UUID, viewer: Responder, request: Request, signature: Signature | None = None
) -> WarningDetail:
    """Sign for a warning (签收) on behalf of the key's department. Signing is not answering."""
    app = app_of(request)
    note = signature.note if signature else None
    await acknowledge_warning(app.work(), warning_id, await actor_of(app, viewer), note)
    return await _detail(app, warning_id, viewer)


@router.post("/{warning_id}/answer")
async def post_answer(warning_id: UUID, reply: Reply, viewer: Responder, request: Request) -> WarningDetail:
    """Record that the department answered the matter. Answering is not closing."""
    app = app_of(request)
    await answer_warning(app.work(), warning_id, await actor_of(app, viewer), reply.note)
    return await _detail(app, warning_id, viewer)


@router.post("/{warning_id}/resolve")
async def post_resolve(warning_id: UUID, end: End, viewer: Responder, request: Request) -> WarningDetail:
    """End a warning, and the matter it is about, with what really happened."""
    app = app_of(request)
    actor = await actor_of(app, viewer)
    await resolve_warning(app.work(), warning_id, actor, ending(end, app.clock()))
    return await _detail(app, warning_id, viewer)


async def _detail(app: App, warning_id: UUID, viewer: Viewer) -> WarningDetail:
    async with app.engine.connect() as connection:
        row = await feed.warning_in_sight(connection, warning_id, viewer.sight)
        if row is None:
            raise not_found("预警", warning_id)
        reference = await app.doors.reference.get(connection)
        duties = (await warnings.duties_of(connection, [warning_id]))[warning_id]
        plan = await filed.emergency_plan_for(connection, row, viewer.sight)
    shown = warning_out(row, app.engines.catalogue, reference)
    named = [{**duty, "department": reference.department_name(duty["department_id"]) or "?"} for duty in duties]
    link = emergency_link(plan, row["level"], app.doors.link_base, reference) if plan else None
    owed = [DutyOut.model_validate(duty) for duty in named]
    return WarningDetail(**shown.model_dump(), duties=owed, emergency_plan=link)
