"""What goes over the wire about assessments: what the assessor entered, and what law and method said of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from service.api.following_shapes import PredictionsOut
from service.api.project_shapes import Label, Name, Note, Number
from service.api.shapes import Out
from service.domain.assessing import Advice, Grade
from service.domain.incidents import Strict

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Rating = Label | Share | None
Form = Literal["simple", "ordinary"]  # 简易, 普通
Codes = Annotated[list[Label], Field(max_length=30)]


class Bodies(Strict):
    """Who decides, who assesses, who carries it out: three different bodies, offices or firms, never a person."""

    decider: Name
    assessor: Name
    implementer: Name

    @model_validator(mode="after")
    def _different(self) -> Bodies:
        if len({self.decider, self.assessor, self.implementer}) < 3:
            raise ValueError("决策、评估、实施三方必须是不同的单位")
        return self


class FactorIn(Strict):
    """One risk factor; p and q as a band's code or a number 0–1, `p_after` and `q_after` as expected after measures."""

    factor_id: Label
    category: Label
    name: Name
    p: Rating = None
    q: Rating = None
    weight: Share | None = None
    p_after: Rating = None
    q_after: Rating = None


class PairIn(Strict):
    """One comparison: `a` weighs `ratio` times as much as `b`."""

    a: Label
    b: Label
    ratio: Annotated[float, Field(ge=1 / 9, le=9, allow_inf_nan=False)]


class MeasureIn(Strict):
    """A measure: what it is aimed at, whose it is, by when. It counts once its evidence is filed."""

    measure_id: Label
    title: Name
    targets: Annotated[list[Label], Field(min_length=1, max_length=60)]
    department_id: UUID
    due_on: date
    evidence_id: UUID | None = None


class SurveyIn(Strict):
    """Head-counts of a survey, or the round of participation they stand in: its counts are taken, none is asked twice.

    `identical`: the largest group of equal answer sheets, if they were compared.
    """

    asked: Number | None = None
    answered: Number | None = None
    opposed: Number | None = None
    identical: Number | None = None
    participation_id: UUID | None = None

    @model_validator(mode="after")
    def _counted(self) -> SurveyIn:
        if self.participation_id is None and None in (self.asked, self.answered, self.opposed):
            raise ValueError("应给出 asked、answered、opposed 三项人数，或者 participation_id")
        return self


class ExpectedIn(Strict):
    """What may happen, and how many would take part; left out is not answered."""

    events: Codes | None = None
    participants: Number | None = None


class OpinionIn(Strict):
    """A share of the people who oppose with one intensity."""

    share: Share
    intensity: Label


class HundredIn(Strict):
    """Answers of the 100-point table: item → option."""

    options: Annotated[dict[Label, Label], Field(max_length=60)] = Field(default_factory=dict)
    opinion: Annotated[list[OpinionIn], Field(max_length=30)] | None = None


class GivenIn(Strict):
    """Everything the assessor enters; what is left out is not answered."""

    factors: Annotated[list[FactorIn], Field(max_length=120)] = Field(default_factory=list)
    comparisons: Annotated[list[PairIn], Field(max_length=500)] = Field(default_factory=list)
    measures: Annotated[list[MeasureIn], Field(max_length=60)] = Field(default_factory=list)
    survey: SurveyIn | None = None
    expected: ExpectedIn = ExpectedIn()
    expected_after: ExpectedIn = ExpectedIn()
    indicators: Codes | None = Field(None, description="direct indicators that are hit; [] none, left out not answered")
    hundred: HundredIn | None = None
    hundred_after: HundredIn | None = None


class PlanIn(Strict):
    """The plan (评估方案). Only rounds of asking the public that lie within its days count for this assessment."""

    scope: Note
    methods: Annotated[list[Label], Field(min_length=1, max_length=20)] = Field(
        description="codes: see GET /v1/assessment-procedures"
    )
    from_on: date
    to_on: date

    @model_validator(mode="after")
    def _in_order(self) -> PlanIn:
        if self.to_on < self.from_on:
            raise ValueError("评估方案的结束日期（to_on）早于开始日期（from_on）")
        if len(set(self.methods)) < len(self.methods):
            raise ValueError("评估方法（methods）有重复")
        return self


class CommissionIn(Strict):
    """Who commissioned the assessment (委托): the office and as which body; the assessor cannot commission itself."""

    on: date
    office: Name
    body: Literal["decider", "implementer"]


class AssessmentIn(Strict):
    """Begin an assessment of a project. Plan and commission may come later, but before the submission."""

    form: Form = "ordinary"
    bodies: Bodies
    plan: PlanIn | None = None
    commission: CommissionIn | None = None
    preset: Label | None = None
    given: GivenIn = GivenIn()


class AssessmentChange(Strict):
    """What changes in a draft; `given`, `plan` and `commission` are replaced whole."""

    form: Form | None = None
    bodies: Bodies | None = None
    plan: PlanIn | None = None
    commission: CommissionIn | None = None
    preset: Label | None = None
    given: GivenIn | None = None


class Opinion(Strict):
    """One opinion of the expert review; dissent is recorded, never smoothed over."""

    office: Name
    text: Note
    dissents: bool = False


class Review(Strict):
    """The expert review: passed on, or returned for rework."""

    outcome: Literal["passed", "returned"]
    opinions: Annotated[list[Opinion], Field(min_length=1, max_length=30)]
    filing_number: Label | None = Field(None, description="of the supervising office, when passed")
    valid_until: date | None = None


class ConditionIn(Strict):
    """A condition of a decision: what must be done, by which department, by which day at the latest."""

    text: Note
    department_id: UUID
    due_on: date


class Decision(Strict):
    """The decider's decision. One against the assessment's advice needs a written reason and is marked."""

    advice: Advice
    conditions: Annotated[list[ConditionIn], Field(max_length=30)] = Field(default_factory=list)
    reason: Note | None = None
    role: Label | None = Field(None, description="in which the deciding office acts, such as 常务会议; never a name")


class Evaluation(Strict):
    """After completion: which predicted factors showed up, which did not, what else happened."""

    showed_up: Codes | None = Field(None, description="left out: what the watch saw counts, and is marked as such")
    unforeseen: Annotated[list[Name], Field(max_length=30)] = Field(default_factory=list)
    text: Note


class LoweringIn(Strict):
    """How many whole bands a measure takes off one factor's p and q."""

    factor_id: Label
    p_bands: Annotated[int, Field(ge=0, le=4)] = 0
    q_bands: Annotated[int, Field(ge=0, le=4)] = 0


class OptionIn(Strict):
    """A measure that could be taken; costs in whatever whole unit all of them share."""

    measure_id: Label
    name: Name
    cost: Number
    lowers: Annotated[list[LoweringIn], Field(min_length=1, max_length=60)]


class WhatIfIn(Strict):
    """What could be done; answered with the cheapest set that reaches 低, and what each cost buys."""

    measures: Annotated[list[OptionIn], Field(min_length=1, max_length=60)]


class RecomputedOut(Out):
    """Whether today's computation of what was frozen agrees; `differences` are paths into the result."""

    same_versions: bool
    same: bool
    differences: list[str]
    result_hash: str


class PriorOut(Out):
    """Ended matters of the county and category; `share` null without any, `low` and `high` the 95 % Wilson interval.

    `predictions` says how often each factor that was predicted of such projects showed up.
    """

    area: str
    category: str
    count: int
    escalated: int
    share: float | None
    low: float
    high: float
    predictions: PredictionsOut


class AssessmentOut(Out):
    """An assessment as it stands. Until it is submitted `result` is computed from what is known now."""

    id: UUID
    project_id: UUID
    number: int
    track: str
    form: str
    state: str
    bodies: dict[str, Any]
    plan: dict[str, Any] | None
    commission: dict[str, Any] | None
    preset: str | None
    given: dict[str, Any]
    grade: Grade | None
    grade_zh: str | None
    advice: Advice | None
    advice_zh: str | None
    facts: dict[str, Any] | None
    result: dict[str, Any] | None
    result_hash: str | None
    versions: dict[str, Any] | None
    assessed_on: date | None
    review: dict[str, Any] | None
    filing_number: str | None
    valid_until: date | None
    decision: dict[str, Any] | None
    evaluation: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
