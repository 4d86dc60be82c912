"""What an assessment knows: plain values; None says that nobody answered yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.domain.assessing import LegalFinding

Rating = str | float | None  # a band's code or name, a number 0–1, or not known


@dataclass(frozen=True, slots=True)
class FactorGiven:
    """One factor. The category is an id of the checklist; the factor itself may be a place's own.

    `weight` 0–1: all factors or none. `p_after` and `q_after`: expected after the measures; None is unchanged.
    """

    factor_id: str
    category: str
    name: str
    p: Rating
    q: Rating
    weight: float | None = None
    p_after: Rating = None
    q_after: Rating = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison: `a` weighs `ratio` times as much as `b` (1/9 to 9)."""

    a: str
    b: str
    ratio: float


@dataclass(frozen=True, slots=True)
class MeasureGiven:
    """A measure against targets: factor ids, item ids of the 100-point table, `event`, `participants`."""

    measure_id: str
    targets: tuple[str, ...]
    evidence_filed: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """Head-counts of a survey, never names. `asked`: whom it had to reach. `identical`: the largest group of equal
    answer sheets, None when nobody compared them."""

    asked: int
    answered: int
    opposed: int
    identical: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What may happen: codes of possible events (() is none, None unanswered) and how many would take part."""

    events: tuple[str, ...] | None = None
    participants: int | None = None


@dataclass(frozen=True, slots=True)
class OpinionShare:
    """A share of the people, 0–1, who oppose with one intensity (a code of the table)."""

    share: float
    intensity: str


@dataclass(frozen=True, slots=True)
class HundredGiven:
    """Answers of the 100-point table: item id → option code; the opinion item's rows, None unanswered."""

    options: Mapping[str, str] = field(default_factory=dict)
    opinion: tuple[OpinionShare, ...] | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """All of it. `indicators`: codes of direct indicators that are hit (() is none, None unanswered).

    `comparisons` are over all chosen factors or over all their categories, and then give the weights.
    """

    factors: tuple[FactorGiven, ...] = ()
    comparisons: tuple[Pair, ...] = ()
    measures: tuple[MeasureGiven, ...] = ()
    survey: Survey | None = None
    expected: Expected = Expected()
    expected_after: Expected = Expected()
    indicators: tuple[str, ...] | None = None
    legal: tuple[LegalFinding, ...] = ()
    hundred: HundredGiven | None = None
    hundred_after: HundredGiven | None = None
