"""What comes in and goes out about escalation, rosters and hand-overs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from service.api.shapes import Out
from service.domain.escalation import Clock, Rank
from service.domain.incidents import Instant, Storable, Strict
from service.domain.levels import Level
from service.domain.rosters import ShiftRole

Post = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Storable]
Remark = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), Storable]
MOST_SHIFTS = 500


class StepOut(Out):
    """One step: tell `to`, wait, tell again `repeat` times, go on."""

    to: Rank
    to_zh: str
    wait_minutes: int
    repeat: int
    channel: str | None
    only_lead: bool


class PlanOut(Out):
    """The steps of one clock at one level; `region` is a prefix of the division code, empty for everywhere."""

    level: Level
    clock: Clock
    region: str
    first: date
    last: date
    source: str
    unverified: bool
    only_statutory: bool
    idle_minutes: int | None
    steps: list[StepOut]


class CoverOut(Out):
    """A role that a roster must cover round the clock."""

    role: ShiftRole
    only_days_off: bool
    source: str
    unverified: bool


class PolicyOut(Out):
    """The escalation policy in force."""

    name: str
    version: str
    sha256: str
    plans: list[PlanOut]
    cover: list[CoverOut]


class ShiftIn(Strict):
    """A post on duty (an office's title, never a person's name), reached by these endpoints (none: all)."""

    role: ShiftRole
    post: Post
    starts_at: Instant
    ends_at: Instant
    endpoint_ids: Annotated[tuple[UUID, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _in_order(self) -> ShiftIn:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at 应晚于 starts_at")
        return self


class RosterIn(Strict):
    """All shifts of a department that begin in one ISO week."""

    shifts: Annotated[list[ShiftIn], Field(max_length=MOST_SHIFTS)]


class ShiftOut(Out):
    """A shift as kept."""

    id: UUID
    department_id: UUID
    role: ShiftRole
    role_zh: str
    post: str
    starts_at: datetime
    ends_at: datetime
    endpoint_ids: list[UUID]


class GapOut(Out):
    """A time in which nobody holds a role that must be held."""

    department_id: UUID
    department: str
    role: ShiftRole
    role_zh: str
    starts_at: datetime
    ends_at: datetime
    day_off: bool


class RosterOut(Out):
    """A department's week: its shifts, and where nobody is on duty."""

    department_id: UUID
    department: str
    week: str
    shifts: list[ShiftOut]
    gaps: list[GapOut]


class HandOverIn(Strict):
    """The outgoing shift signs; everything open is listed by the service."""

    to_shift_id: UUID
    note: Remark | None = None


class TakeOverIn(Strict):
    """The incoming shift signs."""

    note: Remark | None = None


class HandOverOut(Out):
    """A hand-over with both signatures; `open_warnings` is what was open when the outgoing shift signed."""

    shift_id: UUID
    to_shift_id: UUID
    department_id: UUID
    open_warnings: list[dict[str, Any]]
    handed_at: datetime
    handed_note: str | None
    taken_at: datetime | None
    taken_note: str | None


class DirectReport(Strict):
    """Why the leader on duty must hear of it now (必要时直接报送)."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
