"""What routes are handed: one object, put together in main."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api.broadcast import Broadcast
from service.api.documents import Documents
from service.api.pages import Pages
from service.store.keys import KeyBook, Viewer
from service.store.newest import Newest
from service.workflows.alert_mapping import AlertMapping
from service.workflows.answering import Actor
from service.workflows.intake import Intake
from service.workflows.metrics import Metrics
from service.workflows.models import Models
from service.workflows.parts import Doors, Engines
from service.workflows.policies import Policies
from service.workflows.rulebooks import Rulebooks
from service.workflows.telling import Work
from service.workflows.trying import Tryout


@dataclass(frozen=True, slots=True)
class App:
    """The parts that routes use."""

    engine: AsyncEngine
    doors: Doors
    engines: Engines
    intake: Intake
    keys: KeyBook
    clock: Callable[[], datetime]
    newest: Newest
    pages: Pages
    documents: Documents
    broadcast: Broadcast
    metrics: Metrics
    rulebooks: Rulebooks
    policies: Policies
    models: Models
    tryout: Tryout
    alert_mapping: AlertMapping
    started_at: datetime
    stopping: Callable[[], bool]

    def work(self) -> Work:
        """What an act that happens now needs."""
        return Work(self.doors, self.engines, self.clock())


def app_of(request: Request) -> App:
    app: App = request.app.state.parts
    return app


async def actor_of(app: App, viewer: Viewer) -> Actor:
    """The viewer as somebody who acts, under its department's name."""
    async with app.engine.connect() as connection:
        reference = await app.doors.reference.get(connection)
    return Actor(viewer.sight, reference.department_name(viewer.department_id) or viewer.name)
