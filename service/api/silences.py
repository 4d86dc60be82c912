"""Silences (静默): what is not pushed for a while, by whose word, and what that hides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from service.api.settings_rows import Administrator, Reader, check_place, within
from service.api.silence_shapes import (
    LookIn,
    LookOut,
    SilenceIn,
    SilenceMade,
    SilenceOut,
    look_out,
    matchers_of,
    silence_out,
    wish_of,
)
from service.api.state import App, app_of
from service.domain.problems import not_found
from service.store import silences
from service.store.keys import Viewer
from service.workflows.parts import silence_of
from service.workflows.silencing import agree, end_silence, hidden_by, put_silence

router = APIRouter(prefix="/v1", tags=["silences 静默"])
EVER = datetime(2000, 1, 1, tzinfo=UTC)


@router.get("/silences")
async def get_silences(
    viewer: Reader, request: Request, expired: Annotated[bool, Query(description="also those that are over")] = False
) -> list[SilenceOut]:
    """Silences that hold or will, the one that ends last first; at most 500."""
    app = app_of(request)
    now = app.clock()
    async with app.engine.connect() as connection:
        rows = await silences.listed(connection, EVER if expired else now, viewer.sight)
    return [SilenceOut.model_validate(silence_out(row, now)) for row in rows]


@router.get("/silences/{silence_id}")
async def get_silence(silence_id: UUID, viewer: Reader, request: Request) -> SilenceMade:
    """One silence, with what it hides now as far as the key sees it."""
    return await _shown(app_of(request), silence_id, viewer)


@router.post("/silences:preview")
async def post_preview(look: LookIn, viewer: Administrator, request: Request) -> LookOut:
    """What a silence of these matchers would hide now. Nothing is kept."""
    app = app_of(request)
    asked = (matchers_of(look.matchers), look.area)
    async with app.engine.connect() as connection:
        return look_out(await hidden_by(connection, app.engines, asked, viewer.sight))


@router.post("/silences", status_code=201)
async def post_silence(silence: SilenceIn, viewer: Administrator, request: Request) -> SilenceMade:
    """Make a silence, or with `id` change one: in place where matchers stay and the time may still move, else it ends
    and a new one takes its place under another id. Red stays loud until another office agrees."""
    app = app_of(request)
    within(viewer, silence.area)
    await check_place(request, silence.area, None)
    made = await put_silence(app.work(), wish_of(silence, viewer.name), viewer, silence.id)
    return await _shown(app, made, viewer)


@router.post("/silences/{silence_id}/agree")
async def post_agree(silence_id: UUID, viewer: Administrator, request: Request) -> SilenceMade:
    """Agree, as another office than the one that made it, that red is hidden too."""
    app = app_of(request)
    await agree(app.work(), silence_id, viewer)
    return await _shown(app, silence_id, viewer)


@router.delete("/silences/{silence_id}", status_code=204)
async def delete_silence(silence_id: UUID, viewer: Administrator, request: Request) -> None:
    """End a silence now; the record of it stays."""
    await end_silence(app_of(request).work(), silence_id, viewer)


async def _shown(app: App, silence_id: UUID, viewer: Viewer) -> SilenceMade:
    async with app.engine.connect() as connection:
        row = await silences.one(connection, silence_id, viewer.sight)
        if row is None:
            raise not_found("静默", silence_id)
        silence = silence_of(row)
        hidden = await hidden_by(connection, app.engines, (silence.matchers, silence.area), viewer.sight)
    return SilenceMade.model_validate(silence_out(row, app.clock()) | {"preview": look_out(hidden)})
