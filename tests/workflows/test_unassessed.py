"""What goes ahead without an assessment is told once, to who answers for it."""

from __future__ import annotations

from typing import Any

import pytest

from service.domain.projects import ProjectKind
from service.store import projects
from service.store.engine import Row, new_id
from service.store.tables_project import AssessmentTable, ProjectTable
from service.workflows.unassessed import warn_unassessed
from tests.makers import NOON, OTHER_VILLAGE, VILLAGE
from tests.workflows.conftest import House
from tests.workflows.town import Town


@pytest.fixture
async def town(house: House) -> Town:
    return await Town(house.doors, house.engines, NOON).settle()


async def project(town: Town, **changes: Any) -> Row:
    row = {
        "id": new_id(), "name": "清河片区改建", "kind": ProjectKind.HOUSE_EXPROPRIATION, "area": VILLAGE,
        "stage": "pre_decision", "department_id": town.helper["id"], "scale": {}, "facts": {}, "revision": 1,
        "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    async with town.doors.transaction() as connection:
        return await projects.put(connection, ProjectTable, row | changes)


async def decided(town: Town, about: Row, advice: str = "proceed") -> None:
    empty = dict.fromkeys(AssessmentTable.model_fields)
    row = empty | {
        "id": new_id(), "project_id": about["id"], "number": 1, "track": "full", "form": "ordinary", "state": "decided",
        "bodies": {}, "given": {}, "decision": {"advice": advice}, "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    async with town.doors.transaction() as connection:
        await projects.put(connection, AssessmentTable, row)


async def warned(town: Town) -> list[tuple[str, str]]:
    await warn_unassessed(town.doors, town.engines, town.clock())
    rows = await town.rows("SELECT subject_kind, subject_id FROM warning WHERE subject_kind <> 'matter' ORDER BY seq")
    return [(row["subject_kind"], row["subject_id"]) for row in rows]


@pytest.mark.parametrize(
    "changes",
    [{"stage": "implementing"}, {"facts": {"start_on": "2026-11-18"}}, {"facts": {"decision_on": "2026-11-01"}}],
)
async def test_a_project_that_went_ahead_unassessed_is_told_once_and_must_be_signed_for(
    town: Town, changes: dict[str, Any]
) -> None:
    started = await project(town, **changes)
    assert await warned(town) == [("project", str(started["id"]))]
    assert await warned(town) == [("project", str(started["id"]))], "once"

    warning = (await town.rows("SELECT * FROM warning"))[0]
    assert (warning["level"], warning["state"]) == ("yellow", "issued")
    assert await town.pushed(warning["id"], town.lead) == 1
    assert await town.pushed(warning["id"], town.office) == 1
    await town.sign(warning["id"])
    assert (await town.duty(warning["id"]))["signed_at"] == NOON


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"stage": "implementing"}, 1), ({"facts": {"start_on": "2026-11-18"}}, 1),
     ({"facts": {"decision_on": "2026-11-01"}}, 0)],
)  # fmt: skip
async def test_a_project_that_starts_although_the_decision_did_not_let_it_is_told(
    town: Town, changes: dict[str, Any], told: int
) -> None:
    await decided(town, await project(town, **changes), "refuse")
    assert len(await warned(town)) == told
    rows = await town.rows("SELECT headline FROM warning")
    assert all("未经同意先行" in row["headline"] for row in rows)


async def test_what_is_only_planned_was_assessed_or_was_stopped_is_not_told(town: Town) -> None:
    await project(town, facts={"start_on": "2026-11-19"})
    await project(town, stage="stopped", facts={"start_on": "2026-10-01"})
    await decided(town, await project(town, stage="implementing"))
    assert await warned(town) == []


async def test_demolition_matters_where_no_project_is_known_are_told_once_for_the_area(town: Town) -> None:
    await town.report(category="urban_rural.demolition", text="砚池巷拆迁补偿未谈妥", people_affected=8)
    await town.report(category="labour.wage_arrears")
    place = [("area", f"{VILLAGE}/urban_rural.demolition")]
    assert await warned(town) == place
    assert await warned(town) == place, "once while it is open"


@pytest.mark.parametrize(("area", "told"), [(VILLAGE, 0), ("990101000000", 0), (OTHER_VILLAGE, 1)])
async def test_demolition_matters_of_a_known_project_are_no_news(town: Town, area: str, told: int) -> None:
    await project(town, area=area)
    await town.report(category="urban_rural.demolition", text="砚池巷拆迁补偿未谈妥", people_affected=8)
    assert len(await warned(town)) == told
