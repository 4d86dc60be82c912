"""Tables of everything that is reported, judged and warned about. Declared with SQLModel, used through Core.

States are text, not native enums: a new state is data, not a type migration. No table holds a person.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

INSTANT: Any = DateTime(timezone=True)
TEXTS: Any = ARRAY(Text)
UUIDS: Any = ARRAY(Uuid)
BYTES: Any = LargeBinary
BIG: Any = BigInteger
BY_MONTH: Any = {"postgresql_partition_by": "RANGE (id)"}  # ids begin with their instant; see store.partitions
OF_PROJECT = "project_id IS NOT NULL"
OPEN_WARNING = "state NOT IN ('resolved', 'cancelled')"
LOUD_WARNING = (
    "(issued_level = 'red' OR subject_kind = 'area') AND state NOT IN ('resolved', 'cancelled')"  # may inhibit
)


class ReceiptTable(SQLModel, table=True):
    """One row per revision of a report of one reporting system; the primary key is what makes a report unique.

    The client's id stands first in the key, so that it also finds an id whose system is not said.
    """

    __tablename__ = "receipt"
    client_id: str = Field(primary_key=True)
    system: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    incident_id: UUID
    content_mac: bytes = Field(sa_type=BYTES)


class IncidentTable(SQLModel, table=True):
    """A report as kept: text masked, revisions side by side. A partition per month of the id."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("incident_matter", "matter_id", "received_at"),
        Index("incident_project", "project_id", postgresql_where=text(OF_PROJECT)),
        BY_MONTH,
    )
    id: UUID = Field(primary_key=True)
    system: str
    client_id: str
    revision: int
    status: str  # current | superseded | withdrawn
    area: str
    county: str
    grid: str | None
    category: str
    category_from: str  # reported | text
    title: str | None
    text: str
    masked: dict[str, Any] = Field(sa_type=JSONB)  # kind → how many were replaced
    occurred_at: datetime = Field(sa_type=INSTANT)
    captured_at: datetime | None = Field(sa_type=INSTANT)
    received_at: datetime = Field(sa_type=INSTANT)
    late: bool
    people_affected: int | None
    people_affected_from: str | None  # reported | text
    people_present: int | None
    place_text: str | None
    lat: float | None
    lon: float | None
    accuracy_m: float | None
    project_id: UUID | None
    signals: list[str] = Field(sa_type=TEXTS)
    text_signals: list[str] = Field(sa_type=TEXTS)
    source: str
    report_stage: str
    handling: str
    action_taken: str | None
    sketch: bytes = Field(sa_type=BYTES)
    matter_id: UUID
    linked_by: dict[str, Any] = Field(sa_type=JSONB)
    possible_duplicates: list[str] = Field(sa_type=TEXTS)
    judgement_id: UUID
    warning_ids: list[UUID] = Field(sa_type=UUIDS)
    note: str | None  # why it was corrected or withdrawn


class MatterTable(SQLModel, table=True):
    """The kept state of a matter; see domain.matters.Matter."""

    __tablename__ = "matter"
    __table_args__ = (
        Index(
            "matter_open_place", "county", "first_level", "last_occurred_at", postgresql_where=text("status = 'open'")
        ),
        Index("matter_place_seq", "county", "first_level", "place_seq"),
        Index("matter_updated", "updated_at", "id"),
        Index("matter_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("matter_project", "project_id", postgresql_where=text(OF_PROJECT)),
    )
    id: UUID = Field(primary_key=True)
    area: str
    county: str
    grid: str | None
    category: str
    first_level: str
    title: str
    status: str
    project_id: UUID | None
    opened_at: datetime = Field(sa_type=INSTANT)
    first_occurred_at: datetime = Field(sa_type=INSTANT)
    last_occurred_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)
    report_count: int
    settled_on_spot_count: int
    people_first: int | None
    people_max: int | None
    people_latest: int | None
    present_max: int | None
    signals: list[str] = Field(sa_type=TEXTS)
    text_signals: list[str] = Field(sa_type=TEXTS)
    sources: list[str] = Field(sa_type=TEXTS)
    recent: list[datetime] = Field(sa_type=ARRAY(INSTANT))
    replied_at: datetime | None = Field(sa_type=INSTANT)
    reports_after_reply: int
    missed_clocks: int
    sketch: bytes = Field(sa_type=BYTES)
    level: str | None
    probability: float | None
    judgement_id: UUID | None
    closed_at: datetime | None = Field(sa_type=INSTANT)
    outcome: str | None
    merged_into: UUID | None
    place_seq: int = Field(sa_type=BIG)  # the place's number when this row last changed


class PlaceTable(SQLModel, table=True):
    """A county's first-level category: its row is the lock of all its matters, its number rises with each change."""

    __tablename__ = "place"
    county: str = Field(primary_key=True)
    first_level: str = Field(primary_key=True)
    seq: int = Field(sa_type=BIG)


class MatterEntryTable(SQLModel, table=True):
    """What was done on a matter, by which department or system; append-only."""

    __tablename__ = "matter_entry"
    __table_args__ = (Index("matter_entry_matter", "matter_id", "at"),)
    id: UUID = Field(primary_key=True)
    matter_id: UUID
    at: datetime = Field(sa_type=INSTANT)
    kind: str  # opened | replied | missed_clock | merged | split | closed | reopened | judged_by_hand
    department_id: UUID | None
    note: str | None
    data: dict[str, Any] = Field(sa_type=JSONB)


class JudgementTable(SQLModel, table=True):
    """What rules, model and judge said of a matter at one moment: the answer to "why". A partition per month."""

    __tablename__ = "judgement"
    __table_args__ = (Index("judgement_matter", "matter_id", "at"), BY_MONTH)
    id: UUID = Field(primary_key=True)
    matter_id: UUID
    at: datetime = Field(sa_type=INSTANT)
    cause: str  # report | clock | merge | split | correction
    level: str
    rule_level: str | None
    model_level: str | None
    needs_look: bool
    life_danger: bool
    statutory_report_required: bool
    probability: float | None
    model_version: str | None
    feature_hash: str | None
    rulebook: str
    rulebook_hash: str
    thresholds_version: str
    reasons: list[Any] = Field(sa_type=JSONB)
    measures: list[Any] = Field(sa_type=JSONB)
    findings: dict[str, Any] = Field(sa_type=JSONB)  # hit, not_evaluated, clear
    score: dict[str, Any] = Field(sa_type=JSONB)


class PlaceDayTable(SQLModel, table=True):
    """Counts per county, first-level category and day: the local baseline, without a scan of history.

    A year of closings is read for every report, from the index alone. A report changes nothing that the index holds.
    """

    __tablename__ = "place_day"
    __table_args__ = (
        Index(
            "place_day_closed", "county", "first_level", "day", postgresql_include=["closed", "escalated"],
            postgresql_where=text("closed > 0"),
        ),
    )  # fmt: skip
    county: str = Field(primary_key=True)
    first_level: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    reports: int
    opened: int
    closed: int
    escalated: int


class WarningTable(SQLModel, table=True):
    """A warning at its latest revision; `seq` is its latest place in the feed."""

    __tablename__ = "warning"
    __table_args__ = (
        Index("warning_seq", "seq", unique=True),
        Index("warning_subject", "subject_id", "opened_at"),
        Index("warning_open_subject", "subject_kind", "subject_id", unique=True, postgresql_where=text(OPEN_WARNING)),
        Index("warning_loud", "area", postgresql_where=text(LOUD_WARNING)),
        Index("warning_confirm_due", "confirm_due_at", postgresql_where=text("state = 'pending_confirmation'")),
    )
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BIG)
    revision: int
    level: str
    issued_level: str | None
    subject_kind: str
    subject_id: str
    area: str
    category: str
    headline: str
    reasons: list[Any] = Field(sa_type=JSONB)
    measures: list[Any] = Field(sa_type=JSONB)
    state: str
    statutory_report_required: bool
    unverified: bool
    restricted: bool
    department_ids: list[UUID] = Field(sa_type=UUIDS)  # departments with a duty on it
    judgement_id: UUID | None
    reports_told: int  # size of the matter when departments last heard of it
    people_told: int
    opened_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)
    issued_at: datetime | None = Field(sa_type=INSTANT)
    confirm_due_at: datetime | None = Field(sa_type=INSTANT)
    confirmed_by: str | None  # department or role, with the standing order if it was one
    resolved_at: datetime | None = Field(sa_type=INSTANT)
    outcome: str | None
    outcome_at: datetime | None = Field(sa_type=INSTANT)
    outcome_note: str | None


class DutyTable(SQLModel, table=True):
    """What one department owes on a warning: signing (签收), then answering; its clock is what is tracked."""

    __tablename__ = "duty"
    __table_args__ = (Index("duty_next_check", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),)
    warning_id: UUID = Field(primary_key=True)
    department_id: UUID = Field(primary_key=True)
    role: str
    reason: str
    sign_due_at: datetime | None = Field(sa_type=INSTANT)
    signed_at: datetime | None = Field(sa_type=INSTANT)
    sign_note: str | None
    answer_due_at: datetime | None = Field(sa_type=INSTANT)
    answered_at: datetime | None = Field(sa_type=INSTANT)
    next_check_at: datetime | None = Field(sa_type=INSTANT)
    reminders: int
    missed: int


class WarningEventTable(SQLModel, table=True):
    """One row per change of a warning, numbered in commit order."""

    __tablename__ = "warning_event"
    __table_args__ = (
        Index("warning_event_revision", "warning_id", "revision", unique=True),
        Index("warning_event_at", "at", postgresql_using="brin"),  # a POST pays nothing for it
    )
    seq: int = Field(primary_key=True, sa_type=BIG)
    warning_id: UUID
    revision: int
    type: str
    at: datetime = Field(sa_type=INSTANT)
    area: str
    restricted: bool
    department_ids: list[UUID] = Field(sa_type=UUIDS)
    note: str | None
    body: dict[str, Any] = Field(sa_type=JSONB)
