"""The true probability of the label, which no model can see: the hidden process continued many times from a moment.

Along a continuation nothing disrupts or harms; the hazards are added up instead, which needs far fewer continuations
than counting would. Only growth past the number is counted, as the reports of the continuation tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import expm1, sqrt
from random import Random

from service.scoring.simulation.life import MatterTruth, is_season, state_at
from service.scoring.simulation.parameters import STEPS_PER_DAY, SimulationParameters
from service.scoring.simulation.process import DT, STEP, Hidden, hazard_of, move

ROLLOUTS = (
    100  # continuations of each moment; chance in the mean of so many adds half a per cent to its log loss, of 20 two
)


@dataclass(frozen=True, slots=True)
class TrueRisk:
    """The probability that a matter escalates within each horizon, with the standard error of the continuations."""

    days: int
    probability: float
    error: float


@dataclass(frozen=True, slots=True)
class _Bar:
    """The head-count from which on growth is an escalation: `least`, and `times` what was known before."""

    least: float
    times: float


def true_risks(
    truth: MatterTruth, at: datetime, p: SimulationParameters, dice: Random, rollouts: int = ROLLOUTS
) -> tuple[TrueRisk, ...]:
    """For each horizon of the label. `at` must lie on a half day (00:00 or 12:00): there label and hazard agree."""
    steps, rest = divmod(at - truth.first_step, STEP)
    if rest or steps < 0:
        raise ValueError(f"{at} is no half day since {truth.first_step}")
    horizons = p.label.horizons
    hidden = state_at(truth, steps, p)
    seasons = [is_season(hidden, at + place * STEP) for place in range(horizons[-1] * STEPS_PER_DAY)]
    bar = _Bar(*(p.label.value(name, truth.area, at.date()) for name in ("growth_people", "growth_times")))
    runs = [_risks(hidden, (at, seasons, bar), p, dice) for _ in range(rollouts)]
    return tuple(_averaged(days, [run[days * STEPS_PER_DAY - 1] for run in runs]) for days in horizons)


def _averaged(days: int, runs: Sequence[float]) -> TrueRisk:
    mean = sum(runs) / len(runs)
    spread = sum((run - mean) ** 2 for run in runs) / max(len(runs) - 1, 1)
    return TrueRisk(days, mean, sqrt(spread / len(runs)))


def _risks(
    hidden: Hidden, ahead: tuple[datetime, list[bool], _Bar], p: SimulationParameters, rng: Random
) -> list[float]:
    """The risk that has come up by the end of each half day; `hidden` is left as it is."""
    state, (when, seasons, bar), endured, risks = hidden.copy(), ahead, 0.0, list[float]()
    known = state.counted
    for place, season in enumerate(seasons):
        hazard = hazard_of(state, season, p)
        endured += hazard * DT
        moved = move(state, when + place * STEP, (hazard, None), p, rng)
        for telling in moved.tellings:
            if known is None:
                known = telling.people
            elif telling.people and telling.unanswered and telling.people >= max(bar.least, bar.times * known):
                return risks + [1.0] * (len(seasons) - place)
        risks.append(-expm1(-endured))
        if moved.closed:
            return risks + [risks[-1]] * (len(seasons) - place - 1)
    return risks
