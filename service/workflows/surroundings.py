"""What lies around matters when they are judged: the history of their places, and the projects they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.assessing import LegalFinding, Severity
from service.domain.judging import Answer
from service.domain.matters import Matter, MatterSnapshot, PlaceHistory, ProjectSnapshot, Weeks
from service.domain.projects import ProjectKind
from service.rules.law.book import LawBook, check
from service.rules.vocabulary import FactError
from service.store import matters as kept_matters
from service.store import projects
from service.store.engine import Row
from service.store.matters import Place
from service.workflows.parts import Engines

DayCounts = Mapping[tuple[Place, date], Mapping[str, int]]  # as `matters.counted` takes them


@dataclass(frozen=True, slots=True)
class Surroundings:
    """By place (county, first-level category), and by project id; what is not in them is not known. `weeks` are those
    in which the histories count reports, the matter's own among them."""

    weeks: Weeks
    histories: Mapping[Place, PlaceHistory] = field(default_factory=dict)
    projects: Mapping[UUID, ProjectSnapshot] = field(default_factory=dict)

    def snapshot(self, matter: Matter, now: datetime) -> MatterSnapshot:
        """The matter among them, as rules and model read it."""
        place = self.histories.get(kept_matters.place_of(matter), PlaceHistory())
        place = place.apart_from(matter, self.weeks)
        return matter.snapshot(now, place, self.projects.get(matter.project_id) if matter.project_id else None)


async def surroundings(
    connection: AsyncConnection,
    engines: Engines,
    matters: Collection[Matter],
    now: datetime,
    coming: DayCounts | None = None,
) -> Surroundings:
    """Read what lies around these matters; projects are asked for only when a matter belongs to one.

    `coming` are reports that the matters know already and the database will know with this transaction.
    """
    today = engines.day(now)
    histories = await kept_matters.histories(connection, {kept_matters.place_of(one) for one in matters}, today)
    belonging = {one.project_id for one in matters if one.project_id}
    rows = await projects.known(connection, belonging) if belonging else []
    return Surroundings(
        Weeks.until(now, engines.zone),
        with_coming(histories, coming or {}, today),
        {row["id"]: project_snapshot(engines.law, row, today) for row in rows},
    )


def with_coming(histories: Mapping[Place, PlaceHistory], coming: DayCounts, today: date) -> dict[Place, PlaceHistory]:
    """The histories with the coming reports, as the statement would count them a moment later."""
    told = dict(histories)
    for (place, day), counts in coming.items():
        reports, ago, known = counts.get("reports", 0), today - day, told.get(place, PlaceHistory())
        if timedelta(0) <= ago < timedelta(days=7):
            told[place] = replace(known, reports_7d=known.reports_7d + reports)
        elif timedelta(days=7) <= ago < timedelta(days=35):
            told[place] = replace(known, reports_28d_before=known.reports_28d_before + reports)
    return told


def project_snapshot(law: LawBook, project: Row, on: date) -> ProjectSnapshot:
    """A project as rules and model see it: its kind and stage, and how many preconditions the law finds missing."""
    return ProjectSnapshot(project["kind"], project["stage"], _missing_steps(law, project, on))


def _missing_steps(law: LawBook, project: Row, on: date) -> int | None:
    """Blocking checks that are hit. Without any, 0 only once every one of them could be answered."""
    kind = ProjectKind(project["kind"])
    try:
        findings = check(law, kind, law.typed(kind, project["facts"]), project["area"], on)
    except FactError:  # the law book asks for other types than when the facts were kept: not checked
        return None
    blocking = [finding for finding in findings if finding.severity is Severity.BLOCK]
    hits = sum(finding.answer is Answer.HIT for finding in blocking)
    return hits if hits or _all_answered(blocking) else None


def _all_answered(findings: Collection[LegalFinding]) -> bool:
    return all(finding.answer is not Answer.NOT_EVALUATED for finding in findings)
