"""Chapter 二 评估内容: survey, legal review, factors, estimate, measures, and what is expected after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.domain.assessing import Grade, RiskClass, Severity
from service.domain.judging import Answer
from service.workflows.files.assessment_matrix import matrix
from service.workflows.files.assessment_subject import UNVERIFIED, Reported, counted, dated, number
from service.workflows.files.report_document import Block, Heading, Paragraph, nothing, table, told

Row = Mapping[str, Any]
QUICK = "本事项实行前置排查，不评分、不定级。"
_FORMS = {"notice": "公示", "hearing": "听证", "dialogue": "对话", "consultation": "协商", "survey": "问卷"}
_ANSWERS = {
    Answer.HIT: ("未满足的审查事项", "没有审查事项被认定为未满足。"),
    Answer.NOT_EVALUATED: ("无法判断的审查事项", "所有审查事项都有足以判断的事实。"),
    Answer.CLEAR: ("未发现问题的审查事项", "没有审查事项得到未发现问题的结论。"),
}
_REASONS = {
    "index": "综合风险指数", "count": "单因素个数", "event": "可能引发的事件", "participants": "可能参与人数",
    "opposition": "反对比例", "veto": "直接指标", "hundred": "百分表", "legal": "法定前置条件", "missing": "未答事项",
}  # fmt: skip


def content(told_of: Reported) -> Iterator[Block]:
    yield Heading(1, "评估内容")
    yield from _participation(told_of)
    yield from _legal(told_of)
    yield from _identified(told_of)
    yield from _estimated(told_of)
    yield from _measures(told_of)
    yield from _after(told_of)


def _participation(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "风险调查和公众参与")
    yield Heading(3, "公众参与（只计数量）")
    columns = {"形式": 2, "起止": 4, "涉及": 2, "覆盖": 2, "赞成": 2, "有条件赞成": 2, "反对": 2, "备注": 3}
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
    return (_FORMS[row["form"]], f"{dated(row['began_on'])}至{end}", *numbers, "评估提交后登记" if late else "—")


def _survey(told_of: Reported) -> Iterator[Block]:
    survey = told_of.given["survey"]
    if survey is None:
        yield nothing("没有填报抽样调查。")
        return
    asked, answered, opposed = survey["asked"], survey["answered"], survey["opposed"]
    share = f"，占 {opposed / answered:.1%}" if answered else ""
    yield Paragraph(f"应查 {asked} 人，应答 {answered} 人，其中反对 {opposed} 人{share}。")
    for doubt in told_of.result.get("doubts", ()):
        yield Paragraph(f"{doubt['text']}{_mark(doubt)}。", note=True)


def _legal(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "合法性审查")
    findings = told_of.result["legal"]
    counts = [sum(one["answer"] == answer for one in findings) for answer in _ANSWERS]
    yield Paragraph(
        f"共审查 {len(findings)} 项：未满足 {counts[0]} 项，无法判断 {counts[1]} 项，未发现问题 {counts[2]} 项。"
        "无法判断的，不视为满足。"
    )
    for answer, (heading, why) in _ANSWERS.items():
        yield Heading(3, heading)
        rows = [_finding(told_of, one) for one in findings if one["answer"] == answer]
        columns = {"编号": 2, "审查事项": 5, "性质": 2, "依据": 6, "处理": 6}
        yield table(heading, columns, rows, why)


def _finding(told_of: Reported, one: Row) -> Sequence[str]:
    basis = "；".join(one["basis"])
    basis += "" if "未核实" in basis else _mark(one)
    return (one["check_id"], one["name"], Severity(one["severity"]).zh, basis, _to_do(told_of, one))


def _to_do(told_of: Reported, one: Row) -> str:
    due = [f"期限：{dated(one['due'])}"] if one["due"] else []
    if one["answer"] == Answer.NOT_EVALUATED:
        lacking = "、".join(map(told_of.label, one["missing"])) or "所需事实"
        return "；".join([f"缺少：{lacking}", *due])
    return "；".join([one["remedy"].rstrip("。"), *due] if one["answer"] == Answer.HIT else due) or "—"


def _identified(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "风险识别")
    if not told_of.graded:
        yield from _issues(told_of)
        return
    rows = [
        (told_of.category(one["category"]), told(one["name"]), told(one["factor_id"]))
        for one in told_of.given["factors"]
    ]
    yield table("识别出的风险因素", {"类别": 3, "风险因素": 4, "代码": 4}, rows, "评估主体没有填报风险因素。")


def _issues(told_of: Reported) -> Iterator[Block]:
    yield Paragraph("前置排查只登记须在开始之前消除的事项。")
    states = {"open": "未决", "cleared": "已消除", "accepted": "已接受"}
    rows = [
        (
            told(one["title"]),
            told_of.department(one["department_id"]),
            dated(one["due_on"]),
            states[one["state"]],
            told(one["note"] or "—"),
        )
        for one in told_of.settled()
    ]
    columns = {"事项": 4, "责任单位": 3, "期限": 2, "状态": 1, "说明": 3}
    yield table("前置排查事项", columns, rows, "没有登记须消除的事项。")


def _estimated(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "风险估计（措施前）")
    if not told_of.graded:
        yield nothing(QUICK)
        return
    before = told_of.result["before"]
    yield table("单因素风险（措施前）", _FACTOR_COLUMNS, map(_score, before["factors"]), _NO_SCORES)
    yield matrix(told_of, before["factors"], "风险矩阵（措施前）")
    yield from _reasons(before, "措施前")


_FACTOR_COLUMNS = {"风险因素": 4, "概率 p": 2, "影响 q": 2, "R＝p×q": 2, "级别": 2, "权重 w": 2}
_NO_SCORES = "没有同时填报了概率和影响的风险因素。"


def _score(one: Row) -> Sequence[str]:
    figures = [number(one[name]) for name in ("p", "q", "r")]
    return (told(one["name"]), *figures, RiskClass(one["risk"]).zh, number(one["weight"]))


def _reasons(graded: Row, when: str) -> Iterator[Block]:
    index = "无法计算" if graded["index"] is None else number(graded["index"])
    yield Paragraph(f"综合风险指数 I（{when}）：{index}；综合风险等级（{when}）：{Grade(graded['grade']).zh}。")
    rows = [(_REASONS[one["code"]], Grade(one["grade"]).zh if one["grade"] else "—", f"{one['text']}{_mark(one)}")
            for one in graded["reasons"]]  # fmt: skip
    yield table(f"综合等级的判定（{when}）", {"判定项": 2, "等级": 1, "理由": 7}, rows, "没有判定项。")


def _measures(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "风险防范和化解措施")
    names = {one["factor_id"]: told(one["name"]) for one in told_of.given["factors"]} | _REASONS
    rows = [
        (
            told(one["title"]),
            "、".join(names.get(target, told(target)) for target in one["targets"]),
            told_of.department(one["department_id"]),
            dated(one["due_on"]),
            "已归档" if one["evidence_id"] in told_of.counting else "未归档",
        )
        for one in told_of.given["measures"]
    ]
    columns = {"措施": 5, "针对": 3, "责任单位": 3, "期限": 4, "完成证据": 2}
    yield table("防范和化解措施", columns, rows, "评估主体没有填报措施。")
    for held in told_of.result.get("held_back", ()):
        yield Paragraph(f"{told(held['text'])}。", note=True)


def _after(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "落实措施后的风险等级")
    if not told_of.graded:
        yield nothing(QUICK)
        return
    before, after = told_of.result["before"], told_of.result["after"]
    columns = {"风险因素": 4, "p 前": 2, "p 后": 2, "q 前": 2, "q 后": 2, "R 前": 2, "R 后": 2,
               "级别前": 2, "级别后": 2, "权重 w": 4}  # fmt: skip
    rows = [_compared(before["factors"], one) for one in after["factors"]]
    yield table("措施前后对照", columns, rows, _NO_SCORES)
    yield matrix(told_of, after["factors"], "风险矩阵（措施后）")
    yield from _reasons(after, "措施后")


def _compared(before: Sequence[Row], after: Row) -> Sequence[str]:
    """A factor that had no p or q before shows a dash there."""
    was = next((one for one in before if one["factor_id"] == after["factor_id"]), None)
    figures = [number(one[name]) if one else "—" for name in ("p", "q", "r") for one in (was, after)]
    classes = [RiskClass(one["risk"]).zh if one else "—" for one in (was, after)]
    return (told(after["name"]), *figures, *classes, number(after["weight"]))


def _mark(one: Row) -> str:
    return UNVERIFIED if one["unverified"] else ""
