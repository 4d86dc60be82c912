"""The escalation policy: who is told when nobody signs or confirms, after which wait."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request

from service.api.access import READERS, may
from service.api.escalation_shapes import CoverOut, PlanOut, PolicyOut, StepOut
from service.api.state import App, app_of
from service.domain.escalation import Plan
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Scope
from service.store import policies
from service.store.keys import Viewer

router = APIRouter(prefix="/v1", tags=["escalation 逐级报送"])
Reader = Annotated[Viewer, may(*READERS)]
Administrator = Annotated[Viewer, may(Scope.ADMINISTER)]


@router.get("/escalation-policies")
async def get_policy(_: Reader, request: Request) -> PolicyOut:
    """The policy in force, with the source of every wait and whether it could be verified."""
    return _shown(app_of(request))


@router.put("/escalation-policies")
async def put_policy(viewer: Administrator, request: Request) -> PolicyOut:
    """Put a policy in force (body: its YAML). A faulty one is refused with positions; the last good one stays."""
    app = app_of(request)
    _must_be_everywhere(viewer)
    errors = await app.policies.put(await request.body(), viewer.name, app.clock())
    if errors:
        fields = tuple(FieldError(f"{e.file}:{e.line}:{e.column}", "policy_error", str(e)) for e in errors)
        detail = "逐级报送制度有误，未启用；正在使用的不变。请按 errors 中的位置修改。"
        raise Problem(422, "policy_refused", detail, fields)
    return _shown(app)


@router.delete("/escalation-policies")
async def delete_policy(viewer: Administrator, request: Request) -> PolicyOut:
    """Go back to the policy that ships."""
    _must_be_everywhere(viewer)
    await app_of(request).policies.drop()
    return _shown(app_of(request))


@router.get("/escalation-policies/{digest}")
async def get_policy_text(digest: str, _: Reader, request: Request) -> dict[str, Any]:
    """The text of a policy that was in force, by its sha256, years later too."""
    async with app_of(request).engine.connect() as connection:
        row = await policies.by_hash(connection, digest)
    if row is None:
        raise not_found("逐级报送制度", digest)
    return row


def _must_be_everywhere(viewer: Viewer) -> None:
    if viewer.area is not None:
        raise Problem(403, "outside_key_area", "逐级报送制度对所有区域生效，限定区域的密钥不能更换。")


def _shown(app: App) -> PolicyOut:
    policy = app.engines.escalation.current
    cover = [CoverOut.model_validate(one) for one in policy.cover]
    return PolicyOut(
        name=policy.name,
        version=policy.version,
        sha256=policy.sha256,
        plans=[_plan(plan) for plan in policy.plans],
        cover=cover,
    )


def _plan(plan: Plan) -> PlanOut:
    steps = [
        StepOut(
            to=step.to, to_zh=step.to.zh, wait_minutes=int(step.wait.total_seconds() // 60), repeat=step.repeat,
            channel=step.channel, only_lead=step.only_lead,
        )
        for step in plan.steps
    ]  # fmt: skip
    return PlanOut(
        level=plan.level, clock=plan.clock, region=plan.region, first=plan.first, last=plan.last, source=plan.source,
        unverified=plan.unverified, only_statutory=plan.only_statutory, steps=steps,
        idle_minutes=None if plan.idle is None else int(plan.idle.total_seconds() // 60),
    )  # fmt: skip
