"""Tables of the service itself: places, departments, keys, delivery, clocks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from service.store.tables import BIG, BYTES, INSTANT, TEXTS, UUIDS


class AreaTable(SQLModel, table=True):
    """Areas with the days on which their codes are valid."""

    __tablename__ = "area"
    code: str = Field(primary_key=True)
    valid_from: date = Field(primary_key=True)
    name: str
    valid_to: date | None


class DepartmentTable(SQLModel, table=True):
    """Departments; offices, never people."""

    __tablename__ = "department"
    id: UUID = Field(primary_key=True)
    name: str = Field(unique=True)
    is_coordinator: bool
    area: str | None
    created_at: datetime = Field(sa_type=INSTANT)
    supervisor_id: UUID | None = Field(default=None, foreign_key="department.id")  # 主管单位


class ResponsibilityTable(SQLModel, table=True):
    """Category × area → who leads, who takes part (责任清单)."""

    __tablename__ = "responsibility"
    __table_args__ = (Index("responsibility_key", "area", "category", unique=True, postgresql_nulls_not_distinct=True),)
    id: UUID = Field(primary_key=True)
    area: str
    category: str | None
    lead_id: UUID = Field(foreign_key="department.id")
    participant_ids: list[UUID] = Field(sa_type=UUIDS)
    source: str


class SubscriptionTable(SQLModel, table=True):
    """What each department wants pushed."""

    __tablename__ = "subscription"
    id: UUID = Field(primary_key=True)
    department_id: UUID = Field(foreign_key="department.id")
    area: str | None
    categories: list[str] | None = Field(sa_type=TEXTS)
    minimum_level: str
    created_at: datetime = Field(sa_type=INSTANT)


class EndpointTable(SQLModel, table=True):
    """Where a department's warnings are pushed to."""

    __tablename__ = "endpoint"
    __table_args__ = (Index("endpoint_department", "department_id"),)
    id: UUID = Field(primary_key=True)
    department_id: UUID = Field(foreign_key="department.id")
    url: str
    secret: str
    state: str  # active | unverified | disabled
    disabled_reason: str | None
    created_at: datetime = Field(sa_type=INSTANT)
    kind: str = Field(sa_column_kwargs={"server_default": "webhook"})
    options: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})  # of its kind
    # [{"secret", "until"}]: old ones in their grace, and without `until` the SM3 one that goes beside
    more_secrets: list[dict[str, Any]] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "[]"})
    standby: bool = Field(sa_column_kwargs={"server_default": "false"})  # hears only what no first address takes
    at_once: int | None  # pushes under way per pushing process; none: the service's own limit
    per_minute: int | None
    paced_to: datetime | None = Field(sa_type=INSTANT)  # up to when the pace per minute is used up
    verified_at: datetime | None = Field(sa_type=INSTANT)
    challenge: str | None  # the code that is waited for
    failures: int = Field(sa_column_kwargs={"server_default": "0"})  # in a row
    failing_since: datetime | None = Field(sa_type=INSTANT)
    paused_until: datetime | None = Field(sa_type=INSTANT)  # the circuit is open


class OutboxTable(SQLModel, table=True):
    """A push that is owed; the row is the promise, the lease lets a dead pusher give it back."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_once", "warning_id", "revision", "endpoint_id", unique=True),
        Index("outbox_due", "endpoint_id", "priority", "due_at", postgresql_where=text("state = 'pending'")),
        Index("outbox_given_up", "done_at", postgresql_where=text("state = 'given_up'")),
        Index("outbox_touched", "touched_at", postgresql_where=text("state = 'pending'")),
        Index("outbox_endpoint", "endpoint_id", "id"),
        Index("outbox_created", "created_at", postgresql_using="brin"),
    )
    id: UUID = Field(primary_key=True)
    warning_id: UUID
    revision: int
    endpoint_id: UUID
    message_id: str = Field(unique=True)
    body: bytes = Field(sa_type=BYTES)
    state: str  # pending | delivered | given_up | cancelled
    priority: int  # 0 red … 3 blue
    attempts: int
    due_at: datetime = Field(sa_type=INSTANT)
    lease_token: UUID | None
    last_status: int | None
    last_error: str | None
    why: str
    created_at: datetime = Field(sa_type=INSTANT)
    done_at: datetime | None = Field(sa_type=INSTANT)
    chosen: bool = Field(sa_column_kwargs={"server_default": "false"})  # this endpoint, not its department
    forgiven: int = Field(sa_column_kwargs={"server_default": "0"})  # attempts before it was asked for again
    touched_at: datetime | None = Field(sa_type=INSTANT)  # by the clock of whoever owed or claimed it last


class AttemptTable(SQLModel, table=True):
    """One try at one push; append-only."""

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_outbox", "outbox_id"), Index("attempt_endpoint", "endpoint_id", "started_at"))
    id: UUID = Field(primary_key=True)
    outbox_id: UUID
    endpoint_id: UUID | None
    number: int
    started_at: datetime = Field(sa_type=INSTANT)
    milliseconds: int
    status: int | None
    error: str | None
    response_head: str | None


class StandingOrderTable(SQLModel, table=True):
    """A recorded order by which a level leaves at once, without waiting for confirmation."""

    __tablename__ = "standing_order"
    id: UUID = Field(primary_key=True)
    levels: list[str] = Field(sa_type=TEXTS)
    area: str | None
    reason: str
    recorded_by: str
    valid_from: datetime = Field(sa_type=INSTANT)
    valid_to: datetime | None = Field(sa_type=INSTANT)


class ApiKeyTable(SQLModel, table=True):
    """A key of a system or an office, never of a person; only a digest of its secret is kept."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    digest: bytes = Field(sa_type=BYTES)
    name: str
    scopes: list[str] = Field(sa_type=TEXTS)
    area: str | None
    system: str
    department_id: UUID | None = Field(foreign_key="department.id")
    created_at: datetime = Field(sa_type=INSTANT)
    expires_at: datetime | None = Field(sa_type=INSTANT)
    revoked_at: datetime | None = Field(sa_type=INSTANT)


class LeaseTable(SQLModel, table=True):
    """Who may run a named tick, until when."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: UUID
    until: datetime = Field(sa_type=INSTANT)
    last_run_at: datetime | None = Field(sa_type=INSTANT)


class ServiceSecretTable(SQLModel, table=True):
    """Keys the service made for itself, such as the one for content MACs."""

    __tablename__ = "service_secret"
    name: str = Field(primary_key=True)
    value: bytes = Field(sa_type=BYTES)


class ReferenceVersionTable(SQLModel, table=True):
    """One row; raised by every change of areas, departments, responsibilities, subscriptions, keys and orders."""

    __tablename__ = "reference_version"
    id: int = Field(primary_key=True)
    version: int


class RulebookTable(SQLModel, table=True):
    """Every rulebook that ever judged, by hash, so that an old judgement can be read years later."""

    __tablename__ = "rulebook"
    hash: str = Field(primary_key=True)
    name: str
    version: str
    body: str
    taken_at: datetime = Field(sa_type=INSTANT)
    active_since: datetime | None = Field(sa_type=INSTANT)  # set on the one an administrator put in force
    put_by: str | None


class FeedCounterTable(SQLModel, table=True):
    """One row; updated last in a transaction, so that commit order is reading order."""

    __tablename__ = "feed_counter"
    id: int = Field(primary_key=True)
    seq: int = Field(sa_type=BIG)
