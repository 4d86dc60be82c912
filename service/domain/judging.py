"""What rules, model and judge say. Each answer carries its reason as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from service.domain.levels import Level


class Answer(StrEnum):
    """A rule's three answers."""

    HIT = "hit"
    CLEAR = "clear"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a trace: what was expected, what was read; `holds` None means the fact is missing."""

    fact: str
    op: str
    expected: Any
    read: Any
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's answer about one subject."""

    rule_id: str
    name: str
    answer: Answer
    level_floor: Level | None = None  # only set on a hit
    advice: tuple[str, ...] = ()  # only set on a hit; answering, paying, hearing, mediating
    basis: tuple[str, ...] = ()
    unverified: bool = False
    statutory_report: bool = False  # the rule asks for the upward report of 突发事件应对法 Art. 69
    life_danger: bool = False
    missing: tuple[str, ...] = ()  # facts without which the rule could not answer
    trace: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """A group of features and what the probability would be without it."""

    group: str
    text: str  # Chinese, for people
    without: float  # probability with this group at its reference value
    effect: float  # log-odds


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a model said that judges nothing: a challenger, or the champion while the rules judge alone."""

    version: str
    probability: float


@dataclass(frozen=True, slots=True)
class Pooled:
    """Probabilities: of the level of the rules alone, and of rules and model together, by the weights of `version`."""

    rules: float
    both: float
    version: str


@dataclass(frozen=True, slots=True)
class Score:
    """The model's answer: the probability that the matter escalates within `horizon_days`, or why there is none."""

    probability: float | None
    why_none: str | None = None  # Chinese; set exactly when probability is None
    reasons: tuple[ScoreReason, ...] = ()
    horizon_days: int = 30
    model_version: str | None = None
    feature_hash: str | None = None
    features: dict[str, float | None] = field(default_factory=dict)
    synthetic: bool = True  # trained on simulated matters: said wherever the score shows
    shadows: tuple[Shadow, ...] = ()  # kept beside, heard by nobody
    low: float | None = None  # of like cases the share that escalates lies between low and high nine times in ten
    high: float | None = None
    outside: tuple[str, ...] = ()  # Chinese: why the case lies outside what the model has seen; empty when it does not
    prior_share: float | None = None  # how much of the score is prior: 1 before real outcomes went in; None: not known
    pooled: Pooled | None = None  # rules and model as one probability; None without a probability of the model


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a level was given. `kind` is rule, model or judge."""

    kind: str
    code: str
    text: str
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The one place's answer for one subject at one moment."""

    level: Level
    rule_level: Level | None
    model_level: Level | None
    reasons: tuple[Reason, ...]
    measures: tuple[str, ...]
    statutory_report_required: bool
    life_danger: bool
    needs_look: bool  # rules and model differ by two levels or more
    model_used: bool
