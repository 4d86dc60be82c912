"""The steps of an assessment, and the procedures that say what each step asks for."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request

from service.api.access import READERS, may
from service.api.assessments import seen_assessment
from service.api.projects import seen_project
from service.api.shapes import Out
from service.api.state import app_of
from service.rules.method.procedure import FORM_NAMES
from service.rules.method.steps import StepState
from service.store.keys import Viewer
from service.workflows.assessing import plain
from service.workflows.assessment_steps import steps_of

router = APIRouter(prefix="/v1", tags=["assessments 风险评估"])
Reader = Annotated[Viewer, may(*READERS)]


class OriginOut(Out):
    """Where a demand comes from. `unverified`: no text of it could be read, or it is our own choice."""

    source: str
    unverified: bool


class LackingOut(Out):
    """One thing that is not there; `known` false: it cannot be told, for something else is not known."""

    field: str
    code: str
    text: str
    known: bool


class StepStateOut(Out):
    """One step: done when it was taken and nothing is lacking."""

    step: str
    step_zh: str
    done: bool
    at: date | None
    by: str | None
    lacking: list[LackingOut]
    basis: list[OriginOut]


class StepsOut(Out):
    """All steps in their order, by which procedure; `frozen` names the procedure at submission."""

    form: str
    form_zh: str
    procedure: str
    version: str
    sha256: str
    frozen: dict[str, Any] | None
    steps: list[StepStateOut]


@router.get("/assessments/{assessment_id}/steps")
async def get_steps(assessment_id: UUID, viewer: Reader, request: Request) -> StepsOut:
    """Which steps of the assessment are done, when and by what, and what each still lacks; 409 for a quick check."""
    app = app_of(request)
    row = await seen_assessment(app, assessment_id, viewer)
    project = await seen_project(app, row["project_id"], viewer)
    async with app.engine.connect() as connection:
        taken = await steps_of(app.engines, connection, (project, row), app.clock())
    procedures, frozen = app.engines.procedures, row["facts"]
    return StepsOut(
        form=row["form"],
        form_zh=FORM_NAMES[row["form"]],
        procedure=taken.needs.procedure,
        version=procedures.version,
        sha256=procedures.sha256,
        frozen=frozen.get("procedure") if frozen else None,
        steps=[_step_out(state) for state in taken.states],
    )


@router.get("/assessment-procedures")
async def get_procedures(_: Reader, request: Request) -> dict[str, Any]:
    """What each form asks under each preset, and the methods a plan may name; each with its source."""
    procedures = app_of(request).engines.procedures
    shown = ("name", "version", "sha256", "methods", "methods_origin", "of_preset")
    found: dict[str, Any] = plain({name: getattr(procedures, name) for name in shown})
    return found


def _step_out(state: StepState) -> StepStateOut:
    return StepStateOut.model_validate({**plain(state), "step_zh": state.step.zh})
