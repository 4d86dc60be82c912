"""From what is given to one grade with every reason: the worst of all columns, and what it advises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from service.domain.assessing import (
    Advice,
    FactorScore,
    Grade,
    Graded,
    GradeReason,
    LegalFinding,
    RiskClass,
    Sensitivity,
    Severity,
)
from service.domain.judging import Answer
from service.rules.method.columns import FACTOR_COLUMNS, Column, columns_of, count_grade, index_grade
from service.rules.method.cuts import worst
from service.rules.method.factors import Table, factor_table, product, units_of
from service.rules.method.given import Given
from service.rules.method.hundred import hundred_points
from service.rules.method.preset import MethodPreset

GOES_AHEAD = (Advice.PROCEED, Advice.PARTLY)


@dataclass(frozen=True, slots=True)
class Ground:
    """What stays when factors change: the floor of the other columns, and which factor columns count at all."""

    preset: MethodPreset
    fixed: Grade
    factor_columns: frozenset[str]
    missing: bool

    def grade(self, units: int, counts: Mapping[RiskClass, int]) -> Grade:
        """The whole grade for another sum of w·p·q (in units of `factors.UNITS`) and other counts of classes."""
        grades = [self.fixed]
        if "index" in self.factor_columns:
            grades.append(index_grade(self.preset, units, self.missing))
        if "count" in self.factor_columns and (counts or self.missing):
            grades.append(count_grade(self.preset, counts, self.missing))
        return worst(grades)


def grade(preset: MethodPreset, given: Given) -> Graded:
    """The grade of what is given before any measures. Raises MethodError for what cannot be used."""
    table = factor_table(preset, given)
    columns = columns_of(preset, given, table)
    overall = worst(column.floor for column in columns)
    outcome = preset.decision.outcomes[overall]
    blocks = legal_blocks(given.legal)
    blocked = bool(blocks) and outcome.advice in GOES_AHEAD
    ground = ground_of(preset, columns, table)
    sensitivity = _sensitivities(ground, table)
    return Graded(
        grade=overall,
        advice=Advice.POSTPONE if blocked else outcome.advice,
        reasons=(*(column.reason for column in columns), *_missing(preset, columns), *_legal(blocks)),
        index=None if table.missing or not table.scores else table.index,
        factors=table.scores,
        sensitivity=sensitivity,
        stable=all(each.lower is overall and each.higher is overall for each in sensitivity),
        details=_details(preset, given, table, outcome.text),
    )


def ground_of(preset: MethodPreset, columns: Sequence[Column], table: Table) -> Ground:
    fixed = worst(column.floor for column in columns if column.code not in FACTOR_COLUMNS)
    # Without a single factor the two columns are unanswered too, and their floor is the same cautious one.
    without = bool(table.missing) or not table.scores
    counting = frozenset(column.code for column in columns if column.code in FACTOR_COLUMNS)
    return Ground(preset, fixed, counting, without)


def legal_blocks(findings: Sequence[LegalFinding]) -> tuple[LegalFinding, ...]:
    """Preconditions that are not known to be fulfilled: hit, or not evaluated because a fact is missing."""
    return tuple(each for each in findings if each.severity is Severity.BLOCK and each.answer is not Answer.CLEAR)


def _missing(preset: MethodPreset, columns: Sequence[Column]) -> tuple[GradeReason, ...]:
    missing = sum(column.missing for column in columns)
    if not missing:
        return ()
    text = f"{missing} 栏无法回答，各按至少{preset.missing.zh}计（{preset.missing_origin.source}）"
    return (GradeReason("missing", preset.missing, text, preset.missing_origin.unverified),)


def _legal(blocks: Sequence[LegalFinding]) -> tuple[GradeReason, ...]:
    said = {Answer.HIT: "法定前置条件未满足", Answer.NOT_EVALUATED: "法定前置条件无法判断"}
    return tuple(
        GradeReason(
            "legal", None, f"{said[each.answer]}：{each.check_id} {each.name}，落实之前不得实施", each.unverified
        )
        for each in blocks
    )


def _sensitivities(ground: Ground, table: Table) -> tuple[Sensitivity, ...]:
    """Many factors move between the same two classes: what the counts then say is asked once."""
    counted: dict[tuple[RiskClass, RiskClass], Grade] = {}

    def moved(score: FactorScore, steps: int) -> Grade:
        preset = ground.preset
        r = product(preset.probability.moved(score.p, steps), preset.impact.moved(score.q, steps))
        change = (score.risk, preset.classes.risk(r))
        if change not in counted:
            counted[change] = ground.grade(0, _recounted(table.counts, *change))
        units = table.units + units_of(score.weight, r) - units_of(score.weight, score.r)
        return worst((counted[change], ground.grade(units, {})))

    return tuple(Sensitivity(score.factor_id, moved(score, -1), moved(score, 1)) for score in table.scores)


def _recounted(counts: Mapping[RiskClass, int], before: RiskClass, after: RiskClass) -> Counter[RiskClass]:
    changed = Counter(counts)
    changed[before] -= 1
    changed[after] += 1
    return changed


def _details(preset: MethodPreset, given: Given, table: Table, outcome: str) -> dict[str, Any]:
    weighing = table.weighing
    details: dict[str, Any] = {
        "preset": preset.name,
        "methods_version": preset.version,
        "methods_sha256": preset.sha256,
        "decision": outcome,
        "decision_unverified": preset.decision.origin.unverified,
        "weights": weighing.origin,
    }
    if weighing.consistency:
        details["ahp"] = asdict(weighing.consistency)
    if preset.hundred and given.hundred:
        details["hundred"] = asdict(hundred_points(preset.hundred, given.hundred))
    return details
