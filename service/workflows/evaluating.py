"""What happened against what was expected: the watch while a project is carried out, the evaluation afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.problems import Problem
from service.domain.projects import ProjectStage
from service.rules.method.watching import Predicted, Shown, TiedMatter, Watched, watch
from service.store import following, projects, rulebooks
from service.store.engine import Row
from service.store.following import Since
from service.store.tables_project import AssessmentTable
from service.store.views import Sight
from service.workflows.answering import Actor
from service.workflows.assess_project import in_state, lacking
from service.workflows.assessing import plain
from service.workflows.parts import Engines
from service.workflows.projects import Changing, changing, masked_text
from service.workflows.telling import Work

ENDED = (ProjectStage.COMPLETED, ProjectStage.STOPPED)


@dataclass(frozen=True, slots=True)
class Watch:
    """What was seen since the day of a decision, with the table by which matters were held against factors."""

    since: date
    watched: Watched
    version: str
    sha256: str
    unverified: bool


async def newest_decided(connection: AsyncConnection, project: Row) -> Row:
    """The assessment that the project is held against. Raises Problem 409 while nothing is decided."""
    rows = await projects.belonging(connection, AssessmentTable, project["id"])
    decided = [row for row in rows if row["decision"] is not None]
    if not decided:
        raise Problem(409, "not_decided", "该项目还没有经决策的评估，没有可以对照的预判；请先完成评估和决策。")
    return decided[-1]


async def watch_assessment(connection: AsyncConnection, engines: Engines, assessment: Row, sight: Sight) -> Watch:
    """Matters tied to the project since the day of the decision, as far as the viewer may see them, held against the
    factors of a decided assessment."""
    since = engines.day(datetime.fromisoformat(assessment["decision"]["at"]))
    asked = Since(since, str(engines.zone))
    rows = await following.tied_matters(connection, assessment["project_id"], asked, sight)
    watched = watch(engines.watch, predicted(assessment), _matters(rows))
    return Watch(since, watched, engines.watch.version, engines.watch.sha256, engines.watch.unverified)


def predicted(assessment: Row) -> list[Predicted]:
    factors = assessment["given"]["factors"]
    return [Predicted(one["factor_id"], one["category"], one["name"]) for one in factors]


async def evaluate_assessment(work: Work, actor: Actor, assessment: Row, evaluation: Row) -> Row:
    """After completion: what happened against what was expected.

    `showed_up` None: what the watch saw counts, and what it cannot see stays unknown. What was entered counts before
    the watch, which is kept beside it.
    """
    async with changing(work, assessment["project_id"], actor) as change:
        row = await in_state(change, assessment["id"], ("decided", "implementing", "reopened"))
        if ProjectStage(change.project["stage"]) not in ENDED:
            raise Problem(409, "not_completed", "项目尚未完成或停止，不能作后评估；请先更新项目阶段（stage）。")
        seen = await watch_assessment(change.connection, work.engines, row, actor.sight)
        by_hand = evaluation["showed_up"]
        answers = _of_watch(seen.watched) if by_hand is None else _by_hand(row, by_hand)
        kept = {
            "from": "watch" if by_hand is None else "entered", **answers,
            "unforeseen": masked_text(evaluation["unforeseen"]), "text": masked_text(evaluation["text"]),
            "watch": _kept(work, seen), "at": work.now,
        }  # fmt: skip
        row |= {"state": "evaluated", "evaluation": plain(kept), "updated_at": work.now}
        await _keep_table(change)
        return await change.put(AssessmentTable, row, "assessment evaluated", {"from": kept["from"]})


def _by_hand(row: Row, showed_up: Sequence[str]) -> Row:
    names = [factor.factor_id for factor in predicted(row)]
    strange = [name for name in showed_up if name not in names]
    if strange:
        raise lacking("showed_up", f"评估中没有这些风险因素：{'、'.join(strange)}；未预见的请写入 unforeseen。")
    return {"showed_up": showed_up, "did_not": [name for name in names if name not in showed_up], "unknown": []}


def _of_watch(watched: Watched) -> Row:
    return {"showed_up": watched.named(Shown.SHOWED_UP), "did_not": watched.named(Shown.DID_NOT),
            "unknown": watched.named(Shown.NOT_WATCHABLE)}  # fmt: skip


def _kept(work: Work, seen: Watch) -> dict[str, Any]:
    return {
        **_of_watch(seen.watched),
        "unforeseen": [{"category": one.category, "matters": one.counts.matters} for one in seen.watched.unforeseen],
        "matters": seen.watched.counts.matters,
        "since": seen.since,
        "until": work.engines.day(work.now),
        "version": seen.version,
        "sha256": seen.sha256,
    }


async def _keep_table(change: Changing) -> None:
    """The table by which it was held against, so that it reads the same years later."""
    table = change.work.engines.watch
    kept = {"hash": table.sha256, "name": table.name, "version": table.version, "body": table.source}
    await rulebooks.keep(change.connection, {**kept, "taken_at": change.work.now})


def _matters(rows: Sequence[Row]) -> list[TiedMatter]:
    """One per matter; each of its rows is one day."""
    found: dict[Any, TiedMatter] = {}
    days: dict[Any, dict[date, int]] = {}
    for row in rows:
        counts = days.setdefault(row["id"], {})
        counts[row["day"]] = row["reports"]
        found.setdefault(
            row["id"], TiedMatter(row["id"], row["category"], frozenset(row["signals"]), row["level"], counts)
        )
    return list(found.values())
