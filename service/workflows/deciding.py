"""Whether a judged matter changes its warning, and how. Pure: the same state gives the same move, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.domain.judging import Judgement
from service.domain.levels import Level, highest
from service.domain.matters import Matter
from service.domain.quick import changed
from service.domain.warnings import BY_ORDER, Duty, StandingOrder, Warning, WarningEventType
from service.domain.words import MatterStatus, SubjectKind, WarningState

CONFIRMED_LEVELS = (
    Level.ORANGE,
    Level.RED,
)  # leave the house only after a person's word, a standing order, or the clock


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds that deciding needs, for one area and day."""

    minimum_people: int
    growth_factor: float  # departments hear again when reports or people grew by this factor
    confirm_minutes: dict[Level, float]


@dataclass(frozen=True, slots=True)
class Move:
    """One change of a warning. `only` limits the push to these departments (None: all that should hear).

    `owed` are duties besides those of the 责任清单: whoever promised something hears of it, subscribed or not.
    """

    warning: Warning
    type: WarningEventType
    note: str
    only: frozenset[UUID] | None = None
    new_clocks: bool = False  # departments must sign (again) from now, or somebody must confirm
    owed: tuple[Duty, ...] = ()
    through: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)  # department → these endpoints, not all


@dataclass(frozen=True, slots=True)
class Case:
    """What deciding looks at."""

    matter: Matter
    judgement: Judgement
    judgement_id: UUID
    headline: str
    order: StandingOrder | None  # the standing order for the judged level, if any
    now: datetime


def is_restricted(matter: Matter, judgement: Judgement, minimum_people: int) -> bool:
    """A matter of a few people is told to its lead department and the coordinator only, unless life is in danger."""
    return matter.known_people() < minimum_people and not judgement.life_danger


def decide(case: Case, current: Warning | None, new_id: UUID, policy: Policy) -> Move | None:
    """The move that this judgement asks for, or None when departments need hear nothing new."""
    if case.matter.status is not MatterStatus.OPEN:
        return None
    if current is None:
        settled = case.matter.all_settled_on_spot and not case.judgement.life_danger
        return None if settled else _open(case, new_id, policy)
    return _update(case, current, policy)


def confirm(warning: Warning, by: str, now: datetime) -> Move:
    """A person vouched for it: it leaves now."""
    moved = _raised(warning, now, confirmed_by=by, unverified=False, confirm_due_at=None)
    return Move(_issued(moved, now), WarningEventType.ISSUED, f"已由{by}核实", new_clocks=True)


def issue_unconfirmed(warning: Warning, now: datetime) -> Move:
    """Nobody confirmed in time: it leaves all the same, marked 未核实."""
    moved = _raised(warning, now, unverified=True, confirm_due_at=None)
    return Move(_issued(moved, now), WarningEventType.ISSUED, "逾期无人核实，按“未核实”发出", new_clocks=True)


def settle(warning: Warning, changes: dict[str, Any], now: datetime, note: str) -> Move:
    """The matter came to an end; `changes` holds outcome, outcome_at and outcome_note."""
    moved = _raised(warning, now, state=WarningState.RESOLVED, resolved_at=now, confirm_due_at=None, **changes)
    return Move(moved, WarningEventType.RESOLVED, note)


def cancel(warning: Warning, now: datetime, note: str) -> Move:
    moved = _raised(warning, now, state=WarningState.CANCELLED, resolved_at=now, confirm_due_at=None)
    return Move(moved, WarningEventType.CANCELLED, note)


def _open(case: Case, new_id: UUID, policy: Policy) -> Move:
    level = case.judgement.level
    warning = Warning(
        id=new_id,
        revision=0,
        level=level,
        subject_kind=SubjectKind.MATTER,
        subject_id=str(case.matter.id),
        area=case.matter.area,
        category=case.matter.category,
        headline=case.headline,
        reasons=(),
        measures=(),
        state=WarningState.ISSUED,
        statutory_report_required=False,
        restricted=is_restricted(case.matter, case.judgement, policy.minimum_people),
        opened_at=case.now,
        updated_at=case.now,
    )
    return _leave_or_wait(_told(warning, case), case, policy, WarningEventType.OPENED)


def _update(case: Case, current: Warning, policy: Policy) -> Move | None:
    restricted = current.restricted and is_restricted(case.matter, case.judgement, policy.minimum_people)
    raised = case.judgement.level.rank > current.level.rank
    why = _news(case, current, policy, restricted)
    if not why:
        return None
    level = highest(current.level, case.judgement.level) or current.level
    moved = _told(current, case, level=level, restricted=restricted)
    if raised and level in CONFIRMED_LEVELS:
        return _leave_or_wait(moved, case, policy, WarningEventType.UPDATED)
    if current.state is not WarningState.PENDING_CONFIRMATION:
        # A raised level must be signed again: what was signed for was less.
        state = WarningState.ISSUED if raised and moved.state is WarningState.ACKNOWLEDGED else moved.state
        moved = _issued(moved, case.now, state=state)
    return Move(moved, WarningEventType.UPDATED, "；".join(why), new_clocks=raised)


def _news(case: Case, current: Warning, policy: Policy, restricted: bool) -> list[str]:
    """What departments would hear that they have not heard; empty: nothing."""
    judgement, matter = case.judgement, case.matter
    news = []
    if judgement.level.rank > current.level.rank:
        news.append(f"级别由{current.level.zh}升为{judgement.level.zh}")
    if (matter.area, matter.category) != (current.area, current.category):
        news.append("事项的区域或类别已更正")
    if current.restricted and not restricted:
        news.append(f"已知涉及 {policy.minimum_people} 人以上，扩大知会范围")
    if judgement.statutory_report_required and not current.statutory_report_required:
        news.append("需按规定向上级报告")
    if matter.report_count >= policy.growth_factor * current.reports_told:
        news.append(f"报告由 {current.reports_told} 起增至 {matter.report_count} 起")
    if current.people_told and (matter.people_max or 0) >= policy.growth_factor * current.people_told:
        news.append(f"人数由 {current.people_told} 增至 {matter.people_max}")
    return news


def _leave_or_wait(warning: Warning, case: Case, policy: Policy, waiting: WarningEventType) -> Move:
    if warning.level not in CONFIRMED_LEVELS:
        issued = _issued(warning, case.now)
        return Move(issued, WarningEventType.ISSUED, f"研判为{warning.level.zh}级", new_clocks=True)
    if case.order is not None:
        by = f"{BY_ORDER}（{case.order.recorded_by}：{case.order.reason}）"
        issued = _issued(warning, case.now, confirmed_by=by, confirm_due_at=None)
        return Move(issued, WarningEventType.ISSUED, f"研判为{warning.level.zh}级，依{by}即时发出", new_clocks=True)
    minutes = policy.confirm_minutes[warning.level]
    due = case.now + timedelta(minutes=minutes)
    if warning.confirm_due_at is not None:
        due = min(due, warning.confirm_due_at)  # a second rise never gives anybody more time
    # Whoever confirmed it before confirmed less than this.
    pending = changed(warning, state=WarningState.PENDING_CONFIRMATION, confirm_due_at=due, confirmed_by=None)
    note = f"研判为{warning.level.zh}级，待核实；{minutes:g} 分钟内无人核实则按“未核实”发出"
    return Move(pending, waiting, note, new_clocks=True)


def _told(warning: Warning, case: Case, **changes: Any) -> Warning:
    """The next revision, with what is known of the matter now."""
    judgement = case.judgement
    return _raised(
        warning,
        case.now,
        headline=case.headline,
        area=case.matter.area,
        category=case.matter.category,
        reasons=judgement.reasons,
        measures=judgement.measures,
        statutory_report_required=warning.statutory_report_required or judgement.statutory_report_required,
        judgement_id=case.judgement_id,
        reports_told=case.matter.report_count,
        people_told=case.matter.people_max or 0,
        **changes,
    )


def _raised(warning: Warning, now: datetime, **changes: Any) -> Warning:
    """The next revision."""
    return changed(warning, revision=warning.revision + 1, updated_at=now, **changes)


def _issued(warning: Warning, at: datetime, state: WarningState = WarningState.ISSUED, **changes: Any) -> Warning:
    issued_at = warning.issued_at or at
    return changed(warning, state=state, issued_level=warning.level, issued_at=issued_at, **changes)
