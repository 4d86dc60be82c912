"""What comes in and goes out about routes, and about pushes that did not leave at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from service.api.shapes import Out
from service.domain.incidents import AreaCode, Instant, Storable, Strict
from service.domain.levels import Level
from service.domain.words import DutyRole, SubjectKind

Draft = Annotated[str, Field(min_length=1, max_length=512 * 1024), Storable]
Word = Annotated[str, Field(min_length=1, max_length=100), Storable]


class HeldPushOut(Out):
    """A push that did not leave at once: what held it back and what became of it. `carried_by`: the warning whose push
    told of it."""

    department_id: UUID
    department: str | None
    revision: int
    type: str
    why: str
    state: str
    held_by: str
    reason: str
    silence_id: UUID | None
    created_at: datetime
    settled_at: datetime | None
    carried_by: UUID | None
    carried_revision: int | None


class TrialWarning(Strict):
    """A warning to try routes with. Duties follow from the 责任清单 unless `roles` says which offices have which."""

    level: Level
    area: AreaCode
    category: Word
    subject_kind: SubjectKind = SubjectKind.MATTER
    source: Annotated[list[Word], Field(max_length=20)] = Field(default_factory=list)
    signals: Annotated[list[Word], Field(max_length=50)] = Field(default_factory=list)
    restricted: bool = False


class TrialIn(Strict):
    """Who would hear of a warning at a time. `draft`: by this text instead of the routes in force; `expect`: the names
    of exactly those offices that should be told."""

    warning: TrialWarning
    at: Instant | None = None
    draft: Draft | None = None
    expect: Annotated[list[Word], Field(max_length=200)] | None = None


class ChannelOut(Out):
    """One address of a department, without the address."""

    endpoint_id: UUID
    kind: str
    state: str


class HearsOut(Out):
    """One department that would be told: when, by what, and why; `held_by` when not at once."""

    department_id: UUID
    department: str
    role: DutyRole | None
    route: str | None
    why: str
    at: datetime
    held_by: str | None
    reason: str | None
    escalation: str | None
    channels: list[ChannelOut]


class TrialOut(Out):
    """Who would hear. `as_expected` None: nothing was expected."""

    routes: list[str]
    labels: dict[str, str]
    hears: list[HearsOut]
    as_expected: bool | None = None
    missing: list[str] = Field(default_factory=list)
    unexpected: list[str] = Field(default_factory=list)


class RoutesOut(Out):
    """The routes in force. `number` None: none are; subscriptions and duties alone say who hears."""

    number: int | None
    hash: str | None = None
    put_by: str | None = None
    put_at: datetime | None = None
    body: str | None = None
    routes: list[dict[str, Any]] = Field(default_factory=list)
    subscriptions: list[dict[str, Any]] = Field(default_factory=list)


class VersionOut(Out):
    """One version of the routes."""

    number: int
    hash: str
    put_by: str
    put_at: datetime
    active_since: datetime | None


class ReplayIn(Strict):
    """Who would have heard between two instants (the last 30 days) under a draft (else the routes in force)."""

    draft: Draft | None = None
    since: Instant | None = None
    until: Instant | None = None


class OfficeOut(Out):
    """One department: of how many warnings and changes it would have heard, in how many pushes, and how many it did."""

    department_id: UUID
    department: str
    would_hear: int
    pushes: int
    held_back: int
    heard: int
    newly: int
    no_longer: int


class ReplayOut(Out):
    """What a draft would have changed. `changes` is how many changes of warnings were looked at."""

    since: datetime
    until: datetime
    changes: int
    complete: bool
    offices: list[OfficeOut]
    routes: dict[str, int]
