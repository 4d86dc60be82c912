"""An incident: one report of something that happened (事件). There is no field for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from service.domain.judging import Reason
from service.domain.levels import Level
from service.domain.problems import FieldError
from service.domain.words import Handling, ReportStage, Source


def _written_out(value: object) -> object:
    """A number could be seconds or milliseconds; pydantic would guess."""
    if isinstance(value, int | float) or (isinstance(value, str) and "-" not in value[:5]):
        raise PydanticCustomError("datetime_parsing", "an instant is written out, with its offset")
    return value


def _storable(value: str) -> str:
    """PostgreSQL keeps every character but this one."""
    if "\x00" in value:
        raise PydanticCustomError("nul_character", "U+0000 cannot be stored")
    return value


ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]
AreaCode = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
GridNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,8}$")]
Count = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Storable = AfterValidator(_storable)
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), Storable]


class Strict(BaseModel):
    """Base of everything that comes in: unknown fields are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Location(Strict):
    """WGS 84 degrees; `accuracy_m` is the radius in metres within which the place lies."""

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    accuracy_m: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)


class IncidentReport(Strict):
    """What a grid worker's system sends. Only id, area, text, occurred_at and source are required.

    Instants carry an offset. People are head-counts, never names.
    """

    id: ClientId
    area: AreaCode
    grid: GridNumber | None = None
    category: Annotated[str, StringConstraints(max_length=64)] | None = None
    title: ShortText | None = None
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), Storable]
    occurred_at: Instant
    captured_at: Instant | None = None
    people_affected: Count | None = None
    people_present: Count | None = None
    place_text: ShortText | None = None
    location: Location | None = None
    matter_id: UUID | None = None
    project_id: UUID | None = None
    signals: Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=40)] = []
    source: Source
    report_stage: ReportStage = ReportStage.INITIAL
    handling: Handling = Handling.FORWARDED
    action_taken: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), Storable] | None = None


@dataclass(frozen=True, slots=True)
class ReportResult:
    """What became of one report; the answer over HTTP and the line in an import's log."""

    id: str
    status: str  # created | duplicate | conflict | invalid
    incident_id: UUID | None = None
    matter_id: UUID | None = None
    level: Level | None = None
    probability: float | None = None
    why_no_probability: str | None = None
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[UUID, ...] = ()
    possible_duplicates: tuple[str, ...] = ()
    needs_look: bool = False  # rules and model differ by two levels or more: for a person to look at
    late: bool = False
    revision: int = 1
    errors: tuple[FieldError, ...] = ()
