"""One simulated matter from its first report to its end: the hidden process put into reports, replies and a truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import log
from random import Random
from typing import Any

from service.domain.words import Outcome
from service.scoring.labels import Ending, History, Told, escalated_at
from service.scoring.seasons import SEASON_OF, SEASONS
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.simulation.process import STEP, Hidden, Telling, step, tellings_of_one
from service.scoring.simulation.projects import SimulatedProject
from service.scoring.simulation.wording import Kind, Vocabulary, Written, chosen, found_in, write

_SOURCES = ("grid", "hotline", "online", "visit", "letter")
_SOURCE_WEIGHTS = (55, 25, 10, 6, 4)
_ASSEMBLED = frozenset(("site_blocked", "road_blocked", "gathering_under_way"))


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
    """What really was. `hazards` are per day, one per half-day step from `first_step`; None: it did not happen.

    `history` is what the label is made of, `escalated_at` the first escalation after the first report, by the label.
    """

    key: str
    area: str
    category: str
    department: str
    subject: str
    first_step: datetime
    start: Hidden
    process_seed: str
    history: History
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    missed_at: tuple[datetime, ...] = ()
    hazards: tuple[float, ...] = ()
    project: SimulatedProject | None = None


@dataclass(frozen=True, slots=True)
class Birth:
    """What is fixed when a matter begins. `answer_rate` is its department's."""

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
    project: SimulatedProject | None = None


@dataclass(slots=True)
class _Life:
    """A matter being simulated: two dice, so that words never change what happens."""

    birth: Birth
    words: Vocabulary
    p: SimulationParameters
    hidden: Hidden
    pen: Random
    terms: dict[str, str | int]  # what a sentence is filled with: never changes within a matter
    first: str  # the sentence it was first reported with
    reports: list[SimulatedReport] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    replies: list[SimulatedReply] = field(default_factory=list)
    missed: list[datetime] = field(default_factory=list)
    hazards: list[float] = field(default_factory=list)
    last: Written | None = None
    closed_at: datetime | None = None


Lived = tuple[list[SimulatedReport], list[SimulatedReply], MatterTruth]


def live(birth: Birth, words: Vocabulary, p: SimulationParameters, end: datetime) -> Lived:
    """Simulate a matter until it ends or until `end`; what lies before `end` does not depend on `end`."""
    dice, dice_of_birth = Random(birth.seed), Random(birth.seed + ":birth")
    hidden = begin(birth, p, dice_of_birth)
    first = tellings_of_one(hidden, p, dice_of_birth)
    start = hidden.copy()
    pen = Random(birth.seed + ":words")
    terms: dict[str, str | int] = {"s": birth.subject, "m": pen.randint(2, 9), "a": pen.randint(3, 180)}
    life = _Life(birth, words, p, hidden, pen, terms, pen.choice(birth.kind.opening).format(**terms))
    when = birth.first_step
    while when < end and life.closed_at is None:
        _advance(life, when, first, dice)
        first = []
        when += STEP
    return life.reports, life.replies, _truth(life, start)


def begin(birth: Birth, p: SimulationParameters, dice: Random) -> Hidden:
    """The hidden state at birth. A trivial matter is settled where it was reported and only waits to be filed."""
    project = birth.project
    strain = project.strain(birth.first_step, p) if project else 0.0
    return Hidden(
        log_grievance=-2.5 if birth.trivial else dice.gauss(strain, p.log_grievance_spread),
        log_people=max(log(birth.kind.people) + dice.gauss(0.0, p.people_spread), 0.0),
        prone=birth.kind.prone + birth.unrest,
        season=SEASON_OF.get(birth.kind.code.split(".")[0], ""),
        answer_rate=birth.answer_rate,
        real_share=p.answer_real_share,
        clock_days=dice.uniform(p.clock_shortest, p.clock_longest),
        pressure=project.pressure(p) if project else 1.0,
        facts={fact for fact, share in birth.kind.facts if dice.random() < share},
        answer="real" if birth.trivial else "",
    )


def state_at(truth: MatterTruth, steps: int, p: SimulationParameters) -> Hidden:
    """The hidden state after so many steps, found by throwing the same dice again."""
    dice = Random(truth.process_seed)
    hidden = truth.start.copy()
    for place in range(steps):
        when = truth.first_step + place * STEP
        step(hidden, when, is_season(hidden, when), p, dice)
    return hidden


def is_season(hidden: Hidden, when: datetime) -> bool:
    """Whether it is the time of the year that stirs up this matter."""
    return bool(hidden.season) and SEASONS[hidden.season](when) is True


def moments_within(when: datetime, number: int, dice: Random) -> list[datetime]:
    """Different moments of this half day at which people are about, in order: 7–12 or 12–21."""
    first, last = (7 * 3600, 12 * 3600) if when.hour < 12 else (60, 9 * 3600)
    return [when + timedelta(seconds=second) for second in sorted(dice.sample(range(first, last), number))]


def _advance(life: _Life, when: datetime, first: list[Telling], dice: Random) -> None:
    """Half a day: the first report, an escalation, the answer, further reports, in this order of the clock."""
    outcome = step(life.hidden, when, is_season(life.hidden, when), life.p, dice)
    life.hazards.append(outcome.hazard)
    event, further = outcome.event, outcome.tellings
    number = len(first) + (event is not None) + outcome.answered + len(further)
    if number:
        moments = iter(moments_within(when, number, life.pen))
        _report_all(life, first, moments)
        if event is not None:
            _report_escalation(life, next(moments), event)
        if outcome.answered:
            _reply(life, next(moments), "reply")
        _report_all(life, further, moments)
    if outcome.missed:
        life.missed.append(when + STEP)
    if outcome.closed:
        life.closed_at = when + STEP
        _reply(life, life.closed_at, "closed")


def _reply(life: _Life, at: datetime, kind: str) -> None:
    life.replies.append(SimulatedReply(at, life.birth.key, life.birth.department, kind))


def _report_escalation(life: _Life, at: datetime, event: Telling) -> None:
    """Whoever saw it tells it, and counts."""
    written = write(_opening(life), event.signals, life.words, life.pen)
    people = event.people or 0
    gathered = not _ASSEMBLED.isdisjoint(event.signals)
    present = max(round(people * life.pen.uniform(0.4, 1.0)), 2) if gathered else None
    _file(life, at, written, (event, present))


def _report_all(life: _Life, tellings: Iterable[Telling], moments: Iterator[datetime]) -> None:
    for telling in tellings:
        life.last = _written(life, telling)
        _file(life, next(moments), life.last, (telling, _present(life, telling)))


def _written(life: _Life, telling: Telling) -> Written:
    if life.last is not None and life.pen.random() < life.p.copied_share:
        return life.last
    facts = chosen([*telling.signals, *_other_facts(life)], life.p.fact_written, life.pen)
    return write(_opening(life), facts, life.words, life.pen)


def _other_facts(life: _Life) -> list[str]:
    """Facts that no label reads, in a fixed order."""
    return sorted(life.hidden.facts - life.p.label.anew_after.keys())


def _opening(life: _Life) -> str:
    """Where it is and what it is about; a later report may quote the first."""
    if life.last is None:
        return life.birth.area_name + life.first
    repeated = f"原反映：{life.first}" if life.pen.random() < life.p.restated_share else ""
    return life.birth.area_name + life.pen.choice(life.birth.kind.again).format(**life.terms) + repeated


def _present(life: _Life, telling: Telling) -> int | None:
    """Never more than are affected, and only beside their number: it must not grow by being counted otherwise."""
    if telling.people is None or _ASSEMBLED.isdisjoint(telling.signals) or life.pen.random() > 0.6:
        return None
    return min(max(round(telling.people * life.pen.uniform(0.1, 0.5)), 2), telling.people)


def _file(life: _Life, occurred: datetime, written: Written, told: tuple[Telling, int | None]) -> None:
    """Fill in the form and hand it over."""
    birth, pen, p = life.birth, life.pen, life.p
    (telling, present), number = told, len(life.reports)
    late = pen.random() < p.late_share
    delay = timedelta(days=pen.uniform(3.1, 7.9)) if late else timedelta(minutes=pen.randint(1, 240))
    named = birth.project is not None and pen.random() < p.project_named_share
    signals = [*telling.signals, *chosen(_other_facts(life), p.fact_stated, pen)]
    body = {
        "id": f"{birth.key}-{number:02d}",
        "area": birth.area,
        "grid": f"G{len(birth.subject) % 3 + 1:02d}",
        "category": None if pen.random() < p.no_category_share else birth.kind.code,
        "title": None if pen.random() < p.no_title_share else f"关于{birth.subject}的情况反映",
        "text": written.text,
        "occurred_at": occurred.isoformat(),
        "people_affected": telling.people,
        "people_present": present,
        "place_text": f"{birth.area_name}{birth.subject}",
        "project_id": str(birth.project.id) if named and birth.project else None,
        "signals": signals,
        "source": pen.choices(_SOURCES, _SOURCE_WEIGHTS)[0],
        "report_stage": "follow_up" if number else "initial",
        "handling": "settled_on_spot" if birth.trivial else "forwarded",
        "action_taken": pen.choice(life.words.actions),
    }
    received = (occurred + delay).replace(microsecond=0)
    found = found_in(written.told, life.words, p, pen)
    life.reports.append(SimulatedReport(received, birth.key, body, found))
    life.told.append(Told(occurred, received, frozenset(signals), found, telling.people))


def _truth(life: _Life, start: Hidden) -> MatterTruth:
    birth = life.birth
    replies = tuple(reply.at for reply in life.replies if reply.kind == "reply")
    history = History(birth.area, tuple(life.told), replies)
    escalated = _first_escalation(history, life.p)
    return MatterTruth(
        key=birth.key,
        area=birth.area,
        category=birth.kind.code,
        department=birth.department,
        subject=birth.subject,
        first_step=birth.first_step,
        start=start,
        process_seed=birth.seed,
        history=replace(history, endings=_endings(life.closed_at, escalated is not None)),
        escalated_at=escalated,
        closed_at=life.closed_at,
        missed_at=tuple(life.missed),
        hazards=tuple(life.hazards),
        project=birth.project,
    )


def _first_escalation(history: History, p: SimulationParameters) -> datetime | None:
    if not history.told:
        return None
    return escalated_at(history, history.told[0].occurred_at, max(one.received_at for one in history.told), p.label)


def _endings(closed_at: datetime | None, escalated: bool) -> tuple[Ending, ...]:
    """As an office records it: on the day it files the matter, escalated if it ever did, settled whoever settled it."""
    outcome = Outcome.ESCALATED if escalated else Outcome.SETTLED
    return (Ending(closed_at, closed_at, outcome),) if closed_at else ()
