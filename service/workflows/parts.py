"""What the workflows are handed: the engines that think and the doors that reach the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.delivery.routing import Directory
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
from service.scoring.scorer import Scorer
from service.store.reference import Reference, ReferenceCache
from service.text.category import Categoriser
from service.workflows.place_memory import PlaceMemory

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

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.begin() as connection:
            yield connection


def directory_of(reference: Reference) -> Directory:
    """The routing index of this reference version, built once."""
    if "directory" not in reference.built:
        reference.built["directory"] = Directory(
            reference.departments.values(), reference.responsibilities, reference.subscriptions
        )
    directory: Directory = reference.built["directory"]
    return directory
