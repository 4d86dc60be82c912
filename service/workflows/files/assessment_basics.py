"""Chapter 一 基本情况: what is assessed, by what law and method, by whom, how."""

from __future__ import annotations

from collections.abc import Iterator

from service.domain.levels import Level
from service.domain.projects import ProjectKind, ProjectStage
from service.rules.method.cuts import Origin
from service.rules.method.preset import MethodPreset
from service.rules.method.procedure import FORM_NAMES
from service.rules.method.step_words import BODY_NAMES, SCALE_NAMES
from service.workflows.files.assessment_subject import CHANGED_METHOD, UNVERIFIED, Reported, dated, number
from service.workflows.files.report_document import Block, Heading, Paragraph, nothing, table, told

_STAGES = {
    ProjectStage.PRE_DECISION: "决策前",
    ProjectStage.IMPLEMENTING: "实施中",
    ProjectStage.COMPLETED: "已完成",
    ProjectStage.STOPPED: "已停止",
}


def basics(told_of: Reported) -> Iterator[Block]:
    yield Heading(1, "基本情况")
    yield from _project(told_of)
    yield from _basis(told_of)
    yield Heading(2, "评估主体")
    bodies = told_of.assessment["bodies"]
    rows = [(zh, told(bodies[key])) for key, zh in BODY_NAMES.items()]
    yield table("评估各方", {"职责": 1, "单位": 3}, rows, "未指定。")
    yield from _process(told_of)


def _project(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "拟决策事项概况")
    scale = told_of.of_project("scale")
    sizes = [(zh, f"{scale[key]:,.15g}{unit}") for key, (zh, unit) in SCALE_NAMES.items() if scale.get(key) is not None]
    rows = [
        ("名称", told(told_of.of_project("name"))),
        ("类别", ProjectKind(told_of.of_project("kind")).zh),
        ("所在地", told_of.area),
        ("责任单位", told_of.department(told_of.of_project("department_id"))),
        ("所处阶段", _STAGES[ProjectStage(told_of.of_project("stage"))]),
        *(sizes or [("规模", "未填")]),
    ]
    yield table("事项概况", {"项目": 1, "内容": 3}, rows, "未填。")
    yield Heading(2, "所在地社会矛盾情况")
    counts = [(Level(level), count) for level, count in told_of.open_matters.items()]
    rows = [(level.zh, f"{count}") for level, count in sorted(counts, key=lambda each: -each[0].rank)]
    yield table(
        "报告生成之日所在地未办结事项", {"预警等级": 1, "件数": 1}, rows, "报告生成之日，所在地没有未办结的事项。"
    )
    yield Paragraph("信访是公民的权利，本报告不统计、不引用信访情况，也不评价任何人。")


def _basis(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "评估依据")
    versions = told_of.versions
    yield Paragraph(f"法律审查依据：本系统法律规则库（{versions['law']}）；各项审查所依条文，见“合法性审查”一节。")
    yield Paragraph(
        "报告体例参照《国家发展改革委办公厅关于印发重大固定资产投资项目社会稳定风险分析篇章和评估报告编制大纲（试行）的通知》"
        "（发改办投资〔2013〕428号）附件2。"
    )
    yield Paragraph(f"该大纲除“基本情况”部分外，原文未能核对，章节以所知为限{UNVERIFIED}。", note=True)
    if not told_of.graded:
        yield Paragraph("本事项实行前置排查，不评定风险等级，不适用评分方法。")
    elif told_of.preset is None:
        yield Paragraph(f"评估方法：{versions['methods']}。{CHANGED_METHOD}", note=True)
    else:
        yield from _method(told_of, told_of.preset)


def _method(told_of: Reported, preset: MethodPreset) -> Iterator[Block]:
    yield Paragraph(f"评估方法：{told_of.versions['methods']}，采用“{preset.title}”（{preset.name}）。")
    rows = [
        (name, told(origin.source), "未核实" if origin.unverified else "已核实") for name, origin in _origins(preset)
    ]
    yield table("评估方法各表的来源", {"内容": 2, "来源": 5, "核实情况": 1}, rows, "方法没有附表。")
    if any(origin.unverified for _, origin in _origins(preset)):
        text = "标为未核实的内容，没有读到原文或者系本系统约定，应由评估主体对照当地现行规定核对后使用。"
        yield Paragraph(text, note=True)


def _origins(preset: MethodPreset) -> list[tuple[str, Origin]]:
    named = [
        ("概率 p 分档", preset.probability.origin),
        ("影响 q 分档", preset.impact.origin),
        ("单因素分级", preset.classes.origin),
        ("单因素个数规则", preset.counts.origin),
        ("综合风险指数分档", preset.index.origin),
        ("可能参与人数分档", preset.participants.origin),
        ("可能引发的事件", preset.events.origin),
        ("反对比例分档", preset.opposition.origin),
        ("直接指标", preset.indicators.origin),
        ("等级与决策的对应", preset.decision.origin),
        ("风险因素清单", preset.checklist.origin),
        ("权重", preset.checklist.weights),
    ]
    return [*named, ("百分表", preset.hundred.origin)] if preset.hundred else named


def _process(told_of: Reported) -> Iterator[Block]:
    yield Heading(2, "评估过程和方法")
    form = FORM_NAMES[told_of.assessment["form"]]
    yield Paragraph(f"本次为该事项第{told_of.assessment['number']}次评估，采用{form}。")
    yield from _commissioned(told_of)
    yield Paragraph(
        "步骤：登记事项事实和证据；征求公众意见（只记数量）；逐条对照法律审查；识别风险因素；估计措施前风险；拟定措施；"
        "以证据已归档的措施估计措施后风险；得出结论并提交评审。"
    )
    if not told_of.graded:
        yield nothing("本事项实行前置排查：逐项审查法定条件并消除未决事项，不评分、不定级。")
        return
    yield Paragraph(
        "单因素风险 R＝p×q（p 为发生概率，q 为影响程度，均在 0 与 1 之间）；"
        "综合风险指数 I＝Σw·p·q（w 为权重，合计为 1）。"
        "综合等级取各判定项中最重者，无法回答的判定项从严计。措施后的数值，凡低于措施前的，在证据归档之前不予采用。"
    )
    details = told_of.result["after"]["details"]
    text = f"权重来源：{_WEIGHING[details['weights']]}"
    consistency = details.get("ahp")
    yield Paragraph(f"{text}，一致性比率 CR＝{number(consistency['cr'])}。" if consistency else f"{text}。")


def _commissioned(told_of: Reported) -> Iterator[Block]:
    plan, commission = told_of.assessment["plan"], told_of.assessment["commission"]
    if commission:
        office, body = told(commission["office"]), BODY_NAMES[commission["body"]]
        yield Paragraph(f"委托：{dated(commission['on'])}，由{office}（{body}）委托。")
    if plan:
        methods = "、".join(told_of.method(code) for code in plan["methods"])
        yield Paragraph(f"评估方案：{dated(plan['from_on'])}至{dated(plan['to_on'])}，采用{methods}。")
        yield Paragraph(f"评估范围：{told(plan['scope'])}")


_WEIGHING = {"preset": "评估方法所附权重", "given": "评估主体给定", "ahp": "层次分析法（两两比较）"}
