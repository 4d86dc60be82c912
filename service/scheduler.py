"""The clock: which workflow runs without being asked, how often. One process per database runs each."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from service.store import leases
from service.store.engine import new_id
from service.workflows.clocks import issue_overdue, remind_overdue
from service.workflows.conditions import warn_overdue
from service.workflows.counting_scores import count_scores, settled_before
from service.workflows.escalating import escalate_overdue
from service.workflows.gathering import push_gathered
from service.workflows.metrics import Metrics
from service.workflows.models import Models
from service.workflows.months import make_months
from service.workflows.parts import Clock, Doors, Engines
from service.workflows.policies import Policies
from service.workflows.reopening import reopen_outrun
from service.workflows.retraining import retrain_when_due
from service.workflows.rulebooks import Rulebooks
from service.workflows.settling_forecasts import settle_forecasts
from service.workflows.silencing import tell_ended
from service.workflows.surging import warn_surges
from service.workflows.together import warn_together
from service.workflows.unassessed import warn_unassessed
from service.workflows.watching_models import Watch, watch_model

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """`shared`: once per database, under a lease; else once per process."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    shared: bool = True


def ticks(
    doors: Doors, engines: Engines, followed: tuple[Rulebooks, Models, Policies], clock: Clock
) -> tuple[Tick, ...]:
    """Everything that happens by itself; `followed` is what each process keeps in step with the database."""
    rulebooks, models, policies = followed
    return (
        Tick("issue_overdue", timedelta(seconds=5), lambda: issue_overdue(doors, engines, clock())),
        Tick("push_gathered", timedelta(seconds=5), lambda: push_gathered(doors, engines, clock())),
        Tick("remind_overdue", timedelta(seconds=15), lambda: remind_overdue(doors, engines, clock())),
        Tick("escalate_overdue", timedelta(seconds=5), lambda: escalate_overdue(doors, engines, clock())),
        Tick("warn_unassessed", timedelta(minutes=2), lambda: warn_unassessed(doors, engines, clock())),
        Tick("warn_together", timedelta(minutes=2), lambda: warn_together(doors, engines, clock())),
        Tick("warn_surges", timedelta(minutes=1), lambda: warn_surges(doors, engines, clock())),
        Tick("warn_conditions", timedelta(minutes=2), lambda: warn_overdue(doors, engines, clock())),
        Tick("reopen_outrun", timedelta(minutes=2), lambda: reopen_outrun(doors, engines, clock())),
        Tick("tell_ended_silences", timedelta(seconds=15), lambda: tell_ended(doors, engines, clock())),
        Tick("make_months", timedelta(minutes=10), lambda: make_months(doors, clock())),
        Tick("count_scores", timedelta(minutes=1), lambda: count_scores(doors, engines, settled_before(wall_clock()))),
        Tick("settle_forecasts", timedelta(minutes=10), lambda: settle_forecasts(doors, clock())),
        Tick("watch_model", timedelta(hours=1), lambda: watch_model(Watch(engines, models, clock()))),
        Tick("retrain", timedelta(hours=6), lambda: retrain_when_due(Watch(engines, models, clock()))),
        Tick("follow_rulebook", timedelta(seconds=5), rulebooks.follow, shared=False),
        Tick("follow_model", timedelta(seconds=5), models.follow, shared=False),
        Tick("follow_policy", timedelta(seconds=5), policies.follow, shared=False),
    )


def wall_clock() -> datetime:
    """The machine's own time, which ids carry whatever time the service goes by."""
    return datetime.now(UTC)


class Scheduler:
    """Runs ticks until stopped. Deadlines are rows; a tick only looks which came due."""

    def __init__(self, doors: Doors, clock: Clock, metrics: Metrics, what: tuple[Tick, ...]) -> None:
        self._doors, self._clock, self._metrics = doors, clock, metrics
        self._holder: UUID = new_id()
        self._scheduler = AsyncIOScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        for tick in what:
            seconds = tick.every.total_seconds()
            self._scheduler.add_job(self.run, "interval", [tick], seconds=seconds, id=tick.name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def run(self, tick: Tick) -> bool:
        """Run a tick if it is this process's turn; a tick that fails is logged and comes again."""
        try:
            if tick.shared and not await self._turn(tick):
                return False
            await tick.run()
        except Exception as error:  # the next turn comes; one bad tick must not stop the clock
            LOG.exception("tick failed", extra={"tick": tick.name}, exc_info=error)
            self._metrics.ticks.labels(tick.name, "failed").inc()
            return False
        self._metrics.ticks.labels(tick.name, "run").inc()
        return True

    async def _turn(self, tick: Tick) -> bool:
        # A little less than the interval: two processes' timers are never quite in step.
        every = tick.every * 0.9
        async with self._doors.transaction() as connection:
            return await leases.take(connection, tick.name, self._holder, self._clock(), every)
