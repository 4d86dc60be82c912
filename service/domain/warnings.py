"""A warning is what departments hear; a duty is what one department owes on it, with its clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.domain.judging import Reason
from service.domain.levels import Level
from service.domain.words import DutyRole, Outcome, SubjectKind, WarningState


class WarningEventType(StrEnum):
    """Why a warning got a new revision; also the `type` of a push, as `warning.<value>`."""

    OPENED = "opened"  # waits for confirmation: seen in the feed, not pushed
    ISSUED = "issued"
    UPDATED = "updated"  # level, duties or size changed
    ACKNOWLEDGED = "acknowledged"
    REMINDED = "reminded"
    ESCALATED = "escalated"  # nobody signed (or confirmed) in time: the next one up is told
    RESOLVED = "resolved"
    CANCELLED = "cancelled"


BY_ORDER = "常设指令"  # how `confirmed_by` begins where a standing order let a warning go and no person vouched for it
PUSHED_EVENTS = frozenset(set(WarningEventType) - {WarningEventType.OPENED, WarningEventType.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Department:
    """A department that may owe answers; the coordinating one covers its `area`."""

    id: UUID
    name: str
    is_coordinator: bool = False  # the coordinating office (e.g. 综治中心) of its area
    area: str | None = None
    supervisor_id: UUID | None = None  # 主管单位: hears when this one stays silent


@dataclass(frozen=True, slots=True)
class Responsibility:
    """Who answers for a category in an area (责任清单): one leads, others take part. `category` None: any."""

    area: str
    category: str | None
    lead: UUID
    participants: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which warnings a department wants pushed: area subtree, categories (None: all), minimum level."""

    id: UUID
    department_id: UUID
    area: str | None
    categories: tuple[str, ...] | None
    minimum_level: Level


@dataclass(frozen=True, slots=True)
class WarningSubject:
    """What routing looks at."""

    area: str
    category: str
    first_level: str
    level: Level
    restricted: bool  # not yet known to touch five people and no life in danger: lead and coordinator only


@dataclass(frozen=True, slots=True)
class Duty:
    """One department's part in a warning, and why it has it."""

    department_id: UUID
    role: DutyRole
    reason: str  # Chinese


@dataclass(frozen=True, slots=True)
class Routed:
    """Who owes an answer (`duties`) and who gets a push, by which subscription and why."""

    duties: tuple[Duty, ...]
    pushes: tuple[Push, ...]


@dataclass(frozen=True, slots=True)
class Push:
    """One department to push to, by which subscription and why."""

    department_id: UUID
    subscription_id: UUID
    reason: str  # Chinese


@dataclass(frozen=True, slots=True)
class Warning:
    """A warning at one revision. `unverified`: it left without a person's confirmation (未核实).

    `issued_level` is the level departments have heard; `level` may be above it while confirmation is awaited.
    `reports_told` and `people_told` are the size of the matter when departments last heard of it.
    """

    id: UUID
    revision: int
    level: Level
    subject_kind: SubjectKind
    subject_id: str
    area: str
    category: str
    headline: str
    reasons: tuple[Reason, ...]
    measures: tuple[str, ...]
    state: WarningState
    statutory_report_required: bool
    restricted: bool
    opened_at: datetime
    updated_at: datetime
    seq: int = 0
    issued_level: Level | None = None
    unverified: bool = False
    department_ids: tuple[UUID, ...] = ()
    judgement_id: UUID | None = None
    reports_told: int = 0
    people_told: int = 0
    issued_at: datetime | None = None
    confirm_due_at: datetime | None = None
    confirmed_by: str | None = None
    resolved_at: datetime | None = None
    outcome: Outcome | None = None
    outcome_at: datetime | None = None
    outcome_note: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state not in (WarningState.RESOLVED, WarningState.CANCELLED)


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """A recorded order by which levels leave at once in an area (None: everywhere), while it is valid."""

    id: UUID
    levels: frozenset[Level]
    area: str | None
    reason: str
    recorded_by: str
    valid_from: datetime
    valid_to: datetime | None = None
