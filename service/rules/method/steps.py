"""The steps of 稳评: which are done, when and by what, and what each still lacks. Pure.

plan → commission → survey → draft → review → filing → validity → decision, after the form itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from service.domain.projects import ProjectKind
from service.rules.law.derived import months_after
from service.rules.method.cuts import Origin
from service.rules.method.procedure import FORM_NAMES, Needs
from service.rules.method.rounds import Round, lacking_rounds
from service.rules.method.step_words import BODY_NAMES, SCALE_NAMES


class Step(StrEnum):
    """One step, in the order in which they are taken."""

    FORM = "form"
    PLAN = "plan"
    COMMISSION = "commission"
    SURVEY = "survey"
    DRAFT = "draft"
    REVIEW = "review"
    FILING = "filing"
    VALIDITY = "validity"
    DECISION = "decision"

    @property
    def zh(self) -> str:
        return _STEPS[self]


BEFORE_SUBMISSION = (Step.FORM, Step.PLAN, Step.COMMISSION, Step.SURVEY)
BEFORE_PASSING = (Step.REVIEW, Step.FILING, Step.VALIDITY)


@dataclass(frozen=True, slots=True)
class Lacking:
    """One thing that is not there. `known` False: it cannot be told, for something else is not known."""

    field: str
    code: str
    text: str  # Chinese: what it is, and what to do
    known: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan (评估方案): codes of methods, and from when to when the public is asked, both days included."""

    methods: tuple[str, ...]
    first: date
    last: date
    entered_on: date


@dataclass(frozen=True, slots=True)
class Commission:
    """Who commissioned the assessment: the office, as which of the three bodies, on which day."""

    on: date
    office: str
    body: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review that passed or is to pass: the office of each opinion, the number under which it was filed."""

    on: date | None
    offices: tuple[str, ...]
    filing_number: str | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Held:
    """What there is of one assessment on the day `today`."""

    kind: ProjectKind
    scale: Mapping[str, float | None]
    bodies: Mapping[str, str]
    today: date
    plan: Plan | None = None
    commission: Commission | None = None
    rounds: Sequence[Round] = ()
    submitted_on: date | None = None
    reviewed: Reviewed | None = None
    decided_on: date | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class StepState:
    """One step as it stands. `by`: by what it was done, Chinese or a number under which it is filed."""

    step: Step
    done: bool
    at: date | None
    by: str | None
    lacking: tuple[Lacking, ...]
    basis: tuple[Origin, ...]


def steps(needs: Needs, held: Held) -> tuple[StepState, ...]:
    """Every step in its order. A step is done when it was taken and nothing is lacking of what the form asks."""
    return tuple(_state(step, needs, held) for step in Step)


def lacking(needs: Needs, held: Held, of: Sequence[Step]) -> tuple[Lacking, ...]:
    """All that these steps still lack."""
    return tuple(one for step in of for one in _ASKED[step](needs, held))


def cannot_be(needs: Needs, held: Held) -> tuple[Lacking, ...]:
    """Why this form may certainly not be used; what is merely not known yet does not count."""
    return tuple(one for one in _form(needs, held) if one.known)


def _state(step: Step, needs: Needs, held: Held) -> StepState:
    missing = tuple(_ASKED[step](needs, held))
    at, by = _TAKEN[step](held)
    done = not missing and (step is Step.FORM or at is not None or by is not None)
    return StepState(step, done, at, by, missing, _basis(step, needs))


def _form(needs: Needs, held: Held) -> Iterator[Lacking]:
    scope = needs.scope
    if scope is None:
        return
    name = FORM_NAMES[needs.form]
    if held.kind not in scope.kinds:
        allowed = "、".join(sorted(kind.zh for kind in scope.kinds)) or "无"
        yield Lacking(
            "form", "kind_not_allowed", f"{held.kind.zh}不能用{name}（可用的类别：{allowed}）；请改用普通程序"
        )
        return
    for measure, most in scope.most.items():
        zh, unit = SCALE_NAMES[measure]
        size = held.scale.get(measure)
        if size is None:
            text = f"未填{zh}，无法判断能否用{name}（至多 {most:g} {unit}）；请在项目 scale 中补填，或改用普通程序"
            yield Lacking(f"scale.{measure}", "scale_unknown", text, known=False)
        elif size > most:
            text = f"{zh} {size:g} {unit}，超过{name}的上限 {most:g} {unit}；请改用普通程序"
            yield Lacking(f"scale.{measure}", "too_large", text)


def _plan(needs: Needs, held: Held) -> Iterator[Lacking]:
    if held.plan is None:
        yield Lacking("plan", "missing", "尚无评估方案；请填写 plan（范围、方法、起止日期）")
        return
    count = len(set(held.plan.methods))
    if count < needs.plan.methods:
        text = f"评估方案只有 {count} 种方法，至少要 {needs.plan.methods} 种；请补充 plan.methods"
        yield Lacking("plan.methods", "too_few", text)


def _commission(_: Needs, held: Held) -> Iterator[Lacking]:
    if len({*held.bodies.values()}) < len(BODY_NAMES):
        yield Lacking("bodies", "not_different", "决策、评估、实施三方必须是不同的单位；请更正 bodies")
    if held.commission is None:
        yield Lacking("commission", "missing", "尚无委托；请填写 commission（日期、委托单位、属于哪一方）")
        return
    if held.commission.on > held.today:
        yield Lacking("commission.on", "in_future", f"委托日期 {held.commission.on} 在今天之后；委托之后才能提交")
    if held.commission.office == held.bodies.get("assessor"):
        yield Lacking("commission.office", "self_commissioned", "评估一方不能委托自己；请填写决策或实施一方的单位")


def _survey(needs: Needs, held: Held) -> Iterator[Lacking]:
    span = (held.plan.first, min(held.plan.last, held.today)) if held.plan else None
    for need in needs.rounds:
        for code, text in lacking_rounds(need, held.rounds, span):
            yield Lacking(f"participation.{need.code}", code, text)


def _draft(_: Needs, held: Held) -> Iterator[Lacking]:
    if held.submitted_on is None:
        yield Lacking("state", "not_submitted", "评估报告尚未提交")


def _review(needs: Needs, held: Held) -> Iterator[Lacking]:
    if held.reviewed is None:
        yield Lacking("review", "missing", "尚未通过专家评审")
        return
    opinions, offices = len(held.reviewed.offices), len(set(held.reviewed.offices))
    if opinions < needs.review.opinions:
        text = f"评审意见 {opinions} 条，至少要 {needs.review.opinions} 条（不同意见照实记录，也计入）"
        yield Lacking("opinions", "too_few", text)
    if offices < needs.review.offices:
        yield Lacking("opinions", "too_few_offices", f"评审意见来自 {offices} 个单位，至少要 {needs.review.offices} 个")


def _filing(_: Needs, held: Held) -> Iterator[Lacking]:
    if held.reviewed is None or not held.reviewed.filing_number:
        yield Lacking("filing_number", "missing", "尚无主管部门的备案编号（filing_number）")


def _validity(needs: Needs, held: Held) -> Iterator[Lacking]:
    if held.reviewed is None or held.reviewed.valid_until is None:
        yield Lacking("valid_until", "missing", "尚未写明有效期（valid_until）")
        return
    begin, until = held.reviewed.on or held.today, held.reviewed.valid_until
    latest = months_after(begin, needs.validity.months)
    if until > latest:
        text = f"有效期至 {until}，超过自评审之日起 {needs.validity.months} 个月（至迟 {latest}）"
        yield Lacking("valid_until", "too_long", text)
    if until < begin:
        yield Lacking("valid_until", "in_past", f"有效期 {until} 早于评审之日 {begin}")


def _decision(_: Needs, held: Held) -> Iterator[Lacking]:
    if held.decided_on is None:
        yield Lacking("decision", "missing", "尚未决策")


def _basis(step: Step, needs: Needs) -> tuple[Origin, ...]:
    known: dict[Step, tuple[Origin, ...]] = {
        Step.FORM: (needs.scope.origin,) if needs.scope else (),
        Step.PLAN: (needs.plan.origin,),
        Step.COMMISSION: (needs.commission,),
        Step.SURVEY: tuple(dict.fromkeys(need.origin for need in needs.rounds)),
        Step.REVIEW: (needs.review.origin,),
        Step.FILING: (needs.filing,),
        Step.VALIDITY: (needs.validity.origin,),
    }
    return known.get(step, ())


def _when_asked(held: Held) -> tuple[date | None, str | None]:
    """The day the last round that counts ended; no day while there is none."""
    if held.plan is None:
        return None, None
    counted = [one for one in held.rounds if one.lies_in(held.plan.first, min(held.plan.last, held.today))]
    last = max((one.ended_on for one in counted if one.ended_on), default=None)
    return last, f"{len(counted)} 轮征求意见" if counted else None


def _when_reviewed(held: Held, what: Callable[[Reviewed], Any]) -> tuple[date | None, str | None]:
    found = what(held.reviewed) if held.reviewed else None
    return (held.reviewed.on, str(found)) if held.reviewed and found else (None, None)


_ASKED: dict[Step, Callable[[Needs, Held], Iterator[Lacking]]] = {
    Step.FORM: _form, Step.PLAN: _plan, Step.COMMISSION: _commission, Step.SURVEY: _survey, Step.DRAFT: _draft,
    Step.REVIEW: _review, Step.FILING: _filing, Step.VALIDITY: _validity, Step.DECISION: _decision,
}  # fmt: skip
_TAKEN: dict[Step, Callable[[Held], tuple[date | None, str | None]]] = {
    Step.FORM: lambda _: (None, None),
    Step.PLAN: lambda held: (held.plan.entered_on, f"{len(held.plan.methods)} 种方法") if held.plan else (None, None),
    Step.COMMISSION: lambda held: (held.commission.on, held.commission.office) if held.commission else (None, None),
    Step.SURVEY: _when_asked,
    Step.DRAFT: lambda held: (held.submitted_on, held.bodies.get("assessor") if held.submitted_on else None),
    Step.REVIEW: lambda held: _when_reviewed(held, lambda one: "、".join(dict.fromkeys(one.offices))),
    Step.FILING: lambda held: _when_reviewed(held, lambda one: one.filing_number),
    Step.VALIDITY: lambda held: _when_reviewed(held, lambda one: one.valid_until and f"有效期至 {one.valid_until}"),
    Step.DECISION: lambda held: (held.decided_on, held.decided_by),
}
_STEPS = {
    Step.FORM: "适用程序", Step.PLAN: "评估方案", Step.COMMISSION: "委托", Step.SURVEY: "调查和征求意见",
    Step.DRAFT: "编制报告并提交", Step.REVIEW: "专家评审", Step.FILING: "备案", Step.VALIDITY: "有效期",
    Step.DECISION: "决策",
}  # fmt: skip
