"""How rules and model combine is learned from outcomes; each is measured alone, and both together. numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.domain.levels import Level
from service.scoring.drawn import Drawn, fit_drawn, probability
from service.scoring.evaluate import Marks, Measured, Numbers, measure
from service.scoring.pooling import STEPS, Pooling, Stated, reached

MODEL_ALONE = Pooling(0.0, 1.0, dict.fromkeys(STEPS, 0.0))


@dataclass(frozen=True, slots=True)
class Scored:
    """n settled rows: `model` [n] log-odds of a model that did not know their outcome, `by_rules` [n] the rules' level
    (None: nothing hit), `escalated` [n], `matters` [n] names."""

    model: Numbers
    by_rules: Sequence[Level | None]
    escalated: Marks
    matters: Sequence[str]


def pooled(scored: Scored, pooling: Pooling) -> Numbers:
    """[n] probabilities."""
    return probability(_table(scored) @ _weights(pooling))


def learned_both(scored: Scored, stated: Stated) -> Pooling:
    """Rules and model: learned where outcomes suffice, else as stated.

    Learning starts from the model alone, which by then rests on outcomes too: what a rule level adds to the probability
    it must earn. Floors are not earned, they hold.
    """
    return _learned(scored, MODEL_ALONE, stated) if enough(scored, stated) else stated.both


def learned_rules(scored: Scored, stated: Stated) -> Pooling:
    """The rules alone, made as good a probability as they can be: the honest rival of both."""
    silent = replace(scored, model=np.zeros_like(scored.model))
    return _learned(silent, stated.rules, stated) if enough(scored, stated) else stated.rules


def enough(scored: Scored, stated: Stated) -> bool:
    """Whether outcomes suffice to learn how to combine."""
    escalated = {matter for matter, came in zip(scored.matters, scored.escalated, strict=True) if came}
    return len(set(scored.matters)) >= stated.enough_matters and len(escalated) >= stated.enough_escalated


def three_ways(scored: Scored, both: Pooling, rules: Pooling, seed: int) -> Mapping[str, Mapping[str, Measured]]:
    """The measures of `evaluate` for rules alone, model alone and both, on rows none of them has learned from."""
    told = {
        "rules": pooled(scored, rules),
        "model": probability(scored.model),
        "both": pooled(scored, both),
    }
    return {name: measure(scored.escalated, each, list(scored.matters), seed) for name, each in told.items()}


def _learned(scored: Scored, start: Pooling, stated: Stated) -> Pooling:
    sure = np.array([stated.sure_constant, *([stated.sure_weights] * (1 + len(STEPS)))])
    signs = [0, 1, *([1] * len(STEPS))]
    evidence = len(set(scored.matters)) / len(scored.matters)
    sought = Drawn(_table(scored), scored.escalated, evidence, _weights(start), np.diag(sure**-2), signs)
    constant, model, *steps = (float(weight) for weight in fit_drawn(sought))
    return Pooling(constant, model, dict(zip(STEPS, steps, strict=True)), learned=True)


def _table(scored: Scored) -> Numbers:
    """[n, 2 + levels above blue]: 1, the model's log-odds, and which levels the rules reached."""
    marks = [[float(level in reached(by_rules)) for level in STEPS] for by_rules in scored.by_rules]
    return np.column_stack([np.ones(len(marks)), scored.model, np.array(marks, dtype=float).reshape(-1, len(STEPS))])


def _weights(pooling: Pooling) -> Numbers:
    return np.array([pooling.constant, pooling.model, *(pooling.steps[level] for level in STEPS)], dtype=float)
