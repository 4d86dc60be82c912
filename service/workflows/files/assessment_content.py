"""Chapter 二 评估内容: participation, legal review, factors, estimate, measures, and what is expected after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.domain.assessing import Grade, RiskClass, Severity
from service.domain.judging import Answer
from service.workflows.files.assessment_matrix import compared, matrix
from service.workflows.files.assessment_participation import participation
from service.workflows.files.assessment_subject import UNVERIFIED, Reported, dated, number, share
from service.workflows.files.report_document import Block, Heading, Paragraph, nothing, table, told

Row = Mapping[str, Any]
QUICK = "本事项实行前置排查，不评分、不定级。"
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
    yield from participation(told_of)
    yield from _legal(told_of)
    yield from _identified(told_of)
    yield from _estimated(told_of)
    yield from _measures(told_of)
    yield from _after(told_of)


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
        (f"{told_of.place(one)}", told_of.category(one["category"]), told(one["name"]), told(one["factor_id"]))
        for one in told_of.given["factors"]
    ]
    yield table(
        "识别出的风险因素", {"序号": 2, "类别": 6, "风险因素": 10, "代码": 9}, rows, "评估主体没有填报风险因素。"
    )


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
    rows = [_score(told_of, one) for one in before["factors"]]
    yield table("单因素风险（措施前）", _FACTOR_COLUMNS, rows, _NO_SCORES)
    yield matrix(told_of, before["factors"], "风险矩阵（措施前）")
    yield from _reasons(before, "措施前")


_FACTOR_COLUMNS = {"序号": 3, "风险因素": 14, "概率 p": 5, "影响 q": 5, "R＝p×q": 5, "级别": 5, "权重 w": 6}
_NO_SCORES = "没有同时填报了概率和影响的风险因素。"


def _score(told_of: Reported, one: Row) -> Sequence[str]:
    figures = [number(one[name]) for name in ("p", "q", "r")]
    named = (f"{told_of.place(one)}", told(one["name"]))
    return (*named, *figures, RiskClass(one["risk"]).zh, share(one["weight"]))


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
    columns = {"措施": 9, "针对": 10, "责任单位": 7, "期限": 8, "完成证据": 5}
    yield table("防范和化解措施", columns, rows, "评估主体没有填报措施。")
    for held in told_of.result.get("held_back", ()):
        yield Paragraph(f"{told(held['text'])}。", note=True)


def _after(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "落实措施后的风险等级")
    if not told_of.graded:
        yield nothing(QUICK)
        return
    before, after = told_of.result["before"], told_of.result["after"]
    columns = {"序号": 4, "风险因素": 11, "p 前": 4, "p 后": 4, "q 前": 4, "q 后": 4, "R 前": 6, "R 后": 6,
               "级别前": 4, "级别后": 4, "权重 w": 7}  # fmt: skip
    rows = [_compared(told_of, before["factors"], one) for one in after["factors"]]
    yield table("措施前后对照", columns, rows, _NO_SCORES)
    yield compared(told_of, before["factors"], after["factors"])
    yield matrix(told_of, after["factors"], "风险矩阵（措施后）")
    yield from _reasons(after, "措施后")


def _compared(told_of: Reported, before: Sequence[Row], after: Row) -> Sequence[str]:
    """A factor that had no p or q before shows a dash there."""
    was = next((one for one in before if one["factor_id"] == after["factor_id"]), None)
    figures = [number(one[name]) if one else "—" for name in ("p", "q", "r") for one in (was, after)]
    classes = [RiskClass(one["risk"]).zh if one else "—" for one in (was, after)]
    return (f"{told_of.place(after)}", told(after["name"]), *figures, *classes, share(after["weight"]))


def _mark(one: Row) -> str:
    return UNVERIFIED if one["unverified"] else ""
