"""Which chains of escalation begin with a move of a warning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.domain.escalation import Chain, Clock, begin
from service.domain.warnings import Routed
from service.domain.words import DutyRole, WarningState
from service.store.engine import Row
from service.store.reference import Reference
from service.workflows.deciding import Move
from service.workflows.parts import Engines


def begun(engines: Engines, reference: Reference, move: Move, routed: Routed, fresh: Sequence[Row]) -> list[Chain]:
    """Chains from this move on: one for each fresh duty, or the one that waits for confirmation."""
    now = move.warning.updated_at
    if move.warning.state is WarningState.PENDING_CONFIRMATION:
        asked = _who_confirms(reference, routed) if move.new_clocks else None
        return [] if asked is None else _chains(engines, move, [asked], Clock.CONFIRM, now)
    owing = [row for row in fresh if row["role"] != DutyRole.COORDINATOR]
    leading = [row["department_id"] for row in owing if row["role"] == DutyRole.LEAD]
    signing = _chains(engines, move, [row["department_id"] for row in owing], Clock.SIGN, now)
    return signing + _chains(engines, move, leading, Clock.DIRECT, now)


def _chains(engines: Engines, move: Move, whose: Sequence[UUID], clock: Clock, now: datetime) -> list[Chain]:
    warning = move.warning
    plan = engines.escalation.current.plan(clock, warning.level, warning.area, engines.day(now))
    if plan is None or (plan.only_statutory and not warning.statutory_report_required):
        return []
    return [begin((warning.id, department_id), plan, now) for department_id in whose]


def _who_confirms(reference: Reference, routed: Routed) -> UUID | None:
    """The coordinating office; without one nobody is asked before the warning leaves, since leaving is what waits."""
    for duty in routed.duties:
        known = reference.departments.get(duty.department_id)
        if duty.role is DutyRole.COORDINATOR or (known is not None and known.is_coordinator):
            return duty.department_id
    return None
