"""A project on its way from the decision to its end, under a clock that a test sets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from service.domain.words import Scope
from service.main import open_doors
from service.store.engine import open_engine
from service.workflows.clocks import remind_overdue
from service.workflows.conditions import warn_overdue
from service.workflows.parts import Doors
from service.workflows.reopening import reopen_outrun
from service.workflows.verifying import verify
from tests.journeys.conftest import ok
from tests.journeys.stepping import passing, prepared
from tests.journeys.test_assessments import AREAS, TOWN, assessed, taken_up
from tests.makers import at
from tests.receiver import Receiver
from tests.served import Served, SetClock, load_areas, serving

MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, ten in the morning in Shanghai
TODAY = date(2026, 11, 23)


@contextlib.asynccontextmanager
async def on_site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """A service whose clock stands still until a test moves it."""
    clock = SetClock(MORNING)
    async with serving(database_url, tmp_path, clock) as served:
        await load_areas(database_url, AREAS)
        admin = await served.client(Scope.ADMINISTER)
        made = ok(await admin.post("/v1/departments", json={"name": "区征收办", "area": "330102000000"}), 201)
        planner = await served.client(Scope.PLAN, name="区征收办", department_id=made["id"])
        yield Site(served, clock, planner, made["id"])


@dataclass
class Site:
    """One service, one planner's key, one office that is responsible for the project."""

    served: Served
    clock: SetClock
    planner: httpx.AsyncClient
    office: str

    async def assessed(self, **given: Any) -> dict[str, Any]:
        return await assessed(self.planner, await taken_up(self.planner, self.office), **given)

    async def decided(self, draft: dict[str, Any], advice: str = "proceed", **more: Any) -> dict[str, Any]:
        """Prepared, submitted, reviewed and decided."""
        path = f"/v1/assessments/{draft['id']}"
        await prepared(self.planner, draft, TODAY)
        ok(await self.planner.post(f"{path}/submit"))
        ok(await self.planner.post(f"{path}/review", json=passing(TODAY)))
        answer: dict[str, Any] = ok(await self.planner.post(f"{path}/decide", json={"advice": advice, **more}))
        return answer

    async def stage(self, project: str, *stages: str) -> None:
        for stage in stages:
            ok(await self.planner.patch(f"/v1/projects/{project}", json={"stage": stage}))

    async def get(self, project: str, what: str) -> Any:
        return ok(await self.planner.get(f"/v1/projects/{project}/{what}"))

    async def actions(self, project: str) -> list[str]:
        return [step["action"] for step in await self.get(project, "trail")]

    async def assessments(self, project: str) -> list[tuple[int, str]]:
        return [(one["number"], one["state"]) for one in await self.get(project, "assessments")]

    async def report(self, project: str | None, **changes: Any) -> dict[str, Any]:
        reporter = await self.served.client(Scope.REPORT)
        changes = {"area": TOWN, "category": "urban_rural.transport", "people_affected": 20} | changes
        body = at(self.clock(), **changes)
        answer: dict[str, Any] = ok(await reporter.post("/v1/incidents", json=body | {"project_id": project}), 201)
        return answer

    async def blocked(self, project: str | None, **changes: Any) -> dict[str, Any]:
        """Orange by rule; departments hear it once somebody vouched for it."""
        usual = {
            "category": "urban_rural.demolition", "text": "砚池巷拆迁补偿未谈妥，四十多名住户在巷口堵路",
            "people_affected": 45, "people_present": 45, "signals": ["road_blocked"],
        }  # fmt: skip
        return await self.report(project, **(usual | changes))

    async def confirmed(self, reported: dict[str, Any]) -> None:
        answering = await self.served.client(Scope.RESPOND, department_id=self.office)
        for warning in reported["warnings"]:
            ok(await answering.post(f"/v1/warnings/{warning}/confirm"))

    async def tick(self, processes: int = 1) -> None:
        """Everything that comes due happens, looked at by several processes at the same moment."""
        parts = self.served.app.state.parts
        async with contextlib.AsyncExitStack() as stack:
            houses = [await self._process(stack) for _ in range(processes)]
            await remind_overdue(houses[0], parts.engines, self.clock())
            await asyncio.gather(*(warn_overdue(doors, parts.engines, self.clock()) for doors in houses))
            await asyncio.gather(*(reopen_outrun(doors, parts.engines, self.clock()) for doors in houses))

    async def _process(self, stack: contextlib.AsyncExitStack) -> Doors:
        engine = open_engine(self.served.database_url, 2)
        stack.push_async_callback(engine.dispose)
        return await open_doors(self.served.settings, engine)

    def pass_days(self, days: int) -> None:
        self.clock.moment += timedelta(days=days)

    async def project_warnings(self) -> list[dict[str, Any]]:
        items = ok(await self.planner.get("/v1/warnings"))["items"]
        return [item for item in items if item["subject"]["kind"] == "project"]

    async def broken(self) -> tuple[str, ...]:
        """What the trail finds changed behind it; looked at on a connection of its own."""
        engine = open_engine(self.served.database_url, 1)
        async with engine.connect() as connection:
            verified = await verify(connection)
        await engine.dispose()
        return verified.found

    async def office_named(self, name: str, receiver: Receiver) -> str:
        """An office with an address and no subscription, which nobody lists as responsible for anything."""
        receiver.clock = self.clock
        admin = await self.served.client(Scope.ADMINISTER)
        made = ok(await admin.post("/v1/departments", json={"name": name, "area": "330102000000"}), 201)["id"]
        endpoint = ok(await admin.post("/v1/endpoints", json={"department_id": made, "url": receiver.url}), 201)
        receiver.secrets.append(endpoint["secret"])
        return str(made)

    def refuse_warnings(self) -> None:
        """From now on no warning can be written: whatever writes one fails as a whole."""
        self.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'out of order'; END $$;"
            " CREATE TRIGGER refuse BEFORE INSERT ON warning FOR EACH ROW EXECUTE FUNCTION refuse()"
        )

    def allow_warnings(self) -> None:
        self.execute("DROP TRIGGER refuse ON warning")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.served.database_url) as connection:
            connection.execute(statement.encode())
