"""Tables beside a project's papers: what was counted from surveys, files without persons, emergency plans."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from service.store.tables import BYTES, INSTANT


class SurveyTable(SQLModel, table=True):
    """What was counted from one questionnaire file, beside its round of participation; no answer sheet is kept."""

    __tablename__ = "survey"
    __table_args__ = (Index("survey_once", "project_id", "sha256", unique=True),)
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    participation_id: UUID = Field(foreign_key="participation.id")
    evidence_id: UUID = Field(foreign_key="evidence.id")
    sha256: str
    per_sheet: bool  # one row per answer sheet; else the file was a table of sums
    sheets: int
    unanswered: int
    identical: int | None  # the largest group of equal sheets; None: not compared
    aware: int | None
    unaware: int | None
    concerns: list[dict[str, Any]] = Field(sa_type=JSONB)  # text, sheets: said by five or more
    other_concerns: int
    bands: list[dict[str, Any]] = Field(sa_type=JSONB)  # question, answer, counts: each five or more
    counted_at: datetime = Field(sa_type=INSTANT)


class EvidenceFileTable(SQLModel, table=True):
    """That the file of an evidence is kept, and what was declared of it. `id` is that of the evidence."""

    __tablename__ = "evidence_file"
    __table_args__ = (Index("evidence_file_project", "project_id"),)
    id: UUID = Field(primary_key=True, foreign_key="evidence.id")
    project_id: UUID = Field(foreign_key="project.id")
    kind: str  # notice | plan | place_photo
    declared: str
    media_type: str
    size: int
    stored_at: datetime = Field(sa_type=INSTANT)
    removed_at: datetime | None = Field(sa_type=INSTANT)


class EvidenceContentTable(SQLModel, table=True):
    """The bytes of such a file, apart so that a list of files reads none. Their hash is the evidence's own."""

    __tablename__ = "evidence_content"
    id: UUID = Field(primary_key=True, foreign_key="evidence_file.id")
    content: bytes = Field(sa_type=BYTES)


class EmergencyPlanTable(SQLModel, table=True):
    """An emergency plan as it stood from one revision to the next: offices, steps by level, duty lines of offices."""

    __tablename__ = "emergency_plan"
    __table_args__ = (Index("emergency_plan_revision", "project_id", "revision", unique=True),)
    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    revision: int
    roles: list[dict[str, Any]] = Field(sa_type=JSONB)  # role, department_id
    steps: dict[str, Any] = Field(sa_type=JSONB)  # level → list of steps
    contacts: list[dict[str, Any]] = Field(sa_type=JSONB)  # department_id, duty_line
    made_at: datetime = Field(sa_type=INSTANT)
