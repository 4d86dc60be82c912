"""A project after its decision: conditions with clocks, days of reception, and what happened against the forecast."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request

from service.api.access import READERS, may
from service.api.following_shapes import ConditionOut, Met, ReceptionIn, ReceptionOut, WatchOut
from service.api.projects import seen_project
from service.api.state import App, actor_of, app_of
from service.domain.words import Scope
from service.store import projects
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.reference import Reference
from service.store.tables_project import ConditionTable, ReceptionTable, ReopeningTable
from service.workflows.conditions import meet_condition
from service.workflows.evaluating import newest_decided, watch_assessment
from service.workflows.projects import record_reception

router = APIRouter(prefix="/v1/projects/{project_id}", tags=["projects 重大事项"])
Planner = Annotated[Viewer, may(Scope.PLAN)]
Reader = Annotated[Viewer, may(*READERS)]
_SUMMED = ("households", "people", "matters_raised", "settled_on_spot")


@router.get("/conditions")
async def get_conditions(project_id: UUID, viewer: Reader, request: Request) -> list[ConditionOut]:
    """The conditions of the project's decisions, the oldest first."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    today = app.engines.day(app.clock())
    async with app.engine.connect() as connection:
        rows = await projects.belonging(connection, ConditionTable, project_id)
        reference = await app.doors.reference.get(connection)
    return [_condition(row, reference, today) for row in rows]


@router.post("/conditions/{condition_id}/meet")
async def post_met(project_id: UUID, condition_id: UUID, met: Met, viewer: Planner, request: Request) -> ConditionOut:
    """A condition is met, by evidence filed or by what the note says."""
    app = app_of(request)
    actor = await actor_of(app, viewer)
    row = await meet_condition(app.work(), actor, (project_id, condition_id), met.model_dump())
    return _condition(row, await _reference(app), app.engines.day(app.clock()))


@router.post("/receptions", status_code=201)
async def post_reception(project_id: UUID, held: ReceptionIn, viewer: Planner, request: Request) -> ReceptionOut:
    """Record one day of reception on the spot (驻现场接访), in numbers only."""
    app = app_of(request)
    row = await record_reception(app.work(), await actor_of(app, viewer), project_id, held.model_dump())
    return _reception(row, await _reference(app))


@router.get("/receptions")
async def get_receptions(project_id: UUID, viewer: Reader, request: Request) -> list[ReceptionOut]:
    """The days of reception, the earliest first."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        rows = await projects.belonging(connection, ReceptionTable, project_id)
        reference = await app.doors.reference.get(connection)
    return [_reception(row, reference) for row in rows]


@router.get("/watch")
async def get_watch(project_id: UUID, viewer: Reader, request: Request) -> WatchOut:
    """What happened since the decision against what was predicted: which factor showed up, which did not, what nobody
    foresaw. In counts, and only of matters that the key may see."""
    app = app_of(request)
    project = await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        assessment = await newest_decided(connection, project)
        seen = await watch_assessment(connection, app.engines, assessment, viewer.sight)
        receptions = await projects.belonging(connection, ReceptionTable, project_id)
        conditions = await projects.belonging(connection, ConditionTable, project_id)
        reopened = await projects.belonging(connection, ReopeningTable, project_id)
    said = asdict(seen.watched)
    for one in said["unforeseen"]:
        one["category_zh"] = app.engines.catalogue.category_name(one["category"])
    held = [row for row in receptions if row["held_on"] >= seen.since]
    return WatchOut.model_validate({
        "project_id": project_id, "assessment_id": assessment["id"], "number": assessment["number"],
        "state": assessment["state"], "since": seen.since, "version": seen.version, "sha256": seen.sha256,
        "unverified": seen.unverified, **said, "receptions": _summed(held), "reopened": reopened,
        **_standing(conditions, app.engines.day(app.clock())),
    })  # fmt: skip


def _standing(conditions: list[Row], today: date) -> dict[str, int]:
    counts = Counter("overdue" if _is_overdue(row, today) else row["state"] for row in conditions)
    return {
        "conditions_open": counts["open"] + counts["overdue"],
        "conditions_overdue": counts["overdue"],
        "conditions_met": counts["met"],
    }


def _summed(held: list[Row]) -> dict[str, int]:
    days = {"days": len({row["held_on"] for row in held})}
    return days | {name: sum(row[name] or 0 for row in held) for name in _SUMMED}


def _is_overdue(row: Row, today: date) -> bool:
    return bool(row["state"] == "open" and row["due_on"] < today)


def _condition(row: Row, reference: Reference, today: date) -> ConditionOut:
    named: dict[str, Any] = {"department": _office(reference, row), "overdue": _is_overdue(row, today)}
    return ConditionOut.model_validate(row | named)


def _reception(row: Row, reference: Reference) -> ReceptionOut:
    return ReceptionOut.model_validate(row | {"department": _office(reference, row)})


def _office(reference: Reference, row: Row) -> str:
    return reference.department_name(row["department_id"]) or "?"


async def _reference(app: App) -> Reference:
    async with app.engine.connect() as connection:
        return await app.doors.reference.get(connection)
