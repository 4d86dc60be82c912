"""The hidden process of one matter: grievance, answers, reports and escalation in half-day steps.

It knows no text and no calendar but weekend, holiday and season, so it can be replayed and continued many times: that
gives the true probability no model can see. What a report tells of escalations and of heads belongs to the process,
because the label is made of it; all other words are added afterwards and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import exp, expm1, log, sqrt
from random import Random

from service.scoring.seasons import in_long_holiday
from service.scoring.simulation.parameters import STEPS_PER_DAY, SimulationParameters

DT = 1.0 / STEPS_PER_DAY
STEP = timedelta(days=DT)
_GRAVE = frozenset(
    {
        *("utilities_cut", "forced_eviction", "hazard", "gathering_announced", "gathering_under_way", "work_stopped"),
        *("site_blocked", "road_blocked", "violence", "injury", "property_damaged", "self_harm_threatened"),
    }
)
_DUTIES = frozenset(("payment_overdue", "promise_broken"))
_CURRENT_DAYS = 2.0  # how long a signal that can happen anew is still told in follow-up reports; under its label days


@dataclass(slots=True)
class Hidden:
    """What is true of a matter and seen by nobody. `answer` is "", "hollow" or "real"; `pressure` its project's."""

    log_grievance: float
    log_people: float
    prone: float
    season: str  # "wage", "flood" or "": the time of the year that stirs it up
    answer_rate: float
    real_share: float
    clock_days: float
    pressure: float = 1.0
    facts: set[str] = field(default_factory=set)
    answer: str = ""
    days: float = 0.0
    answered_day: float = 0.0
    missed: int = 0
    excitement: float = 0.0
    told: dict[str, float] = field(default_factory=dict)  # label signals: the day of the last report that told them
    counted: int | None = None  # the largest head-count told so far
    heard_since: bool = True  # unanswered, or reported again since the last reply

    def copy(self) -> Hidden:
        return replace(self, facts=set(self.facts), told=dict(self.told))


@dataclass(frozen=True, slots=True)
class Telling:
    """A report that arrives: the head-count and label signals in it, whether it was told while unanswered."""

    people: int | None
    signals: tuple[str, ...]
    unanswered: bool
    twin: bool = False  # a second source reports what the one before it reported


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one half day. The report of an escalation (`event`) comes before all others."""

    hazard: float  # per day
    event: Telling | None
    answered: bool
    tellings: tuple[Telling, ...]
    missed: bool
    closed: bool


def step(hidden: Hidden, when: datetime, season: bool, p: SimulationParameters, rng: Random) -> Step:
    """Move `hidden` half a day on from `when`. Escalation is drawn first; the matter goes on after it."""
    hazard = hazard_of(hidden, season, p)
    event = _erupt(hidden, p, rng) if rng.random() < -expm1(-hazard * DT) else None
    return move(hidden, when, (hazard, event), p, rng)


def move(
    hidden: Hidden, when: datetime, drawn: tuple[float, Telling | None], p: SimulationParameters, rng: Random
) -> Step:
    """The rest of the half day, once it is drawn whether it escalates."""
    answered = _answer(hidden, when, p, rng)
    _grieve(hidden, p, rng)
    _happen(hidden, p, rng)
    missed = not hidden.answer and hidden.days + DT >= (hidden.missed + 1) * hidden.clock_days
    hidden.missed += missed
    tellings = _report(hidden, p, rng)
    hidden.days += DT
    closing = p.close_rate if hidden.answer == "real" else p.fade_rate
    closed = rng.random() < closing * DT or hidden.days >= p.longest_days
    return Step(*drawn, answered, tellings, missed, closed)


def hazard_of(hidden: Hidden, season: bool, p: SimulationParameters) -> float:
    """Disruptions and harm per day, as the process knows it."""
    facts = hidden.facts
    terms = (
        p.hazard_grievance * hidden.log_grievance
        + p.hazard_people * (hidden.log_people - log(10))
        + p.hazard_fact * min(len(facts & _GRAVE), 2)
        + p.hazard_duty * len(facts & _DUTIES)
        + p.hazard_missed * min(hidden.missed, 3)
        + (p.hazard_season if hidden.season == "wage" else p.hazard_flood) * season
        + p.hazard_prone * hidden.prone
    )
    return min(p.hazard_base * exp(terms), 0.5)


def tell(hidden: Hidden, p: SimulationParameters, rng: Random) -> Telling:
    """A report that arrives now: it counts heads or not, and tells which escalations are current or lasting."""
    anew = p.label.anew_after
    signals = tuple(code for code in sorted(hidden.facts) if code in anew and _is_current(hidden, code, anew))
    estimate = max(round(exp(hidden.log_people + rng.gauss(0.0, p.count_error))), 1)
    return _told(hidden, signals, None if rng.random() < p.no_count_share else estimate)


def tellings_of_one(hidden: Hidden, p: SimulationParameters, rng: Random) -> list[Telling]:
    """What arrives of one report that is made: nothing, it, or it and its twin from a second source."""
    if rng.random() < p.lost_share:
        return []
    told = [tell(hidden, p, rng)]
    if rng.random() < p.twin_share:
        told.append(replace(tell(hidden, p, rng), twin=True))
    return told


def poisson(rate: float, rng: Random) -> int:
    """A Poisson number by multiplication; for the small rates used here."""
    limit, product, count = exp(-rate), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _told(hidden: Hidden, signals: tuple[str, ...], people: int | None) -> Telling:
    telling = Telling(people, signals, hidden.heard_since)
    hidden.heard_since = True
    for code in signals:
        hidden.told[code] = hidden.days
    if people is not None:
        hidden.counted = max(hidden.counted or 0, people)
    return telling


def _is_current(hidden: Hidden, code: str, anew: Mapping[str, int | None]) -> bool:
    """Whether a report still speaks of it: what is over is not told again, or it would read like a new event."""
    last = hidden.told.get(code)
    return last is None or anew[code] is None or hidden.days - last <= _CURRENT_DAYS


def _erupt(hidden: Hidden, p: SimulationParameters, rng: Random) -> Telling | None:
    """One disruption or harm, always reported and counted; only what the label takes for a new event can happen."""
    anew = p.label.anew_after
    open_ = [(code, weight) for code, weight in p.escalations if _can_happen(hidden, code, anew)]
    if not open_:
        return None
    (code,) = rng.choices([code for code, _ in open_], [weight for _, weight in open_])
    hidden.facts.add(code)
    hidden.answer_rate = min(hidden.answer_rate * p.escalation_attention, 1.0)
    hidden.excitement += p.escalation_excitement
    people = max(round(exp(hidden.log_people + rng.gauss(0.0, p.count_error))), 2)
    lasting = [other for other in hidden.facts if anew.get(other, 0) is None]
    return _told(hidden, tuple(sorted({code, *lasting})), people)


def _can_happen(hidden: Hidden, code: str, anew: Mapping[str, int | None]) -> bool:
    """A day more than the label asks for, so that the minute of the report never decides."""
    last, days = hidden.told.get(code), anew[code]
    if last is None:
        return code not in hidden.facts
    return days is not None and hidden.days - last >= days + 1


def _answer(hidden: Hidden, when: datetime, p: SimulationParameters, rng: Random) -> bool:
    if hidden.answer == "real":
        return False
    closed = when.weekday() >= 5 or in_long_holiday(when) is True
    rate = hidden.answer_rate * (p.weekend_answers if closed else 1.0)
    if rng.random() >= rate * DT:
        return False
    hidden.answer = "real" if rng.random() < hidden.real_share else "hollow"
    hidden.answered_day = hidden.days
    hidden.heard_since = False
    hidden.log_grievance -= 0.6 if hidden.answer == "real" else 0.15
    return True


def _grieve(hidden: Hidden, p: SimulationParameters, rng: Random) -> None:
    if hidden.answer == "real":
        drift = -p.healing
    else:
        drift = p.grievance_growth * hidden.pressure * (p.hollow_growth if hidden.answer else 1.0)
    moved = hidden.log_grievance + drift * DT + rng.gauss(0.0, p.grievance_noise * sqrt(DT))
    hidden.log_grievance = min(max(moved, -3.0), p.log_grievance_top)
    if hidden.answer != "real":
        hidden.log_people += p.people_growth * exp(hidden.log_grievance) * DT


def _happen(hidden: Hidden, p: SimulationParameters, rng: Random) -> None:
    """What is no escalation and yet a sign."""
    grievance = exp(hidden.log_grievance)
    if rng.random() < p.announced_rate * grievance * DT:
        hidden.facts.add("gathering_announced")
    if rng.random() < p.danger_rate * grievance * DT:
        hidden.facts.add("hazard")
    if hidden.missed:
        hidden.facts.add("no_answer")
    if hidden.answer == "hollow" and hidden.days - hidden.answered_day > 5:
        hidden.facts.add("promise_broken")


def _report(hidden: Hidden, p: SimulationParameters, rng: Random) -> tuple[Telling, ...]:
    rate = p.report_rate * exp(hidden.log_grievance + 0.3 * (hidden.log_people - log(10))) + hidden.excitement
    count = poisson(rate * DT * (p.answered_share if hidden.answer == "real" else 1.0), rng)
    hidden.excitement = hidden.excitement * exp(-p.excitement_decay * DT) + p.report_excitement * count
    return tuple(telling for _ in range(min(count, 8)) for telling in tellings_of_one(hidden, p, rng))
