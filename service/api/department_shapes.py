"""What comes in and goes out about departments, subscriptions, responsibilities and standing orders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from service.api.shapes import Out
from service.domain.incidents import AreaCode, Instant, Storable, Strict
from service.domain.levels import Level

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
Categories = Annotated[list[str], Field(min_length=1, max_length=200)]


class DepartmentIn(Strict):
    """A department; `is_coordinator` with an area makes it the coordinating office (综治中心) there.

    `supervisor_id` is its supervising department (主管单位), which is told when it stays silent.
    """

    name: Name
    is_coordinator: bool = False
    area: AreaCode | None = None
    supervisor_id: UUID | None = None


class DepartmentOut(DepartmentIn, Out):
    """A department as kept."""

    id: UUID
    created_at: datetime


class DepartmentChange(Strict):
    """What is left out stays as it is."""

    name: Name = ""
    is_coordinator: bool = False
    area: AreaCode | None = None
    supervisor_id: UUID | None = None


class SubscriptionIn(Strict):
    """Which warnings are pushed: an area subtree (none: everywhere), categories (none: all), a least level."""

    department_id: UUID
    area: AreaCode | None = None
    categories: Categories | None = None
    minimum_level: Level


class SubscriptionOut(SubscriptionIn, Out):
    """A subscription as kept."""

    id: UUID
    created_at: datetime


class SubscriptionChange(Strict):
    """What is left out stays as it is."""

    area: AreaCode | None = None
    categories: Categories | None = None
    minimum_level: Level = Level.BLUE


class ResponsibilityIn(Strict):
    """Who leads and who takes part for a category (none: any) in an area subtree (责任清单)."""

    area: AreaCode
    category: str | None = None
    lead_id: UUID
    participant_ids: Annotated[tuple[UUID, ...], Field(max_length=50)] = ()
    source: Annotated[str, Field(min_length=1, max_length=200), Storable]


class ResponsibilityOut(ResponsibilityIn, Out):
    """An entry of the responsibility list as kept."""

    id: UUID


class StandingOrderIn(Strict):
    """These levels leave at once in an area (none: everywhere), without waiting for a person's confirmation."""

    levels: Annotated[list[Level], Field(min_length=1, max_length=2)]
    area: AreaCode | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500), Storable]
    valid_from: Instant | None = None
    valid_to: Instant | None = None


class StandingOrderOut(Out):
    """A standing order as kept; one that ended stays readable."""

    id: UUID
    levels: list[Level]
    area: str | None
    reason: str
    recorded_by: str
    valid_from: datetime
    valid_to: datetime | None
