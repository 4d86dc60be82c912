"""An assessment's way: draft → submitted → reviewed → decided, or returned. Every step is in the trail.

What comes after the decision, implementing, reopened, evaluated, is in projects, reopening and evaluating.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from service.domain.assessing import Advice
from service.domain.problems import FieldError, Problem
from service.domain.projects import ProjectStage
from service.store import projects, rulebooks
from service.store.engine import Row, new_id
from service.store.tables_project import AssessmentTable, EvidenceTable, IssueTable, ReopeningTable
from service.store.trail import digest
from service.workflows.answering import Actor
from service.workflows.assessing import Subject, assess, plain, versions
from service.workflows.assessment_steps import DRAFTS, entered_steps, may_pass, may_use_form, must_be_ready
from service.workflows.conditions import check_conditions, set_conditions, still_owing
from service.workflows.parts import Engines
from service.workflows.project_warnings import Cleared, clear_of_project, reassesses, reopened_code
from service.workflows.projects import Changing, carry_out, changing, masked_text
from service.workflows.surveys import with_survey
from service.workflows.telling import Work

_EMPTY = dict.fromkeys(
    ("plan", "commission", "facts", "result", "result_hash", "versions", "assessed_on", "review", "filing_number",
     "valid_until", "decision", "evaluation")
)  # fmt: skip


async def begin_assessment(work: Work, actor: Actor, project_id: UUID, entered: Row) -> Row:
    """Begin an assessment; `entered` holds form, bodies, preset, given, and plan and commission where they are there.
    One at a time is being written."""
    async with changing(work, project_id, actor) as change:
        earlier = await projects.belonging(change.connection, AssessmentTable, project_id)
        if any(row["state"] in DRAFTS for row in earlier):
            raise Problem(409, "assessment_open", "该项目已有一份正在编写的评估；请先提交，或继续修改那一份。")
        return await begin(change, earlier, await with_survey(change, entered))


async def begin(change: Changing, earlier: Collection[Row], entered: Row) -> Row:
    """A draft after the earlier ones. Raises Problem, before anything is kept, for what cannot be used."""
    work, subject = change.work, await _subject(change)
    assess(work.engines.law, work.engines.methods, subject, entered, _day(work))
    row = {
        **_EMPTY, "id": new_id(), "project_id": change.project["id"], "number": len(earlier) + 1,
        "track": subject.kind.track, "state": "draft", **entered, **entered_steps(work.engines, entered, work.now),
        "created_at": work.now, "updated_at": work.now,
    }  # fmt: skip
    may_use_form(work.engines, subject.project, row, _day(work))
    return await change.put(AssessmentTable, row, "assessment begun")


async def change_assessment(work: Work, actor: Actor, assessment: Row, changes: Row) -> Row:
    """Change a draft; what is entered must be usable."""
    async with changing(work, assessment["project_id"], actor) as change:
        row = await in_state(change, assessment["id"], DRAFTS)
        changed = await with_survey(change, changes) | entered_steps(work.engines, changes, work.now)
        row |= changed | {"updated_at": work.now}
        assess(work.engines.law, work.engines.methods, await _subject(change), row, _day(work))
        may_use_form(work.engines, change.project, row, _day(work))
        return await change.put(AssessmentTable, row, "assessment changed", {"fields": sorted(changes)})


async def submit_assessment(work: Work, actor: Actor, assessment: Row) -> Row:
    """Freeze facts, what was entered and what came of it; from now on it reads the same for ever."""
    async with changing(work, assessment["project_id"], actor) as change:
        row = await in_state(change, assessment["id"], DRAFTS)
        taken, subject, on = await must_be_ready(change, row), await _subject(change), _day(work)
        assessed = assess(work.engines.law, work.engines.methods, subject, row, on)
        row |= {
            "state": "submitted",
            "facts": frozen_facts(subject) | taken,
            "result": plain(assessed.whole),
            "versions": versions(work.engines.law, work.engines.methods),
            "assessed_on": on,
            "updated_at": work.now,
        }
        row["result_hash"] = result_hash(row)
        for book in (work.engines.law, work.engines.methods, work.engines.procedures):
            kept = {"hash": book.sha256, "name": book.name, "version": book.version, "body": book.source}
            await rulebooks.keep(change.connection, {**kept, "taken_at": work.now})
        return await change.put(AssessmentTable, row, "assessment submitted", {"result_hash": row["result_hash"]})


async def review_assessment(work: Work, actor: Actor, assessment: Row, review: Row) -> Row:
    """The expert review with its dissent: passed with a filing number, or returned."""
    async with changing(work, assessment["project_id"], actor) as change:
        row = await in_state(change, assessment["id"], ("submitted",))
        passed = review["outcome"] == "passed"
        if passed:
            may_pass(change, row, review)
        opinions = [one | {"text": masked_text(one["text"])} for one in review["opinions"]]
        row |= {
            "state": "reviewed" if passed else "returned",
            "review": plain({"outcome": review["outcome"], "opinions": opinions, "on": _day(work)}),
            "filing_number": review["filing_number"],
            "valid_until": review["valid_until"],
            "updated_at": work.now,
        }
        return await change.put(AssessmentTable, row, "assessment reviewed", {"outcome": review["outcome"]})


async def decide_assessment(work: Work, actor: Actor, assessment: Row, decision: Row) -> Row:
    """Record the decision with its conditions, each of which gets a clock.

    One against the advice needs a reason and is marked; one after the validity is refused.
    """
    async with changing(work, assessment["project_id"], actor) as change:
        row = await in_state(change, assessment["id"], ("reviewed",))
        if row["valid_until"] < _day(work):
            raise Problem(409, "assessment_expired", f"评估有效期至 {row['valid_until']}，已过期；请重新评估后再决策。")
        against = _is_against(row["result"], decision["advice"])
        if against and not decision["reason"]:
            raise lacking("reason", "决策与评估结论不一致时须写明理由，并会作标记。")
        await check_conditions(change, decision["conditions"])
        conditions = [one | {"text": masked_text(one["text"])} for one in decision["conditions"]]
        kept = {"advice": decision["advice"], "grade": row["result"]["grade"], "conditions": conditions,
                "reason": masked_text(decision["reason"]), "against": against, "office": row["bodies"]["decider"],
                "role": masked_text(decision["role"]), "by": actor.name, "department_id": actor.department_id,
                "at": work.now}  # fmt: skip
        row |= {"state": "decided", "decision": plain(kept), "updated_at": work.now}
        await change.put(AssessmentTable, row, "assessment decided", {"against": against})
        await set_conditions(change, row["id"], conditions)
        if ProjectStage(change.project["stage"]) is ProjectStage.IMPLEMENTING:
            await carry_out(change)
        await _close_reopened(change)
        return await change.belonging(AssessmentTable, row["id"], "评估")


async def _close_reopened(change: Changing) -> None:
    """A new decision answers what had the earlier assessments reopened."""
    earlier = await projects.belonging(change.connection, ReopeningTable, change.project["id"])
    gone = {reopened_code(one["assessment_id"]): reassesses(change.project) for one in earlier}
    teller = await change.work.teller(change.connection)
    cleared = Cleared(gone, "已重新评估并作出决策", await still_owing(change))
    await clear_of_project(change.connection, teller, change.project["id"], cleared)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A frozen assessment computed anew: `same` under the same versions proves it; else where the answers differ."""

    same_versions: bool
    same: bool
    differences: tuple[str, ...]  # dotted paths into the result
    result_hash: str


def recompute(engines: Engines, row: Row) -> Recomputed:
    """Compute a submitted assessment anew from what was frozen, by today's law and method for its own day."""
    frozen = row["facts"]
    issues = [{**issue, "due_on": date.fromisoformat(issue["due_on"])} for issue in frozen["issues"]]
    subject = Subject(frozen, issues, frozenset(map(UUID, frozen["evidence"])))
    now = versions(engines.law, engines.methods)
    result = plain(assess(engines.law, engines.methods, subject, row, row["assessed_on"]).whole)
    digest_now = result_hash({**row, "result": result, "versions": now})
    differences = tuple(_differences(row["result"], result))
    return Recomputed(now == row["versions"], not differences, differences, digest_now)


def _differences(old: object, new: object, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(name), new.get(name), f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}.{place}")
    elif old != new:
        yield path


def result_hash(row: Row) -> str:
    """Of everything that is frozen at submission."""
    return digest({name: row[name] for name in ("facts", "given", "preset", "result", "versions")})


def frozen_facts(subject: Subject) -> Row:
    """All that an assessment rests on besides what was entered into it."""
    project = subject.project
    issues = [{name: row[name] for name in ("id", "title", "department_id", "due_on", "state", "note")}
              for row in subject.issues]  # fmt: skip
    names = ("name", "kind", "area", "department_id", "stage", "scale", "facts")
    frozen = {name: project[name] for name in names}
    frozen |= {"issues": issues, "evidence": sorted(map(str, subject.filed))}
    kept: Row = plain(frozen)
    return kept


async def subject_of(connection: Any, project: Row) -> Subject:
    """A project with its issues and the evidence that counts."""
    evidence = await projects.belonging(connection, EvidenceTable, project["id"])
    issues = await projects.belonging(connection, IssueTable, project["id"])
    return Subject(project, issues, frozenset(row["id"] for row in evidence if row["withdrawn_at"] is None))


async def _subject(change: Changing) -> Subject:
    return await subject_of(change.connection, change.project)


async def in_state(change: Changing, assessment_id: UUID, states: Collection[str]) -> Row:
    """The assessment, if it is in one of these states; raises Problem 409."""
    row = await change.belonging(AssessmentTable, assessment_id, "评估")
    if row["state"] not in states:
        detail = f"评估现为 {row['state']}，此步骤只适用于：{'、'.join(states)}。"
        raise Problem(409, "assessment_state", detail)
    return row


def _is_against(result: Row, advice: Advice) -> bool:
    """Going ahead although the assessment did not advise it."""
    return advice in (Advice.PROCEED, Advice.PARTLY) and not result["ready"]


def _day(work: Work) -> date:
    return work.engines.day(work.now)


def lacking(field: str, detail: str) -> Problem:
    """A step that cannot be taken as long as this field is as it is."""
    return Problem(422, "invalid_step", detail, (FieldError(field, "missing", detail),))
