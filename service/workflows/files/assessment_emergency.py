"""Section 应急预案建议: the project's emergency plan; without one what was entered, arranged for making one."""

from __future__ import annotations

from collections.abc import Iterator

from service.domain.levels import Level
from service.store.engine import Row
from service.workflows.files.assessment_subject import Reported, counted, dated
from service.workflows.files.report_document import Block, Heading, Paragraph, table, told


def emergency(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "应急预案建议")
    if told_of.emergency is None:
        yield Paragraph("尚未登记应急预案。以下由已填报的内容整理，供编制应急预案参考，不代替应急预案。", note=True)
    given, body = told_of.given, told(told_of.assessment["bodies"]["implementer"])
    expected = [given[name] for name in ("expected", "expected_after")]
    codes = dict.fromkeys(code for one in expected for code in one["events"] or ())
    events = "、".join(map(told_of.event, codes)) or ("经填报为没有" if expected[0]["events"] == [] else "未填")
    yield Paragraph(f"应当预防的情形：{events}；可能参与人数：{counted(expected[0]['participants'], ' 人')}。")
    if told_of.emergency is not None:
        yield from _plan(told_of, told_of.emergency)
        return
    offices = dict.fromkeys(told_of.department(one["department_id"]) for one in given["measures"])
    joined = f"，{'、'.join(offices)}按措施分工配合" if offices else ""
    yield Paragraph(f"责任分工：由{body}牵头处置{joined}。")
    yield Paragraph(
        "处置原则：先听取诉求、当面答复，能够当场解决的当场解决；涉及补偿、工资等款项的，先核实再限期支付；"
        "分歧较大的，引导调解、听证或者依法复议、诉讼；不得因反映诉求而对任何人作出不利处理。"
    )
    yield Paragraph("启动条件：出现上述情形，或者措施逾期未完成的，暂停相关实施步骤，依法报告，并重新评估。")


def _plan(told_of: Reported, plan: Row) -> Iterator[Block]:
    made = dated(told_of.day(plan["made_at"]))
    yield Paragraph(f"本项目已登记应急预案（第 {plan['revision']} 版，{made}）。发出相应等级的预警时，按下列步骤处置。")
    roles = [(told(one["role"]), told_of.department(one["department_id"])) for one in plan["roles"]]
    yield table("应急职责", {"职责": 2, "单位": 3}, roles, "没有登记职责。")
    steps = [
        (level.zh, "\n".join(f"{n}. {told(step)}" for n, step in enumerate(plan["steps"][level], 1)))
        for level in (Level.YELLOW, Level.ORANGE, Level.RED)
    ]
    yield table("各级处置步骤", {"等级": 1, "步骤": 8}, steps, "没有登记步骤。")
    lines = [(told_of.department(one["department_id"]), one["duty_line"]) for one in plan["contacts"]]
    yield table("单位值班电话", {"单位": 3, "值班电话": 2}, lines, "没有登记值班电话。")
