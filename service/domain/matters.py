"""A matter: the unresolved thing one or more incidents are about (事项). It is what is scored, warned about and closed.

`Matter` is what is kept; `MatterSnapshot` is what rules and model may read: the matter as known at one moment.
Both live and simulated histories are folded by the same `with_report`, so nothing later can reach a snapshot.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from service.domain.levels import Level
from service.domain.quick import changed
from service.domain.words import Handling, MatterStatus, Outcome, Source

RECENT_KEPT = 200  # instants kept for the 72-hour and 7-day windows; a count of 200 means "200 or more"


@dataclass(frozen=True, slots=True)
class Weeks:
    """Days in which a place's reports are counted, by when they happened, as local midnights: the last seven days are
    [week, end), today among them, the four weeks before are [month, week)."""

    month: datetime
    week: datetime
    end: datetime

    @classmethod
    def until(cls, at: datetime, zone: tzinfo) -> Weeks:
        """Those that end with the local day of `at`."""
        day = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(*((day + timedelta(days=days)).astimezone(UTC) for days in (-34, -6, 1)))

    def counts(self, instants: Sequence[datetime]) -> tuple[int, int]:
        """How many of these, in order, lie in the last seven days, and how many in the four weeks before."""
        month, week, end = (bisect_left(instants, each) for each in (self.month, self.week, self.end))
        return end - week, week - month


@dataclass(frozen=True, slots=True)
class PlaceHistory:
    """What is known of an area (county level) and first-level category; reports are counted apart from this matter."""

    reports_7d: int = 0
    reports_28d_before: int = 0  # in the four weeks before those seven days
    open_matters: int = 0
    closed_365d: int = 0
    escalated_365d: int = 0

    def apart_from(self, matter: Matter, weeks: Weeks) -> PlaceHistory:
        """Without the reports of the matter itself, which are counted in its own features. Of these RECENT_KEPT are
        known; reports that were withdrawn or moved elsewhere can make them more than the place has."""
        week, month = weeks.counts(matter.recent)
        fewer = {"reports_7d": max(self.reports_7d - week, 0)}
        return changed(self, **fewer, reports_28d_before=max(self.reports_28d_before - month, 0))


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """The decision a matter belongs to, as far as rules and model need it."""

    kind: str
    stage: str
    missing_legal_steps: int | None = None


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What one report adds to its matter; everything that is kept of it besides its masked text."""

    occurred_at: datetime
    source: Source
    handling: Handling
    people_affected: int | None = None
    people_present: int | None = None
    signals: frozenset[str] = frozenset()
    text_signals: frozenset[str] = frozenset()
    late: bool = False


@dataclass(frozen=True, slots=True)
class MatterSnapshot:
    """A matter as known at `at`. None means not known, which is not the same as none."""

    at: datetime
    area: str
    category: str
    first_level: str
    opened_at: datetime
    first_occurred_at: datetime
    last_occurred_at: datetime
    report_count: int
    reports_72h: int
    reports_prev_72h: int
    reports_7d: int
    settled_on_spot_count: int
    people_first: int | None
    people_max: int | None
    people_latest: int | None
    present_max: int | None
    signals: frozenset[str]  # stated by the person who reported
    text_signals: frozenset[str]  # read from the text by the service; weaker evidence
    sources: frozenset[str]
    replied_at: datetime | None
    reports_after_reply: int
    missed_clocks: int  # duties of departments on this matter whose time ran out
    project: ProjectSnapshot | None
    place: PlaceHistory


@dataclass(frozen=True, slots=True)
class Matter:
    """The kept state of a matter. `recent` holds the newest occurrence times, oldest first."""

    id: UUID
    area: str
    category: str
    first_level: str
    title: str
    opened_at: datetime
    first_occurred_at: datetime
    last_occurred_at: datetime
    grid: str | None = None
    status: MatterStatus = MatterStatus.OPEN
    project_id: UUID | None = None
    report_count: int = 0
    settled_on_spot_count: int = 0
    people_first: int | None = None
    people_max: int | None = None
    people_latest: int | None = None
    present_max: int | None = None
    signals: frozenset[str] = frozenset()
    text_signals: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    recent: tuple[datetime, ...] = ()
    replied_at: datetime | None = None
    reports_after_reply: int = 0
    missed_clocks: int = 0
    sketch: bytes = b""
    level: Level | None = None
    probability: float | None = None
    judgement_id: UUID | None = None
    closed_at: datetime | None = None
    outcome: Outcome | None = None
    merged_into: UUID | None = None

    @property
    def all_settled_on_spot(self) -> bool:
        """Every report so far was settled where it was made (当场办结): counted, but no reason to warn."""
        return self.report_count > 0 and self.settled_on_spot_count == self.report_count

    def known_people(self) -> int:
        """How many people the matter is known to touch: the largest count given, or one per report."""
        return max(self.people_max or 0, self.present_max or 0, self.report_count)

    def with_report(self, report: ReportFacts) -> Matter:
        """The matter after one more report. A late report is counted but does not make the matter newer."""
        newest = max(self.last_occurred_at, report.occurred_at)
        is_newest = report.occurred_at >= self.last_occurred_at
        people = report.people_affected if report.people_affected is not None else report.people_present
        after_reply = self.replied_at is not None and report.occurred_at > self.replied_at and not report.late
        return changed(
            self,
            first_occurred_at=min(self.first_occurred_at, report.occurred_at),
            last_occurred_at=newest,
            report_count=self.report_count + 1,
            settled_on_spot_count=self.settled_on_spot_count + (report.handling is Handling.SETTLED_ON_SPOT),
            people_first=self.people_first if self.people_first is not None else people,
            people_max=_larger(self.people_max, people),
            people_latest=people if people is not None and is_newest else self.people_latest,
            present_max=_larger(self.present_max, report.people_present),
            signals=self.signals | report.signals,
            text_signals=self.text_signals | report.text_signals,
            sources=self.sources | {report.source.value},
            recent=tuple(sorted((*self.recent, report.occurred_at))[-RECENT_KEPT:]),
            reports_after_reply=self.reports_after_reply + after_reply,
        )

    def snapshot(self, at: datetime, place: PlaceHistory, project: ProjectSnapshot | None = None) -> MatterSnapshot:
        """What may be known of this matter at `at`; `self` must have been folded from reports received by then."""
        return MatterSnapshot(
            at=at,
            area=self.area,
            category=self.category,
            first_level=self.first_level,
            opened_at=self.opened_at,
            first_occurred_at=self.first_occurred_at,
            last_occurred_at=self.last_occurred_at,
            report_count=self.report_count,
            reports_72h=self._between(at - timedelta(hours=72), at),
            reports_prev_72h=self._between(at - timedelta(hours=144), at - timedelta(hours=72)),
            reports_7d=self._between(at - timedelta(days=7), at),
            settled_on_spot_count=self.settled_on_spot_count,
            people_first=self.people_first,
            people_max=self.people_max,
            people_latest=self.people_latest,
            present_max=self.present_max,
            signals=self.signals,
            text_signals=self.text_signals,
            sources=self.sources,
            replied_at=self.replied_at,
            reports_after_reply=self.reports_after_reply,
            missed_clocks=self.missed_clocks,
            project=project,
            place=place,
        )

    def _between(self, start: datetime, end: datetime) -> int:
        return bisect_right(self.recent, end) - bisect_right(self.recent, start)


def _larger(known: int | None, new: int | None) -> int | None:
    return new if known is None else known if new is None else max(known, new)
