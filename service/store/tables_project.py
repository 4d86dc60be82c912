"""Tables of projects: what is to be decided, how it was assessed, and the record of every step.

What names people (questionnaires, sign-in sheets, ballots) stays with its owner: here it is a date, counts and a hash.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from service.store.tables import BIG, INSTANT, TEXTS

OPEN_ASSESSMENT = "state IN ('draft', 'returned')"
STARTS = "COALESCE(facts ->> 'start_on', facts ->> 'election_on')"  # when it begins; ISO text, null is not known
UNWARNED_CONDITION = "state = 'open' AND warned_at IS NULL"


class ProjectTable(SQLModel, table=True):
    """A decision or undertaking. `facts` holds what is known, typed by its kind's dictionary; absent is not known."""

    __tablename__ = "project"
    __table_args__ = (
        Index("project_area", "area", "updated_at"),
        Index("project_updated", "updated_at", "id"),
        # What is about to start or under way is looked for every few minutes; what is over is not in these.
        Index("project_starting", text(STARTS), postgresql_where=text("stage = 'pre_decision'")),
        Index("project_implementing", "area", postgresql_where=text("stage = 'implementing'")),
    )
    id: UUID = Field(primary_key=True)
    name: str
    kind: str
    area: str
    stage: str
    department_id: UUID = Field(foreign_key="department.id")  # responsible for it
    scale: dict[str, Any] = Field(sa_type=JSONB)  # households, people, area_m2, staff, money_yuan
    facts: dict[str, Any] = Field(sa_type=JSONB)
    revision: int
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)


class EvidenceTable(SQLModel, table=True):
    """That something was filed: kind, day, office, counts and the file's hash; never what names people."""

    __tablename__ = "evidence"
    __table_args__ = (Index("evidence_project", "project_id", "filed_at"),)
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    kind: str
    title: str
    dated: date
    department_id: UUID = Field(foreign_key="department.id")
    counts: dict[str, Any] = Field(sa_type=JSONB)
    sha256: str
    note: str | None
    filed_at: datetime = Field(sa_type=INSTANT)
    withdrawn_at: datetime | None = Field(sa_type=INSTANT)


class ParticipationTable(SQLModel, table=True):
    """One round of asking the public: from when to when, how many were reached, for, against, and what became of it."""

    __tablename__ = "participation"
    __table_args__ = (Index("participation_project", "project_id", "began_on"),)
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    form: str  # notice | hearing | dialogue | consultation | survey
    began_on: date
    ended_on: date | None
    affected: int | None
    reached: int | None
    in_favour: int | None
    conditional: int | None
    against: int | None
    concerns: list[str] = Field(sa_type=TEXTS)
    taken_up: str | None
    evidence_id: UUID | None = Field(foreign_key="evidence.id")
    recorded_at: datetime = Field(sa_type=INSTANT)


class IssueTable(SQLModel, table=True):
    """One open issue of the quick check (前置排查): whose it is, by when, and how it was cleared or accepted."""

    __tablename__ = "issue"
    __table_args__ = (Index("issue_project", "project_id"),)
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    title: str
    department_id: UUID = Field(foreign_key="department.id")
    due_on: date
    state: str  # open | cleared | accepted
    note: str | None
    raised_at: datetime = Field(sa_type=INSTANT)
    settled_at: datetime | None = Field(sa_type=INSTANT)


class AssessmentTable(SQLModel, table=True):
    """One assessment of one project. `given` is what the assessor entered, `result` what law and method said of it.

    From submission on `facts`, `given` and `result` do not change, and `result_hash` is that of all three.
    """

    __tablename__ = "assessment"
    __table_args__ = (
        Index("assessment_project", "project_id", "number", unique=True),
        Index(
            "assessment_one_open", "project_id", unique=True, postgresql_where=text("state IN ('draft', 'returned')")
        ),
    )
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    number: int
    track: str
    form: str  # simple | ordinary
    state: str
    bodies: dict[str, Any] = Field(sa_type=JSONB)  # decider, assessor, implementer: three different ones
    plan: dict[str, Any] | None = Field(sa_type=JSONB)  # scope, methods, days; None: none yet, or a quick check
    commission: dict[str, Any] | None = Field(sa_type=JSONB)  # day, office, as which body
    preset: str | None
    given: dict[str, Any] = Field(sa_type=JSONB)
    facts: dict[str, Any] | None = Field(sa_type=JSONB)
    result: dict[str, Any] | None = Field(sa_type=JSONB)
    result_hash: str | None
    versions: dict[str, Any] | None = Field(sa_type=JSONB)  # of law, method and engine
    assessed_on: date | None
    review: dict[str, Any] | None = Field(sa_type=JSONB)  # opinions, dissent among them
    filing_number: str | None
    valid_until: date | None
    decision: dict[str, Any] | None = Field(sa_type=JSONB)  # grade, conditions, reason when against the grade
    evaluation: dict[str, Any] | None = Field(sa_type=JSONB)  # what happened against what was expected
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)


class ConditionTable(SQLModel, table=True):
    """One condition of a decision: whose it is, by when, and by what it was met."""

    __tablename__ = "decision_condition"
    __table_args__ = (
        Index("decision_condition_project", "project_id"),
        Index("decision_condition_due", "due_on", postgresql_where=text(UNWARNED_CONDITION)),
    )
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    assessment_id: UUID = Field(foreign_key="assessment.id")
    number: int  # its place in the decision
    text: str
    department_id: UUID = Field(foreign_key="department.id")
    due_on: date  # the last day on which it is in time
    state: str  # open | met
    evidence_id: UUID | None = Field(foreign_key="evidence.id")
    note: str | None
    set_at: datetime = Field(sa_type=INSTANT)
    warned_at: datetime | None = Field(sa_type=INSTANT)  # when it was told that it is overdue
    met_at: datetime | None = Field(sa_type=INSTANT)


class ReceptionTable(SQLModel, table=True):
    """A day of reception on the spot (驻现场接访): where, by which office, how many were heard; never who."""

    __tablename__ = "reception"
    __table_args__ = (Index("reception_project", "project_id", "held_on"),)
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    held_on: date
    place_text: str
    department_id: UUID = Field(foreign_key="department.id")
    households: int | None
    people: int | None
    matters_raised: int
    settled_on_spot: int
    note: str | None
    recorded_at: datetime = Field(sa_type=INSTANT)


class ReopeningTable(SQLModel, table=True):
    """Why an assessment was reopened: which matter was told at which level, and since when; once per assessment."""

    __tablename__ = "reopening"
    __table_args__ = (
        Index("reopening_project", "project_id"),
        Index("reopening_once", "assessment_id", unique=True),
    )
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    assessment_id: UUID = Field(foreign_key="assessment.id")
    matter_id: UUID
    level: str
    reached_at: datetime = Field(sa_type=INSTANT)
    reopened_at: datetime = Field(sa_type=INSTANT)
    draft_id: UUID | None = Field(foreign_key="assessment.id")  # the new draft; None: one was already being written


class TrailTable(SQLModel, table=True):
    """Every step on a project, append-only; each entry's hash covers the one before and what was seen."""

    __tablename__ = "trail"
    project_id: UUID = Field(primary_key=True, foreign_key="project.id")
    number: int = Field(primary_key=True, sa_type=BIG)
    at: datetime = Field(sa_type=INSTANT)
    role: str
    department_id: UUID | None
    actor: str  # an office or system, never a person
    action: str
    subject: str  # table and id of the row the step was about
    seen: str  # SHA-256 of that row as the step left it
    body: dict[str, Any] = Field(sa_type=JSONB)
    before: str
    hash: str


class ComingTogetherTable(SQLModel, table=True):
    """What has come together in a place and was told; the row is the lock under which it is told."""

    __tablename__ = "coming_together"
    place: str = Field(primary_key=True)
    members: list[str] = Field(sa_type=TEXTS)  # project/<id> and matter/<id>
    warning_id: UUID | None  # the newest one
    updated_at: datetime = Field(sa_type=INSTANT)
