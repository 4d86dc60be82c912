"""Silences through Alertmanager's API v2: what `amtool silence` speaks. The rules are those of /v1/silences.

`createdBy` is not kept: it is the login of a person; a silence is signed with the name of the key. A key that holds for
one area makes silences of that area, and they are shown with the matcher that says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from service.api.alertmanager import BadQuestion, Filter, filters_of, json_of, text_of
from service.api.settings_rows import Administrator, Reader
from service.api.state import app_of
from service.delivery.formats.alertmanager import instant
from service.delivery.matchers import Matcher, MatcherError, Op, matcher
from service.delivery.silences import Wish
from service.domain.areas import prefix_of
from service.domain.incidents import Storable
from service.domain.problems import Problem, not_found
from service.store import silences
from service.store.engine import Row
from service.workflows.parts import silence_of
from service.workflows.silencing import end_silence, put_silence

router = APIRouter(prefix="/api/v2", tags=["alertmanager"])
KEPT = timedelta(hours=120)  # how long what is over is listed; source: Alertmanager's default retention
_OPS = {(True, False): Op.EQUAL, (False, False): Op.NOT_EQUAL, (True, True): Op.MATCHES, (False, True): Op.NOT_MATCHES}
_SAME = {"alertname": "category"}  # the name of an alert of ours is its category
_JSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"description": "as Alertmanager's API v2 has it"}}}}
}


class _Foreign(BaseModel):
    """What a foreign client sends; what is not named here is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class MatcherIn(_Foreign):
    """One condition on one label."""

    name: Annotated[str, Field(max_length=200), Storable]
    value: Annotated[str, Field(max_length=1000), Storable]
    is_regex: bool = Field(False, alias="isRegex")
    is_equal: bool = Field(True, alias="isEqual")


class PostableSilence(_Foreign):
    """A silence to make, or with `id` to change."""

    id: Annotated[UUID | None, BeforeValidator(lambda given: given or None)] = None  # "" is none, as to Alertmanager
    matchers: Annotated[list[MatcherIn], Field(max_length=20)]
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    comment: Annotated[str, Field(max_length=500), Storable] = ""


@router.get("/silences", response_class=Response, responses=_JSON)
async def get_silences(viewer: Reader, request: Request, filter: Filter = None) -> Response:
    """Silences that hold, will hold, or ended within five days."""
    app = app_of(request)
    try:
        asked = filters_of(filter or [])
    except BadQuestion as bad:
        return text_of(400, str(bad))
    async with app.engine.connect() as connection:
        rows = await silences.listed(connection, app.clock() - KEPT, viewer.sight)
    shown = [_out(row, app.clock()) for row in rows]
    return json_of([one for one in shown if all(_is_asked(wanted, one["matchers"]) for wanted in asked)])


@router.get("/silence/{silence_id}", response_class=Response, responses=_JSON)
async def get_silence(silence_id: UUID, viewer: Reader, request: Request) -> Response:
    """One silence."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        row = await silences.one(connection, silence_id, viewer.sight)
    if row is None:
        raise not_found("静默", silence_id)
    return json_of(_out(row, app.clock()))


@router.post("/silences", response_class=Response, responses=_JSON)
async def post_silence(silence: PostableSilence, viewer: Administrator, request: Request) -> Response:
    """Make a silence or change one; the answer's id is another one when it could not be changed in place."""
    app = app_of(request)
    try:
        matchers = tuple(_matcher(one) for one in silence.matchers)
        own = tuple(one for one in matchers if one != _bound(viewer.area))
        wish = Wish(own, silence.starts_at, silence.ends_at, viewer.name, silence.comment, viewer.area)
        made = await put_silence(app.work(), wish, viewer, silence.id)
    except MatcherError as error:
        return text_of(400, f"匹配条件有误：{error}。")
    except Problem as problem:
        said = "；".join([problem.detail, *(f"{error.field}：{error.detail}" for error in problem.errors)])
        return text_of(400 if problem.status == 422 else problem.status, said)
    return json_of({"silenceID": str(made)})


@router.delete("/silence/{silence_id}", response_class=Response)
async def delete_silence(silence_id: UUID, viewer: Administrator, request: Request) -> Response:
    """End a silence now."""
    await end_silence(app_of(request).work(), silence_id, viewer)
    return Response(status_code=200)


def _matcher(one: MatcherIn) -> Matcher:
    return matcher(_SAME.get(one.name, one.name), _OPS[one.is_equal, one.is_regex], one.value)


def _bound(area: str | None) -> Matcher | None:
    """The matcher by which a silence of one area is shown to clients that know matchers only."""
    return matcher("area", Op.MATCHES, f"{prefix_of(area)}.*") if area else None


def _out(row: Row, now: Any) -> dict[str, Any]:
    silence, bound = silence_of(row), _bound(row["area"])
    return {
        "id": str(silence.id),
        "status": {"state": silence.state(now).value},
        "updatedAt": instant(row["updated_at"]),
        "comment": silence.reason,
        "createdBy": silence.author,
        "startsAt": instant(silence.starts_at),
        "endsAt": instant(silence.ends_at),
        "matchers": [_matcher_out(one) for one in (*silence.matchers, *([bound] if bound else []))],
    }


def _matcher_out(one: Matcher) -> dict[str, Any]:
    is_regex = one.op in (Op.MATCHES, Op.NOT_MATCHES)
    return {
        "name": one.name,
        "value": one.value,
        "isRegex": is_regex,
        "isEqual": one.op in (Op.EQUAL, Op.MATCHES),
    }


def _is_asked(wanted: Matcher, matchers: list[dict[str, Any]]) -> bool:
    """A filter speaks of a silence's own conditions: their values by name, as Alertmanager reads it."""
    name = _SAME.get(wanted.name, wanted.name)
    values = {one["name"]: one["value"] for one in matchers}
    return wanted.matches({wanted.name: values.get(name, "")})
