"""Facts → findings → score → level for a batch of matters; every judgement keeps what it rested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.judging import Answer, Finding, Judgement, Score
from service.domain.matters import Matter, MatterSnapshot
from service.domain.quick import changed
from service.rules.engine import evaluate_many
from service.rules.facts import facts_of
from service.rules.grading import cuts_for, level
from service.rules.rulebook import Rulebook
from service.store.engine import Row, new_id
from service.workflows.parts import Engines
from service.workflows.surroundings import Surroundings

MINIMUM_PEOPLE = "model.minimum_people"


@dataclass(frozen=True, slots=True)
class Judged:
    """A matter with its fresh judgement; `row` is the judgement as it is kept."""

    matter: Matter
    judgement: Judgement
    score: Score
    row: Row


def judge(engines: Engines, matters: Sequence[Matter], among: Surroundings, now: datetime, cause: str) -> list[Judged]:
    """Judge matters as known at `now`, in order; one call of rules and model for the whole batch."""
    snapshots = [among.snapshot(matter, now) for matter in matters]
    rulebook = engines.rulebooks.current
    findings = evaluate_many(rulebook, [(facts_of(s), s.area) for s in snapshots], engines.day(now))
    scores = _scores(engines, matters, snapshots, now)
    return [
        _judged(engines, rulebook, matter, (found, score), (now, cause))
        for matter, found, score in zip(matters, findings, scores, strict=True)
    ]


def minimum_people(engines: Engines, area: str, now: datetime) -> int:
    """From how many people on a matter may be scored, mapped and told beyond its lead department."""
    return int(engines.thresholds.value(MINIMUM_PEOPLE, area, engines.day(now)))


def _scores(
    engines: Engines, matters: Sequence[Matter], snapshots: Sequence[MatterSnapshot], now: datetime
) -> list[Score]:
    models = engines.models.current
    least = [minimum_people(engines, matter.area, now) for matter in matters]
    large = [index for index, matter in enumerate(matters) if matter.known_people() >= least[index]]
    scored = dict(zip(large, models.score([snapshots[index] for index in large]), strict=True))
    return [scored.get(index) or _too_small(least[index]) for index in range(len(matters))]


def _too_small(people: int) -> Score:
    return Score(None, f"尚不知该事项涉及 {people} 人以上，不作模型评分，仅按规则研判，避免给个人打分")


def _judged(
    engines: Engines,
    rulebook: Rulebook,
    matter: Matter,
    answers: tuple[tuple[Finding, ...], Score],
    moment: tuple[datetime, str],
) -> Judged:
    (findings, alone), (now, cause) = answers, moment
    judgement = level(findings, alone, engines.thresholds.made(cuts_for, matter.area, engines.day(now)))
    score = _pooled(engines, alone, judgement)
    judgement_id = new_id()
    row = {
        "id": judgement_id,
        "matter_id": matter.id,
        "at": now,
        "cause": cause,
        "level": judgement.level,
        "rule_level": judgement.rule_level,
        "model_level": judgement.model_level,
        "needs_look": judgement.needs_look,
        "life_danger": judgement.life_danger,
        "statutory_report_required": judgement.statutory_report_required,
        "probability": score.probability,
        "model_version": score.model_version,
        "feature_hash": score.feature_hash,
        "rulebook": f"{rulebook.name} {rulebook.version}",
        "rulebook_hash": rulebook.sha256,
        "thresholds_version": engines.thresholds.version,
        "reasons": judgement.reasons,
        "measures": judgement.measures,
        "findings": _kept_findings(findings),
        "score": score,
    }
    kept = changed(matter, level=judgement.level, probability=score.probability, judgement_id=judgement_id)
    return Judged(kept, judgement, score, row)


def _pooled(engines: Engines, score: Score, judgement: Judgement) -> Score:
    """With rules and model as one probability beside it: reported, it judges nothing (decision 0026 says why)."""
    if score.probability is None:
        return score
    return changed(score, pooled=engines.pooler.pooled(score.probability, judgement.rule_level))


def _kept_findings(findings: Sequence[Finding]) -> Row:
    """Hits are kept whole; of the others what cannot be told from the rulebook, which is kept under its hash."""
    hit, unanswered, clear = [], [], []
    for one in findings:
        if one.answer is Answer.CLEAR:
            clear.append(one.rule_id)
        elif one.answer is Answer.HIT:
            hit.append(one)
        else:
            unanswered.append({"rule_id": one.rule_id, "name": one.name, "missing": one.missing})
    return {"hit": hit, "not_evaluated": unanswered, "clear": clear}


def by_matter(judged: Sequence[Judged]) -> dict[UUID, Judged]:
    return {one.matter.id: one for one in judged}
