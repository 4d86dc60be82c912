"""One simulated matter from its first report to its end: the hidden process put into reports, replies and a truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, log
from random import Random
from typing import Any

from service.scoring.features import in_wage_season
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.simulation.process import STEP, Hidden, step
from service.scoring.simulation.wording import Kind, Vocabulary, Written, chosen, found_in, write

_SOURCES = ("grid", "hotline", "online", "visit", "letter")
_SOURCE_WEIGHTS = (55, 25, 10, 6, 4)
ESCALATION_PEOPLE = 30  # an escalation is a gathering of at least so many: the orange band of the level table


@dataclass(frozen=True, slots=True)
class SimulatedReport:
    """`body` is valid for IncidentReport; `text_signals` is what a reader would find in its text."""

    received_at: datetime
    matter: str
    body: dict[str, Any]
    text_signals: frozenset[str]


@dataclass(frozen=True, slots=True)
class SimulatedReply:
    """A department answered (kind "reply") or closed the matter (kind "closed")."""

    at: datetime
    matter: str
    department: str
    kind: str


@dataclass(frozen=True, slots=True)
class MatterTruth:
    """What really was. `hazards` are per day, one per half-day step from `first_step`; None: it did not happen."""

    key: str
    area: str
    category: str
    department: str
    subject: str
    first_step: datetime
    start: Hidden
    process_seed: str
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    missed_at: tuple[datetime, ...] = ()
    hazards: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Birth:
    """What is fixed when a matter begins. `real_share` and `answer_rate` are its department's."""

    key: str
    kind: Kind
    subject: str
    area: str
    area_name: str
    department: str
    answer_rate: float
    unrest: float
    trivial: bool
    first_step: datetime
    seed: str


@dataclass(slots=True)
class _Life:
    """A matter being simulated: two dice, so that words never change what happens."""

    birth: Birth
    words: Vocabulary
    p: SimulationParameters
    hidden: Hidden
    pen: Random
    reports: list[SimulatedReport] = field(default_factory=list)
    replies: list[SimulatedReply] = field(default_factory=list)
    missed: list[datetime] = field(default_factory=list)
    hazards: list[float] = field(default_factory=list)
    last: Written | None = None
    escalated_at: datetime | None = None
    closed_at: datetime | None = None


Lived = tuple[list[SimulatedReport], list[SimulatedReply], MatterTruth]


def live(birth: Birth, words: Vocabulary, p: SimulationParameters, end: datetime) -> Lived:
    """Simulate a matter until it ends or until `end`; what lies before `end` does not depend on `end`."""
    dice = Random(birth.seed)
    hidden = begin(birth, p, Random(birth.seed + ":birth"))
    start = hidden.copy()
    life = _Life(birth, words, p, hidden, Random(birth.seed + ":words"))
    _report(life, birth.first_step)
    when = birth.first_step
    while when < end and life.closed_at is None and life.escalated_at is None:
        _advance(life, when, dice)
        when += STEP
    return life.reports, life.replies, _truth(life, start)


def begin(birth: Birth, p: SimulationParameters, dice: Random) -> Hidden:
    """The hidden state at birth. A trivial matter is settled where it was reported and only waits to be filed."""
    return Hidden(
        log_grievance=-2.5 if birth.trivial else dice.gauss(0.0, p.log_grievance_spread),
        log_people=max(log(birth.kind.people) + dice.gauss(0.0, p.people_spread), 0.0),
        prone=birth.kind.prone + birth.unrest,
        labour=birth.kind.code.startswith("labour"),
        answer_rate=birth.answer_rate,
        real_share=p.answer_real_share,
        clock_days=dice.uniform(p.clock_shortest, p.clock_longest),
        facts={fact for fact, share in birth.kind.facts if dice.random() < share},
        answer="real" if birth.trivial else "",
    )


def state_at(truth: MatterTruth, steps: int, p: SimulationParameters) -> Hidden:
    """The hidden state after so many steps, found by throwing the same dice again."""
    dice = Random(truth.process_seed)
    hidden = truth.start.copy()
    for place in range(steps):
        when = truth.first_step + place * STEP
        step(hidden, when, in_wage_season(when) is True, p, dice)
    return hidden


def within_step(when: datetime, dice: Random) -> datetime:
    """A moment of this half day at which people are about: 7–12 or 12–21."""
    first, last = (7 * 60, 12 * 60) if when.hour < 12 else (0, 9 * 60)
    return when + timedelta(minutes=dice.randrange(first, last), seconds=dice.randrange(60))


def _advance(life: _Life, when: datetime, dice: Random) -> None:
    outcome = step(life.hidden, when, in_wage_season(when) is True, life.p, dice)
    life.hazards.append(outcome.hazard)
    if outcome.escalated:
        _escalate(life, when)
        return
    if outcome.answered:
        _reply(life, within_step(when, life.pen), "reply")
    for _ in range(outcome.reports):
        _report(life, when)
    if outcome.missed:
        life.missed.append(when + STEP)
    if outcome.closed:
        life.closed_at = when + STEP
        _reply(life, life.closed_at, "closed")


def _reply(life: _Life, at: datetime, kind: str) -> None:
    life.replies.append(SimulatedReply(at, life.birth.key, life.birth.department, kind))


def _escalate(life: _Life, when: datetime) -> None:
    life.escalated_at = within_step(when, life.pen)
    life.hidden.facts.add("gathering_under_way")
    people = max(round(exp(life.hidden.log_people) * life.pen.uniform(0.6, 1.0)), ESCALATION_PEOPLE)
    written = write(_opening(life), ("gathering_under_way",), life.words, life.pen)
    _file(life, life.escalated_at, written, {"people_affected": people, "people_present": people})


def _report(life: _Life, when: datetime) -> None:
    life.last = _written(life)
    _file(life, within_step(when, life.pen), life.last, _heads(life))


def _written(life: _Life) -> Written:
    if life.last is not None and life.pen.random() < life.p.copied_share:
        return life.last
    facts = chosen(sorted(life.hidden.facts), life.p.fact_written, life.pen)
    return write(_opening(life), facts, life.words, life.pen)


def _opening(life: _Life) -> str:
    """Where it is and what it is about; a later report may quote the first, whose words and figures never change."""
    own = Random(life.birth.seed + ":own")
    terms = {"s": life.birth.subject, "m": own.randint(2, 9), "a": own.randint(3, 180)}
    first = own.choice(life.birth.kind.opening).format(**terms)
    if life.last is None:
        return life.birth.area_name + first
    repeated = f"原反映：{first}" if life.pen.random() < life.p.restated_share else ""
    return life.birth.area_name + life.pen.choice(life.birth.kind.again).format(**terms) + repeated


def _heads(life: _Life) -> dict[str, int | None]:
    pen, p = life.pen, life.p
    estimate = max(round(exp(life.hidden.log_people + pen.gauss(0.0, p.count_error))), 1)
    gathered = not life.hidden.facts.isdisjoint(("site_blocked", "road_blocked", "gathering_under_way"))
    return {
        "people_affected": None if pen.random() < p.no_count_share else estimate,
        "people_present": max(round(estimate * pen.uniform(0.1, 0.5)), 2) if gathered and pen.random() < 0.6 else None,
    }


def _file(life: _Life, occurred: datetime, written: Written, heads: dict[str, int | None]) -> None:
    """Fill in the form and hand it over."""
    birth, pen, p = life.birth, life.pen, life.p
    late = pen.random() < p.late_share
    delay = timedelta(days=pen.uniform(3.1, 8.0)) if late else timedelta(minutes=pen.randint(1, 240))
    number = len(life.reports)
    stated = chosen(sorted(life.hidden.facts), p.fact_stated, pen)
    body = {
        "id": f"{birth.key}-{number:02d}",
        "area": birth.area,
        "grid": f"G{len(birth.subject) % 3 + 1:02d}",
        "category": None if pen.random() < p.no_category_share else birth.kind.code,
        "title": None if pen.random() < p.no_title_share else f"关于{birth.subject}的情况反映",
        "text": written.text,
        "occurred_at": occurred.isoformat(),
        "place_text": f"{birth.area_name}{birth.subject}",
        "signals": stated,
        "source": pen.choices(_SOURCES, _SOURCE_WEIGHTS)[0],
        "report_stage": "follow_up" if number else "initial",
        "handling": "settled_on_spot" if birth.trivial else "forwarded",
        "action_taken": pen.choice(life.words.actions),
        **heads,
    }
    received = (occurred + delay).replace(microsecond=0)
    life.reports.append(SimulatedReport(received, birth.key, body, found_in(written.told, life.words, p, pen)))


def _truth(life: _Life, start: Hidden) -> MatterTruth:
    birth = life.birth
    return MatterTruth(
        key=birth.key,
        area=birth.area,
        category=birth.kind.code,
        department=birth.department,
        subject=birth.subject,
        first_step=birth.first_step,
        start=start,
        process_seed=birth.seed,
        escalated_at=life.escalated_at,
        closed_at=life.closed_at,
        missed_at=tuple(life.missed),
        hazards=tuple(life.hazards),
    )
