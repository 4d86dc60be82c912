"""The one place that judges a matter: findings and score together become a level with its reasons.

Rules speak first. The model alone reaches orange at most; red needs a red rule, or the model above its red cut-off and
rules that say at least orange. Automatic judging never says less than 蓝: any report deserves an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from service.domain.judging import Answer, Finding, Judgement, Reason, Score
from service.domain.levels import Level, highest
from service.domain.quick import quick
from service.rules.thresholds import ThresholdError, Thresholds

MODEL_CEILING = Level.ORANGE
_reason = quick(Reason)
FAR_APART = 2  # ranks between rules and model from which on a person must look


@dataclass(frozen=True, slots=True)
class Cuts:
    """The probabilities (0–1, rising) from which on the model speaks for a level."""

    yellow: float
    orange: float
    red: float

    def level_of(self, probability: float) -> Level:
        for level, cut in ((Level.RED, self.red), (Level.ORANGE, self.orange), (Level.YELLOW, self.yellow)):
            if probability >= cut:
                return level
        return Level.BLUE


def cut_off(missed: float, needless: float) -> float:
    """The probability at which acting costs as much as not acting: both costs in the same unit, above zero."""
    return needless / (needless + missed)


def cuts_for(thresholds: Thresholds, area: str, on: date) -> Cuts:
    """The cut-offs that follow from the stated costs. Raises ThresholdError when they do not rise with the level."""
    cuts = Cuts(
        *(
            cut_off(
                thresholds.value(f"model.cost_missed.{level.value}", area, on),
                thresholds.value(f"model.cost_needless.{level.value}", area, on),
            )
            for level in (Level.YELLOW, Level.ORANGE, Level.RED)
        )
    )
    if not 0 < cuts.yellow <= cuts.orange <= cuts.red < 1:
        shown = f"黄 {cuts.yellow:.2f} 橙 {cuts.orange:.2f} 红 {cuts.red:.2f}"
        raise ThresholdError(f"由成本算出的分界没有随级别升高：{shown}")
    return cuts


def level(findings: Sequence[Finding], score: Score, cuts: Cuts) -> Judgement:
    """Judge one open matter. `findings` are all answers of the rulebook, `score` the model's answer or why none."""
    hits = sorted((each for each in findings if each.answer is Answer.HIT), key=_rank, reverse=True)
    by_rules = floor_of(hits)
    by_model = None if score.probability is None else cuts.level_of(score.probability)
    granted = _granted(by_model, by_rules, _learned(score, cuts))
    judged = highest(Level.BLUE, by_rules, granted) or Level.BLUE
    apart = by_model is not None and abs((by_rules or Level.BLUE).rank - by_model.rank) >= FAR_APART
    reasons = (
        *map(_rule_reason, hits),
        *_model_reasons(score, by_model),
        *_pooled_reason(score, granted),
        *_judge_reasons(judged, by_rules, by_model, granted),
        *_doubts(findings, score, apart),
    )
    return Judgement(
        level=judged,
        rule_level=by_rules,
        model_level=by_model,
        reasons=reasons,
        measures=tuple(dict.fromkeys(advice for hit in hits for advice in hit.advice)),
        statutory_report_required=any(hit.statutory_report for hit in hits),
        life_danger=any(hit.life_danger for hit in hits),
        needs_look=apart,
        model_used=by_model is not None,
    )


def floor_of(findings: Iterable[Finding]) -> Level | None:
    """The highest level that a rule asks for; None where none hit."""
    return highest(*(each.level_floor for each in findings if each.answer is Answer.HIT))


def _learned(score: Score, cuts: Cuts) -> Level | None:
    """What rules and model say as one probability, once how they combine was learned from outcomes."""
    return cuts.level_of(score.pooled.both) if score.pooled and score.pooled.learned else None


def _granted(by_model: Level | None, by_rules: Level | None, learned: Level | None) -> Level | None:
    """How far the model, or what was `learned` of both, may raise, given what the rules say.

    Red is confirmed by the model's own probability: the rules must not confirm themselves.
    """
    confirmed = by_rules is not None and by_rules.rank >= Level.ORANGE.rank
    if by_model is Level.RED and confirmed:
        return by_model
    said = by_model if learned is None else learned
    return MODEL_CEILING if said is not None and said.rank > MODEL_CEILING.rank else said


def _rank(hit: Finding) -> int:
    return hit.level_floor.rank if hit.level_floor else 0


def _rule_reason(hit: Finding) -> Reason:
    return _reason("rule", hit.rule_id, f"{hit.name}（依据：{'；'.join(hit.basis)}）", hit.level_floor)


def _model_reasons(score: Score, by_model: Level | None) -> Iterable[Reason]:
    if score.probability is None:
        return
    made = "；模型用模拟数据训练" if score.synthetic else ""
    ends = "" if score.low is None or score.high is None else f"（相近事项 {score.low:.0%}–{score.high:.0%}）"
    text = f"模型估计 {score.horizon_days} 天内升级的可能性为 {score.probability:.0%}{ends}{made}"
    yield Reason("model", "probability", text, by_model)
    for reason in score.reasons:
        yield _reason("model", reason.group, reason.text, None)


def _pooled_reason(score: Score, granted: Level | None) -> Iterable[Reason]:
    if score.pooled and score.pooled.learned:
        text = f"规则与模型合并后为 {score.pooled.both:.0%}（按本地结果学得），据此定级"
        yield _reason("model", "pooled", text, granted)


def _judge_reasons(
    judged: Level, by_rules: Level | None, by_model: Level | None, granted: Level | None
) -> Iterable[Reason]:
    if by_model is Level.RED and granted is MODEL_CEILING:
        text = "模型达到红级分界，但规则未到橙级；模型单独最多提到橙级"
        yield Reason("judge", "model_ceiling", text, MODEL_CEILING)
    if by_model is Level.RED and granted is Level.RED and by_rules is Level.ORANGE:
        yield Reason("judge", "model_and_rules", "规则已到橙级，模型又达到红级分界，按红级办理", Level.RED)
    if judged is Level.BLUE:
        yield Reason("judge", "base", "每件未办结的事项至少为蓝级：下一工作日前应有回音", Level.BLUE)


def _doubts(findings: Sequence[Finding], score: Score, apart: bool) -> Iterable[Reason]:
    if score.probability is None:
        yield Reason("judge", "no_model", f"模型没有给出概率（{score.why_none or '原因不明'}），只由规则研判")
    if score.outside:
        yield Reason("judge", "outside", f"模型没有见过这样的情况，所估概率请谨慎采用：{'；'.join(score.outside)}")
    if apart:
        yield Reason("judge", "needs_look", "规则与模型相差两级以上，请人核看")
    open_questions = sum(finding.answer is Answer.NOT_EVALUATED for finding in findings)
    if open_questions:
        text = f"有 {open_questions} 条规则因缺少事实未能判断，补报后会重新研判"
        yield Reason("judge", "not_evaluated", text)
