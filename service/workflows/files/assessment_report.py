"""The report of an assessment by the outline of 发改办投资〔2013〕428号 附件2: three chapters and an annex. Pure."""

from __future__ import annotations

from service.domain.assessing import Advice, Grade
from service.workflows.files.assessment_basics import basics
from service.workflows.files.assessment_conclusion import annex, conclusion
from service.workflows.files.assessment_content import content
from service.workflows.files.assessment_subject import Reported, dated
from service.workflows.files.report_document import Block, Report, numbered, told


def assessment_report(told_of: Reported) -> Report:
    """The whole report as values, its headings and tables numbered."""
    parts: tuple[Block, ...] = (*basics(told_of), *content(told_of), *conclusion(told_of), *annex(told_of))
    kind = "社会稳定风险评估报告" if told_of.graded else "前置排查报告"
    title = told(told_of.of_project("name"))
    return Report(
        title=title,
        kind=kind,
        cover=_cover(told_of),
        mark="草稿　未经提交，不得作为决策依据" if told_of.draft else f"{title}　{kind}",
        draft=told_of.draft,
        blocks=tuple(numbered(parts)),
    )


def _cover(told_of: Reported) -> tuple[tuple[str, str], ...]:
    bodies, assessment = told_of.assessment["bodies"], told_of.assessment
    day = told_of.today if told_of.draft else assessment["assessed_on"]
    return (
        ("评估主体", told(bodies["assessor"])),
        ("决策主体", told(bodies["decider"])),
        ("实施主体", told(bodies["implementer"])),
        *(_graded(told_of) if told_of.graded else ()),
        ("评估日期", dated(day)),
        ("备案编号", told(assessment["filing_number"] or "尚未备案")),
        ("报告状态", _STATES[assessment["state"]]),
    )


def _graded(told_of: Reported) -> tuple[tuple[str, str], ...]:
    return (
        ("风险等级", Grade(told_of.result["grade"]).zh),
        ("评估建议", Advice(told_of.result["advice"]).zh),
    )


_STATES = {
    "draft": "草稿", "returned": "草稿（评审退回修改）", "submitted": "已提交，待评审", "reviewed": "已评审",
    "decided": "已决策", "implementing": "实施中", "reopened": "已重新打开，须重新评估", "evaluated": "已后评估",
}  # fmt: skip
