"""A town for clocks: departments that lead, take part and coordinate, one set clock, no network."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service.domain.incidents import IncidentReport, ReportResult
from service.domain.levels import Level
from service.domain.words import Outcome
from service.store import reference
from service.store.engine import Row, new_id, rows_of
from service.store.tables_service import (
    DepartmentTable,
    EndpointTable,
    ResponsibilityTable,
    StandingOrderTable,
    SubscriptionTable,
)
from service.store.views import Sight
from service.workflows import answering, clocks
from service.workflows.answering import Actor, Ending
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import report_incidents
from service.workflows.telling import Work
from tests.makers import COUNTY, at
from tests.served import SetClock
from tests.store.making import department, endpoint


class Town:
    """What happens in it happens at `clock`. The lead leads everything in the county; the helper takes part."""

    def __init__(self, doors: Doors, engines: Engines, moment: datetime) -> None:
        self.doors, self.engines = doors, engines
        self.clock = SetClock(moment)
        self.lead = department(name="牵头局")
        self.helper = department(name="配合局")
        self.office = department(name="综治中心", is_coordinator=True, area=COUNTY)

    async def settle(self) -> Town:
        """Load the departments, each with an endpoint and a subscription from blue."""
        everyone = [self.lead, self.helper, self.office]
        entry = {
            "id": new_id(), "area": COUNTY, "category": None, "lead_id": self.lead["id"],
            "participant_ids": [self.helper["id"]], "source": "测试",
        }  # fmt: skip
        wanted = {"area": COUNTY, "categories": None, "minimum_level": "blue", "created_at": self.clock()}
        async with self.doors.transaction() as connection:
            await reference.put(connection, DepartmentTable, everyone, ["id"])
            await reference.put(connection, EndpointTable, [endpoint(one["id"]) for one in everyone], ["id"])
            rows = [{"id": new_id(), "department_id": one["id"], **wanted} for one in everyone]
            await reference.put(connection, SubscriptionTable, rows, ["id"])
            await reference.put(connection, ResponsibilityTable, [entry], ["id"])
        return self

    async def order(self, *levels: Level, **changes: Any) -> None:
        """A standing order for these levels."""
        row = {
            "id": new_id(), "levels": list(levels), "area": COUNTY, "reason": "汛期值守", "recorded_by": "区值班室",
            "valid_from": self.clock(), "valid_to": None,
        }  # fmt: skip
        async with self.doors.transaction() as connection:
            await reference.put(connection, StandingOrderTable, [row | changes], ["id"])

    async def report(self, **changes: Any) -> ReportResult:
        body = IncidentReport.model_validate(at(self.clock(), **changes))
        return (await report_incidents(self.doors, self.engines, [Arrival(body, "grid")], self.clock()))[0]

    async def pass_time(self, **span: float) -> None:
        """Step the clock; then everything that came due happens."""
        self.clock.moment += timedelta(**span)
        await self.tick()

    def work(self) -> Work:
        return Work(self.doors, self.engines, self.clock())

    async def tick(self) -> None:
        await clocks.issue_overdue(self.doors, self.engines, self.clock())
        await clocks.remind_overdue(self.doors, self.engines, self.clock())

    def actor(self, who: Row) -> Actor:
        return Actor(Sight(None, UUID(str(who["id"]))), who["name"])

    async def confirm(self, warning: UUID, who: Row | None = None) -> None:
        who = who or self.lead
        await answering.confirm_warning(self.work(), warning, self.actor(who))

    async def sign(self, warning: UUID, who: Row | None = None) -> None:
        actor = self.actor(who or self.lead)
        await answering.acknowledge_warning(self.work(), warning, actor, None)

    async def answer(self, warning: UUID, who: Row | None = None) -> None:
        actor = self.actor(who or self.lead)
        await answering.answer_warning(self.work(), warning, actor, "已答复")

    async def resolve(self, warning: UUID) -> None:
        ending = Ending(Outcome.SETTLED, self.clock())
        await answering.resolve_warning(self.work(), warning, self.actor(self.lead), ending)

    async def rows(self, statement: str, **given: Any) -> list[Row]:
        async with self.doors.engine.connect() as connection:
            return rows_of(await connection.execute(text(statement), given))

    async def warning(self, warning: UUID) -> Row:
        return (await self.rows("SELECT * FROM warning WHERE id = :id", id=warning))[0]

    async def duty(self, warning: UUID, who: Row | None = None) -> Row:
        whose = (who or self.lead)["id"]
        statement = "SELECT * FROM duty WHERE warning_id = :warning AND department_id = :whose"
        return (await self.rows(statement, warning=warning, whose=whose))[0]

    async def changes(self, warning: UUID) -> list[str]:
        """The types of all events of a warning, oldest first."""
        statement = "SELECT type FROM warning_event WHERE warning_id = :id ORDER BY seq"
        return [row["type"] for row in await self.rows(statement, id=warning)]

    async def pushed(self, warning: UUID, who: Row | None = None) -> int:
        """How many pushes a department is owed for a warning."""
        statement = (
            "SELECT count(*) AS n FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id"
            " WHERE o.warning_id = :warning AND e.department_id = :whose"
        )
        return int((await self.rows(statement, warning=warning, whose=(who or self.lead)["id"]))[0]["n"])
