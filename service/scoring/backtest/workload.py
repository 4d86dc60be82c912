"""What a district would have had to do: counts for each day, known without any outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from service.domain.levels import Level
from service.scoring.backtest.known import PlayedMatter, Span
from service.scoring.backtest.measures import Json, quantile
from service.scoring.backtest.predictors import WARNED


def workload(matters: Sequence[PlayedMatter], received: Sequence[datetime], span: Span) -> Json:
    """Reports, new matters and matters that first reached each level, for each local day of the span."""
    days = _days_of(span)
    opened = [one.moments[0].at for one in matters if one.moments and span.holds(one.moments[0].at)]
    counted = {"reports": _by_day((at for at in received if span.holds(at)), span), "matters": _by_day(opened, span)}
    counted |= {level.value: _by_day(_reached(matters, level, span), span) for level in WARNED}
    judged = [moment for one in matters for moment in one.moments if span.holds(moment.at)]
    return {
        "days": len(days),
        "per_day": {name: _told([counts[day] for day in days]) for name, counts in counted.items()},
        "each_day": {name: [counts[day] for day in days] for name, counts in counted.items()},
        "first_day": days[0].isoformat(),
        "judgements": len(judged),
        "without_score": sum(moment.probability is None for moment in judged),
        "needs_look": sum(moment.needs_look for moment in judged),
    }


def by_category(matters: Sequence[PlayedMatter], span: Span) -> Json:
    """For each first-level category: matters judged within the span, and how many reached each level there."""
    counts: dict[str, Counter[str]] = {}
    for matter in matters:
        highest = _highest(matter, span)
        if highest is not None:
            mine = counts.setdefault(matter.first_level, Counter())
            mine["matters"] += 1
            mine.update(level.value for level in WARNED if level.rank <= highest.rank)
    return {name: {key: mine[key] for key in ("matters", *WARNED)} for name, mine in sorted(counts.items())}


def _highest(matter: PlayedMatter, span: Span) -> Level | None:
    levels = [moment.level for moment in matter.moments if span.holds(moment.at)]
    return max(levels, key=lambda level: level.rank, default=None)


def _reached(matters: Sequence[PlayedMatter], level: Level, span: Span) -> Iterable[datetime]:
    """When each matter first reached a level; what reached it before the span is not new in it."""
    for matter in matters:
        first = next((moment.at for moment in matter.moments if moment.level.rank >= level.rank), None)
        if first is not None and span.holds(first):
            yield first


def _by_day(instants: Iterable[datetime], span: Span) -> Counter[date]:
    return Counter(map(span.day, instants))


def _days_of(span: Span) -> list[date]:
    first = span.day(span.start)
    return [first + timedelta(days=n) for n in range(span.days)]


def _told(counts: Sequence[int]) -> Json:
    ordered = sorted(counts)
    return {
        "total": sum(counts),
        "mean": round(sum(counts) / len(counts), 2),
        "median": quantile(ordered, 0.5),
        "p90": round(quantile(ordered, 0.9), 1),
        "most": ordered[-1],
    }
