"""When a survey is to be doubted rather than rejoiced in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.rules.method.columns import survey_share
from service.rules.method.cuts import MethodError, Number
from service.rules.method.given import Survey
from service.rules.method.preset import MethodPreset


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the answers may not say what people think: zero_opposition, identical or coverage."""

    code: str
    text: str  # Chinese, with the numbers
    unverified: bool


def survey_doubts(preset: MethodPreset, survey: Survey | None) -> tuple[Doubt, ...]:
    """Never changes a grade: a doubtful share stays the share, and says so. Raises MethodError for wrong counts."""
    if survey is None or survey_share(survey) is None:
        return ()
    identical = survey.identical or 0
    if not 0 <= identical <= survey.answered:
        raise MethodError("survey.identical", f"相同答卷 {identical} 份，超出应答 {survey.answered} 份")
    return tuple(_doubts(preset, survey, identical))


def _doubts(preset: MethodPreset, survey: Survey, identical: int) -> Iterator[Doubt]:
    cuts = preset.doubts
    many = survey.answered >= cuts.many.value
    if many and survey.opposed == 0:
        yield _doubt("zero_opposition", f"{survey.answered} 人应答，无一人反对", cuts.many)
    if many and identical / survey.answered >= cuts.identical.value:
        yield _doubt("identical", f"{survey.answered} 份答卷中 {identical} 份完全相同", cuts.identical)
    if not survey.asked:
        yield _doubt("coverage", "没有应查人数，覆盖面不明", cuts.coverage)
    elif survey.answered / survey.asked < cuts.coverage.value:
        share = f"应查 {survey.asked} 人，应答 {survey.answered} 人，占 {survey.answered / survey.asked:.1%}"
        yield _doubt("coverage", f"{share}，不足 {cuts.coverage.value:.0%}", cuts.coverage)


def _doubt(code: str, text: str, number: Number) -> Doubt:
    return Doubt(code, f"{text}：数据存疑，应当复核", number.origin.unverified)
