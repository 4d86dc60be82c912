from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.domain.incidents import IncidentReport
from service.store.views import Sight
from service.workflows.files.export_matters import HEADER, PAGE, export_matters
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import report_incidents
from tests.makers import COUNTY, NOON, OTHER_COUNTY, VILLAGE, at
from tests.workflows.conftest import House
from tests.workflows.files.table_makers import read_csv

EVERYTHING = Sight(None, None)


async def reported(house: House, **changes: Any) -> None:
    arrival = Arrival(IncidentReport.model_validate(at(NOON, **changes)), "grid-system")
    (result,) = await report_incidents(house.doors, house.engines, [arrival], NOON)
    assert result.status == "created"


async def exported(house: House, tmp_path: Path, sight: Sight = EVERYTHING, **more: Any) -> list[dict[str, str]]:
    out = tmp_path / "matters.csv"
    count = await export_matters(house.doors, house.engines, out, sight, **more)
    rows = read_csv(out)
    assert count == len(rows)
    return rows


async def test_a_matter_is_exported_with_its_names_its_level_and_its_warning(house: House, tmp_path: Path) -> None:
    await reported(house)
    (row,) = await exported(house, tmp_path)

    assert tuple(row) == HEADER
    assert (row["area"], row["area_name"]) == (VILLAGE, "清河街道第一社区")
    assert (row["category"], row["category_name"]) == ("labour.wage_arrears", "欠薪")
    assert (row["status"], row["level"], row["level_zh"]) == ("open", "yellow", "黄")
    assert (row["report_count"], row["people_max"], row["people_latest"]) == ("1", "12", "12")
    assert row["opened_at"] == "2026-11-18T12:00:00+08:00"
    assert row["first_occurred_at"] == row["last_occurred_at"] == "2026-11-18T11:50:00+08:00"
    assert (row["replied_at"], row["outcome"], row["closed_at"]) == ("", "", "")
    (warning,) = await house.rows("SELECT id, state FROM warning")
    assert (row["warning_id"], row["warning_state"]) == (str(warning["id"]), warning["state"])


async def test_nothing_that_a_report_said_is_exported(house: House, tmp_path: Path) -> None:
    await reported(house, title="某厂欠薪一事", text="某厂欠薪三个月", place_text="某厂门口", action_taken="已联系某厂")
    await exported(house, tmp_path)
    assert "某厂" not in (tmp_path / "matters.csv").read_text("utf-8")


async def test_excel_is_told_that_the_file_is_utf8(house: House, tmp_path: Path) -> None:
    await exported(house, tmp_path)
    assert (tmp_path / "matters.csv").read_bytes().startswith(b"\xef\xbb\xbfid,")


async def test_only_matters_in_sight_are_exported(house: House, tmp_path: Path) -> None:
    await reported(house)
    await reported(house, area=OTHER_COUNTY)
    assert [row["area"] for row in await exported(house, tmp_path, Sight(COUNTY, None))] == [VILLAGE]


async def test_a_restricted_warning_is_exported_to_the_departments_that_owe_it_only(
    house: House, tmp_path: Path
) -> None:
    await reported(house)
    async with house.doors.transaction() as connection:
        await connection.execute(text("UPDATE warning SET restricted = true"))
    (row,) = await exported(house, tmp_path)
    assert (row["warning_id"], row["warning_state"]) == ("", "")


@pytest.mark.parametrize(("minutes", "exported_ids"), [(0, 1), (1, 0)])
async def test_since_leaves_out_what_did_not_change_since_then(
    house: House, tmp_path: Path, minutes: int, exported_ids: int
) -> None:
    await reported(house)
    since = NOON + timedelta(minutes=minutes)
    assert len(await exported(house, tmp_path, since=since)) == exported_ids


async def test_every_matter_is_exported_once_however_many_pages_they_fill(house: House, tmp_path: Path) -> None:
    await reported(house)
    wanted = 2 * PAGE + 1
    async with house.doors.transaction() as connection:
        columns = [name for name in (await house.rows("SELECT * FROM matter"))[0] if name != "id"]
        copied = ", ".join(columns)
        await connection.execute(
            text(
                f"INSERT INTO matter (id, {copied})"
                f" SELECT gen_random_uuid(), {copied} FROM matter, generate_series(2, {wanted})"
            )
        )
    rows = await exported(house, tmp_path)
    assert len({row["id"] for row in rows}) == len(rows) == wanted


async def test_an_area_name_that_a_spreadsheet_would_run_is_defused(house: House, tmp_path: Path) -> None:
    await reported(house)
    async with house.doors.transaction() as connection:
        await connection.execute(text("UPDATE area SET name = '=cmd()'"))
        await connection.execute(text("UPDATE reference_version SET version = version + 1"))
    assert (await exported(house, tmp_path))[0]["area_name"] == "'=cmd()"
