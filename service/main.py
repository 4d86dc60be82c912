"""The fuse box: puts the parts together; the only module that knows all of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import (
    alertmanager,
    alertmanager_silences,
    alerts_in,
    assessment_reports,
    assessment_steps,
    assessments,
    batches,
    cap,
    deliveries,
    departments,
    emergency,
    endpoint_acts,
    endpoints,
    errors,
    escalation_policies,
    evidence_files,
    following,
    formats,
    incidents,
    matters,
    models,
    operations,
    participation,
    project_kinds,
    projects,
    proof,
    reporting,
    responsibilities,
    rosters,
    routes,
    sign_links,
    silences,
    standing_orders,
    stream,
    subscriptions,
    warnings,
)
from service.api import catalogue as catalogue_routes
from service.api.broadcast import Broadcast
from service.api.documents import Documents
from service.api.middleware import BodyLimit, Measured
from service.api.pages import Pages
from service.api.state import App
from service.delivery.guard import AddressGuard, parse_allow
from service.delivery.kinds import KINDS
from service.delivery.transport import new_client
from service.domain.catalogue import Catalogue, load_catalogue
from service.later import later
from service.pushing import channels_of, naming_of, pushing
from service.rules.escalation import EscalationHolder, load_escalation
from service.rules.facts import matter_vocabulary
from service.rules.law.book import load_law
from service.rules.method.loading import load_methods
from service.rules.method.procedure_file import load_procedures
from service.rules.method.watch_table import load_watch
from service.rules.rulebook import INCIDENT_RULEBOOK, RulebookHolder, load_rulebook
from service.rules.thresholds import load_thresholds
from service.rules.together import load_coordination
from service.scheduler import Scheduler, ticks
from service.scoring.artefact import ModelRefused, load_model
from service.scoring.holder import InUse, ModelHolder
from service.scoring.pooling import Pooler, load_pooling
from service.settings import Settings
from service.store.engine import open_engine
from service.store.keys import KeyBook
from service.store.listener import Bell, Line, listen
from service.store.newest import Newest
from service.store.outbox import OUTBOX_CHANNEL
from service.store.reference import REFERENCE_CHANNEL, ReferenceCache
from service.store.secrets import content_mac_key
from service.store.warnings import EVENTS_CHANNEL
from service.text.category import Categoriser
from service.workflows.alert_mapping import MAPPING_FILE, AlertMapping, load_alert_mapping
from service.workflows.intake import Intake
from service.workflows.metrics import Metrics
from service.workflows.models import Models
from service.workflows.parts import Clock, Doors, Engines
from service.workflows.policies import Policies
from service.workflows.rulebooks import Rulebooks
from service.workflows.trying import Tryout
from service.workflows.workdays import is_workday

# Addresses are tried in this order, 3 µs each: the busiest first.
# Stream and CAP come before /v1/warnings/{id}, which would take their names for an id.
ROOMS = (
    reporting, stream, cap, formats, warnings, batches, incidents, matters, operations, departments, endpoints,
    endpoint_acts, deliveries, subscriptions, responsibilities, standing_orders, projects, participation,
    evidence_files, emergency, assessments, following, assessment_reports, assessment_steps, project_kinds,
    catalogue_routes, models, routes, silences, escalation_policies, sign_links, alertmanager, alertmanager_silences,
    alerts_in, rosters, proof,
)  # fmt: skip
# Brings the simulator, which nobody needs who serves in earnest.
trickle: Callable[[Doors, Intake, Clock], Coroutine[Any, Any, None]] = later("service.workflows.demo:trickle")
STREAM_CONNECTIONS = 2  # one for the reader of all streams, one for a listener that catches up


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def load_engines(settings: Settings) -> Engines:
    """Everything that thinks. An untrustworthy model is left out and why is said; a bad rulebook stops the start."""
    catalogue = load_catalogue()
    rulebook = load_rulebook(settings.rulebook or INCIDENT_RULEBOOK, matter_vocabulary(catalogue))
    methods = load_methods()
    return Engines(
        catalogue=catalogue,
        categoriser=Categoriser(catalogue),
        rulebooks=RulebookHolder(rulebook),
        thresholds=load_thresholds(),
        law=load_law(is_workday=is_workday),
        methods=methods,
        coordination=load_coordination(catalogue.first_levels),
        procedures=load_procedures([preset.name for preset in methods.presets]),
        watch=load_watch(methods.checklist, catalogue),
        models=ModelHolder(_shipped(settings.models_dir)),
        escalation=EscalationHolder(load_escalation(), KINDS),
        pooler=Pooler(load_pooling()),
        zone=settings.timezone,
        late_hours=settings.late_hours,
    )


async def open_doors(settings: Settings, engine: AsyncEngine) -> Doors:
    """The way to the database; reads the keys that the service made for itself."""
    async with engine.connect() as connection:
        mac_key = await content_mac_key(connection)
    return Doors(engine, ReferenceCache(), mac_key, settings.link_base)


@dataclass(slots=True)
class Bells:
    """What NOTIFY rings, and whether it gets through."""

    events: Bell
    outbox: Bell
    line: Line


class Weiyu(FastAPI):
    """The app, with a switch that ends its streams before the server waits for them."""

    stopping: bool = False
    bells: Bells

    def stop_streams(self) -> None:
        """Let open streams end; a client comes back with Last-Event-ID."""
        self.stopping = True
        if hasattr(self.state, "parts"):
            self.state.parts.broadcast.wake_all()

    def written(self) -> None:
        """Something may have changed: what this process keeps of the feed's head is too old for the next poll."""
        self.state.parts.newest.forget()


def create_app(settings: Settings, database_url: str, clock: Clock = now) -> Weiyu:
    """The service on a migrated database. Everything live is made when it starts and ended when it stops."""
    metrics = Metrics()
    app = Weiyu(
        title="Weiyu 未雨",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lambda weiyu: _life(weiyu, settings, database_url, (clock, metrics)),
    )
    app.bells = Bells(Bell(), Bell(), Line())
    errors.install(app)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(Measured, metrics=metrics, written=app.written)
    for room in ROOMS:
        app.include_router(room.router)
    return app


@contextlib.asynccontextmanager
async def _life(app: Weiyu, settings: Settings, url: str, timing: tuple[Clock, Metrics]) -> AsyncIterator[None]:
    """Everything live, in the order in which it needs each other; ended in the opposite one."""
    clock, metrics = timing
    guard = AddressGuard(parse_allow(settings.push_allow))
    aside = asyncio.get_running_loop().run_in_executor  # the database takes its time to answer, and so do certificates
    async with contextlib.AsyncExitStack() as stack:
        thinking, client = aside(None, load_engines, settings), aside(None, new_client, guard)
        engine = _engine(stack, url, settings.pool_size)
        doors, engines = await open_doors(settings, engine), await thinking
        channels = channels_of(settings, guard, await stack.enter_async_context(await client))
        intake = Intake(doors, engines, clock, (settings.group_limit, settings.waiting_limit))
        rulebooks, registry, policies = await _followed(doors, engines, settings, clock)
        # Connections of its own, so that a burst of reports does not hold up events.
        own = replace(doors, engine=_engine(stack, url, STREAM_CONNECTIONS))
        broadcast = Broadcast(own, engines.catalogue, clock, app.bells.events)
        app.state.parts = App(
            engine=engine, doors=doors, engines=engines, intake=intake, keys=KeyBook(engine), clock=clock,
            newest=Newest(engine, doors.reference, app.bells.line), broadcast=broadcast, metrics=metrics,
            pages=Pages(engine, engines.catalogue, app.bells.line),
            documents=Documents(engine, engines.catalogue, naming_of(settings), app.bells.line),
            rulebooks=rulebooks, policies=policies, models=registry,
            tryout=Tryout(channels, clock, settings.push_verify), stopping=lambda: app.stopping, started_at=clock(),
            alert_mapping=_alert_mapping(settings, engines.catalogue),
        )  # fmt: skip
        _keep_going(stack, listen(url, _heard(app), app.bells.line))
        _keep_going(stack, broadcast.run())
        if settings.push_workers:
            await stack.enter_async_context(pushing(settings, url, channels, app.bells.outbox, clock))
        scheduler = Scheduler(doors, clock, metrics, ticks(doors, engines, (rulebooks, registry, policies), clock))
        scheduler.start()
        stack.callback(scheduler.stop)
        await stack.enter_async_context(intake.running())
        if settings.demo:
            _keep_going(stack, trickle(doors, intake, clock))
        yield
        app.stop_streams()


def _alert_mapping(settings: Settings, catalogue: Catalogue) -> AlertMapping:
    return load_alert_mapping(catalogue, settings.alert_mapping or MAPPING_FILE)


async def _followed(
    doors: Doors, engines: Engines, settings: Settings, clock: Clock
) -> tuple[Rulebooks, Models, Policies]:
    """What this process keeps in step with the database, as it stands there now."""
    rulebooks = Rulebooks(doors, engines.rulebooks, settings.rulebook or INCIDENT_RULEBOOK)
    await rulebooks.follow()
    await rulebooks.keep_current(clock())
    policies = Policies(doors, engines.escalation, engines.escalation.current)
    await policies.keep_shipped(clock())
    await policies.follow()
    registry = Models(doors, engines.models, settings.models_dir)
    await registry.take_shipped(clock())
    await registry.follow()
    return rulebooks, registry, policies


def _heard(app: Weiyu) -> dict[str, Callable[[], None]]:
    """What each notification of the database rings."""
    parts: App = app.state.parts

    def events() -> None:
        parts.newest.forget()
        app.bells.events.ring()

    def reference() -> None:
        parts.newest.forget()
        parts.keys.forget()

    return {EVENTS_CHANNEL: events, OUTBOX_CHANNEL: app.bells.outbox.ring, REFERENCE_CHANNEL: reference}


def _engine(stack: contextlib.AsyncExitStack, url: str, connections: int) -> AsyncEngine:
    engine = open_engine(url, connections)
    stack.push_async_callback(engine.dispose)
    return engine


def _keep_going(stack: contextlib.AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Run something beside the requests until the service stops."""
    stack.push_async_callback(_ended, asyncio.create_task(work))


def _shipped(folder: Path) -> InUse:
    """The model that ships judges until the registry is read, and where there is none in it."""
    try:
        return InUse(load_model(folder))
    except ModelRefused as refused:
        return InUse(None, refused.detail)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
