"""What law and method say of a project: facts and what the assessor entered → findings, grade, advice. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from service.domain.assessing import Advice, Grade, LegalFinding
from service.domain.problems import FieldError, Problem
from service.domain.projects import ProjectKind, Track
from service.rules.law.book import LawBook, check
from service.rules.method import assessment
from service.rules.method.cheapest import cheapest
from service.rules.method.cuts import MethodError
from service.rules.method.given import (
    Expected,
    FactorGiven,
    Given,
    HundredGiven,
    MeasureGiven,
    OpinionShare,
    Pair,
    Survey,
)
from service.rules.method.grading import legal_blocks
from service.rules.method.loading import Methods
from service.rules.method.plan import Lowering, MeasureOption
from service.rules.method.preset import MethodPreset
from service.rules.method.quick_track import Issue, IssueState, quick_check
from service.rules.vocabulary import FactError
from service.store.engine import Row, dump_json

ENGINE = "1"  # raise it when the same facts, law and method would give another result


@dataclass(frozen=True, slots=True)
class Subject:
    """A project with what belongs to it, as an assessment sees it."""

    project: Row
    issues: Sequence[Row] = ()
    filed: Collection[UUID] = ()  # evidence that is filed and not withdrawn

    @property
    def kind(self) -> ProjectKind:
        return ProjectKind(self.project["kind"])


@dataclass(frozen=True, slots=True)
class Assessed:
    """`result` is plain JSON, as it is kept; `grade` and `advice` None on the quick track, which grades nothing."""

    grade: Grade | None
    advice: Advice | None
    ready: bool  # nothing stands in the way by law, and no issue is open
    result: dict[str, Any]

    @property
    def whole(self) -> dict[str, Any]:
        """All of it, as an assessment keeps and shows it."""
        return {"grade": self.grade, "advice": self.advice, "ready": self.ready, **self.result}


def typed_facts(law: LawBook, kind: ProjectKind, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Facts in their types. Raises Problem 422 naming every bad one."""
    try:
        return law.typed(kind, raw)
    except FactError as error:
        errors = tuple(FieldError("facts", "bad_fact", line) for line in str(error).splitlines())
        raise Problem(422, "invalid_facts", "事实有误，请按 errors 逐项修改后重发。", errors) from None


def legal_findings(law: LawBook, subject: Subject, on: date) -> tuple[LegalFinding, ...]:
    """Every legal check that applies to the project on that day."""
    facts = law.typed(subject.kind, subject.project["facts"])
    return check(law, subject.kind, facts, subject.project["area"], on)


def assess(law: LawBook, methods: Methods, subject: Subject, entered: Row, on: date) -> Assessed:
    """Law and method on what is known; `entered` holds preset and given. Raises Problem 422 for what cannot be used."""
    findings = legal_findings(law, subject, on)
    if subject.kind.track is Track.QUICK:
        return _quick(subject, findings, on)
    try:
        preset = methods.preset(subject.project["area"], on, entered["preset"], subject.kind)
        return _full(preset, given_of(entered["given"], findings, subject.filed))
    except MethodError as error:
        raise unusable(error) from None


def what_if(law: LawBook, methods: Methods, subject: Subject, entered: Row, asked: Row) -> dict[str, Any]:
    """The cheapest measures that reach 低; `asked` holds `on` and `measures`. Legal blocks stand apart: none can be
    bought off. Raises Problem 422, and 409 for an election, which has no grade."""
    if subject.kind.track is Track.QUICK:
        raise Problem(409, "no_grade", f"{subject.kind.zh}只作前置排查，不评等级，没有可比较的措施。")
    findings = legal_findings(law, subject, asked["on"])
    options = [_option(one) for one in asked["measures"]]
    try:
        preset = methods.preset(subject.project["area"], asked["on"], entered["preset"], subject.kind)
        found = cheapest(preset, given_of(entered["given"], findings, subject.filed), options)
    except MethodError as error:
        raise unusable(error) from None
    answer: dict[str, Any] = plain(found)
    return answer | {"legal_blocks": plain(legal_blocks(findings))}


def _option(one: Row) -> MeasureOption:
    lowers = tuple(Lowering(**each) for each in one["lowers"])
    return MeasureOption(one["measure_id"], one["name"], one["cost"], lowers)


def unusable(error: MethodError) -> Problem:
    """What the method cannot use, as a refusal."""
    return Problem(422, "invalid_assessment", str(error), (FieldError(error.where, "unusable", str(error)),))


def given_of(entered: Mapping[str, Any], legal: tuple[LegalFinding, ...], filed: Collection[UUID]) -> Given:
    """What was entered, as the method reads it; a measure counts when its evidence is filed."""
    return Given(
        factors=tuple(FactorGiven(**factor) for factor in entered["factors"]),
        comparisons=tuple(Pair(**pair) for pair in entered["comparisons"]),
        measures=tuple(
            MeasureGiven(one["measure_id"], tuple(one["targets"]), _is_filed(one["evidence_id"], filed))
            for one in entered["measures"]
        ),
        survey=_survey(entered["survey"]),
        expected=_expected(entered["expected"]),
        expected_after=_expected(entered["expected_after"]),
        indicators=None if entered["indicators"] is None else tuple(entered["indicators"]),
        legal=legal,
        hundred=_hundred(entered["hundred"]),
        hundred_after=_hundred(entered["hundred_after"]),
    )


def versions(law: LawBook, methods: Methods) -> dict[str, str]:
    """By what a result was computed: the same versions give the same result."""
    return {
        "engine": ENGINE,
        "law": f"{law.name} {law.version}",
        "law_sha256": law.sha256,
        "methods": f"{methods.name} {methods.version}",
        "methods_sha256": methods.sha256,
    }


def plain(value: object) -> Any:
    """As it comes back from JSON."""
    return json.loads(dump_json(value))


def _full(preset: MethodPreset, given: Given) -> Assessed:
    said = assessment.assess(preset, given)
    result = {
        "track": Track.FULL,
        "legal": given.legal,
        "before": said.before,
        "after": said.after,
        "held_back": said.held_back,
        "tests": said.criteria,
        "completeness": said.completeness,
        "doubts": said.doubts,
    }
    ready = said.after.advice in (Advice.PROCEED, Advice.PARTLY)
    return Assessed(said.after.grade, said.after.advice, ready, plain(result))


def _quick(subject: Subject, findings: tuple[LegalFinding, ...], on: date) -> Assessed:
    issues = [
        Issue(
            str(row["id"]),
            row["title"],
            str(row["department_id"]),
            row["due_on"],
            IssueState(row["state"]),
            row["note"],
        )
        for row in subject.issues
    ]
    checked = quick_check(issues, findings, on)
    return Assessed(None, None, checked.ready, plain({"track": Track.QUICK, "legal": findings, "check": checked}))


def _survey(entered: Mapping[str, Any] | None) -> Survey | None:
    """Of a survey taken from a round of participation the counts stand beside its id."""
    if entered is None:
        return None
    return Survey(entered["asked"], entered["answered"], entered["opposed"], entered["identical"])


def _is_filed(evidence_id: str | None, filed: Collection[UUID]) -> bool:
    return evidence_id is not None and UUID(evidence_id) in filed


def _expected(entered: Mapping[str, Any]) -> Expected:
    events = entered["events"]
    return Expected(None if events is None else tuple(events), entered["participants"])


def _hundred(entered: Mapping[str, Any] | None) -> HundredGiven | None:
    if entered is None:
        return None
    opinion = entered["opinion"]
    shares = None if opinion is None else tuple(OpinionShare(**one) for one in opinion)
    return HundredGiven(entered["options"], shares)
