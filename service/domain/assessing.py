"""What an assessment of a project says. Each answer carries its reason as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from service.domain.judging import Answer, Condition


class Grade(StrEnum):
    """How much risk a decision carries (发改投资〔2012〕2492号 Art. 4)."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"

    @property
    def zh(self) -> str:
        return {"low": "低", "middle": "中", "high": "高"}[self.value]

    @property
    def rank(self) -> int:
        return ("low", "middle", "high").index(self.value)


class Advice(StrEnum):
    """What the assessment advises the decider to do."""

    PROCEED = "proceed"
    PARTLY = "partly"
    POSTPONE = "postpone"
    REWORK = "rework"
    REFUSE = "refuse"

    @property
    def zh(self) -> str:
        return _ADVICE[self]


class Severity(StrEnum):
    """What a legal check that is hit means: a precondition is missing, a doubt, a clock that runs, or a hint."""

    BLOCK = "block"
    WARN = "warn"
    CLOCK = "clock"
    INFO = "info"

    @property
    def zh(self) -> str:
        return {"block": "阻断", "warn": "提醒", "clock": "时限", "info": "提示"}[self.value]


class Criterion(StrEnum):
    """One of the four tests (四性) an assessment answers."""

    LEGALITY = "legality"
    REASONABLENESS = "reasonableness"
    FEASIBILITY = "feasibility"
    CONTROLLABILITY = "controllability"

    @property
    def zh(self) -> str:
        return _CRITERIA[self]


class Verdict(StrEnum):
    """A test's answer; UNKNOWN: nothing was given that could answer it."""

    MET = "met"
    DOUBTFUL = "doubtful"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"

    @property
    def zh(self) -> str:
        return {"met": "符合", "doubtful": "存疑", "not_met": "不符合", "unknown": "无法判断"}[self.value]


class RiskClass(StrEnum):
    """The class of one factor by R = p × q."""

    MAJOR = "major"
    LARGE = "large"
    ORDINARY = "ordinary"
    SMALL = "small"
    TINY = "tiny"

    @property
    def zh(self) -> str:
        return _CLASSES[self]


@dataclass(frozen=True, slots=True)
class LegalFinding:
    """One legal check's answer. `hit`: what the law asks is not fulfilled. `due`: when a clock runs out, if it runs."""

    check_id: str
    name: str
    answer: Answer
    severity: Severity
    basis: tuple[str, ...]  # law with article, Chinese
    unverified: bool
    remedy: str  # what to do about a hit, Chinese
    due: date | None = None
    missing: tuple[str, ...] = ()
    trace: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class GradeReason:
    """One of the columns the grade is the worst of, or one of its floors.

    `grade` None: it could not be answered, or (legal) it speaks about the advice and not about the grade.
    """

    code: str  # index | count | event | participants | opposition | hundred | veto | legal | missing
    grade: Grade | None
    text: str  # Chinese, with the numbers it rests on
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class FactorScore:
    """One factor of the table, in 0–1; `r` is p × q and `risk` its class."""

    factor_id: str
    category: str
    name: str
    p: float
    q: float
    weight: float
    r: float
    risk: RiskClass


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The grade when one factor's p and q are one band higher or lower."""

    factor_id: str
    lower: Grade
    higher: Grade


@dataclass(frozen=True, slots=True)
class Graded:
    """The whole answer of the method for one set of values."""

    grade: Grade
    advice: Advice
    reasons: tuple[GradeReason, ...]
    index: float | None
    factors: tuple[FactorScore, ...]
    sensitivity: tuple[Sensitivity, ...]
    stable: bool  # no single factor, one band up or down, changes the grade
    details: dict[str, Any]  # what the preset's own tables add, such as the 100 points


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One of the four tests with what was found, in Chinese."""

    criterion: Criterion
    verdict: Verdict
    findings: tuple[str, ...]


_ADVICE = {
    Advice.PROCEED: "可实施",
    Advice.PARTLY: "部分实施",
    Advice.POSTPONE: "暂缓实施",
    Advice.REWORK: "整改后复评",
    Advice.REFUSE: "不予实施",
}
_CRITERIA = {
    Criterion.LEGALITY: "合法性",
    Criterion.REASONABLENESS: "合理性",
    Criterion.FEASIBILITY: "可行性",
    Criterion.CONTROLLABILITY: "可控性",
}
_CLASSES = {
    RiskClass.MAJOR: "重大",
    RiskClass.LARGE: "较大",
    RiskClass.ORDINARY: "一般",
    RiskClass.SMALL: "较小",
    RiskClass.TINY: "微小",
}
