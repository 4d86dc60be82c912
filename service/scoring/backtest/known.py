"""What a played history leaves for judging: each matter with its moments of judgement, and what became known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cached_property

from service.domain.levels import Level
from service.scoring.label_definition import LabelDefinition
from service.scoring.labels import History, Label, escalated_at, is_settled, label

A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """One judgement of a matter. `level` is the judge's; `people` is how many it was known to touch.

    `place_rate`: log-odds of escalating in this place and category, as the row of features has it; None without score.
    """

    at: datetime
    level: Level
    rule_level: Level | None
    model_level: Level | None
    probability: float | None
    place_rate: float | None
    people: int
    with_history: bool  # the place had an escalation within a year, or it was reported again after an answer
    needs_look: bool = False


@dataclass(frozen=True, slots=True)
class PlayedMatter:
    """A matter as the service linked it. `name` is the history's own name for it, `department` who leads, an office."""

    name: str
    area: str
    first_level: str
    department: str | None
    moments: tuple[Moment, ...]
    history: History


@dataclass(frozen=True, slots=True)
class Span:
    """Which days are judged ([start, end), in `zone`), and until when it is known what came of them."""

    start: datetime
    end: datetime
    known_until: datetime
    zone: tzinfo
    horizon_days: int

    @property
    def days(self) -> int:
        """How many local days it touches."""
        return (self.day(self.end - A_MOMENT) - self.day(self.start)).days + 1

    @property
    def weeks(self) -> float:
        return (self.end - self.start) / timedelta(days=7)

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def holds(self, at: datetime) -> bool:
        return self.start <= at < self.end


class Subject:
    """A matter while it is at risk within the span: its moments there, and what came of it, by the one definition."""

    def __init__(
        self, matter: PlayedMatter, moments: Sequence[Moment], span: Span, definition: LabelDefinition
    ) -> None:
        self.matter, self.moments = matter, moments
        self._span, self._definition = span, definition
        self._came: dict[datetime, bool | None] = {}

    @cached_property
    def escalated_at(self) -> datetime | None:
        """The first escalation after the matter was first at risk, within the span."""
        known = escalated_at(self.matter.history, self.moments[0].at, self._span.known_until, self._definition)
        return known if known is not None and known < self._span.end else None

    @cached_property
    def ever_escalated_at(self) -> datetime | None:
        """The first escalation at all: the first report may tell of one."""
        first = min((one.occurred_at for one in self.matter.history.told), default=self.moments[0].at)
        return escalated_at(self.matter.history, first - A_MOMENT, self._span.known_until, self._definition)

    def came(self, at: datetime) -> bool | None:
        """Whether it escalated within the horizon after `at`; None while that is not settled, for a yes as well."""
        if at not in self._came:
            self._came[at] = self._known(at)
        return self._came[at]

    def _known(self, at: datetime) -> bool | None:
        span = self._span
        if not is_settled(at, span.horizon_days, span.known_until, self._definition):
            return None
        known = label(self.matter.history, at, span.horizon_days, span.known_until, self._definition)
        return None if known is Label.NOT_YET_KNOWN else known is Label.YES

    def had_escalated(self, at: datetime) -> bool:
        """Whether an escalation had happened by then: a warning is then an answer to it and no foresight."""
        return self.ever_escalated_at is not None and self.ever_escalated_at <= at

    @property
    def with_history(self) -> bool:
        return self.moments[0].with_history


def subjects(matters: Sequence[PlayedMatter], span: Span, definition: LabelDefinition) -> list[Subject]:
    """The matters that were known to touch enough people at some judgement within the span, from that one on."""
    found = []
    for matter in matters:
        moments = [m for m in matter.moments if span.holds(m.at) and is_large(m, matter.area, span, definition)]
        if moments:
            found.append(Subject(matter, moments, span, definition))
    return found


def is_large(moment: Moment, area: str, span: Span, definition: LabelDefinition) -> bool:
    return moment.people >= definition.value("least_people", area, span.day(moment.at))
