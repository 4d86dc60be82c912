"""Tables of routing: the routes in force, silences, and the pushes that wait or were held back, with the reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from service.store.tables import INSTANT, TEXTS


class RoutingVersionTable(SQLModel, table=True):
    """Every text of routes that was ever in force; the newest that is active routes."""

    __tablename__ = "routing_version"
    __table_args__ = (
        Index("routing_active", "active_since", unique=True, postgresql_where=text("active_since IS NOT NULL")),
    )
    number: int = Field(primary_key=True)
    hash: str
    body: str
    departments: dict[str, str] = Field(sa_type=JSONB)  # name in the text → id, so that renaming breaks nothing
    put_by: str
    put_at: datetime = Field(sa_type=INSTANT)
    active_since: datetime | None = Field(sa_type=INSTANT)


class SilenceTable(SQLModel, table=True):
    """A silence (静默). `author` and `second` are names of keys: offices or systems."""

    __tablename__ = "silence"
    __table_args__ = (
        Index("silence_open", "ends_at", postgresql_where=text("end_told_at IS NULL")),
        Index("silence_ends", "ends_at", "id"),
    )
    id: UUID = Field(primary_key=True)
    matchers: list[Any] = Field(sa_type=JSONB)  # [name, op, value]
    area: str | None
    starts_at: datetime = Field(sa_type=INSTANT)
    ends_at: datetime = Field(sa_type=INSTANT)
    author: str
    author_key: str
    reason: str
    second: str | None  # who else agreed that red is hidden too
    second_key: str | None
    second_at: datetime | None = Field(sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)
    notices: int  # how many times departments were told of it; numbers its pushes
    end_told_at: datetime | None = Field(sa_type=INSTANT)


class PushGroupTable(SQLModel, table=True):
    """Pushes of one route to one department that go out together, and what went out last: the log that dedup reads."""

    __tablename__ = "push_group"
    __table_args__ = (Index("push_group_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),)
    key: str = Field(primary_key=True)
    route: str | None  # its path; None: pushed by subscription or duty, held back only
    department_id: UUID
    labels: dict[str, str] = Field(sa_type=JSONB)
    due_at: datetime | None = Field(sa_type=INSTANT)
    asked_at: datetime = Field(sa_type=INSTANT)
    interval_s: int
    last_at: datetime | None = Field(sa_type=INSTANT)
    told_open: list[str] = Field(sa_type=TEXTS)  # warning:revision
    told_closed: list[str] = Field(sa_type=TEXTS)


class HeldPushTable(SQLModel, table=True):
    """A push that did not leave at once: why it waits, and what became of it."""

    __tablename__ = "held_push"
    __table_args__ = (
        Index("held_push_once", "warning_id", "revision", "department_id", unique=True),
        Index("held_push_waiting", "group_key", postgresql_where=text("state = 'waiting'")),
    )
    id: UUID = Field(primary_key=True)
    group_key: str
    warning_id: UUID
    revision: int
    department_id: UUID
    type: str
    why: str  # why the department hears
    state: str  # waiting | sent | merged | hushed
    held_by: str  # grouping | quiet_hours | silence | inhibition
    reason: str  # why it waits, or what became of it; Chinese
    silence_id: UUID | None
    created_at: datetime = Field(sa_type=INSTANT)
    settled_at: datetime | None = Field(sa_type=INSTANT)
    carried_by: UUID | None  # the warning whose push told of it
    carried_revision: int | None
