"""Did it escalate? One answer for simulation, backtest and retraining, from a matter's history as a plain value.

A history holds what became known of one matter: incidents, replies, endings. Where a report came from is not among it,
so petitioning cannot reach a label. Everything is judged by when it happened (`occurred_at`) and only what was known by
`known_until` is used: late reports may still correct an answer until a window has settled.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.matters import ReportFacts
from service.domain.words import Outcome
from service.scoring.label_definition import LabelDefinition


class Label(StrEnum):
    """Whether a matter escalated within a window. What is not known yet is not a no."""

    YES = "yes"
    NO = "no"
    NOT_YET_KNOWN = "not_yet_known"


@dataclass(frozen=True, slots=True)
class Told:
    """What one report told: `signals` stated by whoever reported, `text_signals` read by the service, head-count."""

    occurred_at: datetime
    received_at: datetime
    signals: frozenset[str] = frozenset()
    text_signals: frozenset[str] = frozenset()
    people: int | None = None

    @classmethod
    def of(cls, facts: ReportFacts, received_at: datetime) -> Told:
        people = facts.people_affected if facts.people_affected is not None else facts.people_present
        return cls(facts.occurred_at, received_at, facts.signals, facts.text_signals, people)


@dataclass(frozen=True, slots=True)
class Ending:
    """An outcome that an office recorded for the matter or its warning; `at` is when it is said to have happened."""

    at: datetime
    recorded_at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of one matter, before and after any moment; the order does not matter."""

    area: str
    told: tuple[Told, ...]
    replies: tuple[datetime, ...] = ()
    endings: tuple[Ending, ...] = ()


def label(history: History, at: datetime, horizon: int, known_until: datetime, definition: LabelDefinition) -> Label:
    """Whether the matter escalated in the `horizon` days after `at`, as far as is known at `known_until`.

    YES as soon as an escalation is known. NO when the window has settled in silence. Otherwise not yet known; it
    stays so when within the window the matter was closed with its outcome unknown, since nobody looked any longer.
    """
    return labels(history, at, known_until, definition, (horizon,))[horizon]


def labels(
    history: History,
    at: datetime,
    known_until: datetime,
    definition: LabelDefinition,
    horizons: tuple[int, ...] | None = None,
) -> dict[int, Label]:
    """The label for each horizon in days, those of the definition if none are given."""
    escalated = escalated_at(history, at, known_until, definition)
    known: dict[int, Label] = {}
    for days in horizons or definition.horizons:
        if escalated is not None and escalated <= at + timedelta(days=days):
            known[days] = Label.YES
        elif is_settled(at, days, known_until, definition) and not _is_lost(history, at, days, known_until):
            known[days] = Label.NO
        else:
            known[days] = Label.NOT_YET_KNOWN
    return known


def is_settled(at: datetime, horizon: int, known_until: datetime, definition: LabelDefinition) -> bool:
    """Whether a window is over and late reports of it have arrived. Train on no other: YES comes early, NO does not."""
    return known_until >= at + timedelta(days=horizon + definition.settling_days)


def is_at_risk(people: int, area: str, at: datetime, definition: LabelDefinition) -> bool:
    """Whether an open matter known to touch so many people (`Matter.known_people`) is predicted at all."""
    return people >= definition.value("least_people", area, at.date())


def escalated_at(history: History, at: datetime, known_until: datetime, definition: LabelDefinition) -> datetime | None:
    """When the first escalation after `at` happened, as known at `known_until`; None when none is known.

    An outcome recorded as escalated counts on its own day only if no report tells of an escalation before it: offices
    often record on the day they close what happened weeks earlier.
    """
    told = sorted((one for one in history.told if one.received_at <= known_until), key=lambda one: one.occurred_at)
    reported = next(_escalations(history, told, at, definition), None)
    recorded = _recorded(history, at, known_until)
    if recorded is None or (reported is not None and reported <= recorded):
        return reported
    begun = min(told[0].occurred_at, recorded) if told else recorded
    explained = next(_escalations(history, told, begun, definition), None)
    return recorded if explained is None or recorded < explained else reported


def _recorded(history: History, at: datetime, known_until: datetime) -> datetime | None:
    known = (one for one in history.endings if one.recorded_at <= known_until)
    days = (one.at for one in known if one.outcome is Outcome.ESCALATED and at < one.at <= known_until)
    return min(days, default=None)


@dataclass(slots=True)
class _Before:
    """What was there already, while reports are read in the order in which things happened."""

    growth_people: float
    growth_times: float
    mentioned: dict[str, datetime] = field(default_factory=dict)  # label signals only, the newest mention
    people: int | None = None  # the largest count by the moment looked from, else the first one given after it

    def take(self, one: Told, definition: LabelDefinition, counts: bool) -> None:
        for code in (*one.signals, *one.text_signals):
            if code in definition.anew_after:
                self.mentioned[code] = one.occurred_at
        if one.people is not None and (counts or self.people is None):
            self.people = max(self.people or 0, one.people)

    def is_outgrown_by(self, people: int | None) -> bool:
        """Past the number in force, and by more than an estimate may err. The first count ever given is no growth."""
        if people is None or self.people is None:
            return False
        return people >= max(self.growth_people, self.growth_times * self.people)


def _escalations(history: History, told: list[Told], at: datetime, definition: LabelDefinition) -> Iterator[datetime]:
    least, times = (definition.value(name, history.area, at.date()) for name in ("growth_people", "growth_times"))
    before, replies = _Before(least, times), sorted(history.replies)
    instants = [one.occurred_at for one in told]
    for one in told:
        if one.occurred_at > at and (
            _happens_anew(one, before, definition)
            or (before.is_outgrown_by(one.people) and _is_unanswered(one, instants, replies))
        ):
            yield one.occurred_at
        before.take(one, definition, counts=one.occurred_at <= at)


def _happens_anew(one: Told, before: _Before, definition: LabelDefinition) -> bool:
    """A signal not heard before, or not for so long that it is a new event."""
    for code in one.signals | one.text_signals if definition.text_makes_an_escalation else one.signals:
        if code not in definition.anew_after:
            continue
        last, days = before.mentioned.get(code), definition.anew_after[code]
        if last is None or (days is not None and one.occurred_at - last >= timedelta(days=days)):
            return True
    return False


def _is_unanswered(one: Told, instants: list[datetime], replies: list[datetime]) -> bool:
    """No reply before this report, or one after which it had been reported again already: as the features see it."""
    given = bisect_right(replies, one.occurred_at)
    if not given:
        return True
    after = bisect_right(instants, replies[given - 1])
    return after < len(instants) and instants[after] < one.occurred_at


def _is_lost(history: History, at: datetime, horizon: int, known_until: datetime) -> bool:
    """Closed within the window with its outcome unknown, and no other outcome recorded for that time."""
    end = at + timedelta(days=horizon)
    known = [ending for ending in history.endings if ending.recorded_at <= known_until]
    closed = any(one.outcome is Outcome.UNKNOWN and at < one.recorded_at <= end for one in known)
    return closed and not any(one.outcome is not Outcome.UNKNOWN and at < one.at <= end for one in known)
