"""For those who run the service: alive, ready, metrics, what could not be delivered."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service.api.access import READERS, may
from service.api.state import app_of
from service.domain.problems import Problem
from service.domain.words import Scope
from service.scoring.standing import Standing
from service.store import feed, outbox, scores
from service.store.keys import Viewer

router = APIRouter(tags=["operations 运维"])


@router.get("/healthz")
async def get_healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def get_readyz(request: Request) -> dict[str, Any]:
    """The process can do its work: the database answers, rules and model are loaded."""
    app = app_of(request)
    if app.stopping():
        raise Problem(503, "stopping", "服务正在停止。")
    try:
        async with app.engine.connect() as connection:
            await feed.head(connection)
    except Exception as error:
        raise Problem(503, "database_unavailable", "数据库暂时不可用。") from error
    return {"status": "ready", "rules": app.engines.rulebooks.current.version, "model": app.engines.scorer is not None}


@router.get("/metrics")
async def get_metrics(_: Annotated[Viewer, may(*READERS)], request: Request) -> Response:
    """Prometheus text."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        unsettled = await outbox.unsettled(connection)
        app.metrics.feed_head.set(await feed.head(connection))
        looks = await scores.drift(connection, 1)
    for state, number in unsettled.items():
        app.metrics.outbox.labels(state).set(number)
    for look in looks:
        app.metrics.model.looked([*Standing].index(Standing(look["standing"])), look["found"])
    app.metrics.model_usable.set(app.engines.scorer is not None)
    return Response(generate_latest(app.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/outbox/given-up")
async def get_given_up(viewer: Annotated[Viewer, may(Scope.ADMINISTER)], request: Request) -> list[dict[str, Any]]:
    """Pushes that were given up (死信), newest first, at most 500."""
    async with app_of(request).engine.connect() as connection:
        return await outbox.given_up(connection, 500, viewer.sight)


@router.get("/v1/openapi.json")
async def get_openapi(_: Annotated[Viewer, may(*Scope)], request: Request) -> dict[str, Any]:
    """The description of this interface."""
    described: dict[str, Any] = request.app.openapi()
    return described
