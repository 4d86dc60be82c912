"""Alertmanager's API v2, so that amtool and its dashboards read open warnings and Prometheus reports through it.

Answers and refusals have the shapes of that API (a JSON string says what is wrong); keys and sight are as everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from service.api.access import ANY, READERS, may
from service.api.documents import bulletin_of
from service.api.state import App, app_of
from service.delivery.formats import alertmanager
from service.delivery.formats.alertmanager import Standing
from service.delivery.hearing import Quiet
from service.delivery.inhibition import inhibited_by
from service.delivery.labels import Told
from service.delivery.matchers import Matcher, MatcherError, all_match, matcher, parse_matcher
from service.domain.areas import county_of
from service.domain.levels import Level
from service.domain.words import SubjectKind
from service.store import bulletins
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.reference import Reference
from service.workflows.hearing import loud_in
from service.workflows.parts import Teller, routing_of, silences_of

router = APIRouter(prefix="/api/v2", tags=["alertmanager"])
Reader = Annotated[Viewer, may(*READERS)]
Anyone = Annotated[Viewer, may(*ANY)]
Shown = Annotated[bool, Query()]
Filter = Annotated[list[str] | None, Query(description='matchers, such as level=~"orange|red"')]
Wanted = Annotated[str | None, Query(description="a regular expression (RE2) of receivers' names")]
MOST_LISTED = 1000  # that API has no pages; of more open warnings those that changed last are shown
GROUPED_BY = ("category", "county")
_JSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"description": "as Alertmanager's API v2 has it"}}}}
}


class BadQuestion(ValueError):
    """A filter that cannot be read."""


@router.get("/alerts", response_class=Response, responses=_JSON)
async def get_alerts(
    viewer: Reader,
    request: Request,
    active: Shown = True,
    silenced: Shown = True,
    inhibited: Shown = True,
    unprocessed: Shown = True,
    filter: Filter = None,
    receiver: Wanted = None,
) -> Response:
    """Open warnings as alerts. `unprocessed` are those that wait for a person's word."""
    shown = {"active": active, "silenced": silenced, "inhibited": inhibited, "unprocessed": unprocessed}
    return await _listed(app_of(request), viewer, _Asked(shown, filter or [], receiver), _alerts)


@router.get("/alerts/groups", response_class=Response, responses=_JSON)
async def get_groups(
    viewer: Reader,
    request: Request,
    active: Shown = True,
    silenced: Shown = True,
    inhibited: Shown = True,
    filter: Filter = None,
    receiver: Wanted = None,
) -> Response:
    """Open warnings by the department that answers for them, by category and county."""
    shown = {"active": active, "silenced": silenced, "inhibited": inhibited, "unprocessed": True}
    return await _listed(app_of(request), viewer, _Asked(shown, filter or [], receiver), _groups)


@router.get("/receivers", response_class=Response, responses=_JSON)
async def get_receivers(_: Reader, request: Request) -> Response:
    """Departments that have an address to push to."""
    return json_of([{"name": name} for name in await _receivers(app_of(request))])


@router.get("/status", response_class=Response, responses=_JSON)
async def get_status(_: Anyone, request: Request) -> Response:
    """What amtool asks before everything else. There is no cluster: processes share one database."""
    app = app_of(request)
    version = {"version": request.app.version, "revision": "", "branch": "", "goVersion": ""}
    return json_of(
        {
            "cluster": {"status": "disabled", "name": "", "peers": []},
            "versionInfo": {**version, "buildUser": "Weiyu", "buildDate": ""},
            "config": {"original": _config(await _receivers(app))},
            "uptime": alertmanager.instant(app.started_at),
        }
    )


def json_of(said: Any, status: int = 200) -> Response:
    return Response(to_json(said), status, media_type="application/json")


def text_of(status: int, text: str) -> Response:
    """A refusal in the shape of that API."""
    return json_of(text, status)


def filters_of(written: list[str]) -> list[Matcher]:
    """Raises BadQuestion."""
    try:
        return [parse_matcher(one) for one in written]
    except MatcherError as error:
        raise BadQuestion(f"filter 有误，第 {error.column} 个字符：{error}。") from None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which states are shown, which labels are asked for, and whose alerts."""

    shown: dict[str, bool]
    filters: list[str]
    receiver: str | None


async def _listed(app: App, viewer: Viewer, asked: _Asked, render: Callable[[App, list[Standing]], Any]) -> Response:
    try:
        filters, wanted = filters_of(asked.filters), _wanted(asked.receiver)
    except BadQuestion as bad:
        return text_of(400, str(bad))
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
        rows = await bulletins.standing(connection, viewer.sight, MOST_LISTED)
        quiet = await _quiet(app, connection, reference, rows)

    def listed() -> Response:
        found = _named([_standing(app, row, (reference, quiet)) for row in rows])
        fitting = [one for one in found if _is_shown(one, asked.shown) and all_match(filters, one.labels)]
        return json_of(render(app, [one for one in fitting if _heard(one, wanted)]))

    return await asyncio.to_thread(listed)  # a thousand take 0.1 s, in which nobody else would be answered


def _alerts(app: App, found: list[Standing]) -> Any:
    return [alertmanager.alert(one, app.clock(), app.documents.naming) for one in found]


def _groups(app: App, found: list[Standing]) -> Any:
    return alertmanager.groups(found, GROUPED_BY, app.clock(), app.documents.naming)


def _wanted(receiver: str | None) -> Matcher | None:
    try:
        return matcher("receiver", "=~", receiver) if receiver else None
    except MatcherError as error:
        raise BadQuestion(f"receiver 有误：{error}。") from None


def _heard(one: Standing, wanted: Matcher | None) -> bool:
    return wanted is None or any(wanted.matches({"receiver": name}) for name in one.receivers)


def _is_shown(one: Standing, shown: dict[str, bool]) -> bool:
    if one.state in ("active", "unprocessed"):
        return shown[one.state]
    return not (one.silenced_by and not shown["silenced"]) and not (one.inhibited_by and not shown["inhibited"])


async def _quiet(app: App, connection: AsyncConnection, reference: Reference, rows: Sequence[Row]) -> Quiet:
    """What may hold pushes of these warnings back now."""
    now, silences = app.clock(), silences_of(reference)
    routing = await routing_of(Teller(app.engines, app.doors, reference, now))
    rules = routing.inhibitions if routing else ()
    counties = {county_of(row["body"]["area"]) for row in rows}
    loud = await loud_in(connection, app.engines.catalogue, counties) if rules else []
    return Quiet(now, silences, rules, loud)


def _standing(app: App, row: Row, known: tuple[Reference, Quiet]) -> Standing:
    reference, quiet = known
    bulletin = bulletin_of(row, app.engines.catalogue, reference)
    told = Told(
        Level(bulletin.level), bulletin.area, bulletin.category, bulletin.first_level,
        SubjectKind(row["subject_kind"]), row["subject_id"], row["restricted"], frozenset(row["sources"]),
        frozenset(row["signals"]),
    )  # fmt: skip
    hiding = [one for one in quiet.silences if one.hides(told.labels, quiet.now)]
    louder = inhibited_by(told.labels, quiet.rules, quiet.loud, str(bulletin.id))
    names = [reference.department_name(department) for department in row["department_ids"]]
    return Standing(
        bulletin,
        alertmanager.labelled(bulletin, told.labels),
        tuple(sorted(name for name in names if name)),
        tuple(str(one.id) for one in hiding),
        () if louder is None else (louder.id,),
    )


def _named(found: list[Standing]) -> list[Standing]:
    """What holds an alert back is told as that alert's fingerprint; one out of sight has none that says anything."""
    if not any(one.inhibited_by for one in found):
        return found
    names = {one.labels["warning"]: alertmanager.named(one.labels) for one in found}
    unseen = {louder for one in found for louder in one.inhibited_by if louder not in names}
    names |= {louder: alertmanager.named({"warning": louder}) for louder in unseen}
    return [replace(one, inhibited_by=tuple(names[louder] for louder in one.inhibited_by)) for one in found]


async def _receivers(app: App) -> list[str]:
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
    return sorted(filter(None, (reference.department_name(department) for department in reference.endpoints)))


def _config(receivers: list[str]) -> str:
    """A configuration that amtool can read. How warnings are really routed is not Alertmanager's to say."""
    named = [{"name": name} for name in ("未雨", *receivers)]
    whole = {"route": {"receiver": "未雨", "group_by": list(GROUPED_BY)}, "receivers": named}
    return "# 未雨按自己的路由推送，这里只列出接收单位。\n" + yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)
