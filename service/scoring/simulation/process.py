"""The hidden process of one matter: grievance, answers, reports and escalation in half-day steps.

It knows no text and no calendar but weekend and season, so it can be replayed and continued many times: that gives the
true probability no model can see.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import exp, expm1, log, sqrt
from random import Random

from service.scoring.simulation.parameters import STEPS_PER_DAY, SimulationParameters

DT = 1.0 / STEPS_PER_DAY
STEP = timedelta(days=DT)
_DISRUPTIONS = ("gathering_announced", "work_stopped", "site_blocked", "road_blocked")
_HARMS = ("violence", "injury", "property_damaged")
_GRAVE = frozenset(("utilities_cut", "forced_eviction", "hazard", *_DISRUPTIONS, *_HARMS))
_DUTIES = frozenset(("payment_overdue", "promise_broken"))


@dataclass(slots=True)
class Hidden:
    """What is true of a matter and seen by nobody. `answer` is "", "hollow" or "real"."""

    log_grievance: float
    log_people: float
    prone: float
    labour: bool
    answer_rate: float
    real_share: float
    clock_days: float
    facts: set[str] = field(default_factory=set)
    answer: str = ""
    days: float = 0.0
    answered_day: float = 0.0
    missed: int = 0
    excitement: float = 0.0

    def copy(self) -> Hidden:
        return replace(self, facts=set(self.facts))


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one half day."""

    hazard: float  # per day
    reports: int = 0
    answered: bool = False
    missed: bool = False
    closed: bool = False
    escalated: bool = False


def step(hidden: Hidden, when: datetime, season: bool, p: SimulationParameters, rng: Random) -> Step:
    """Move `hidden` half a day on from `when`. Escalation is drawn first and ends the matter."""
    hazard = hazard_of(hidden, season, p)
    if rng.random() < -expm1(-hazard * DT):
        return Step(hazard, escalated=True)
    answered = _answer(hidden, when, p, rng)
    _grieve(hidden, p, rng)
    _happen(hidden, p, rng)
    hidden.days += DT
    missed = not hidden.answer and hidden.days >= (hidden.missed + 1) * hidden.clock_days
    hidden.missed += missed
    reports = _report(hidden, p, rng)
    closing = p.close_rate if hidden.answer == "real" else p.fade_rate
    closed = rng.random() < closing * DT or hidden.days >= p.longest_days
    return Step(hazard, reports, answered, missed, closed)


def hazard_of(hidden: Hidden, season: bool, p: SimulationParameters) -> float:
    """Escalations per day, as the process knows it."""
    terms = (
        p.hazard_grievance * hidden.log_grievance
        + p.hazard_people * (hidden.log_people - log(10))
        + p.hazard_fact * min(len(hidden.facts & _GRAVE), 2)
        + p.hazard_duty * len(hidden.facts & _DUTIES)
        + p.hazard_missed * min(hidden.missed, 3)
        + p.hazard_season * (season and hidden.labour)
        + p.hazard_prone * hidden.prone
    )
    return min(p.hazard_base * exp(terms), 0.5)


def risk_within(hidden: Hidden, when: datetime, seasons: list[bool], p: SimulationParameters, rng: Random) -> float:
    """The chance of escalating along one continuation over the steps of `seasons`; `hidden` is left as it is.

    The continuation itself never escalates; its hazards are added up. That needs far fewer continuations than counting.
    """
    state, calm, endured = hidden.copy(), replace(p, hazard_base=0.0), 0.0
    for place, season in enumerate(seasons):
        endured += hazard_of(state, season, p) * DT
        if step(state, when + place * STEP, season, calm, rng).closed:
            break
    return -expm1(-endured)


def poisson(rate: float, rng: Random) -> int:
    """A Poisson number by multiplication; for the small rates used here."""
    limit, product, count = exp(-rate), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _answer(hidden: Hidden, when: datetime, p: SimulationParameters, rng: Random) -> bool:
    if hidden.answer == "real":
        return False
    rate = hidden.answer_rate * (p.weekend_answers if when.weekday() >= 5 else 1.0)
    if rng.random() >= rate * DT:
        return False
    hidden.answer = "real" if rng.random() < hidden.real_share else "hollow"
    hidden.answered_day = hidden.days
    hidden.log_grievance -= 0.6 if hidden.answer == "real" else 0.15
    return True


def _grieve(hidden: Hidden, p: SimulationParameters, rng: Random) -> None:
    drift = {"": p.grievance_growth, "hollow": p.grievance_growth * p.hollow_growth, "real": -p.healing}[hidden.answer]
    moved = hidden.log_grievance + drift * DT + rng.gauss(0.0, p.grievance_noise * sqrt(DT))
    hidden.log_grievance = min(max(moved, -3.0), p.log_grievance_top)
    if hidden.answer != "real":
        hidden.log_people += p.people_growth * exp(hidden.log_grievance) * DT


def _happen(hidden: Hidden, p: SimulationParameters, rng: Random) -> None:
    grievance = exp(hidden.log_grievance)
    if rng.random() < p.disruption_rate * grievance * DT:
        hidden.facts.add(rng.choice(_DISRUPTIONS))
    if rng.random() < p.harm_rate * grievance * DT:
        hidden.facts.add(rng.choice(_HARMS))
    if hidden.missed:
        hidden.facts.add("no_answer")
    if hidden.answer == "hollow" and hidden.days - hidden.answered_day > 5:
        hidden.facts.add("promise_broken")


def _report(hidden: Hidden, p: SimulationParameters, rng: Random) -> int:
    rate = p.report_rate * exp(hidden.log_grievance + 0.3 * (hidden.log_people - log(10))) + hidden.excitement
    count = poisson(rate * DT * (p.answered_share if hidden.answer == "real" else 1.0), rng)
    hidden.excitement = hidden.excitement * exp(-p.excitement_decay * DT) + p.report_excitement * count
    return min(count, 8)
