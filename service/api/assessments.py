"""Assessments (稳评, 前置排查) of projects: what law and method say, and the way from draft to evaluation."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from service.api.access import READERS, may
from service.api.assessment_shapes import (
    AssessmentChange,
    AssessmentIn,
    AssessmentOut,
    Decision,
    Evaluation,
    PriorOut,
    RecomputedOut,
    Review,
    WhatIfIn,
)
from service.api.following_shapes import PredictionsOut
from service.api.projects import seen_project
from service.api.state import App, actor_of, app_of
from service.domain.assessing import Advice, Grade
from service.domain.problems import Problem, not_found
from service.domain.projects import ProjectKind
from service.domain.words import Scope
from service.rules.method.prior import prior
from service.store import projects
from service.store.engine import Row
from service.store.keys import Viewer
from service.store.tables_project import AssessmentTable
from service.workflows import assess_project as acts
from service.workflows.assessing import assess, legal_findings, plain, what_if
from service.workflows.assessment_steps import DRAFTS
from service.workflows.evaluating import evaluate_assessment
from service.workflows.predictions import predictions_like
from service.workflows.together import coming_together_at, shown, warning_at

router = APIRouter(prefix="/v1", tags=["assessments 风险评估"])
Planner = Annotated[Viewer, may(Scope.PLAN)]
Reader = Annotated[Viewer, may(*READERS)]


@router.get("/projects/{project_id}/check")
async def get_check(project_id: UUID, viewer: Reader, request: Request) -> dict[str, Any]:
    """前置排查: what the law asks of the project today, its open issues, the matters open in that place, and what comes
    together there (碰头叠加; null when nothing does)."""
    app = app_of(request)
    project = await seen_project(app, project_id, viewer)
    on = app.engines.day(app.clock())
    async with app.engine.connect() as connection:
        subject = await acts.subject_of(connection, project)
        open_matters = await projects.open_matters_at(connection, project["area"], 50)
        met = await _met(app, connection, project, viewer)
    findings = legal_findings(app.engines.law, subject, on)
    return {"on": on, "legal": plain(findings), "issues": subject.issues, "open_matters": open_matters,
            "coming_together": met}  # fmt: skip


async def _met(app: App, connection: AsyncConnection, project: Row, viewer: Viewer) -> Row | None:
    now = app.clock()
    found = await coming_together_at(app.engines, connection, project, viewer.sight, now)
    if found is None:
        return None
    told = shown(app.engines, found, app.engines.day(now))
    answer: Row = plain({**told, "warning_id": await warning_at(connection, found.place, viewer.sight)})
    return answer


@router.post("/projects/{project_id}/assessments", status_code=201)
async def post_assessment(project_id: UUID, entered: AssessmentIn, viewer: Planner, request: Request) -> AssessmentOut:
    """Commission an assessment of a project."""
    app = app_of(request)
    row = await acts.begin_assessment(app.work(), await actor_of(app, viewer), project_id, _entered(entered))
    return await _shown(app, row, viewer)


@router.get("/projects/{project_id}/assessments")
async def get_assessments(project_id: UUID, viewer: Reader, request: Request) -> list[AssessmentOut]:
    """All assessments of a project, the first one first."""
    app = app_of(request)
    await seen_project(app, project_id, viewer)
    async with app.engine.connect() as connection:
        rows = await projects.belonging(connection, AssessmentTable, project_id)
    return [await _shown(app, row, viewer) for row in rows]


@router.get("/assessments/{assessment_id}")
async def get_assessment(assessment_id: UUID, viewer: Reader, request: Request) -> AssessmentOut:
    """One assessment; as frozen, or, while it is a draft, as law and method see it now."""
    app = app_of(request)
    return await _shown(app, await seen_assessment(app, assessment_id, viewer), viewer)


@router.patch("/assessments/{assessment_id}")
async def patch_assessment(
    assessment_id: UUID, change: AssessmentChange, viewer: Planner, request: Request
) -> AssessmentOut:
    """Change a draft."""
    app = app_of(request)
    row = await seen_assessment(app, assessment_id, viewer)
    changed = await acts.change_assessment(app.work(), await actor_of(app, viewer), row, _entered(change))
    return await _shown(app, changed, viewer)


@router.post("/assessments/{assessment_id}/submit")
async def post_submission(assessment_id: UUID, viewer: Planner, request: Request) -> AssessmentOut:
    """Freeze it: facts, findings and grade stay as they are for ever."""
    app = app_of(request)
    row = await seen_assessment(app, assessment_id, viewer)
    return await _shown(app, await acts.submit_assessment(app.work(), await actor_of(app, viewer), row), viewer)


@router.post("/assessments/{assessment_id}/review")
async def post_review(assessment_id: UUID, review: Review, viewer: Planner, request: Request) -> AssessmentOut:
    """The expert review: passed with a filing number, or returned; dissent is kept."""
    app = app_of(request)
    row, actor = await seen_assessment(app, assessment_id, viewer), await actor_of(app, viewer)
    return await _shown(app, await acts.review_assessment(app.work(), actor, row, review.model_dump()), viewer)


@router.post("/assessments/{assessment_id}/decide")
async def post_decision(assessment_id: UUID, decision: Decision, viewer: Planner, request: Request) -> AssessmentOut:
    """The decision; one against the assessment needs a written reason and is marked."""
    app = app_of(request)
    row, actor = await seen_assessment(app, assessment_id, viewer), await actor_of(app, viewer)
    return await _shown(app, await acts.decide_assessment(app.work(), actor, row, decision.model_dump()), viewer)


@router.post("/assessments/{assessment_id}/evaluate")
async def post_evaluation(
    assessment_id: UUID, evaluation: Evaluation, viewer: Planner, request: Request
) -> AssessmentOut:
    """After completion: what happened against what was expected. Without `showed_up` by what the watch saw."""
    app = app_of(request)
    row, actor = await seen_assessment(app, assessment_id, viewer), await actor_of(app, viewer)
    return await _shown(app, await evaluate_assessment(app.work(), actor, row, evaluation.model_dump()), viewer)


@router.get("/assessments/{assessment_id}/recompute")
async def get_recomputed(assessment_id: UUID, viewer: Reader, request: Request) -> RecomputedOut:
    """A submitted assessment computed anew from what was frozen: the same, or where today's answer differs."""
    app = app_of(request)
    row = await seen_assessment(app, assessment_id, viewer)
    if row["result_hash"] is None:
        raise Problem(409, "assessment_state", "评估尚未提交，没有可复算的冻结内容。")
    return RecomputedOut.model_validate(acts.recompute(app.engines, row))


@router.get("/projects/{project_id}/prior")
async def get_prior(project_id: UUID, viewer: Reader, request: Request) -> PriorOut:
    """What became of comparable matters and predictions: to stand beside the expert's own, never in its place."""
    app = app_of(request)
    project = await seen_project(app, project_id, viewer)
    category = ProjectKind(project["kind"]).category
    async with app.engine.connect() as connection:
        count, escalated = await projects.ended_alike(connection, project["area"], category)
        on = app.engines.day(app.clock())
        fared = await predictions_like(connection, app.engines, project, viewer.sight, on)
    found = prior(count, escalated)
    return PriorOut(
        area=project["area"][:6], category=category, predictions=PredictionsOut.model_validate(fared), **asdict(found)
    )


@router.post("/assessments/{assessment_id}/what-if")
async def post_what_if(assessment_id: UUID, asked: WhatIfIn, viewer: Planner, request: Request) -> dict[str, Any]:
    """Which measures reach 低 at the least cost, and the lowest index each cost buys. Changes nothing."""
    app = app_of(request)
    row = await seen_assessment(app, assessment_id, viewer)
    project = await seen_project(app, row["project_id"], viewer)
    async with app.engine.connect() as connection:
        subject = await acts.subject_of(connection, project)
    question = {"on": app.engines.day(app.clock()), **asked.model_dump()}
    return await asyncio.to_thread(what_if, app.engines.law, app.engines.methods, subject, row, question)


def _entered(entered: AssessmentIn | AssessmentChange) -> Row:
    """As it is kept: plain JSON, only what was said; null takes back what may be left out."""
    said = entered.model_fields_set if isinstance(entered, AssessmentChange) else type(entered).model_fields
    values = entered.model_dump(mode="json", include=set(said))
    return {name: value for name, value in values.items() if value is not None or name in _MAY_LACK}


_MAY_LACK = ("preset", "plan", "commission")


async def seen_assessment(app: App, assessment_id: UUID, viewer: Viewer) -> Row:
    """The assessment, if the viewer may see its project; else 404."""
    async with app.engine.connect() as connection:
        row = await projects.row(connection, AssessmentTable, assessment_id)
        seen = row and await projects.in_sight(connection, row["project_id"], viewer.sight)
    if row is None or seen is None:
        raise not_found("评估", assessment_id)
    return row


async def _shown(app: App, row: Row, viewer: Viewer) -> AssessmentOut:
    row = row | {"result": await result_of(app, row, viewer)}
    grade, advice = row["result"].get("grade"), row["result"].get("advice")
    words = {
        "grade": grade,
        "grade_zh": Grade(grade).zh if grade else None,
        "advice": advice,
        "advice_zh": Advice(advice).zh if advice else None,
    }
    return AssessmentOut.model_validate({**row, **words})


async def result_of(app: App, row: Row, viewer: Viewer) -> Row:
    """The result as frozen, or, while it is a draft, as law and method see it now."""
    if row["result"] is not None and row["state"] not in DRAFTS:
        frozen: Row = row["result"]
        return frozen
    project = await seen_project(app, row["project_id"], viewer)
    async with app.engine.connect() as connection:
        subject = await acts.subject_of(connection, project)
    return assess(app.engines.law, app.engines.methods, subject, row, app.engines.day(app.clock())).whole
