"""Which matters would have been warned about, and when: by a threshold, or as the k most urgent of each day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from service.scoring.backtest.known import Moment, Span, Subject
from service.scoring.backtest.predictors import Rank, Test


@dataclass(frozen=True, slots=True)
class Pick:
    """A matter warned about for the first time, at `at`."""

    subject: Subject
    at: datetime


def by_threshold(subjects: Sequence[Subject], test: Test) -> list[Pick]:
    """Each matter at its first moment that passes."""
    found = []
    for subject in subjects:
        first = next((moment for moment in subject.moments if test(moment)), None)
        if first is not None:
            found.append(Pick(subject, first.at))
    return found


def by_budget(
    subjects: Sequence[Subject], rank: Callable[[Moment], Rank | None], budget: int, span: Span
) -> list[Pick]:
    """At the end of each local day the `budget` most urgent of the matters judged that day and not yet warned about.

    A matter is looked at as last judged that day. What ranks alike goes in the order in which it was judged.
    """
    warned: set[int] = set()
    found = []
    for day, judged in sorted(_days(subjects, span).items()):
        said = [(rank(moment), moment, n) for n, moment in judged.items() if n not in warned]
        urgent = sorted(
            ((order, moment.at, n) for order, moment, n in said if order is not None),
            key=lambda one: (-one[0][0], -one[0][1], one[1], one[2]),
        )
        for _, _, n in urgent[:budget]:
            warned.add(n)
            found.append(Pick(subjects[n], _end_of(day, span)))
    return found


def _days(subjects: Sequence[Subject], span: Span) -> dict[date, dict[int, Moment]]:
    """Local day → number of the subject → its last moment of that day."""
    days: defaultdict[date, dict[int, Moment]] = defaultdict(dict)
    for n, subject in enumerate(subjects):
        for moment in subject.moments:
            days[span.day(moment.at)][n] = moment
    return days


def _end_of(day: date, span: Span) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), span.zone)
