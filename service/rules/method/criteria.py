"""The four tests: 合法性 from the legal checks, the others from the factors that speak to them."""

from __future__ import annotations

from collections.abc import Iterable

from service.domain.assessing import (
    Criterion,
    CriterionResult,
    FactorScore,
    Grade,
    Graded,
    LegalFinding,
    RiskClass,
    Severity,
    Verdict,
)
from service.domain.judging import Answer
from service.rules.method.given import Given
from service.rules.method.hundred import item_points
from service.rules.method.preset import MethodPreset

Found = tuple[Verdict, str]

_BY_RISK = {RiskClass.MAJOR: Verdict.NOT_MET, RiskClass.LARGE: Verdict.DOUBTFUL}
_BY_GRADE = {Grade.HIGH: Verdict.NOT_MET, Grade.MIDDLE: Verdict.DOUBTFUL, Grade.LOW: Verdict.MET}
_OPINION_COLUMNS = ("event", "participants", "opposition", "veto")  # what people may do is what 可控性 asks
_GRAVITY = (Verdict.MET, Verdict.UNKNOWN, Verdict.DOUBTFUL, Verdict.NOT_MET)


def four_tests(preset: MethodPreset, given: Given, graded: Graded) -> tuple[CriterionResult, ...]:
    """One result for each test, in their usual order; the gravest finding decides. Raises MethodError."""
    found: dict[Criterion, list[Found]] = {criterion: [] for criterion in Criterion}
    found[Criterion.LEGALITY] += map(_legal, given.legal)
    for score in graded.factors:
        criterion = preset.checklist.criterion(score.factor_id, score.category)
        found[criterion or Criterion.CONTROLLABILITY].append(_factor(score))
    for reason in graded.reasons:
        if reason.code in _OPINION_COLUMNS:
            verdict = _BY_GRADE[reason.grade] if reason.grade else Verdict.UNKNOWN
            found[Criterion.CONTROLLABILITY].append((verdict, reason.text))
    for criterion, finding in _hundred(preset, given):
        found[criterion].append(finding)
    return tuple(_result(criterion, found[criterion]) for criterion in Criterion)


def _result(criterion: Criterion, found: list[Found]) -> CriterionResult:
    verdict = max((verdict for verdict, _ in found), key=_GRAVITY.index, default=Verdict.UNKNOWN)
    told = tuple(text for verdict, text in found if verdict is not Verdict.MET)
    if not found:
        told = ("没有可据以判断的材料",)
    return CriterionResult(criterion, verdict, told)


def _legal(finding: LegalFinding) -> Found:
    name = f"{finding.check_id} {finding.name}"
    if finding.answer is Answer.HIT:
        grave = finding.severity is Severity.BLOCK
        verdict = Verdict.NOT_MET if grave else Verdict.DOUBTFUL if finding.severity is Severity.WARN else Verdict.MET
        return verdict, f"{name}：{finding.remedy}"
    if finding.answer is Answer.NOT_EVALUATED and finding.severity in (Severity.BLOCK, Severity.WARN):
        return Verdict.UNKNOWN, f"{name}：无法判断，缺 {'、'.join(finding.missing) or '事实'}"
    return Verdict.MET, name


def _factor(score: FactorScore) -> Found:
    text = f"{score.name}：p = {score.p:g}，q = {score.q:g}，R = {score.r:g}，{score.risk.zh}"
    return _BY_RISK.get(score.risk, Verdict.MET), text


def _hundred(preset: MethodPreset, given: Given) -> Iterable[tuple[Criterion, Found]]:
    """An item with all its points is a doubt about its dimension; an unanswered one is unknown."""
    table = preset.hundred
    if table is None or given.hundred is None:
        return
    for item in table.items:
        points = item_points(table, item, given.hundred)
        if points is None:
            yield item.criterion, (Verdict.UNKNOWN, f"{item.item_id} {item.name}：未打分")
        else:
            worst_possible = max(item.options.values(), default=item.most)
            verdict = Verdict.DOUBTFUL if points >= worst_possible else Verdict.MET
            yield item.criterion, (verdict, f"{item.item_id} {item.name}：{points:g} 分（满分 {item.most:g}）")
