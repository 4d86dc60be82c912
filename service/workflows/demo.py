"""A district for a first look: simulated, fictitious, and said to be so. Its history takes the real path."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from service.domain.incidents import IncidentReport
from service.domain.levels import Level
from service.domain.problems import Problem
from service.domain.words import Outcome, Scope
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.life import SimulatedReply, SimulatedReport
from service.scoring.simulation.parameters import SimulationParameters
from service.store import keys, reference, warnings
from service.store.engine import Row, new_id
from service.store.tables_service import (
    AreaTable,
    DepartmentTable,
    ResponsibilityTable,
    StandingOrderTable,
    SubscriptionTable,
)
from service.store.views import Sight
from service.workflows.answering import Actor, Ending, acknowledge_warning, answer_warning, resolve_warning
from service.workflows.clocks import issue_overdue, remind_overdue
from service.workflows.intake import Intake
from service.workflows.parts import Clock, Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import report_incidents
from service.workflows.telling import Work

LOG = logging.getLogger(__name__)
DAYS = 90
SEED = 20261122
STEP = timedelta(hours=12)  # the history is told in half-days
REMINDED = timedelta(days=4)  # often enough in a history to see who was slow; every reminder costs the start 8 ms
TRICKLE_SECONDS = 30.0
SYSTEM = "示例网格系统"
KEYS_FILE = "demo-keys.json"
COORDINATOR = "示例区社会治安综合治理中心"
# The simulator's thirteen departments told as seven, so that a first look stays small; the coordinator is the eighth.
_TOLD_AS = {
    "金融工作办公室": "市场监督管理局",
    "生态环境局": "城市管理局",
    "教育体育局": "卫生健康局",
    "民政局": "农业农村局",
    "水务与能源服务中心": "住房和城乡建设局",
    "交通运输局": "住房和城乡建设局",
}
_NO_PROJECT = {
    "project_id": None
}  # the simulator's projects are not furnished: a report must not name one that is not there
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """What was filled in, and the keys to look at it with."""

    summary: str
    keys: dict[str, str]
    keys_file: Path

    def things_to_try(self, base: str) -> Iterator[str]:
        """Three commands that show the main job."""
        reader = f"-H 'Authorization: Bearer {self.keys['reader']}'"
        yield f"1. 看预警：  curl -s {reader} '{base}/v1/warnings?level=orange&limit=5'"
        yield (
            f"2. 报一件事：curl -s -X POST {base}/v1/incidents -H 'Authorization: Bearer {self.keys['reporter']}'"
            ' -H \'Content-Type: application/json\' -d \'{"id":"try-1","area":"990101001001","source":"grid",'
            '"text":"青禾服饰厂拖欠三个月工资，35名工人要求尽快发放","people_affected":35,'
            '"occurred_at":"\'$(date -Iseconds)\'"}\''
        )
        yield f"3. 听预警流：curl -sN {reader} {base}/v1/warnings/stream"


async def fill_demo(doors: Doors, engines: Engines, folder: Path, now: datetime, progress: Progress) -> Demo:
    """Fill an empty database with the simulated district; one that has areas is left as it is."""
    file = folder / KEYS_FILE
    if not await _is_empty(doors):
        known: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        if not known:
            raise Problem(
                409, "not_empty", "数据库里已有数据，不再装入示例区；请用 weiyu serve 启动，或 weiyu demo --off。"
            )
        return Demo("示例区数据已在", known, file)
    district = simulate(SimulationParameters(), SEED, now - timedelta(days=DAYS), DAYS + 1)
    departments = await _furnish(doors, district, now)
    made = await _make_keys(doors, departments)
    _write_keys(file, made)
    told = await _History(doors, engines, district, departments).tell(now, progress)
    return Demo(
        f"示例区（虚构，模拟数据）：{len(district.areas)} 个区划、{len(departments)} 个单位、{told}", made, file
    )


def _write_keys(file: Path, made: dict[str, str]) -> None:
    """Readable by the owner alone from the first byte on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(made, out, ensure_ascii=False, indent=1)


async def trickle(doors: Doors, intake: Intake, clock: Clock, seconds: float = TRICKLE_SECONDS) -> None:
    """Keep a few new reports coming, until cancelled, if this is the demo. Simulated, like the history."""
    if not await _is_demo(doors):
        return
    for round_number in range(1_000_000):
        now = clock()
        coming = simulate(SimulationParameters(), SEED + 1 + round_number, now, 2)
        for report in coming.stream[:40]:
            await asyncio.sleep(seconds)
            body = (
                report.body
                | _NO_PROJECT
                | {
                    "id": f"live-{new_id().hex}",
                    "occurred_at": (clock() - timedelta(minutes=2)).isoformat(),
                }
            )
            try:
                await intake.report([Arrival(IncidentReport.model_validate(body), SYSTEM)])
            except Problem as problem:
                LOG.warning("trickle report refused", extra={"code": problem.code})


async def _is_demo(doors: Doors) -> bool:
    """Whether the database holds the simulated district."""
    async with doors.engine.connect() as connection:
        return _county() in (await doors.reference.get(connection)).areas


def _county() -> str:
    return SimulationParameters().county + "000000"


async def _is_empty(doors: Doors) -> bool:
    async with doors.engine.connect() as connection:
        return not (await doors.reference.get(connection)).areas and not await keys.listed(connection)


async def _furnish(doors: Doors, district: SimulatedDistrict, now: datetime) -> dict[str, UUID]:
    """Areas, departments, who answers for what, who hears what, and the order by which the history leaves at once."""
    told = {_told_as(department.name): new_id() for department in district.departments} | {COORDINATOR: new_id()}
    county = _county()
    departments = [
        {"id": row_id, "name": name, "is_coordinator": name == COORDINATOR, "area": county, "created_at": now}
        for name, row_id in told.items()
    ]
    subscriptions: list[Row] = [
        {"id": new_id(), "department_id": row_id, "area": county, "categories": None, "created_at": now,
         "minimum_level": Level.YELLOW if name == COORDINATOR else Level.BLUE}
        for name, row_id in told.items()
    ]  # fmt: skip
    order = {
        "id": new_id(), "levels": [Level.ORANGE, Level.RED], "area": county, "reason": "模拟历史中的预警即时发出",
        "recorded_by": COORDINATOR, "valid_from": district.start, "valid_to": now,
    }  # fmt: skip
    areas = [
        {"code": code, "name": name, "valid_from": date(2000, 1, 1), "valid_to": None} for code, name in district.areas
    ]
    async with doors.transaction() as connection:
        await reference.put(connection, AreaTable, areas, ("code", "valid_from"))
        await reference.put(connection, DepartmentTable, departments, ("id",))
        await reference.put(connection, ResponsibilityTable, _responsibilities(district, told), ("area", "category"))
        await reference.put(connection, SubscriptionTable, subscriptions, ("id",))
        await reference.put(connection, StandingOrderTable, [order], ("id",))
    return told


def _responsibilities(district: SimulatedDistrict, told: dict[str, UUID]) -> list[Row]:
    return [
        {"id": new_id(), "area": _county(), "category": category, "lead_id": told[_told_as(department.name)],
         "participant_ids": [], "source": "示例（虚构）"}
        for department in district.departments
        for category in department.categories
    ]  # fmt: skip


def _told_as(simulated: str) -> str:
    name = simulated.removeprefix("示例区")
    return "示例区" + _TOLD_AS.get(name, name)


async def _make_keys(doors: Doors, departments: dict[str, UUID]) -> dict[str, str]:
    labour = departments["示例区人力资源和社会保障局"]
    async with doors.transaction() as connection:
        return {
            "reporter": await keys.create(connection, SYSTEM, [Scope.REPORT], _county()),
            "planner": await keys.create(connection, "示例规划系统", [Scope.PLAN], _county()),
            "responder": await keys.create(
                connection, "示例人社系统", [Scope.RESPOND], _county(), department_id=labour
            ),
            "reader": await keys.create(connection, "示例大屏", [Scope.READ], _county()),
            "administrator": await keys.create(connection, "示例管理员", [Scope.ADMINISTER]),
        }


class _History:
    """Tells the simulated days with the clock of then: reports, answers, settlements, and what the clocks do."""

    def __init__(
        self, doors: Doors, engines: Engines, district: SimulatedDistrict, departments: dict[str, UUID]
    ) -> None:
        self._doors = doors
        self._engines = engines
        self._district = district
        self._departments = departments
        self._matter_of: dict[str, UUID] = {}
        self._answered = 0

    async def tell(self, until: datetime, progress: Progress) -> str:
        reports = [report for report in self._district.stream if report.received_at <= until]
        replies = [reply for reply in self._district.replies if reply.at <= until]
        done, moment = 0, self._district.start
        while moment < until:
            before, moment = moment, min(moment + STEP, until)
            batch = [report for report in reports[done:] if report.received_at <= moment]
            await self._report(batch, moment)
            done += len(batch)
            for reply in (reply for reply in replies if before < reply.at <= moment):
                await self._reply(reply, moment)
            await issue_overdue(self._doors, self._engines, moment)
            if (moment - self._district.start) % REMINDED < STEP:
                await remind_overdue(self._doors, self._engines, moment)
            progress(done, len(reports))
        return f"{DAYS} 天、{done} 起报告、{len(set(self._matter_of.values()))} 个事项、{self._answered} 次答复或办结"

    async def _report(self, batch: list[SimulatedReport], now: datetime) -> None:
        arrivals = [Arrival(IncidentReport.model_validate(report.body | _NO_PROJECT), SYSTEM) for report in batch]
        if not arrivals:
            return
        results = await report_incidents(self._doors, self._engines, arrivals, now)
        for report, result in zip(batch, results, strict=True):
            if result.matter_id is not None:
                self._matter_of[report.matter] = result.matter_id

    async def _reply(self, reply: SimulatedReply, now: datetime) -> None:
        matter_id = self._matter_of.get(reply.matter)
        if matter_id is None:
            return
        async with self._doors.engine.connect() as connection:
            warning_id = await warnings.issued_of_matter(connection, matter_id)
        if warning_id is None:
            return
        work = Work(self._doors, self._engines, now)
        name = _told_as(reply.department)
        actor = Actor(Sight(None, self._departments[name]), name)
        try:
            await acknowledge_warning(work, warning_id, actor, None)
            if reply.kind == "closed":
                truth = self._district.truth[reply.matter]
                escalated = truth.escalated_at is not None and truth.escalated_at <= now
                ending = Ending(Outcome.ESCALATED if escalated else Outcome.SETTLED, now, "模拟办结")
                await resolve_warning(work, warning_id, actor, ending)
            else:
                await answer_warning(work, warning_id, actor, "模拟答复")
            self._answered += 1
        except Problem as problem:  # a matter linked elsewhere than the simulator thinks may not be this department's
            LOG.info("simulated reply not taken", extra={"code": problem.code})
