"""Everything a backtest says, as one plain value: what the JSON holds and the page shows. The shape: docs/replay.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from service.domain.levels import Level
from service.scoring.backtest.known import PlayedMatter, Span, Subject, subjects
from service.scoring.backtest.measures import Json, is_caught, lead_hours, measured
from service.scoring.backtest.picks import Pick, by_budget, by_threshold
from service.scoring.backtest.predictors import PREDICTORS, WARNED
from service.scoring.backtest.ranking import calibration, seen, separation
from service.scoring.backtest.workload import by_category, workload
from service.scoring.label_definition import LabelDefinition

BUDGETS = (1, 2, 5, 10, 20)  # warnings a day; one and two for a district as small as a simulated one
COMPARED = ("both", "rules", "model")


def without_outcomes(matters: Sequence[PlayedMatter], received: Sequence[datetime], span: Span) -> Json:
    """What can be said where nothing is known of what came: the work, and no measure."""
    return {"workload": workload(matters, received, span), "categories": by_category(matters, span)}


def judged(
    matters: Sequence[PlayedMatter], received: Sequence[datetime], span: Span, definition: LabelDefinition
) -> Json:
    """The whole backtest. Matters count from when they were known to touch enough people to be predicted."""
    known = subjects(matters, span, definition)
    groups = [seen(subject) for subject in known]
    warned = {level: by_threshold(known, PREDICTORS["both"].own[level.value]) for level in WARNED}
    return {
        **without_outcomes(matters, received, span),
        "escalations": escalations(matters, known, span, definition),
        "budgets": _budgets(known, span),
        "thresholds": _thresholds(known),
        "separation": separation(groups),
        "calibration": calibration(groups),
        "calibration_first": calibration([group[:1] for group in groups]),
        "lead_hours": {level.value: lead_hours(picks) for level, picks in warned.items()},
        "by_category": {
            name: _at_levels([one for one in known if one.matter.first_level == name])
            for name in sorted({one.matter.first_level for one in known})
        },
        "by_history": {
            "with": _split(known, lambda one: one.with_history),
            "without": _split(known, lambda one: not one.with_history),
        },
        "departments": {level.value: _departments(warned[level], span) for level in (Level.YELLOW, Level.ORANGE)},
        "missed": {level.value: _missed(known, warned[level]) for level in (Level.YELLOW, Level.ORANGE)},
    }


def escalations(
    matters: Sequence[PlayedMatter], known: Sequence[Subject], span: Span, definition: LabelDefinition
) -> Json:
    """Matters that escalated within the span: told of by their first report, small until then, or at risk before."""
    cases = {id(one.matter) for one in known if one.escalated_at is not None}
    counts = {"first_report": 0, "small_until_then": 0, "at_risk_before": len(cases)}
    for matter in matters:
        whole = Subject(matter, matter.moments, span, definition)
        at = whole.ever_escalated_at if matter.moments else None
        if at is not None and span.holds(at) and id(matter) not in cases:
            counts["small_until_then" if matter.moments[0].at < at else "first_report"] += 1
    return {"total": sum(counts.values()), **counts}


def _budgets(known: Sequence[Subject], span: Span) -> Json:
    return {
        str(budget): {
            name: measured(by_budget(known, one.rank, budget, span), known) for name, one in PREDICTORS.items()
        }
        for budget in BUDGETS
    }


def _thresholds(known: Sequence[Subject]) -> Json:
    return {
        name: {threshold: measured(by_threshold(known, test), known) for threshold, test in one.own.items()}
        for name, one in PREDICTORS.items()
        if one.own
    }


def _at_levels(some: Sequence[Subject], name: str = "both") -> Json:
    own = PREDICTORS[name].own
    levels = (Level.YELLOW.value, Level.ORANGE.value)
    return {"matters": len(some), **{level: measured(by_threshold(some, own[level]), some) for level in levels}}


def _split(known: Sequence[Subject], of: Callable[[Subject], bool]) -> Json:
    some = [one for one in known if of(one)]
    return {
        "matters": len(some),
        "thresholds": {name: _at_levels(some, name) for name in COMPARED},
        "separation": separation([seen(one) for one in some]),
    }


def _departments(picks: Sequence[Pick], span: Span) -> list[Json]:
    """False alarms of each office, the most burdened first."""
    names = sorted({pick.subject.matter.department or "" for pick in picks})
    rows = [
        _of_department(name, [p for p in picks if (p.subject.matter.department or "") == name], span) for name in names
    ]
    return sorted(rows, key=lambda row: -row["false_alarms"])


def _of_department(name: str, picks: Sequence[Pick], span: Span) -> Json:
    counts = measured(picks, [pick.subject for pick in picks])
    kept = {key: counts[key] for key in ("warnings", "settled", "hits", "responses", "false_alarms")}
    return {"department": name or None, **kept, "false_alarms_a_week": round(counts["false_alarms"] / span.weeks, 2)}


def _missed(known: Sequence[Subject], picks: Sequence[Pick]) -> list[Json]:
    """Cases not warned about before they escalated, in order of time; matters by the history's own names."""
    caught = {id(pick.subject) for pick in picks if is_caught(pick)}
    cases = [one for one in known if one.escalated_at is not None and id(one) not in caught]
    rows = [_missed_row(one, one.escalated_at) for one in cases if one.escalated_at is not None]
    return sorted(rows, key=lambda row: (row["escalated_at"], row["matter"]))


def _missed_row(subject: Subject, escalated_at: datetime) -> Json:
    before = [moment for moment in subject.moments if moment.at < escalated_at]
    said = [moment.probability for moment in before if moment.probability is not None]
    return {
        "matter": subject.matter.name,
        "category": subject.matter.first_level,
        "at_risk_since": subject.moments[0].at.isoformat(),
        "escalated_at": escalated_at.isoformat(),
        "judgements_before": len(before),
        "highest_probability": round(max(said), 4) if said else None,
    }
