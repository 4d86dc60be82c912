"""What was counted from a questionnaire, in Chinese lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from service.workflows.files.survey_sheets import Attitude
from service.workflows.files.survey_tally import SurveyFile


def told(counted: SurveyFile) -> Iterator[str]:
    """Line by line; the same numbers that an import keeps."""
    tally = counted.tally
    sides = "，".join(f"{each.zh} {tally.attitudes[each]}" for each in Attitude)
    yield f"{'答卷' if counted.per_sheet else '汇总表，答卷'} {tally.sheets} 份：{sides}"
    if tally.identical is not None:
        yield f"完全相同的答卷最多 {tally.identical} 份"
    if tally.aware is not None:
        yield f"知晓 {tally.aware}，不知晓 {tally.unaware}"
    for text, sheets in tally.concerns:
        yield f"关切：{text} {sheets} 份"
    if tally.other_concerns:
        yield f"其余关切 {tally.other_concerns} 次（每种不足 5 份，不列出）"
    for band in tally.bands:
        counts = "，".join(f"{each.zh} {count}" for each, count in band.counts.items())
        yield f"{band.question}＝{band.answer}：{counts}"
    if tally.first_day and tally.last_day:
        yield f"填写日期 {tally.first_day} 至 {tally.last_day}"
    yield f"SHA-256 {counted.sha256}"
