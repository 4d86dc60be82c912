"""What the workflows are handed: the engines that think and the doors that reach the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.delivery.matchers import matcher
from service.delivery.routing import Directory
from service.delivery.silences import Silence
from service.domain.catalogue import Catalogue
from service.rules.escalation import EscalationHolder
from service.rules.law.book import LawBook
from service.rules.method.loading import Methods
from service.rules.method.procedure import Procedures
from service.rules.method.watch_table import WatchTable
from service.rules.rulebook import RulebookHolder
from service.rules.thresholds import Thresholds
from service.rules.together import Coordination
from service.scoring.holder import ModelHolder
from service.scoring.pooling import Pooler
from service.scoring.scorer import Scorer
from service.store.engine import Row
from service.store.reference import Reference, ReferenceCache
from service.text.category import Categoriser
from service.workflows.place_memory import PlaceMemory
from service.workflows.routes_file import Known, RoutesError, Routing, load_routes
from service.workflows.workdays import is_workday

LOG = logging.getLogger(__name__)

Clock = Callable[[], datetime]  # always with an offset


@dataclass(frozen=True, slots=True)
class Engines:
    """Everything that only thinks."""

    catalogue: Catalogue
    categoriser: Categoriser
    rulebooks: RulebookHolder
    thresholds: Thresholds
    law: LawBook
    methods: Methods
    procedures: Procedures
    coordination: Coordination
    watch: WatchTable
    models: ModelHolder
    escalation: EscalationHolder
    pooler: Pooler
    zone: ZoneInfo
    late_hours: float | None = None

    @property
    def scorer(self) -> Scorer | None:
        """The model that judges now; None: the rules judge alone, `why_no_scorer` says why in Chinese."""
        return self.models.current.champion

    @property
    def why_no_scorer(self) -> str | None:
        return self.models.current.why_none

    def day(self, instant: datetime) -> date:
        """The local day of an instant."""
        return instant.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Doors:
    """The way to the database, with what is kept in memory beside it."""

    engine: AsyncEngine
    reference: ReferenceCache
    mac_key: bytes
    link_base: str
    memory: PlaceMemory = field(default_factory=PlaceMemory)
    routes: dict[int, Routing] = field(default_factory=dict)  # by version, the one in force only

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.begin() as connection:
            yield connection


@dataclass(frozen=True, slots=True)
class Teller:
    """What telling needs besides the moves."""

    engines: Engines
    doors: Doors
    reference: Reference
    now: datetime


def directory_of(reference: Reference) -> Directory:
    """The routing index of this reference version, built once."""
    if "directory" not in reference.built:
        reference.built["directory"] = Directory(
            reference.departments.values(), reference.responsibilities, reference.subscriptions
        )
    directory: Directory = reference.built["directory"]
    return directory


def silences_of(reference: Reference) -> tuple[Silence, ...]:
    """The silences of this reference version, made once. Who reads them asks each for its state by the clock."""
    if "silences" not in reference.built:
        reference.built["silences"] = tuple(silence_of(row) for row in reference.silences)
    found: tuple[Silence, ...] = reference.built["silences"]
    return found


def silence_of(row: Row) -> Silence:
    return Silence(
        row["id"], tuple(matcher(*parts) for parts in row["matchers"]), row["starts_at"], row["ends_at"], row["author"],
        row["reason"], row["area"], row["second"],
    )  # fmt: skip


async def routing_of(teller: Teller) -> Routing | None:
    """The routes in force, compiled once per version; None when there are none.

    A text that was whole when it was put and no longer is (a category that is gone) is logged, and what routed last in
    this process goes on, or else subscriptions and duties alone: nobody loses what is theirs by the 责任清单.
    """
    row, routes = teller.reference.routing, teller.doors.routes
    if row is None:
        return None
    if row["number"] not in routes:
        departments = {name: UUID(text) for name, text in row["departments"].items()}
        known = Known(teller.engines.catalogue, is_workday, departments)
        try:
            found = await asyncio.to_thread(load_routes, row["body"], known, f"routes {row['number']}")
        except RoutesError as failure:
            LOG.error("routes refused, the last good ones stay", extra={"errors": [str(e) for e in failure.errors]})
            return next(iter(routes.values()), None)
        routes.clear()
        routes[row["number"]] = found
    return routes[row["number"]]
