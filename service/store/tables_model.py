"""Tables of the models themselves: which there are, what was done with them, what they met and what they foretold."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from service.store.tables import BYTES, INSTANT, TEXTS


class ModelVersionTable(SQLModel, table=True):
    """A model that was taken in, with the bytes of its files: every process loads it from here and checks its hash."""

    __tablename__ = "model_version"
    __table_args__ = (
        Index("model_version_champion", "role", unique=True, postgresql_where=text("role = 'champion'")),
        Index("model_version_challenger", "role", unique=True, postgresql_where=text("role = 'challenger'")),
    )
    version: str = Field(primary_key=True)
    sha256: str
    feature_schema: str
    horizon_days: int
    synthetic: bool
    artefact: bytes = Field(sa_type=BYTES)
    card: bytes = Field(sa_type=BYTES)
    role: str  # champion | challenger | retired
    role_since: datetime = Field(sa_type=INSTANT)
    taken_at: datetime = Field(sa_type=INSTANT)
    taken_by: str
    promoted_by: str | None  # the office or system whose key did it
    champion_before: str | None  # whom a rollback brings back
    handed_over_because: str | None  # set while the rules judge in its place
    accepted: list[str] = Field(sa_type=TEXTS)  # findings an administrator knew of when handing judging back to it
    reference: dict[str, Any] | None = Field(sa_type=JSONB)  # what it met when it began here; see scoring.drift
    sample: list[Any] | None = Field(sa_type=JSONB)  # until there are enough for a reference


class ModelEventTable(SQLModel, table=True):
    """What was done with models, by which office or by the service itself; append-only."""

    __tablename__ = "model_event"
    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=INSTANT)
    kind: str  # taken_in | promoted | rolled_back | retired | handed_to_rules | handed_back | warned
    version: str
    actor: str
    reason: str | None
    body: dict[str, Any] = Field(sa_type=JSONB)


class ModelFoldTable(SQLModel, table=True):
    """One row: up to which judgement scores were counted and foretold from."""

    __tablename__ = "model_fold"
    id: int = Field(primary_key=True)
    read_to: UUID


class ModelTallyTable(SQLModel, table=True):
    """What one model met on one local day: how many scores, and for each input how many fell in each bin."""

    __tablename__ = "model_tally"
    day: date = Field(primary_key=True)
    version: str = Field(primary_key=True)
    scores: int
    counts: dict[str, Any] = Field(sa_type=JSONB)


class ModelDriftTable(SQLModel, table=True):
    """What was found on one local day of the model that should judge, at the last look of that day."""

    __tablename__ = "model_drift"
    day: date = Field(primary_key=True)
    version: str = Field(primary_key=True)
    at: datetime = Field(sa_type=INSTANT)
    standing: str  # sound | warned | handed_to_rules
    found: dict[str, Any] = Field(sa_type=JSONB)


class ForecastTable(SQLModel, table=True):
    """The first score of a matter in a month by one model, and what came of it: the published record rests on these."""

    __tablename__ = "forecast"
    __table_args__ = (
        Index("forecast_place", "month", "area"),
        Index("forecast_check", "check_at", postgresql_where=text("check_at IS NOT NULL")),
        Index("forecast_settled", "version", "at", postgresql_where=text("check_at IS NULL")),
    )
    month: date = Field(primary_key=True)
    matter_id: UUID = Field(primary_key=True)
    version: str = Field(primary_key=True)
    judged: bool  # false: said in shadow
    at: datetime = Field(sa_type=INSTANT)
    probability: float
    model_level: str | None
    area: str
    category: str
    horizon_days: int
    label: str  # yes | no | not_yet_known
    counted_on: date  # the last day on which a score of the matter was counted; once a day is enough
    check_at: datetime | None = Field(sa_type=INSTANT)  # when it is looked at next; none once its window has settled
    rule_level: str | None = None  # of the rules alone, as all that follow: empty in shadow
    level: str | None = None  # as judged
    by_rules: float | None = None  # probabilities: of the rules alone, and of rules and model together
    by_both: float | None = None
