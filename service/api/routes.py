"""Routes (预警路由): put whole, versioned, in force at once; tried with a warning, or with a month of them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from service.api.access import READERS, may
from service.api.route_shapes import (
    ChannelOut,
    HearsOut,
    OfficeOut,
    ReplayIn,
    ReplayOut,
    RoutesOut,
    TrialIn,
    TrialOut,
    TrialWarning,
    VersionOut,
)
from service.api.settings_rows import Administrator, check_place
from service.api.state import App, app_of
from service.delivery.hearing import Quiet
from service.delivery.labels import Told
from service.delivery.routes import Route
from service.domain.areas import county_of
from service.domain.problems import FieldError, Problem, not_found
from service.rules.positions import LoadError
from service.store import routing as store
from service.store.engine import Row
from service.store.keys import Viewer
from service.workflows.hearing import loud_in
from service.workflows.parts import Teller, routing_of, silences_of
from service.workflows.routes_file import RoutesError, Routing
from service.workflows.routing import drop_routes, put_routes, read_draft
from service.workflows.trying_routes import Hears, Trial, replay, who_hears

router = APIRouter(prefix="/v1", tags=["routes 路由"])
Reader = Annotated[Viewer, may(*READERS)]
LAST_MONTH = timedelta(days=30)
LONGEST = timedelta(days=400)


@router.get("/routes")
async def get_routes(_: Reader, request: Request) -> RoutesOut:
    """The routes in force with their text, and the subscriptions, each of which is a route of its own after them."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        teller = await _teller(app, connection)
        routing = await routing_of(teller)
    name = teller.reference.department_name
    subscriptions = [
        {"department": name(one.department_id), "area": one.area, "categories": one.categories,
         "minimum_level": one.minimum_level}
        for one in teller.reference.subscriptions
    ]  # fmt: skip
    shown = [_shown(route) for route in routing.tree.everything()] if routing else []
    kept = teller.reference.routing or {"number": None}
    return RoutesOut.model_validate({**kept, "routes": shown, "subscriptions": subscriptions})


@router.put("/routes")
async def put_routes_(viewer: Administrator, request: Request) -> RoutesOut:
    """Put routes in force (body: their YAML), in every process at once. Faulty ones are refused with positions; those
    in force stay."""
    app = app_of(request)
    _must_be_everywhere(viewer)
    put = await put_routes(app.work(), await request.body(), viewer.name)
    if put.faults:
        raise _refused(put.faults)
    return await get_routes(viewer, request)


@router.delete("/routes", status_code=204)
async def delete_routes(viewer: Administrator, request: Request) -> Response:
    """No routes: subscriptions and duties alone say who hears. Earlier versions stay readable."""
    _must_be_everywhere(viewer)
    await drop_routes(app_of(request).work())
    return Response(status_code=204)


@router.get("/routes/versions")
async def get_versions(
    _: Reader, request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[VersionOut]:
    """Every version that was in force, newest first."""
    async with app_of(request).engine.connect() as connection:
        return [VersionOut.model_validate(row) for row in await store.versions(connection, limit)]


@router.get("/routes/versions/{number}")
async def get_version(number: Annotated[int, Path(ge=1, lt=2**31)], _: Reader, request: Request) -> dict[str, Any]:
    """The text of one version."""
    async with app_of(request).engine.connect() as connection:
        row = await store.version(connection, number)
    if row is None:
        raise not_found("路由版本", number)
    return row


@router.post("/routes:test")
async def post_test(trial: TrialIn, _: Administrator, request: Request) -> TrialOut:
    """Who would hear of a warning at a time, when, by which channel, and why: by the routes in force, or by a draft."""
    app = app_of(request)
    await check_place(request, trial.warning.area, [trial.warning.category], "warning.category")
    async with app.engine.connect() as connection:
        teller = await _teller(app, connection)
        routing = await _routing(app, teller, trial.draft)
        rules = routing.inhibitions if routing else ()
        loud = await loud_in(connection, app.engines.catalogue, {county_of(trial.warning.area)}) if rules else []
        local = (trial.at or teller.now).astimezone(app.engines.zone)
        quiet = Quiet(local, silences_of(teller.reference), rules, loud)
        told = _told(app, trial.warning)
        heard = who_hears(Trial(teller.reference, routing, quiet), told)
        endpoints = await store.endpoints_of(connection, [one.department_id for one in heard])
    hears = [_hears_out(teller, one, endpoints) for one in heard]
    routes = [route.name for route in routing.tree.reached(told)] if routing else []
    return TrialOut(routes=routes, labels=told.labels, hears=hears, **_compared(hears, trial.expect))


@router.post("/routes:replay")
async def post_replay(asked: ReplayIn, _: Administrator, request: Request) -> ReplayOut:
    """Who would have heard in a month under a draft, beside who did."""
    app = app_of(request)
    until = asked.until or app.clock()
    since = asked.since or until - LAST_MONTH
    if not timedelta(0) < until - since <= LONGEST:
        error = FieldError("since", "bad_span", f"应早于 until，且不超过 {LONGEST.days} 天。")
        raise Problem(422, "invalid_request", "回放的期间有误。", (error,))
    async with app.engine.connect() as connection:
        teller = await _teller(app, connection)
        routing = await _routing(app, teller, asked.draft)
        quiet = Quiet(until, (), routing.inhibitions if routing else ())
        found = await replay(connection, app.engines, Trial(teller.reference, routing, quiet), (since, until))
    name = teller.reference.department_name
    offices = [
        OfficeOut(department_id=one, department=name(one) or "?", **asdict(office))
        for one, office in sorted(found.offices.items(), key=lambda item: (-item[1].would_hear, str(item[0])))
    ]
    return ReplayOut(
        since=since, until=until, changes=found.changes, complete=found.complete, offices=offices, routes=found.routes
    )


async def _teller(app: App, connection: AsyncConnection) -> Teller:
    return Teller(app.engines, app.doors, await app.doors.reference.get(connection), app.clock())


async def _routing(app: App, teller: Teller, draft: str | None) -> Routing | None:
    if draft is None:
        return await routing_of(teller)
    try:
        return await read_draft(app.engines, teller.reference, draft)
    except RoutesError as failure:
        raise _refused(failure.errors) from None


def _refused(faults: tuple[LoadError, ...]) -> Problem:
    fields = tuple(FieldError(f"{e.file}:{e.line}:{e.column}", "routes_error", str(e)) for e in faults)
    return Problem(422, "routes_refused", "路由有误，未启用；正在使用的路由不变。请按 errors 中的位置修改。", fields)


def _told(app: App, warning: TrialWarning) -> Told:
    first = app.engines.catalogue.first_level(warning.category)
    return Told(
        warning.level, warning.area, warning.category, first, warning.subject_kind, "", warning.restricted,
        frozenset(warning.source), frozenset(warning.signals),
    )  # fmt: skip


def _hears_out(teller: Teller, one: Hears, endpoints: list[Row]) -> HearsOut:
    route = one.hearer.route
    channels = [
        ChannelOut(endpoint_id=row["id"], kind=row["kind"], state=row["state"])
        for row in endpoints
        if row["department_id"] == one.department_id
    ]
    return HearsOut(
        department_id=one.department_id, department=teller.reference.department_name(one.department_id) or "?",
        role=one.role, route=route.name if route else None, why=one.hearer.why, at=one.at, held_by=one.held_by,
        reason=one.reason, escalation=route.escalation if route else None, channels=channels,
    )  # fmt: skip


def _compared(hears: list[HearsOut], expect: list[str] | None) -> dict[str, Any]:
    if expect is None:
        return {}
    named, wanted = {one.department for one in hears}, {*expect}
    return {
        "as_expected": named == wanted,
        "missing": sorted(wanted - named),
        "unexpected": sorted(named - wanted),
    }


def _shown(route: Route) -> dict[str, Any]:
    """A route with what it inherits."""
    pace, match = route.pace, route.match
    seconds = {"group_wait_s": pace.wait, "group_interval_s": pace.interval, "repeat_interval_s": pace.repeats_every}
    return {
        "name": route.name, "receivers": [one.name for one in route.receivers], "continue": route.continues,
        "levels": sorted(match.levels, key=lambda level: level.rank), "areas": match.areas,
        "categories": match.categories, "matchers": [str(one) for one in match.matchers], "group_by": pace.by,
        **{name: span.total_seconds() if span and pace.by is not None else None for name, span in seconds.items()},
        "active": [times.name for times in route.active], "muted": [times.name for times in route.muted],
        "escalation": route.escalation,
    }  # fmt: skip


def _must_be_everywhere(viewer: Viewer) -> None:
    """Routes lead through every area, so a key of one area may not change them."""
    if viewer.area is not None:
        raise Problem(403, "outside_key_area", "路由对所有区域生效，限定区域的密钥不能更换。")
