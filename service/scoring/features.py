"""A matter's snapshot as one row of numbers. Training and serving call the same function; None means missing.

The function reads the snapshot and nothing else: no clock, no store, so nothing later than `snapshot.at` can reach it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from math import log, log1p
from operator import itemgetter
from struct import Struct
from uuid import UUID

from service.domain.matters import Matter, MatterSnapshot, PlaceHistory, ProjectSnapshot
from service.domain.projects import ProjectStage
from service.scoring.definitions import (
    DISRUPTION,
    FEATURES,
    HARM,
    LIVING,
    PAYMENT,
    PROMISE,
)
from service.scoring.seasons import SEASON_OF, in_flood_season, in_wage_season, near_long_holiday

Row = dict[str, float | None]

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
PRIOR_ESCALATED = 1.0  # with PRIOR_CLOSED: a place without history starts at 1 in 20
PRIOR_CLOSED = 20.0
_DAY = 86400.0
_DANGER = HARM | DISRUPTION
_DUTY = PAYMENT | PROMISE | LIVING
_NAN = float("nan")
in_order = itemgetter(*NAMES)  # of a row: its values in the order of NAMES
_PACK = Struct(f"<{len(NAMES)}d").pack


def features(snapshot: MatterSnapshot) -> Row:
    """The row of a matter as known at `snapshot.at`: every name of NAMES in order, None where it is not known."""
    s, place = snapshot, snapshot.place
    at, season = s.at.timestamp(), SEASON_OF.get(s.first_level)  # numbers: comparing moments costs ten times as much
    age = _days(s.first_occurred_at, at)
    return {
        "people_log": _log1p(s.people_max),
        "people_first_log": _log1p(s.people_first),
        "people_latest_log": _log1p(s.people_latest),
        "present_log": _log1p(s.present_max),
        "people_growth": _ratio(s.people_max, s.people_first),
        "reports_log": log1p(s.report_count),
        "reports_72h_log": log1p(s.reports_72h),
        "reports_7d_log": log1p(s.reports_7d),
        "acceleration": _acceleration(s, age),
        "age_log": log1p(age),
        "answered_quiet": 1.0 if s.replied_at is not None and s.reports_after_reply == 0 else 0.0,
        "unanswered_days_log": log1p(_unanswered_days(s, at, age)),
        "repeats_after_reply_log": log1p(s.reports_after_reply),
        "missed_clocks_log": log1p(s.missed_clocks),
        "signal_harm": _kinds(s.signals, HARM),
        "signal_disruption": _kinds(s.signals, DISRUPTION),
        "signal_payment": _kinds(s.signals, PAYMENT),
        "signal_promise": _kinds(s.signals, PROMISE),
        "signal_living": _kinds(s.signals, LIVING),
        "text_danger": _kinds(s.text_signals, _DANGER),
        "text_duty": _kinds(s.text_signals, _DUTY),
        "settled_share": s.settled_on_spot_count / s.report_count if s.report_count else None,
        "history_escalated": _history_log_odds(place),
        "place_load": log1p(place.reports_7d) - log1p(place.reports_28d_before / 4),
        "project_under_way": 1.0 if s.project is not None and s.project.stage == ProjectStage.IMPLEMENTING else 0.0,
        "project_missing_steps": _missing_steps(s.project),
        "wage_season": _known(in_wage_season(s.at)) if season == "wage" else 0.0,
        "long_holiday": _known(near_long_holiday(s.at)),
        "flood_season": _known(in_flood_season(s.at)) if season == "flood" else 0.0,
    }


def feature_hash(row: Row) -> str:
    """16 hexadecimal digits that name exactly this row: SHA-256 of the numbers in order, missing as NaN."""
    return hash_of(in_order(row))


def hash_of(values: Sequence[float | None]) -> str:
    """The same of the values in the order of NAMES."""
    known = values if None not in values else [_NAN if value is None else value for value in values]
    return sha256(_PACK(*known)).hexdigest()[:16]


@cache
def feature_schema_hash() -> str:
    """SHA-256 of the definitions and of the rows of two fixed snapshots, so that a changed formula changes it too."""
    rows = [[None if v is None else round(v, 9) for v in features(probe).values()] for probe in _probes()]
    said = {"definitions": [asdict(feature) for feature in FEATURES], "rows": rows}
    return sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _log1p(count: int | None) -> float | None:
    return None if count is None else log1p(count)


def _ratio(now: int | None, first: int | None) -> float | None:
    return None if now is None or first is None else log1p(now) - log1p(first)


def _days(start: datetime, end: float) -> float:
    """Never negative: a report may carry a clock up to five minutes ahead."""
    seconds = end - start.timestamp()
    return seconds / _DAY if seconds > 0.0 else 0.0


def _acceleration(s: MatterSnapshot, age: float) -> float | None:
    if age < 3:
        return None
    return log1p(s.reports_72h) - log1p(s.reports_prev_72h)


def _unanswered_days(s: MatterSnapshot, at: float, age: float) -> float:
    if s.replied_at is None:
        return age
    return _days(s.replied_at, at) if s.reports_after_reply else 0.0


def _kinds(signals: frozenset[str], kind: frozenset[str]) -> float:
    """Two is enough to say "several": a long list of signals shows a diligent writer as much as a graver matter."""
    if not signals or signals.isdisjoint(kind):
        return 0.0
    return 1.0 if len(signals & kind) == 1 else 2.0


def _history_log_odds(place: PlaceHistory) -> float:
    escalated = place.escalated_365d + PRIOR_ESCALATED
    return log(escalated / (max(place.closed_365d, place.escalated_365d) + PRIOR_CLOSED - escalated))


def _missing_steps(project: ProjectSnapshot | None) -> float | None:
    """Without a project there is nothing to miss; of a project that nobody checked it is not known."""
    if project is None:
        return 0.0
    return None if project.missing_legal_steps is None else log1p(project.missing_legal_steps)


def _known(answer: bool | None) -> float | None:
    return None if answer is None else float(answer)


def _probes() -> tuple[MatterSnapshot, MatterSnapshot]:
    at = datetime(2026, 2, 1, 12, tzinfo=UTC)
    matter = Matter(UUID(int=0), "990101001001", "other", "other", "", at, at, at)
    bare = matter.snapshot(at, PlaceHistory())
    full = replace(
        replace(bare, report_count=9, reports_72h=4, reports_prev_72h=2, reports_7d=7, settled_on_spot_count=1),
        first_level="labour",
        first_occurred_at=at - timedelta(days=11),
        people_first=6,
        people_max=40,
        people_latest=30,
        project=ProjectSnapshot("construction", ProjectStage.IMPLEMENTING, 2),
        present_max=12,
        signals=HARM | DISRUPTION | PAYMENT | {"promise_broken"},
        text_signals=LIVING | {"hazard"},
        replied_at=at - timedelta(days=4),
        reports_after_reply=3,
        missed_clocks=2,
        place=PlaceHistory(9, 20, 5, 40, 3),
    )
    return bare, full
