"""Plays a history through the service with the clock of then: intake, rules, model, judge, clocks of warnings."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from service.domain.incidents import IncidentReport
from service.domain.problems import Problem
from service.domain.words import Outcome
from service.store import played, reference, warnings
from service.store.tables_service import (
    AreaTable,
    DepartmentTable,
    ResponsibilityTable,
    StandingOrderTable,
    SubscriptionTable,
)
from service.store.views import Sight
from service.workflows.answering import Actor, Ending, acknowledge_warning, answer_warning, close_matter
from service.workflows.backtest.history import (
    Answered,
    Corrected,
    Ended,
    Event,
    History,
    Received,
    Signed,
    Withdrawn,
)
from service.workflows.clocks import issue_overdue, remind_overdue
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import report_incidents
from service.workflows.telling import Work
from service.workflows.tending import ReportName, correct_incident, withdraw_incident

LOG = logging.getLogger(__name__)
TICK = timedelta(
    minutes=15
)  # clocks that run out are seen to on the next quarter of an hour; in service within seconds
BATCH = 500  # reports of one instant in one transaction
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Play:
    """What became of a history. `matter_of`: the service's matter → the history's, by most of its reports.

    `untaken` counts what the service did not take, by the code it gave; `refused` counts reports by field and code.
    """

    reports: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    untaken: Counter[str] = field(default_factory=Counter)
    reports_of: dict[UUID, Counter[str]] = field(default_factory=dict)
    first_report: dict[UUID, str] = field(default_factory=dict)

    def name_of(self, matter_id: UUID) -> str:
        """The history's own name for a matter, else its first report's: ids made while playing mean nothing later."""
        known = self.reports_of.get(matter_id)
        return known.most_common(1)[0][0] if known else f"报告 {self.first_report.get(matter_id, '?')}"


async def play(doors: Doors, engines: Engines, history: History, progress: Progress) -> Play:
    """Play a history into an empty, migrated database. The same history leaves the same judgements."""
    departments = await furnish(doors, history)
    player = _Player(doors, engines, history.signs, departments)
    done = 0
    for at, events in groupby(history.events, key=lambda event: event.at):
        now = list(events)
        await player.wait_until(at)
        await player.take(at, now)
        done += len(now)
        progress(done, len(history.events))
    await player.wait_until(history.end)
    return player.play


async def furnish(doors: Doors, history: History) -> dict[str, UUID]:
    """Put the history's reference rows in; gives the departments by name."""
    given, start = history.furniture, history.start
    departments = [{"created_at": start, **row} for row in given.departments]
    async with doors.transaction() as connection:
        for model, rows, key in (
            (AreaTable, given.areas, ("code", "valid_from")),
            (DepartmentTable, departments, ("id",)),
            (ResponsibilityTable, given.responsibilities, ("id",)),
            (SubscriptionTable, [{"created_at": start, **row} for row in given.subscriptions], ("id",)),
            (StandingOrderTable, given.standing_orders, ("id",)),
        ):
            if rows:
                await reference.put(connection, model, rows, key)
    return {row["name"]: row["id"] for row in given.departments}


class _Player:
    """One history on its way through. Time passes between events, and what comes due in it happens."""

    def __init__(self, doors: Doors, engines: Engines, signs: bool, departments: dict[str, UUID]) -> None:
        self._doors, self._engines = doors, engines
        self._signs, self._departments = signs, departments
        self._names = {row_id: name for name, row_id in departments.items()}
        self._matters: dict[str, set[UUID]] = {}  # the history's matter → the service's that hold reports of it
        self._newest: dict[str, UUID] = {}
        self.play = Play()

    async def wait_until(self, moment: datetime) -> None:
        """Let the clocks that run out before `moment` do so, in order."""
        while True:
            async with self._doors.engine.connect() as connection:
                due = await played.next_due(connection)
            tick = due and _next_tick(due)
            if tick is None or tick > moment:
                return
            await issue_overdue(self._doors, self._engines, tick)
            await remind_overdue(self._doors, self._engines, tick)
            await self._sign_at_once(tick)

    async def take(self, at: datetime, events: Sequence[Event]) -> None:
        """Everything that happens at one moment."""
        reports = [event for event in events if isinstance(event, Received)]
        for start in range(0, len(reports), BATCH):
            await self._report(at, reports[start : start + BATCH])
        if reports:
            await self._sign_at_once(at)
        for event in events:
            if not isinstance(event, Received):
                await self._act(at, event)

    async def _report(self, at: datetime, events: Sequence[Received]) -> None:
        arrivals = [Arrival(self._as_named(event), event.system) for event in events]
        results = await report_incidents(self._doors, self._engines, arrivals, at)
        for event, result in zip(events, results, strict=True):
            if result.matter_id is None or result.status != "created":
                self.play.refused[
                    f"{result.errors[0].field} {result.errors[0].code}" if result.errors else result.status
                ] += 1
                continue
            self.play.reports += 1
            self.play.first_report.setdefault(result.matter_id, event.report.id)
            if event.matter is not None:
                self._belongs(event.matter, result.matter_id)

    def _as_named(self, event: Received) -> IncidentReport:
        if not event.named or event.matter is None:
            return event.report
        return event.report.model_copy(update={"matter_id": self._newest.get(event.matter)})

    def _belongs(self, matter: str, matter_id: UUID) -> None:
        self._newest[matter] = matter_id
        self._matters.setdefault(matter, set()).add(matter_id)
        self.play.reports_of.setdefault(matter_id, Counter())[matter] += 1

    async def _act(self, at: datetime, event: Event) -> None:
        """What the service does not take, because matters are linked otherwise than then, is counted."""
        try:
            await self._acted(at, event)
        except Problem as problem:
            self.play.untaken[problem.code] += 1

    async def _acted(self, at: datetime, event: Event) -> None:
        work = Work(self._doors, self._engines, at)
        match event:
            case Corrected():
                await correct_incident(work, Arrival(event.report, event.system), None)
            case Withdrawn():
                await withdraw_incident(work, ReportName(event.system, event.client_id, None), "回放：已撤回")
            case Signed():
                for warning_id in await self._warnings_of(event.matter):
                    await acknowledge_warning(work, warning_id, self._actor(event.department), None)
            case Answered():
                for warning_id in await self._warnings_of(event.matter):
                    await answer_warning(work, warning_id, self._actor(event.department), "回放：已答复")
            case Ended():
                await self._close(work, event)

    async def _close(self, work: Work, event: Ended) -> None:
        """What was one matter then may be several now: the outcome is that of the one with most of its reports."""
        outcome = event.outcome
        for matter_id in self._held_by(event.matter):
            ending = Ending(outcome, event.happened_at, "回放：已办结")
            await close_matter(work, matter_id, Actor(Sight(None, None), "回放"), ending)
            outcome = Outcome.UNKNOWN

    def _held_by(self, matter: str) -> list[UUID]:
        """The service's matters that are mostly about the history's matter, the one with most of its reports first."""
        of = self.play.reports_of
        held = [one for one in self._matters.get(matter, ()) if of[one].most_common(1)[0][0] == matter]
        return sorted(held, key=lambda one: (-of[one][matter], one))

    async def _warnings_of(self, matter: str) -> list[UUID]:
        async with self._doors.engine.connect() as connection:
            found = [await warnings.issued_of_matter(connection, one) for one in self._held_by(matter)]
        return [warning_id for warning_id in found if warning_id is not None]

    def _actor(self, name: str) -> Actor:
        department = self._departments.get(name)
        if department is None:
            raise Problem(409, "no_department", f"没有单位 {name}")
        return Actor(Sight(None, department), name)

    async def _sign_at_once(self, at: datetime) -> None:
        """Where a history records no signing, whoever must answer has signed as soon as it was asked."""
        if self._signs or not self._departments:
            return
        async with self._doors.engine.connect() as connection:
            duties = await played.unsigned(connection)
        work = Work(self._doors, self._engines, at)
        for duty in duties:
            name = self._names[duty["department_id"]]
            await acknowledge_warning(work, duty["warning_id"], self._actor(name), None)


def _next_tick(due: datetime) -> datetime:
    midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + -((midnight - due) // TICK) * TICK
