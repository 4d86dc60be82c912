"""What goes in and out about models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.api.shapes import Out
from service.domain.incidents import ShortText, Strict
from service.scoring.artefact import LARGEST_BYTES
from service.workflows.models import VERSION_PATTERN

VersionName = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]
FileText = Annotated[str, StringConstraints(min_length=2, max_length=LARGEST_BYTES)]


class ModelIn(Strict):
    """A model's two files as text, unchanged: the hash on the card is that of the model's bytes in UTF-8."""

    model: FileText = Field(description="model.json")
    card: FileText = Field(description="card.json")


class ReasonIn(Strict):
    """Why; it stays on record."""

    reason: Annotated[ShortText, Field(min_length=1)] | None = None


class JudgingIn(Strict):
    """Who is to judge: the model in use, or the rules alone.

    Handing back to the model accepts what is noticed of it now: the same things warn on, they end its judging no more.
    """

    by: Literal["model", "rules"]
    reason: Annotated[ShortText, Field(min_length=1)]
    compare_anew: bool = Field(default=False, description="compare from now on with what the model meets from now on")


class ModelOut(Out):
    """A registered model without its files. `promoted_by` is an office or a system."""

    version: str
    sha256: str
    feature_schema: str
    horizon_days: int
    synthetic: bool
    trained_on: dict[str, Any] | None
    metrics: dict[str, Any] | None
    role: Literal["champion", "challenger", "retired"]
    role_since: datetime
    taken_at: datetime
    taken_by: str
    promoted_by: str | None
    handed_over_because: str | None


class EventOut(Out):
    """Something done with a model, by an office, a system, or the service itself."""

    at: datetime
    kind: str
    version: str
    actor: str
    reason: str | None
    body: dict[str, Any]


class NoticedOut(Out):
    """Something past a limit; `grave` ends the model's judging unless an administrator accepted it."""

    code: str
    value: float
    limit: float
    grave: bool
    accepted: bool
    text: str


class InputOut(Out):
    """How far one input moved from what the model met at first; `psi` without what chance gives (`noise`)."""

    psi: float
    noise: float
    missing: float
    missing_before: float


class ComparedWithOut(Out):
    """Which scores are compared. `reference_scores` null: still being gathered, `gathered` so far."""

    from_: date = Field(validation_alias="from", serialization_alias="from")
    until: date
    scores: int
    reference_scores: int | None
    gathered: int


class LookOut(Out):
    """What was found of the champion at the last look of a day."""

    day: date
    version: str
    at: datetime
    standing: Literal["sound", "warned", "handed_to_rules"]
    compared: ComparedWithOut
    inputs: dict[str, InputOut]
    renamed: list[str]
    volume: dict[str, Any] = Field(description="reports by week, oldest first, and the last against the mean before")
    calibration: dict[str, float | None] = Field(description="settled forecasts: expected against came")
    learned_until: date
    age_days: int
    noticed: list[NoticedOut]


class ComparedOut(Out):
    """Settled forecasts of which it is known what came."""

    forecasts: int
    expected: float
    came: int
    share: float | None


class BinOut(ComparedOut):
    """Forecasts with a probability from `low` up to `high`."""

    low: float
    high: float


class LevelOut(ComparedOut):
    """Forecasts with which the model spoke for a level; `share` is its precision there."""

    level: str


class WayOut(ComparedOut):
    """Rules alone, model alone, or both as one probability, each on the same settled forecasts of the model in use.

    `levels`: what the rules spoke for, the model spoke for, the service judged; `share` is the precision there.
    """

    name: Literal["rules", "model", "both"]
    brier: float
    log_loss: float = Field(description="nats a forecast")
    levels: list[LevelOut]


class MissOut(Out):
    """A forecast far from what came. The matter touches at least five people."""

    matter_id: UUID
    area: str
    area_name: str
    category: str
    category_name: str
    at: datetime
    probability: float
    came: bool


class MonthOut(Out):
    """One model in one month: forecast against what happened, in the viewer's sight."""

    month: date
    version: str
    forecasts: int
    expected: float = Field(description="sum of the probabilities of all forecasts, settled or not")
    came_so_far: int
    not_yet_known: int
    unknown: int = Field(description="the window is over and nobody can say")
    compared: ComparedOut
    brier: float | None
    brier_of_share: float | None = Field(description="of who says the month's own share of every matter")
    calibration: list[BinOut]
    levels: list[LevelOut]
    ways: list[WayOut] = Field(description="empty for a shadow, and for what was judged before both were kept")
    largest_misses: list[MissOut]


class PerformanceOut(Out):
    """The published record, newest month first."""

    what: str = "每个事项每月第一次评分即为预测；窗口结束并留出迟报时间后，才与实际比较；未见分晓的另列。"
    synthetic: bool | None = Field(description="whether the model in use learned from simulated matters")
    months: list[MonthOut]


class NoticeOut(Out):
    """Something an administrator should know now."""

    code: str
    grave: bool
    text: str
