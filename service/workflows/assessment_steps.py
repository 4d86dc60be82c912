"""What the form of an assessment asks for before it may be submitted, and before its review may pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.problems import FieldError, Problem
from service.domain.projects import ProjectKind, Track
from service.rules.method.cuts import MethodError
from service.rules.method.procedure import Needs
from service.rules.method.rounds import Round
from service.rules.method.steps import (
    BEFORE_PASSING,
    BEFORE_SUBMISSION,
    Commission,
    Held,
    Lacking,
    Plan,
    Reviewed,
    StepState,
    cannot_be,
    lacking,
    steps,
)
from service.store import projects
from service.store.engine import Row
from service.store.tables_project import ParticipationTable
from service.workflows.assessing import plain, unusable
from service.workflows.parts import Engines
from service.workflows.projects import Changing, masked_text

DRAFTS = ("draft", "returned")


@dataclass(frozen=True, slots=True)
class Taken:
    """An assessment's steps, and by which procedure they are told."""

    needs: Needs
    states: tuple[StepState, ...]


async def steps_of(engines: Engines, connection: AsyncConnection, about: tuple[Row, Row], now: datetime) -> Taken:
    """The steps of an assessment as they stand; `about` is its project and itself.

    Raises Problem 409 for a quick check, which has none.
    """
    project, row = about
    if row["track"] == Track.QUICK:
        raise Problem(409, "no_steps", "本事项只作前置排查，没有稳评程序的步骤；请查看 GET /v1/projects/{id}/check。")
    frozen = None if row["state"] in DRAFTS else row["facts"].get("participation")
    rounds = await projects.belonging(connection, ParticipationTable, project["id"]) if frozen is None else frozen
    needs, held = _both(engines, (project, row), rounds, engines.day(now))
    return Taken(needs, steps(needs, held))


def entered_steps(engines: Engines, entered: Row, now: datetime) -> Row:
    """Plan and commission as they are kept: texts masked, the plan with the day it was entered.

    Raises Problem 422 for a method that is not in the list.
    """
    kept: Row = {}
    plan, commission = entered.get("plan"), entered.get("commission")
    if plan is not None:
        strange = [code for code in plan["methods"] if code not in engines.procedures.methods]
        if strange:
            known = "、".join(f"{code} {zh}" for code, zh in engines.procedures.methods.items())
            detail = f"没有这些评估方法：{'、'.join(strange)}；可用：{known}。"
            raise Problem(422, "invalid_step", detail, (FieldError("plan.methods", "unknown_method", detail),))
        kept["plan"] = plain({**plan, "scope": masked_text(plan["scope"]), "entered_on": engines.day(now)})
    if commission is not None:
        kept["commission"] = plain({**commission, "office": masked_text(commission["office"])})
    return kept


def may_use_form(engines: Engines, project: Row, row: Row, on: date) -> None:
    """Raises Problem 409 when the form may certainly not be used, and when a quick check is given steps it has not."""
    if ProjectKind(project["kind"]).track is Track.QUICK:
        given = [name for name in ("plan", "commission") if row.get(name)]
        _refuse([Lacking(name, "no_steps", "前置排查没有这一步，请勿填写") for name in given], "quick_has_no_steps")
        return
    _refuse(cannot_be(*_both(engines, (project, row), (), on)), "form_not_allowed")


async def must_be_ready(change: Changing, row: Row) -> Row:
    """What is frozen of the steps at submission; nothing of a quick check. Raises Problem 409 naming all that lacks."""
    if row["track"] == Track.QUICK:
        return {}
    engines = change.work.engines
    rounds = await projects.belonging(change.connection, ParticipationTable, row["project_id"])
    needs, held = _both(engines, (change.project, row), rounds, engines.day(change.work.now))
    _refuse(lacking(needs, held, BEFORE_SUBMISSION))
    procedures = engines.procedures
    frozen = {
        "procedure": {"name": needs.procedure, "version": procedures.version, "sha256": procedures.sha256},
        "form": row["form"], "bodies": row["bodies"], "plan": row["plan"], "commission": row["commission"],
        "participation": rounds,
    }  # fmt: skip
    kept: Row = plain(frozen)
    return kept


def may_pass(change: Changing, row: Row, review: Row) -> None:
    """Raises Problem 409 naming everything that a passing review still lacks."""
    engines, today = change.work.engines, change.work.engines.day(change.work.now)
    offices = tuple(one["office"] for one in review["opinions"])
    reviewed = Reviewed(today, offices, review["filing_number"], review["valid_until"])
    if row["track"] == Track.QUICK:
        given = (("filing_number", reviewed.filing_number), ("valid_until", reviewed.valid_until))
        _refuse([Lacking(name, "missing", f"通过评审须填写 {name}") for name, value in given if not value])
        return
    needs, held = _both(engines, (change.project, row), (), today)
    _refuse(lacking(needs, replace(held, reviewed=reviewed), BEFORE_PASSING))


def _both(engines: Engines, about: tuple[Row, Row], rounds: Sequence[Row], on: date) -> tuple[Needs, Held]:
    """What is asked and what there is: of a draft as it stands, of what was submitted as it was frozen."""
    project, row = about
    seen = project if row["state"] in DRAFTS else row["facts"]
    preset = _preset(engines, seen, row, on)
    if preset not in engines.procedures.of_preset:  # it was graded by a method that is no longer in the file
        raise Problem(409, "no_procedure", f"评估方法 {preset} 已不在现行文件中，没有可对照的程序。")
    return engines.procedures.needs(preset, row["form"]), _held(engines, seen, row, (rounds, on))


def _preset(engines: Engines, seen: Row, row: Row, on: date) -> str:
    """The method by which it was graded, or would be today."""
    if row["state"] not in DRAFTS:
        graded: str = row["result"]["after"]["details"]["preset"]
        return graded
    try:
        return engines.methods.preset(seen["area"], on, row["preset"], ProjectKind(seen["kind"])).name
    except MethodError as error:
        raise unusable(error) from None


def _held(engines: Engines, seen: Row, row: Row, asked: tuple[Sequence[Row], date]) -> Held:
    drafted, decision = row["state"] in DRAFTS, row["decision"]
    return Held(
        kind=ProjectKind(seen["kind"]),
        scale=seen["scale"],
        bodies=row["bodies"],
        # What was asked of the public after the submission is no part of what was submitted.
        today=asked[1] if drafted else row["assessed_on"],
        plan=_plan(row["plan"]),
        commission=_commission(row["commission"]),
        rounds=[_round(one) for one in asked[0]],
        submitted_on=None if drafted else row["assessed_on"],
        reviewed=None if drafted else _reviewed(row),
        decided_on=engines.day(datetime.fromisoformat(decision["at"])) if decision else None,
        decided_by=decision["by"] if decision else None,
    )


def _plan(kept: Row | None) -> Plan | None:
    if kept is None:
        return None
    days = (_date(kept[name]) for name in ("from_on", "to_on", "entered_on"))
    return Plan(tuple(kept["methods"]), *days)


def _commission(kept: Row | None) -> Commission | None:
    return Commission(_date(kept["on"]), kept["office"], kept["body"]) if kept else None


def _round(row: Row) -> Round:
    ended = _date(row["ended_on"]) if row["ended_on"] else None
    return Round(row["form"], _date(row["began_on"]), ended, row["affected"], row["reached"])


def _reviewed(row: Row) -> Reviewed | None:
    review = row["review"]
    if not review or review["outcome"] != "passed":
        return None
    offices = tuple(one["office"] for one in review["opinions"])
    on = review.get("on")  # a review kept before this was asked has no day
    return Reviewed(_date(on) if on else None, offices, row["filing_number"], row["valid_until"])


def _date(known: date | str) -> date:
    return date.fromisoformat(known) if isinstance(known, str) else known


def _refuse(missing: Sequence[Lacking], code: str = "steps_lacking") -> None:
    if missing:
        errors = tuple(FieldError(one.field, one.code, one.text) for one in missing)
        raise Problem(409, code, "评估程序的步骤尚不齐备，请按 errors 逐项补齐后再办。", errors)
