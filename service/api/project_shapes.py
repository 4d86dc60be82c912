"""What goes over the wire about projects. Nothing names a person: counts, days, offices and hashes only."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.api.shapes import Out
from service.domain.incidents import AreaCode, Storable, Strict
from service.domain.projects import ProjectKind, ProjectStage

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), Storable]
Number = Annotated[int, Field(ge=0, le=10_000_000)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), Storable]
Counts = Annotated[dict[Label, Number], Field(max_length=20)]
Facts = Annotated[dict[str, Any], Field(max_length=300)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
EvidenceKind = Literal[
    "notice", "plan", "photograph", "questionnaire", "sign_in_sheet", "minutes", "approval", "account", "ballot",
    "legal_review", "expert_opinion", "other",
]  # fmt: skip


class Scale(Strict):
    """How large it is; what is left out is not known."""

    households: Number | None = None
    people: Number | None = None
    area_m2: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    staff: Number | None = None
    money_yuan: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class ProjectIn(Strict):
    """A decision or undertaking to be assessed. Facts by name: see GET /v1/project-kinds/{kind}/facts."""

    name: Name
    kind: ProjectKind
    area: AreaCode
    department_id: UUID
    scale: Scale = Scale()
    facts: Facts = Field(default_factory=dict)


class ProjectChange(Strict):
    """What changes; facts are merged, and one given as null is no longer known."""

    name: Name | None = None
    area: AreaCode | None = None
    department_id: UUID | None = None
    scale: Scale | None = None
    stage: ProjectStage | None = None
    facts: Facts | None = None


class ProjectOut(Out):
    """A project as it stands."""

    id: UUID
    name: str
    kind: ProjectKind
    kind_zh: str
    track: str
    area: str
    area_name: str
    stage: ProjectStage
    department_id: UUID
    department: str
    scale: dict[str, Any]
    facts: dict[str, Any]
    revision: int
    created_at: datetime
    updated_at: datetime


class ProjectPage(Out):
    """Projects, newest change first; `next` is the cursor of the following page."""

    items: list[ProjectOut]
    next: str | None


class EvidenceIn(Strict):
    """Something that was filed. What names people stays with its owner: here it is a day, counts and a hash."""

    kind: EvidenceKind
    title: Name
    dated: date
    department_id: UUID
    counts: Counts = Field(default_factory=dict)
    sha256: Hash
    note: Note | None = None


class EvidenceOut(Out):
    """What was filed; withdrawn evidence stays readable and counts no longer."""

    id: UUID
    kind: str
    title: str
    dated: date
    department_id: UUID
    counts: dict[str, Any]
    sha256: str
    note: str | None
    filed_at: datetime
    withdrawn_at: datetime | None
    has_file: bool = False


class ParticipationIn(Strict):
    """One round of asking the public: notice 公示, hearing 听证, dialogue 对话, consultation 协商, survey 问卷."""

    form: Literal["notice", "hearing", "dialogue", "consultation", "survey"]
    began_on: date
    ended_on: date | None = None
    affected: Number | None = Field(None, description="households or people it concerns")
    reached: Number | None = None
    in_favour: Number | None = None
    conditional: Number | None = None
    against: Number | None = None
    concerns: Annotated[list[Name], Field(max_length=30)] = Field(default_factory=list)
    taken_up: Note | None = Field(None, description="what became of the concerns")
    evidence_id: UUID | None = None


class DoubtOut(Out):
    """Why a number may not say what people think: zero_opposition, identical, coverage or counts."""

    code: str
    text: str
    unverified: bool


class SurveyOut(Out):
    """What was counted from a questionnaire file; `identical` null when sheets were not compared.

    `concerns` were said by five sheets or more, `bands` are told when each of their counts is five or more.
    """

    sha256: str
    per_sheet: bool
    sheets: int
    unanswered: int
    identical: int | None
    aware: int | None
    unaware: int | None
    concerns: list[dict[str, Any]]
    other_concerns: int
    bands: list[dict[str, Any]]


class ParticipationOut(Out):
    """One round as recorded. With `doubts` it is doubtful data, not good news."""

    id: UUID
    form: str
    began_on: date
    ended_on: date | None
    affected: int | None
    reached: int | None
    in_favour: int | None
    conditional: int | None
    against: int | None
    concerns: list[str]
    taken_up: str | None
    evidence_id: UUID | None
    recorded_at: datetime
    doubts: list[DoubtOut]
    survey: SurveyOut | None


class IssueIn(Strict):
    """An open issue of the quick check (前置排查)."""

    title: Name
    department_id: UUID
    due_on: date


class Settlement(Strict):
    """How an issue was cleared, or why it is accepted as it is."""

    state: Literal["cleared", "accepted"]
    note: Note


class IssueOut(Out):
    """An issue: open, cleared or accepted."""

    id: UUID
    title: str
    department_id: UUID
    due_on: date
    state: str
    note: str | None
    raised_at: datetime
    settled_at: datetime | None


class StepOut(Out):
    """One step of the record; `hash` covers the one before, `seen` is that of the row it left."""

    number: int
    at: datetime
    role: str
    actor: str
    action: str
    subject: str
    seen: str
    body: dict[str, Any]
    before: str
    hash: str
