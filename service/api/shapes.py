"""What goes out, declared field by field: nothing leaves that is not named here."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from service.domain.catalogue import Catalogue
from service.domain.incidents import ReportResult
from service.domain.levels import Level
from service.domain.words import MatterStatus, Outcome, WarningState
from service.scoring.scorer import Scorer
from service.store.engine import Row
from service.store.reference import Reference

TRAINED_ON = {True: "模拟事项 (synthetic)", False: "真实事项 (real)"}


class Out(BaseModel):
    """Base of everything that goes out: only declared fields leave."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)


class ReasonOut(Out):
    """Why a level was given; `kind` is rule, model or judge."""

    kind: str
    code: str
    text: str
    level: Level | None = None


class ErrorOut(Out):
    """What is wrong with one field, and what would be right."""

    field: str
    code: str
    detail: str


class ReportOut(Out):
    """The answer to one report."""

    id: str
    matter_id: UUID | None
    level: Level | None
    level_zh: str | None
    probability: float | None = Field(description="of escalation within 30 days; null with the reason beside it")
    why_no_probability: str | None
    model_trained_on: str | None = Field(description="by the model in use; null while the rules judge alone")
    reasons: list[ReasonOut]
    warnings: list[UUID]
    possible_duplicates: list[str]
    duplicate: bool
    needs_look: bool = Field(description="rules and model differ by two levels or more: for a person to look at")
    late: bool
    revision: int


class ItemOut(Out):
    """One item of a batch."""

    index: int
    id: str | None
    status: str
    matter_id: UUID | None = None
    level: Level | None = None
    warnings: list[UUID] = []
    errors: list[ErrorOut] | None = None


class BatchOut(Out):
    """One answer per item, in order; `committed` says whether anything was kept."""

    mode: str
    atomic: str
    committed: bool
    items: list[ItemOut]


class IncidentOut(Out):
    """A report as kept: masked, with what was read from it and why it went where it went."""

    id: str = Field(validation_alias="client_id")
    incident_id: UUID
    system: str
    revision: int
    status: str
    area: str
    grid: str | None
    category: str
    category_from: str
    title: str | None
    text: str
    masked: dict[str, int]
    occurred_at: datetime
    captured_at: datetime | None
    received_at: datetime
    late: bool
    people_affected: int | None
    people_affected_from: str | None
    people_present: int | None
    place_text: str | None
    location: dict[str, float | None] | None
    matter_id: UUID
    project_id: UUID | None
    signals: list[str]
    text_signals: list[str]
    source: str
    report_stage: str
    handling: str
    action_taken: str | None
    linked_by: dict[str, Any]
    possible_duplicates: list[str]
    level: Level
    probability: float | None
    reasons: list[ReasonOut]
    warnings: list[UUID] = Field(validation_alias="warning_ids")
    judgement_id: UUID
    note: str | None


class MatterOut(Out):
    """A matter: what is unresolved, where, how large, how urgent. No person is named or scored in it."""

    id: UUID
    area: str
    area_name: str
    grid: str | None
    category: str
    category_name: str
    title: str
    status: MatterStatus
    project_id: UUID | None
    level: Level | None
    level_zh: str | None
    probability: float | None
    opened_at: datetime
    first_occurred_at: datetime
    last_occurred_at: datetime
    updated_at: datetime
    report_count: int
    settled_on_spot_count: int
    people_max: int | None
    people_latest: int | None
    present_max: int | None
    growth: float | None = Field(description="latest head-count against the first one known; null when not known")
    signals: list[str]
    text_signals: list[str]
    sources: list[str]
    replied_at: datetime | None
    reports_after_reply: int
    missed_clocks: int
    closed_at: datetime | None
    outcome: Outcome | None
    merged_into: UUID | None


class WarningOut(Out):
    """A warning at its latest revision. Levels are internal attention levels, never a published statutory warning."""

    id: UUID
    seq: int
    revision: int
    level: Level
    level_zh: str
    issued_level: Level | None
    subject: dict[str, str]
    area: str
    area_name: str
    category: str
    category_name: str
    headline: str
    reasons: list[ReasonOut]
    measures: list[str]
    state: WarningState
    unverified: bool
    statutory_report_required: bool
    opened_at: datetime
    updated_at: datetime
    issued_at: datetime | None
    confirm_due_at: datetime | None
    confirmed_by: str | None
    resolved_at: datetime | None
    outcome: Outcome | None
    outcome_at: datetime | None
    outcome_note: str | None


class DutyOut(Out):
    """What one department owes on a warning, and its clock."""

    department_id: UUID
    department: str
    role: str
    reason: str
    sign_due_at: datetime | None
    signed_at: datetime | None
    sign_note: str | None
    answer_due_at: datetime | None
    answered_at: datetime | None
    reminders: int
    missed: int


class WarningPage(Out):
    """Warnings in feed order; poll again with `after` set to `next`."""

    items: list[WarningOut]
    next: int
    more: bool


class MatterPage(Out):
    """Matters, newest change first; `next` is the cursor of the following page."""

    items: list[MatterOut]
    next: str | None


def report_out(result: ReportResult, scorer: Scorer | None) -> ReportOut:
    """The answer to a report; `scorer` is the model in use."""
    return ReportOut(
        id=result.id,
        matter_id=result.matter_id,
        level=result.level,
        level_zh=result.level.zh if result.level else None,
        probability=result.probability,
        why_no_probability=result.why_no_probability,
        model_trained_on=TRAINED_ON[scorer.synthetic] if scorer else None,
        reasons=[ReasonOut.model_validate(reason) for reason in result.reasons],
        warnings=list(result.warnings),
        possible_duplicates=list(result.possible_duplicates),
        duplicate=result.status == "duplicate",
        needs_look=result.needs_look,
        late=result.late,
        revision=result.revision,
    )


def incident_out(row: Row) -> IncidentOut:
    place = None if row["lat"] is None else {name: row[name] for name in ("lat", "lon", "accuracy_m")}
    return IncidentOut.model_validate({**row, "incident_id": row["id"], "location": place})


def matter_out(row: Row, catalogue: Catalogue, reference: Reference) -> MatterOut:
    known = row["people_first"] and row["people_latest"] is not None
    return MatterOut.model_validate(
        {
            **row,
            "area_name": reference.area_name(row["area"]),
            "category_name": catalogue.category_name(row["category"]),
            "level_zh": Level(row["level"]).zh if row["level"] else None,
            "growth": round(row["people_latest"] / row["people_first"], 3) if known else None,
        }
    )


def warning_out(row: Row, catalogue: Catalogue, reference: Reference) -> WarningOut:
    """`row` is a row of the warning table or the body of an event."""
    return WarningOut.model_validate(
        {
            **row,
            "level_zh": Level(row["level"]).zh,
            "subject": {"kind": row["subject_kind"], "id": row["subject_id"]},
            "area_name": reference.area_name(row["area"]),
            "category_name": catalogue.category_name(row["category"]),
        }
    )
