"""Chapter 三 评估结论, and the annex of what it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from service.domain.assessing import Advice, Criterion, Grade, RiskClass, Verdict
from service.workflows.files.assessment_content import QUICK
from service.workflows.files.assessment_emergency import emergency
from service.workflows.files.assessment_subject import UNVERIFIED, Reported, dated, number
from service.workflows.files.report_document import Block, Heading, Paragraph, nothing, table, told

Row = Mapping[str, Any]
_STABLE = "没有足以改变等级的因素：任一风险因素的概率、影响同时升降一档，等级不变。"
_ID = re.compile(r" ?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) ?")
_MOST_FINDINGS = 8
_GRAVE = (RiskClass.MAJOR, RiskClass.LARGE, RiskClass.ORDINARY)
_KINDS = {
    "notice": "公告", "plan": "方案", "photograph": "照片", "questionnaire": "问卷", "sign_in_sheet": "签到表",
    "minutes": "会议纪要", "approval": "批复", "account": "账目", "ballot": "选票",
    "legal_review": "合法性审查意见", "expert_opinion": "专家意见", "other": "其他",
}  # fmt: skip


def conclusion(told_of: Reported) -> Iterator[Block]:
    yield Heading(1, "评估结论")
    yield from _main_risks(told_of)
    yield from _tests(told_of)
    yield from _grade(told_of)
    yield from _advice(told_of)
    yield from _decision(told_of)
    yield from _review(told_of)
    yield from emergency(told_of)
    yield from _evaluation(told_of)


def annex(told_of: Reported) -> Iterator[Block]:
    yield Heading(1, "附件", counted=False)
    yield Heading(2, "证据清单和散列值")
    columns = {"证据": 8, "种类": 5, "日期": 8, "是否计入": 5, "SHA-256": 16}
    rows = [_evidence(told_of, row) for row in told_of.evidence]
    yield table("证据清单", columns, rows, "没有登记证据。")
    yield Paragraph("证据原件由责任单位保存，本系统只记录种类、日期、数量和散列值。")
    yield Heading(2, "版本和校验")
    frozen = told_of.assessment["result_hash"] or "草稿尚未固定"
    versions = told_of.versions
    rows = [
        ("法律规则", versions["law"]),
        ("法律规则 SHA-256", versions["law_sha256"]),
        ("评估方法", versions["methods"]),
        ("评估方法 SHA-256", versions["methods_sha256"]),
        ("计算程序", versions["engine"]),
        ("评估结果 SHA-256", frozen),
        ("报告生成日期", dated(told_of.today)),
    ]
    yield table("版本和校验", {"项目": 1, "内容": 3}, rows, "没有版本记录。")


def _main_risks(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "主要风险因素")
    if not told_of.graded:
        yield nothing(QUICK)
        return
    scores = sorted(told_of.result["after"]["factors"], key=lambda one: -one["r"])
    rows = [(told(one["name"]), number(one["r"]), RiskClass(one["risk"]).zh) for one in scores if one["risk"] in _GRAVE]
    columns = {"风险因素": 4, "R（措施后）": 2, "级别": 1}
    yield table("主要风险因素（一般及以上）", columns, rows, "措施后没有一般及以上级别的风险因素。")


def _tests(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "合法性、合理性、可行性、可控性结论")
    if not told_of.graded:
        yield nothing(f"{QUICK}法定条件见“合法性审查”一节。")
        return
    rows = [
        (
            Criterion(one["criterion"]).zh,
            Verdict(one["verdict"]).zh,
            "\n".join(_findings(told_of, one)) or "没有发现存疑之处",
        )
        for one in told_of.result["tests"]
    ]
    yield table("四性结论", {"评估项": 2, "结论": 2, "理由": 8}, rows, "没有评估项。")


def _findings(told_of: Reported, one: Row) -> Sequence[str]:
    """Those of the law stand one by one in their own section; a long list is not told twice."""
    found = [told(_named(told_of, text)) for text in one["findings"]]
    if one["criterion"] != Criterion.LEGALITY or len(found) <= _MOST_FINDINGS:
        return found
    return [*found[:_MOST_FINDINGS], f"等共 {len(found)} 项，逐项见“合法性审查”一节"]


def _named(told_of: Reported, text: str) -> str:
    """A finding lists the facts it lacks by their names in the dictionary; a reader needs their labels."""
    before, lacks, names = text.partition("无法判断，缺 ")
    return before + lacks + "、".join(map(told_of.label, names.split("、"))) if lacks else text


def _grade(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "风险等级")
    if not told_of.graded:
        yield nothing(QUICK)
        return
    before, after = told_of.result["before"], told_of.result["after"]
    yield Paragraph(f"措施前风险等级：{Grade(before['grade']).zh}；措施后风险等级：{Grade(after['grade']).zh}。")
    names = {one["factor_id"]: told(one["name"]) for one in after["factors"]}
    moving = [one for one in after["sensitivity"] if {one["lower"], one["higher"]} != {after["grade"]}]
    rows = [(names[one["factor_id"]], Grade(one["lower"]).zh, Grade(one["higher"]).zh) for one in moving]
    columns = {"风险因素": 3, "低一档时的等级": 2, "高一档时的等级": 2}
    yield table("影响等级的因素", columns, rows, _STABLE)
    missing = told_of.result["completeness"]
    rows = [(told(one["name"]), Grade(one["best"]).zh, Grade(one["worst"]).zh) for one in missing["lacks"]]
    columns = {"尚缺的内容": 3, "最好时的等级": 2, "最坏时的等级": 2}
    yield table("尚未回答的内容", columns, rows, "没有尚未回答的内容。")


def _advice(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "评估建议")
    result = told_of.result
    if not told_of.graded:
        ready = "法定条件均已满足，没有未决事项，可以开始。" if result["ready"] else "尚不具备开始的条件。"
        yield Paragraph(ready)
        rows = [(f"{n}", told(_offices(told_of, text))) for n, text in enumerate(result["check"]["reasons"], 1)]
        yield table("开始之前须解决的问题", {"序号": 1, "问题": 9}, rows, "没有须解决的问题。")
        return
    after = result["after"]
    yield Paragraph(f"评估建议：{Advice(result['advice']).zh}。")
    mark = UNVERIFIED if after["details"]["decision_unverified"] else ""
    yield Paragraph(f"等级与决策的对应：{after['details']['decision']}{mark}。")
    if any(one["code"] == "legal" for one in after["reasons"]):
        yield Paragraph("有法定前置条件未满足或者无法判断，落实之前不得实施。", note=True)


def _offices(told_of: Reported, text: str) -> str:
    """A reason says whose an issue is by the office's id; a reader needs its name."""
    return _ID.sub(lambda found: told_of.department(found[1]), text)


def _decision(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "决策意见")
    decision = told_of.assessment["decision"]
    if decision is None:
        yield nothing("决策主体尚未作出决策。")
        return
    yield Paragraph(
        f"决策：{Advice(decision['advice']).zh}，{dated(told_of.day(datetime.fromisoformat(decision['at'])))}作出。"
    )
    if grade := decision.get("grade"):
        role = f"（{told(decision['role'])}）" if decision["role"] else ""
        yield Paragraph(f"决策主体：{told(decision['office'])}{role}；决策所依据的风险等级：{Grade(grade).zh}。")
    rows = [_condition(told_of, place, one) for place, one in enumerate(decision["conditions"], 1)]
    columns = {"序号": 1, "条件": 5, "责任单位": 2, "期限": 2}
    yield table("决策所附条件", columns, rows, "决策未附条件。")
    if decision["against"]:
        yield Paragraph(f"本决策与评估建议不一致，理由：{told(decision['reason'])}", note=True)


def _condition(told_of: Reported, place: int, one: Row | str) -> tuple[str, ...]:
    if isinstance(one, str):  # decided before a condition had an office and a day
        return (f"{place}", told(one), "未填", "未填")
    office, day = told_of.department(one["department_id"]), date.fromisoformat(one["due_on"])
    return (f"{place}", told(one["text"]), office, dated(day))


def _review(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "评审意见和不同意见")
    review = told_of.assessment["review"]
    if review is None:
        yield nothing("尚未评审。")
        return
    until = told_of.assessment["valid_until"]
    filed = told(told_of.assessment["filing_number"] or "无")
    outcome = {"passed": "通过", "returned": "退回修改"}[review["outcome"]]
    yield Paragraph(f"评审结果：{outcome}；备案编号：{filed}；有效期至：{dated(until)}。")
    agreeing = [(told(one["office"]), told(one["text"])) for one in review["opinions"] if not one["dissents"]]
    yield table("评审意见", {"单位": 1, "意见": 3}, agreeing, "没有同意的意见。")
    dissent = [(told(one["office"]), told(one["text"])) for one in review["opinions"] if one["dissents"]]
    yield table("不同意见", {"单位": 1, "意见": 3}, dissent, "没有单位提出不同意见。")


def _evaluation(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "实施后评估")
    kept = told_of.assessment["evaluation"]
    if kept is None:
        yield nothing("事项尚未完成后评估。")
        return
    names = {one["factor_id"]: told(one["name"]) for one in told_of.given["factors"]}
    keys = ("showed_up", "did_not", "unknown")
    shown, absent, unknown = ("、".join(names[one] for one in kept.get(key, ())) or "无" for key in keys)
    unforeseen = "、".join(map(told, kept["unforeseen"])) or "无"
    basis = {"watch": "由系统对照关联事项得出", "entered": "由填报得出"}[kept.get("from", "entered")]
    yield Paragraph(
        f"已经出现的风险因素：{shown}；没有出现的：{absent}；不能由事项看出的：{unknown}；未预见的：{unforeseen}（{basis}）。"
    )
    yield Paragraph(told(kept["text"]))


def _evidence(told_of: Reported, row: Row) -> tuple[str, ...]:
    counts = _counts(str(row["id"]) in told_of.counting, row["withdrawn_at"] is not None)
    return (told(row["title"]), _KINDS[row["kind"]], dated(row["dated"]), counts, row["sha256"])


def _counts(counting: bool, withdrawn: bool) -> str:
    """What was frozen at submission still shows, and that it was taken back since."""
    if counting:
        return "是，提交后撤回" if withdrawn else "是"
    return "否，已撤回" if withdrawn else "否，提交后归档"
