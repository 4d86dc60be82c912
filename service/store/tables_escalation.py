"""Tables of what happens when nobody answers: chains with their deadlines, steps taken, rosters of offices on duty."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from service.store.tables import INSTANT, UUIDS


class ChainTable(SQLModel, table=True):
    """How far one department's silence on a warning has been reported; `next_at` empty: the chain has ended."""

    __tablename__ = "chain"
    __table_args__ = (Index("chain_next", "next_at", postgresql_where=text("next_at IS NOT NULL")),)
    warning_id: UUID = Field(primary_key=True)
    department_id: UUID = Field(primary_key=True)
    clock: str = Field(primary_key=True)  # sign | direct | confirm
    since: datetime = Field(sa_type=INSTANT)
    step: int
    told: int  # how often the step was told
    next_at: datetime | None = Field(sa_type=INSTANT)
    ended_at: datetime | None = Field(sa_type=INSTANT)
    ended_by: str | None


class EscalationTable(SQLModel, table=True):
    """One step of a chain that was taken or found nobody to reach; append-only. Its key is why none is taken twice."""

    __tablename__ = "escalation"
    __table_args__ = (Index("escalation_told", "told_id", "at"),)
    warning_id: UUID = Field(primary_key=True)
    department_id: UUID = Field(primary_key=True)
    clock: str = Field(primary_key=True)
    since: datetime = Field(primary_key=True, sa_type=INSTANT)
    step: int = Field(primary_key=True)
    told: int = Field(primary_key=True)
    due_at: datetime = Field(sa_type=INSTANT)
    at: datetime = Field(sa_type=INSTANT)
    rank: str  # duty | second | supervisor | leader | direct_leader
    told_id: UUID | None  # which department was told; none could be reached otherwise
    endpoint_ids: list[UUID] = Field(sa_type=UUIDS)
    revision: int | None  # of the warning by which it was told
    reason: str
    policy: str  # hash of the policy that said so


class EscalationPolicyTable(SQLModel, table=True):
    """Every escalation policy that was ever in force, by hash."""

    __tablename__ = "escalation_policy"
    hash: str = Field(primary_key=True)
    version: str
    body: str
    taken_at: datetime = Field(sa_type=INSTANT)
    active_since: datetime | None = Field(sa_type=INSTANT)  # set on the one an administrator put in force
    put_by: str | None


class ShiftTable(SQLModel, table=True):
    """When which post of a department is on duty (值班表). A post is an office's title, and nothing counts it."""

    __tablename__ = "shift"
    __table_args__ = (
        Index("shift_once", "department_id", "role", "starts_at", "post", unique=True),
        Index("shift_ends", "department_id", "ends_at"),
    )
    id: UUID = Field(primary_key=True)
    department_id: UUID = Field(foreign_key="department.id")
    role: str  # duty | second | leader
    post: str
    starts_at: datetime = Field(sa_type=INSTANT)
    ends_at: datetime = Field(sa_type=INSTANT)
    endpoint_ids: list[UUID] = Field(sa_type=UUIDS)
    created_at: datetime = Field(sa_type=INSTANT)


class HandOverTable(SQLModel, table=True):
    """One shift hands over to the next (交接班): what was open, and both signatures."""

    __tablename__ = "hand_over"
    __table_args__ = (Index("hand_over_to", "to_shift_id"),)
    shift_id: UUID = Field(primary_key=True, foreign_key="shift.id")
    to_shift_id: UUID = Field(foreign_key="shift.id")
    department_id: UUID = Field(foreign_key="department.id")
    open_warnings: list[Any] = Field(sa_type=JSONB)
    handed_at: datetime = Field(sa_type=INSTANT)
    handed_note: str | None
    taken_at: datetime | None = Field(sa_type=INSTANT)
    taken_note: str | None
