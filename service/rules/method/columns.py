"""The columns the grade is the worst of. One that cannot be answered says so and counts as the cautious grade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.domain.assessing import Grade, GradeReason, RiskClass
from service.rules.method.cuts import Cut, GradeCuts, MethodError, worst
from service.rules.method.factors import Table, index_of
from service.rules.method.given import Given, Survey
from service.rules.method.hundred import HundredScore, hundred_points
from service.rules.method.preset import MethodPreset, NamedTable

FACTOR_COLUMNS = ("index", "count")
NAMES = {
    "index": "综合风险指数",
    "count": "单因素个数",
    "event": "可能引发的事件",
    "participants": "可能参与人数",
    "opposition": "反对比例",
    "veto": "直接指标",
    "hundred": "百分表",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column's reason and `floor`, the grade it counts as. `begun`: something in it is known, or all."""

    reason: GradeReason
    floor: Grade
    begun: bool

    @property
    def code(self) -> str:
        return self.reason.code

    @property
    def missing(self) -> bool:
        return self.reason.grade is None


def columns_of(preset: MethodPreset, given: Given, table: Table) -> tuple[Column, ...]:
    """Every column that the preset asks for or that somebody began to answer. Raises MethodError for what cannot be."""
    found = (
        _index(preset, table),
        _count(preset, table),
        _event(preset, given),
        _participants(preset, given),
        _opposition(preset, given.survey),
        _veto(preset, given),
        _hundred(preset, given),
    )
    return tuple(column for column in found if column.begun or column.code in preset.columns)


def index_grade(preset: MethodPreset, units: int, missing: bool) -> Grade:
    certain = preset.index.grade(index_of(units))
    return cautious(preset, certain) if missing else certain


def count_grade(preset: MethodPreset, counts: Mapping[RiskClass, int], missing: bool) -> Grade:
    certain = preset.counts.grade(counts)
    return cautious(preset, certain) if missing else certain


def cautious(preset: MethodPreset, certain: Grade = Grade.LOW) -> Grade:
    """What an unanswered column counts as: the preset's floor, and never less than what is certain already."""
    return worst((preset.missing, certain))


def survey_share(survey: Survey | None) -> float | None:
    """Opposed among the answered, 0–1; None without answers. Raises MethodError for impossible counts."""
    if survey is None:
        return None
    if not 0 <= survey.opposed <= survey.answered or survey.asked < 0:
        raise MethodError("survey", f"人数不合：应答 {survey.answered}，其中反对 {survey.opposed}，应查 {survey.asked}")
    return survey.opposed / survey.answered if survey.answered else None


def told(cuts: GradeCuts, unit: str = "", scale: float = 1) -> str:
    """`中 ≥10 %，高 >33 %`"""

    def one(cut: Cut) -> str:
        return f"{'≥' if cut.inclusive else '>'}{cut.value * scale:g}{unit}"

    return f"中 {one(cuts.middle)}，高 {one(cuts.high)}"


def _answered(code: str, grade: Grade, text: str, unverified: bool) -> Column:
    return Column(GradeReason(code, grade, f"{text}：{grade.zh}", unverified), grade, begun=True)


def _unanswered(preset: MethodPreset, code: str, text: str, certain: Grade | None = None) -> Column:
    """`certain`: what the known part says already; None when nothing is known."""
    floor = cautious(preset, certain or Grade.LOW)
    said = f"{NAMES[code]}无法回答（{text}），查明之前按{floor.zh}计"
    return Column(GradeReason(code, None, said, preset.missing_origin.unverified), floor, begun=certain is not None)


def _index(preset: MethodPreset, table: Table) -> Column:
    certain = preset.index.grade(table.index)
    if table.missing:
        text = f"{_lacking(table)}；已知部分 I ≥ {table.index:.4f}"
        return _unanswered(preset, "index", text, certain)
    if not table.scores:
        return _unanswered(preset, "index", "没有风险因素")
    unverified = preset.index.origin.unverified or table.weighing.unverified
    return _answered("index", certain, f"综合风险指数 I = {table.index:.4f}（{told(preset.index)}）", unverified)


def _count(preset: MethodPreset, table: Table) -> Column:
    certain = preset.counts.grade(table.counts)
    shown = "、".join(f"{risk.zh} {table.counts.get(risk, 0)} 个" for risk in RiskClass)
    if table.missing:
        return _unanswered(preset, "count", f"{_lacking(table)}；已知 {shown}", certain)
    if not table.scores:
        return _unanswered(preset, "count", "没有风险因素")
    notes = [rule.note for rule in preset.counts.met(table.counts) if rule.note and rule.grade is certain]
    text = "；".join([f"单因素 {shown}", *notes])
    return _answered("count", certain, text, preset.counts.origin.unverified)


def _lacking(table: Table) -> str:
    return f"{len(table.missing)} 个因素缺概率或影响：{'、'.join(factor.name for factor in table.missing)}"


def _event(preset: MethodPreset, given: Given) -> Column:
    return _hits(preset, "event", preset.events, given.expected.events)


def _veto(preset: MethodPreset, given: Given) -> Column:
    return _hits(preset, "veto", preset.indicators, given.indicators)


def _hits(preset: MethodPreset, code: str, table: NamedTable, hit: tuple[str, ...] | None) -> Column:
    if hit is None:
        return _unanswered(preset, code, "尚未判断")
    known = {kind.code: kind for kind in table.kinds}
    strange = [each for each in hit if each not in known]
    if strange:
        raise MethodError(code, f"没有 ‘{'、'.join(strange)}’，可用 {'、'.join(known) or '无'}")
    names = "、".join(f"{known[each].name}（{known[each].grade.zh}）" for each in hit) or "无"
    grade = worst(known[each].grade for each in hit)
    return _answered(code, grade, f"{NAMES[code]} {names}", table.origin.unverified)


def _participants(preset: MethodPreset, given: Given) -> Column:
    number = given.expected.participants
    if number is None:
        return _unanswered(preset, "participants", "尚未估计")
    if number < 0:
        raise MethodError("expected.participants", f"人数不能小于 0，得到 {number}")
    cuts = preset.participants
    text = f"可能参与 {number} 人（{told(cuts, ' 人')}）"
    return _answered("participants", cuts.grade(number), text, cuts.origin.unverified)


def _opposition(preset: MethodPreset, survey: Survey | None) -> Column:
    share = survey_share(survey)
    if survey is None or share is None:
        return _unanswered(preset, "opposition", "没有调查结果")
    cuts = preset.opposition
    text = f"应答 {survey.answered} 人中反对 {survey.opposed} 人，占 {share:.1%}（{told(cuts, '%', 100)}）"
    return _answered("opposition", cuts.grade(share), text, cuts.origin.unverified)


def _hundred(preset: MethodPreset, given: Given) -> Column:
    table = preset.hundred
    if given.hundred is None or table is None:
        if given.hundred is not None:
            raise MethodError("hundred", f"方法 {preset.name} 没有百分表")
        return _unanswered(preset, "hundred", "没有打分")
    score = hundred_points(table, given.hundred)
    if score.missing:
        text = f"{'、'.join(score.missing)} 未打分；已知 ≥ {score.scaled:.1f} 分"
        return _unanswered(preset, "hundred", text, score.grade)
    return _answered("hundred", score.grade, _points_told(score, table.cuts), table.origin.unverified)


def _points_told(score: HundredScore, cuts: GradeCuts) -> str:
    return f"百分表 {score.total:g} 分，满分 {score.most:g}，折合 {score.scaled:.1f} 分（{told(cuts, ' 分')}）"
