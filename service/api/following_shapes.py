"""What goes over the wire about a project after its decision: conditions, reception days, what was seen of it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import model_validator

from service.api.project_shapes import Name, Note, Number
from service.api.shapes import Out
from service.domain.incidents import Strict
from service.domain.levels import Level


class Met(Strict):
    """By what a condition was met: evidence that is filed, or a note; at least one."""

    evidence_id: UUID | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _says_by_what(self) -> Met:
        if self.evidence_id is None and self.note is None:
            raise ValueError("须给出材料编号（evidence_id）或说明（note）")
        return self


class ConditionOut(Out):
    """A condition of a decision: open or met. `overdue`: its last day is over and it is still open."""

    id: UUID
    assessment_id: UUID
    number: int
    text: str
    department_id: UUID
    department: str
    due_on: date
    state: str
    overdue: bool
    evidence_id: UUID | None
    note: str | None
    set_at: datetime
    warned_at: datetime | None
    met_at: datetime | None


class ReceptionIn(Strict):
    """A day of reception on the spot (驻现场接访), in counts; what is left out was not counted."""

    held_on: date
    place_text: Name
    department_id: UUID
    households: Number | None = None
    people: Number | None = None
    matters_raised: Number
    settled_on_spot: Number = 0
    note: Note | None = None

    @model_validator(mode="after")
    def _no_more_settled_than_raised(self) -> ReceptionIn:
        if self.settled_on_spot > self.matters_raised:
            raise ValueError("当场办结的件数（settled_on_spot）不能多于反映的件数（matters_raised）")
        return self


class ReceptionOut(Out):
    """A day of reception as recorded."""

    id: UUID
    held_on: date
    place_text: str
    department_id: UUID
    department: str
    households: int | None
    people: int | None
    matters_raised: int
    settled_on_spot: int
    note: str | None
    recorded_at: datetime


class DayCountOut(Out):
    """Reports that happened on one local day."""

    day: date
    reports: int


class CountsOut(Out):
    """Matters, their reports, matters by level, reports by day."""

    matters: int
    reports: int
    levels: dict[Level, int]
    days: list[DayCountOut]


class FactorWatchOut(Out):
    """A predicted factor: showed_up, did_not, or not_watchable when no report could show it."""

    factor_id: str
    category: str
    name: str
    answer: str
    counts: CountsOut


class UnforeseenOut(Out):
    """Matters of one category that no predicted factor explains."""

    category: str
    category_zh: str
    counts: CountsOut


class ReceptionsOut(Out):
    """All days of reception since the decision, added up."""

    days: int
    households: int
    people: int
    matters_raised: int
    settled_on_spot: int


class ReopeningOut(Out):
    """Why an assessment was reopened; `draft_id` is the new draft, if one was begun."""

    assessment_id: UUID
    matter_id: UUID
    level: Level
    reached_at: datetime
    reopened_at: datetime
    draft_id: UUID | None


class WatchOut(Out):
    """What happened since the decision, as far as the key may see it, against what was predicted.

    `version` and `sha256` name the table by which matters are held against factors.
    """

    project_id: UUID
    assessment_id: UUID
    number: int
    state: str
    since: date
    version: str
    sha256: str
    unverified: bool
    counts: CountsOut
    factors: list[FactorWatchOut]
    unforeseen: list[UnforeseenOut]
    receptions: ReceptionsOut
    conditions_open: int
    conditions_overdue: int
    conditions_met: int
    reopened: list[ReopeningOut]


class FaredOut(Out):
    """How often a factor (or, with `factor_id` null, a category) was predicted and showed up; 95 % Wilson interval."""

    category: str
    factor_id: str | None
    predicted: int
    showed_up: int
    share: float | None
    low: float
    high: float


class PredictionsOut(Out):
    """How predictions of evaluated assessments of the same kind fared; `area` '' is everywhere in sight."""

    area: str
    assessments: int
    categories: list[FaredOut]
    factors: list[FaredOut]
