"""Models: which there are, who judges, whether it still fits, how it fared."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api.access import READERS, may
from service.api.model_shapes import (
    EventOut,
    JudgingIn,
    LookOut,
    MissOut,
    ModelIn,
    ModelOut,
    NoticeOut,
    PerformanceOut,
    ReasonIn,
    VersionName,
)
from service.api.state import App, app_of
from service.domain.problems import Problem
from service.domain.words import Scope
from service.scoring.artefact import ModelRefused, read_artefact
from service.scoring.card import words_of
from service.scoring.record import Month, Way, by_way, months
from service.store import forecasts, models, scores
from service.store.engine import Row
from service.store.forecasts import CALIBRATION_EDGES, Span
from service.store.keys import Viewer
from service.store.partitions import later
from service.store.reference import Reference
from service.workflows.models import Act

router = APIRouter(prefix="/v1", tags=["models 模型"])
Reader = Annotated[Viewer, may(*READERS)]
Administrator = Annotated[Viewer, may(Scope.ADMINISTER)]
MISSES = 5
MARKDOWN = "text/markdown"


@router.get("/model")
async def get_model(_: Reader, request: Request) -> Any:
    """The card of the model in use, or why none judges; as text with `Accept: text/markdown`."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        champion = await models.in_role(connection, "champion")
    if MARKDOWN in request.headers.get("accept", ""):
        return Response(_card_in_words(app, champion), media_type=MARKDOWN)
    why = {"why": app.engines.why_no_scorer} if app.engines.scorer is None else {}
    return {"usable": not why, **why} | (_shown(champion) | {"card": json.loads(champion["card"])} if champion else {})


@router.get("/models")
async def get_models(_: Reader, request: Request) -> list[ModelOut]:
    """Every registered model, the champion first."""
    async with app_of(request).engine.connect() as connection:
        return [ModelOut.model_validate(_shown(row)) for row in await models.everything(connection)]


@router.get("/models/events")
async def get_model_events(
    _: Reader, request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[EventOut]:
    """What was done with models, newest first."""
    async with app_of(request).engine.connect() as connection:
        return [EventOut.model_validate(row) for row in await models.events(connection, limit)]


@router.post("/models", status_code=201)
async def post_model(files: ModelIn, viewer: Administrator, request: Request) -> ModelOut:
    """Take in a challenger: it scores in shadow and judges nothing. Refused whole when anything does not agree."""
    app = app_of(request)
    _must_be_everywhere(viewer)
    row = await app.models.take(_bytes(files.model), _bytes(files.card), Act(viewer.name, app.clock()))
    return ModelOut.model_validate(_shown(row))


@router.post("/models/rollback")
async def post_rollback(why: ReasonIn, viewer: Administrator, request: Request) -> ModelOut:
    """Let the model judge again that judged before this one was promoted, in every process."""
    app = app_of(request)
    _must_be_everywhere(viewer)
    return ModelOut.model_validate(_shown(await app.models.roll_back(Act(viewer.name, app.clock(), why.reason))))


@router.post("/models/{version}/promote")
async def post_promote(version: VersionName, why: ReasonIn, viewer: Administrator, request: Request) -> ModelOut:
    """Let a registered model judge, in every process within seconds."""
    app = app_of(request)
    _must_be_everywhere(viewer)
    row = await app.models.promote(version, Act(viewer.name, app.clock(), why.reason))
    return ModelOut.model_validate(_shown(row))


@router.put("/model/judging", status_code=204)
async def put_judging(judging: JudgingIn, viewer: Administrator, request: Request) -> None:
    """Hand judging to the rules alone, or back to the model in use."""
    app = app_of(request)
    _must_be_everywhere(viewer)
    async with app.engine.connect() as connection:
        looks = await scores.drift(connection, 1)
    accepted = [one["code"] for look in looks for one in look["found"]["noticed"]]
    act = Act(viewer.name, app.clock(), judging.reason)
    await app.models.judge_by(judging.by, act, accepted, anew=judging.compare_anew)


@router.get("/model/drift")
async def get_drift(_: Reader, request: Request, days: Annotated[int, Query(ge=1, le=366)] = 30) -> list[LookOut]:
    """Whether the model still fits: the last look of each day, newest first."""
    async with app_of(request).engine.connect() as connection:
        return [LookOut.model_validate(row | row["found"]) for row in await scores.drift(connection, days)]


@router.get("/performance")
async def get_performance(
    viewer: Reader,
    request: Request,
    back: Annotated[int, Query(ge=1, le=24, description="how many months, this one included")] = 12,
    version: Annotated[VersionName | None, Query(description="one model, also where it only scored in shadow")] = None,
) -> PerformanceOut:
    """The published record: forecast against what happened, month by month, with the five largest misses of each."""
    app = app_of(request)
    this = app.engines.day(app.clock()).replace(day=1)
    span = Span(later(this, 1 - back), this, version)
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
        cells = await forecasts.cells(connection, span, viewer.sight)
        ways = await forecasts.ways(connection, span, viewer.sight)
        missed = await forecasts.misses(connection, span, viewer.sight, MISSES)
        champion = await models.in_role(connection, "champion")
    beside = by_way(ways)
    record = [
        _month(app, reference, month, missed) | {"ways": _ways(beside.get((month.month, month.version), []))}
        for month in reversed(months(cells, CALIBRATION_EDGES))
    ]
    synthetic = champion["synthetic"] if champion else None
    return PerformanceOut.model_validate({"synthetic": synthetic, "months": record})


@router.get("/operations/notices")
async def get_notices(_: Administrator, request: Request) -> list[NoticeOut]:
    """What an administrator should know now of the model, grave things first; empty when all is well."""
    app = app_of(request)
    async with app.engine.connect() as connection:
        champion = await models.in_role(connection, "champion")
        looks = await scores.drift(connection, 1)
    told = []
    if app.engines.scorer is None:
        told.append(NoticeOut(code="no_model", grave=True, text=f"只由规则研判：{app.engines.why_no_scorer}"))
    current = [look for look in looks if champion and look["version"] == champion["version"]]
    return told + [NoticeOut.model_validate(one) for look in current for one in look["found"]["noticed"]]


def _month(app: App, reference: Reference, month: Month, missed: list[Row]) -> Row:
    known = app.engines.catalogue
    mine = [row for row in missed if (row["month"], row["version"]) == (month.month, month.version)]
    misses = [
        MissOut.model_validate(
            row | {"area_name": reference.area_name(row["area"]), "category_name": known.category_name(row["category"]),
                   "came": row["label"] == "yes"}
        )
        for row in mine
    ]  # fmt: skip
    bins = [{"low": low, "high": high, **_plain(one)} for low, high, one in month.calibration]
    shown = {name: getattr(month, name) for name in Month.__slots__}
    return shown | {"calibration": bins, "levels": _levels(month), "largest_misses": misses}


def _ways(ways: list[Way]) -> list[Row]:
    return [
        {"name": one.name, "brier": one.brier, "log_loss": one.log_loss, "levels": _levels(one), **_plain(one.compared)}
        for one in ways
    ]


def _levels(one: Month | Way) -> list[Row]:
    return [{"level": level, **_plain(compared)} for level, compared in one.levels]


def _plain(compared: Any) -> Row:
    return {name: getattr(compared, name) for name in ("forecasts", "expected", "came", "share")}


def _shown(row: Row) -> Row:
    """A registered model without its files, with what its card says of data and measures."""
    card = json.loads(row["card"])
    said = {name: card.get(name) if isinstance(card.get(name), dict) else None for name in ("trained_on", "metrics")}
    return {name: value for name, value in row.items() if name in ModelOut.model_fields} | said


def _card_in_words(app: App, champion: Row | None) -> str:
    if champion is None:
        return f"没有在用的模型：{app.engines.why_no_scorer}\n"
    try:
        artefact = read_artefact(champion["artefact"], champion["card"])
    except ModelRefused as refused:
        return f"{refused.detail}\n"
    return words_of(artefact.card, json.loads(artefact.content))


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Problem(422, "model_refused", "文件不是合规的 UTF-8 文本，未载入。") from error


def _must_be_everywhere(viewer: Viewer) -> None:
    """A model judges in every area, so a key of one area may not change it."""
    if viewer.area is not None:
        raise Problem(403, "outside_key_area", "模型对所有区域生效，限定区域的密钥不能变更。")
