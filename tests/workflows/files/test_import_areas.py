from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from service.domain.areas import Area
from service.workflows.files.area_names import AreaNames
from service.workflows.files.import_areas import import_areas, read_areas
from service.workflows.files.table_rows import Broken, FileRefused
from tests.makers import NOON, VILLAGE
from tests.served import ROOT
from tests.workflows.conftest import House
from tests.workflows.files.table_makers import write, write_xlsx

REAL = ROOT.parent / "shared" / "data" / "areas_cn"


def areas_in(tmp_path: Path, text: str) -> list[Area]:
    return read_areas(write(tmp_path / "a.csv", text))


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(FileRefused) as refused:
        areas_in(tmp_path, text)
    return [line.removeprefix(f"{tmp_path}/a.csv:") for line in refused.value.lines]


def test_codes_are_filled_to_twelve_digits_and_periods_are_optional(tmp_path: Path) -> None:
    text = "code,name,valid_from,valid_to\n36,甲省,,\n360102001,乙街道,2020-01-01,2023-12-31\n"
    assert areas_in(tmp_path, text) == [
        Area("360000000000", "甲省", date(1900, 1, 1), None),
        Area("360102001000", "乙街道", date(2020, 1, 1), date(2023, 12, 31)),
    ]


def test_a_workbook_with_numbers_and_dates_reads_like_the_csv(tmp_path: Path) -> None:
    rows = [["code", "name", "valid_from"], [360102, "乙区", date(2020, 1, 1)]]
    assert read_areas(write_xlsx(tmp_path / "a.xlsx", rows)) == [Area("360102000000", "乙区", date(2020, 1, 1))]


def test_every_fault_is_named_at_line_and_column(tmp_path: Path) -> None:
    text = "name,code,valid_from,valid_to\n甲,123,,\n,360102,,\n丙,360103,2020/1/1,\n丁,360104,2020-01-01,2019-01-01\n"
    found = faults(tmp_path, text)
    assert [line.split(": ")[0] for line in found] == ["2:2", "3:1", "4:3", "5:4"]


def test_overlapping_periods_of_one_code_are_refused(tmp_path: Path) -> None:
    text = "code,name,valid_from,valid_to\n36,甲省,,2020-01-01\n360000,新甲省,2020-01-01,\n"
    assert "第 2 行重叠" in faults(tmp_path, text)[0]


def test_neighbouring_periods_of_one_code_are_kept(tmp_path: Path) -> None:
    text = "code,name,valid_from,valid_to\n36,甲省,,2019-12-31\n36,新甲省,2020-01-01,\n"
    assert len(areas_in(tmp_path, text)) == 2


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    assert "did you mean nane?" in faults(tmp_path, "code,nane\n36,甲省\n")[0]


async def test_loading_again_replaces_and_doubles_nothing(house: House, tmp_path: Path) -> None:
    before = await house.count("area")
    first = await import_areas(house.doors, areas_in(tmp_path, "code,name\n36,甲省\n3601,乙市\n"), NOON)
    again = await import_areas(house.doors, areas_in(tmp_path, "code,name\n36,甲省\n3601,新乙市\n"), NOON)

    assert (first.new, first.changed, first.unchanged) == (2, 0, 0)
    assert (again.new, again.changed, again.unchanged) == (0, 1, 1)
    assert again.by_level == {"省": 1, "市": 1}
    assert await house.count("area") == before + 2
    async with house.doors.engine.connect() as connection:
        known = await house.doors.reference.get(connection)
    assert known.area_name("360100000000") == "新乙市"


async def test_a_period_that_overlaps_an_earlier_load_keeps_nothing(house: House, tmp_path: Path) -> None:
    before = await house.rows("SELECT * FROM area ORDER BY code, valid_from")
    areas = areas_in(tmp_path, f"code,name,valid_from\n{VILLAGE},新名,2020-01-01\n36,甲省,\n")
    with pytest.raises(FileRefused, match="重叠"):
        await import_areas(house.doors, areas, NOON)
    assert await house.rows("SELECT * FROM area ORDER BY code, valid_from") == before


@pytest.mark.skipif(not REAL.exists(), reason="skipped: data not present")
async def test_the_areas_of_a_whole_country_load_and_are_found_by_name(house: House) -> None:
    before = await house.count("area")
    for name in ("provinces", "cities", "areas", "streets"):
        await import_areas(house.doors, read_areas(REAL / f"{name}.csv"), NOON)
    # Four places without districts stand in two of the files, under one code.
    assert await house.count("area") - before == 31 + 342 + 2978 + 41352 - 4

    async with house.doors.engine.connect() as connection:
        known = await house.doors.reference.get(connection)
    names = AreaNames(areas[-1] for areas in known.areas.values())
    assert names.code_of("北京市东城区东华门街道") == "110101001000"
    assert names.code_of("深圳市桃源街道") == "440305008000"
    assert isinstance(names.code_of("桃源街道"), Broken)
