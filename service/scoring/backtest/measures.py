"""How good a set of warnings was: recall, precision, lead time; with intervals from drawing matters anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from service.scoring.backtest.known import Subject
from service.scoring.backtest.picks import Pick

RESAMPLES = 200
INTERVAL = (0.05, 0.95)  # a 90 % interval
HOUR = timedelta(hours=1)
SEED = 20261123
Json = dict[str, Any]
# settled, came, is a case, was caught: what one matter adds to the counts
Mark = tuple[bool, bool, bool, bool]


def measured(picks: Sequence[Pick], subjects: Sequence[Subject]) -> Json:
    """Counts, recall, precision and lead time of warnings on these matters.

    `settled`: warnings of which it is known by now what came. Of these `hits` escalated within the horizon,
    `responses` had escalated before the warning, `false_alarms` neither. Recall is over `cases`: matters that
    escalated after they were first at risk.
    """
    came = {id(pick): pick.subject.came(pick.at) for pick in picks}
    settled = [pick for pick in picks if came[id(pick)] is not None]
    missed = [pick for pick in settled if not came[id(pick)]]
    responses = sum(pick.subject.had_escalated(pick.at) for pick in missed)
    marks = _marks(picks, subjects, came)
    return {
        "warnings": len(picks),
        "settled": len(settled),
        "hits": len(settled) - len(missed),
        "responses": responses,
        "false_alarms": len(missed) - responses,
        "precision": _share(marks, _precision),
        "cases": sum(mark[2] for mark in marks),
        "caught": sum(mark[3] for mark in marks),
        "recall": _share(marks, _recall),
        "lead_hours": quartiles(lead_hours(picks)),
    }


def lead_hours(picks: Sequence[Pick]) -> list[float]:
    """Hours from the warning to the escalation, of the cases caught, shortest first."""
    return sorted(
        (pick.subject.escalated_at - pick.at) / HOUR for pick in picks if pick.subject.escalated_at and is_caught(pick)
    )


def is_caught(pick: Pick) -> bool:
    """Whether the matter was warned about before it escalated."""
    return pick.subject.escalated_at is not None and pick.at < pick.subject.escalated_at


def quartiles(values: Sequence[float]) -> Json | None:
    """Quarter, half and three quarters of sorted values; None when there are none."""
    if not values:
        return None
    return {name: round(quantile(values, q), 1) for name, q in (("q25", 0.25), ("median", 0.5), ("q75", 0.75))}


def quantile(values: Sequence[float], q: float) -> float:
    """Between the two nearest of sorted values."""
    place = q * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


def _marks(picks: Sequence[Pick], subjects: Sequence[Subject], came: dict[int, bool | None]) -> list[Mark]:
    by_subject = {id(pick.subject): pick for pick in picks}
    marks = []
    for subject in subjects:
        pick = by_subject.get(id(subject))
        outcome = came[id(pick)] if pick else None
        caught = pick is not None and is_caught(pick)
        marks.append((outcome is not None, outcome is True, subject.escalated_at is not None, caught))
    return marks


def _precision(counts: Counter[Mark]) -> float | None:
    settled = sum(count for mark, count in counts.items() if mark[0])
    return sum(count for mark, count in counts.items() if mark[1]) / settled if settled else None


def _recall(counts: Counter[Mark]) -> float | None:
    cases = sum(count for mark, count in counts.items() if mark[2])
    return sum(count for mark, count in counts.items() if mark[3]) / cases if cases else None


def _share(marks: Sequence[Mark], of: Callable[[Counter[Mark]], float | None]) -> Json:
    """The share with the ends of its interval; None where nothing can be counted.

    Matters differ only by their marks, so drawing marks is drawing matters.
    """
    counts, dice = Counter(marks), Random(SEED)
    kinds, weights = [*counts], [*counts.values()]
    draws = [of(Counter(dice.choices(kinds, weights, k=len(marks)))) for _ in range(RESAMPLES if marks else 0)]
    known = sorted(draw for draw in draws if draw is not None)
    low, high = (quantile(known, q) if known else None for q in INTERVAL)
    return rounded({"value": of(counts), "low": low, "high": high})


def rounded(numbers: dict[str, float | None]) -> Json:
    """To four places: more would be noise."""
    return {name: None if number is None else round(number, 4) for name, number in numbers.items()}
