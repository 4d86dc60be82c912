"""Section 风险调查和公众参与: every round in numbers, what became of the concerns, and the survey. Nobody is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.workflows.files.assessment_subject import UNVERIFIED, Reported, counted, dated
from service.workflows.files.report_document import Block, Heading, Paragraph, nothing, table, told
from service.workflows.files.survey_sheets import Attitude

Row = Mapping[str, Any]
_FORMS = {"notice": "公示", "hearing": "听证", "dialogue": "对话", "consultation": "协商", "survey": "问卷"}


def participation(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "风险调查和公众参与")
    yield Heading(3, "公众参与（只计数量）")
    columns = {"形式": 4, "起止": 11, "涉及": 4, "覆盖": 4, "赞成": 4, "有条件赞成": 5, "反对": 4, "备注": 12}
    rows = [_round(told_of, row) for row in told_of.participation]
    yield table("公众参与情况", columns, rows, "没有登记公众参与的轮次。")
    yield Heading(3, "意见采纳情况")
    taken = [(_FORMS[row["form"]], "；".join(map(told, row["concerns"])) or "未填", told(row["taken_up"] or "未填"))
             for row in told_of.participation if row["concerns"] or row["taken_up"]]  # fmt: skip
    columns = {"形式": 1, "反映的主要意见": 4, "采纳和答复": 4}
    yield table("意见及采纳", columns, taken, "没有登记意见及其采纳情况。")
    yield Heading(3, "抽样调查")
    yield from _survey(told_of)


def _round(told_of: Reported, row: Row) -> Sequence[str]:
    numbers = [counted(row[name]) for name in ("affected", "reached", "in_favour", "conditional", "against")]
    on = told_of.assessment["assessed_on"]
    late = not told_of.draft and on is not None and told_of.day(row["recorded_at"]) > on
    end = dated(row["ended_on"]) if row["ended_on"] else "未结束"
    notes = [*(one.text for one in row["doubts"]), *(["评估提交后登记"] if late else [])]
    return (_FORMS[row["form"]], f"{dated(row['began_on'])}至{end}", *numbers, "；".join(notes) or "—")


def _survey(told_of: Reported) -> Iterator[Block]:
    for number, row in enumerate([row for row in told_of.participation if row["survey"]], 1):
        yield from _questionnaire(f"问卷 {number}", row["survey"])
    survey = told_of.given["survey"]
    if survey is None:
        yield nothing("评估没有采用抽样调查。")
        return
    asked, answered, opposed = survey["asked"], survey["answered"], survey["opposed"]
    share = f"，占 {opposed / answered:.1%}" if answered else ""
    yield Paragraph(f"评估采用的调查：应查 {asked} 人，应答 {answered} 人，其中反对 {opposed} 人{share}。")
    for doubt in told_of.result.get("doubts", ()):
        yield Paragraph(f"{doubt['text']}{UNVERIFIED if doubt['unverified'] else ''}。", note=True)


def _questionnaire(name: str, survey: Row) -> Iterator[Block]:
    """The counts of a questionnaire file; its hash says which file it was."""
    compared = "未比较答卷是否相同" if survey["identical"] is None else f"完全相同的答卷最多 {survey['identical']} 份"
    aware = "" if survey["aware"] is None else f"；知晓 {survey['aware']} 份，不知晓 {survey['unaware']} 份"
    yield Paragraph(
        f"{name}：答卷 {survey['sheets']} 份，未表态 {survey['unanswered']} 份{aware}；{compared}。"
        f"文件 SHA-256 前 16 位：{survey['sha256'][:16]}。"
    )
    rest = [("其余（每种不足 5 份）", f"{survey['other_concerns']}")] if survey["other_concerns"] else []
    rows = [(told(one["text"]), f"{one['sheets']}") for one in survey["concerns"]] + rest
    yield table(f"{name}的主要关切", {"关切": 4, "份数": 1}, rows, "没有满 5 份的共同关切。")
    bands = [
        (told(band["question"]), told(band["answer"]), *(_count(band["counts"], each) for each in Attitude))
        for band in survey["bands"]
    ]
    columns = {"问题": 3, "回答": 3, **{each.zh: 2 for each in Attitude}}
    yield table(f"{name}的分组态度（每格不少于 5 份）", columns, bands, "没有每格都不少于 5 份的分组。")


def _count(counts: Row, attitude: Attitude) -> str:
    return f"{counts[attitude]}" if attitude in counts else "—"
