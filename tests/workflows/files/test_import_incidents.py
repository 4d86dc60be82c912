from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.workflows.files.import_incidents import ImportOrder, ImportSummary, Progress, import_incidents
from service.workflows.files.import_mapping import SaidOnCommandLine
from service.workflows.files.table_rows import FileRefused
from tests.makers import VILLAGE
from tests.served import ROOT
from tests.workflows.conftest import House
from tests.workflows.files.table_makers import COLUMNS, MAPS, csv_text, read_csv, row, write, write_xlsx

SAID = SaidOnCommandLine(maps=MAPS, sets=("source=网上",), system="liuyanban")
MESSAGES = ROOT.parent / "shared" / "data" / "complaints_zh" / "messages_2019.csv.gz"
TABLES = ("incident", "matter", "receipt", "judgement", "warning", "outbox")


async def imported(house: House, path: Path, **changes: Any) -> ImportSummary:
    order = ImportOrder(**({"path": path, "said": SAID} | changes))
    return await import_incidents(house.doors, house.engines, order, house.clock, lambda _: None)


async def refused(house: House, path: Path, **changes: Any) -> tuple[str, ...]:
    with pytest.raises(FileRefused) as error:
        await imported(house, path, **changes)
    return error.value.lines


async def counts(house: House) -> list[int]:
    return [await house.count(table) for table in TABLES]


def rows_file(tmp_path: Path, rows: Sequence[Sequence[str]]) -> Path:
    return write(tmp_path / "a.csv", csv_text(rows))


async def test_every_row_becomes_a_report_of_its_system(house: House, tmp_path: Path) -> None:
    summary = await imported(house, rows_file(tmp_path, [row(n) for n in range(3)]))

    assert dict(summary.by_status) == {"created": 3}
    kept = await house.rows("SELECT system, client_id, area, source, occurred_at FROM incident ORDER BY client_id")
    assert kept[0] == {
        "system": "liuyanban",
        "client_id": "WX-0",
        "area": VILLAGE,
        "source": "online",
        "occurred_at": datetime(2026, 11, 18, 3, 25, 5, tzinfo=UTC),
    }


async def test_the_same_export_loaded_again_is_all_duplicates_and_doubles_nothing(house: House, tmp_path: Path) -> None:
    path = rows_file(tmp_path, [row(n) for n in range(700)])
    await imported(house, path)
    before = await counts(house)

    again = await imported(house, path)

    assert dict(again.by_status) == {"duplicate": 700}
    assert await counts(house) == before


async def test_a_workbook_a_gzip_and_gb18030_are_the_same_reports_as_the_csv(house: House, tmp_path: Path) -> None:
    content = csv_text([row(1)])
    await imported(house, write(tmp_path / "a.csv", content))
    others = [
        write(tmp_path / "b.csv.gz", gzip.compress(content.encode())),
        write(tmp_path / "c.csv", content.encode("gb18030")),
        write_xlsx(tmp_path / "d.xlsx", [COLUMNS, row(1)]),
    ]
    assert [dict((await imported(house, path)).by_status) for path in others] == [{"duplicate": 1}] * 3


async def test_the_parts_of_the_summary_are_the_whole(house: House, tmp_path: Path) -> None:
    rows = [row(1), row(1), row(1, 内容="另一份内容"), row(2, 时间="昨天"), row(3, 编号="信访1号"), row(4, 内容="")]
    content = csv_text(rows) + '5,"未闭合,2026-11-18,x,y\n' + "多,出,一,个,单,元\n"

    summary = await imported(house, write(tmp_path / "a.csv", content))

    assert dict(summary.by_status) == {"created": 1, "duplicate": 1, "conflict": 1, "invalid": 5}
    assert summary.lines()[0] == "共 8 行 = 接收 1 + 重复 1 + 冲突 1 + 无效 5。"


async def test_the_rejects_say_line_id_field_code_and_reason_and_never_the_text(house: House, tmp_path: Path) -> None:
    secret = "张三电话13800138000"
    rows = [
        row(1),
        row(2, 时间=secret),
        row(3, 地点=secret),
        row(4, 编号=secret),
        row(5, 内容=secret * 500),
        row(6, 标题=secret * 50, 时间="2030-01-01"),
    ]
    rejects = tmp_path / "rejects.csv"

    await imported(house, rows_file(tmp_path, rows), rejects=rejects)

    found = read_csv(rejects)
    assert [(one["line"], one["id"], one["field"], one["code"]) for one in found] == [
        ("3", "WX-2", "occurred_at", "bad_time"),
        ("4", "WX-3", "area", "unknown_area"),
        ("5", "", "id", "bad_id"),
        ("6", "WX-5", "text", "string_too_long"),
        ("7", "WX-6", "title", "string_too_long"),
    ]
    assert all(one["reason"].endswith("。") for one in found)
    assert "张三" not in rejects.read_text("utf-8")
    assert "1380" not in rejects.read_text("utf-8")


async def test_what_the_database_side_refuses_is_rejected_with_its_line_too(house: House, tmp_path: Path) -> None:
    rows = [row(1, 内容="第一\n第二行"), row(2, 时间="2026-12-01 10:00"), row(3, 地点="360102")]
    await imported(house, rows_file(tmp_path, rows), rejects=tmp_path / "rejects.csv")
    found = read_csv(tmp_path / "rejects.csv")
    assert [(one["line"], one["id"], one["code"]) for one in found] == [
        ("4", "WX-2", "in_future"),
        ("5", "WX-3", "unknown_area"),
    ]


async def test_a_dry_run_counts_and_keeps_nothing(house: House, tmp_path: Path) -> None:
    before = await counts(house)
    summary = await imported(house, rows_file(tmp_path, [row(1), row(2), row(3, 时间="?")]), dry_run=True)
    assert dict(summary.by_status) == {"created": 2, "invalid": 1}
    assert await counts(house) == before


async def test_progress_is_told_after_every_group(house: House, tmp_path: Path) -> None:
    told: list[Progress] = []
    path = rows_file(tmp_path, [row(n) for n in range(1200)])
    await import_incidents(
        house.doors, house.engines, ImportOrder(path, said=SAID, dry_run=True), house.clock, told.append
    )
    assert [(one.rows, one.by_status["created"]) for one in told] == [(500, 500), (1000, 1000), (1200, 1200)]
    assert told[-1].part == 1


async def test_times_without_offset_are_local_times_of_the_mapping_zone(house: House, tmp_path: Path) -> None:
    said = SaidOnCommandLine(maps=MAPS, sets=("source=网上",), system="s", timezone="Asia/Kathmandu")
    await imported(house, rows_file(tmp_path, [row(1, 时间="2026-11-18 05:45:00")]), said=said)
    kept = await house.rows("SELECT occurred_at FROM incident")
    assert kept[0]["occurred_at"] == datetime(2026, 11, 18, 0, 0, tzinfo=UTC)


async def test_a_mapping_file_gives_columns_values_and_words(house: House, tmp_path: Path) -> None:
    mapping = """\
format: weiyu-mapping-1
system: rexian
columns: {编号: id, 标题: category, 时间: occurred_at, 内容: text, 地点: place_text}
set: {area: 清河街道第一社区, source: 热线, people_affected: 12人}
values: {category: {城市管理: 城管执法}}
"""
    path = rows_file(tmp_path, [row(1, 标题="城市管理"), row(2, 标题="欠薪"), row(3, 标题="城市")])
    summary = await imported(
        house, path, said=SaidOnCommandLine(), mapping=write(tmp_path / "m.yaml", mapping), rejects=tmp_path / "r.csv"
    )
    assert dict(summary.by_status) == {"created": 2, "invalid": 1}
    kept = await house.rows("SELECT system, source, category, people_affected FROM incident ORDER BY client_id")
    assert [tuple(one.values()) for one in kept] == [
        ("rexian", "hotline", "administrative.city_management", 12),
        ("rexian", "hotline", "labour.wage_arrears", 12),
    ]
    assert read_csv(tmp_path / "r.csv")[0]["code"] == "unknown_category"


@pytest.mark.parametrize(
    ("sets", "says"),
    [(("source=微信",), "--set source=微信: source：只能是"), (("source=网上", "handling=x"), "--set handling=x")],
)
async def test_a_word_of_the_mapping_that_no_field_takes_stops_before_anything_is_kept(
    house: House, tmp_path: Path, sets: tuple[str, ...], says: str
) -> None:
    said = SaidOnCommandLine(maps=MAPS, sets=sets, system="s")
    lines = await refused(house, rows_file(tmp_path, [row(1)]), said=said)
    assert lines[0].startswith(says)
    assert await house.count("incident") == 0


async def test_a_constant_stands_in_only_where_a_row_says_nothing(house: House, tmp_path: Path) -> None:
    said = SaidOnCommandLine(maps=MAPS, sets=("source=网上", "area=南塘镇上坪村"), system="s")
    await imported(house, rows_file(tmp_path, [row(1), row(2, 地点="")]), said=said)
    kept = await house.rows("SELECT area FROM incident ORDER BY client_id")
    assert [one["area"] for one in kept] == [VILLAGE, "990101002001"]


async def test_coordinates_become_the_location(house: House, tmp_path: Path) -> None:
    columns = (*COLUMNS, "纬度", "经度")
    rows = [(*row(1), "28.68", "115.89"), (*row(2), "", ""), (*row(3), "28.68", ""), (*row(4), "128.68", "1")]
    said = SaidOnCommandLine(maps=(*MAPS, "纬度=lat", "经度=lon"), sets=("source=网上",), system="s")
    path = write(tmp_path / "a.csv", csv_text(rows, columns))
    await imported(house, path, said=said, rejects=tmp_path / "r.csv")
    kept = await house.rows("SELECT lat, lon FROM incident ORDER BY client_id")
    assert [tuple(one.values()) for one in kept] == [(28.68, 115.89), (None, None)]
    assert [(one["field"], one["code"]) for one in read_csv(tmp_path / "r.csv")] == [
        ("lon", "missing"),
        ("lat", "less_than_equal"),
    ]


async def test_a_file_damaged_half_way_keeps_what_came_before_and_says_how_to_go_on(
    house: House, tmp_path: Path
) -> None:
    content = csv_text([row(n, 内容=f"第{n * n * 7919}号楼物业违规收停车费") for n in range(3000)])
    whole = gzip.compress(content.encode())
    lines = await refused(house, write(tmp_path / "a.csv.gz", whole[: len(whole) // 2]))
    kept = await house.count("incident")
    assert kept >= 500
    assert kept % 500 == 0
    assert "损坏" in lines[0]
    assert f"此前已导入 {kept} 行" in lines[1]


async def test_one_report_the_database_refuses_spoils_only_its_row(house: House, tmp_path: Path) -> None:
    await alter(house, "ALTER TABLE incident ADD CHECK (client_id <> 'WX-3')")
    path = rows_file(tmp_path, [row(n) for n in range(20)])
    summary = await imported(house, path, rejects=tmp_path / "r.csv")
    assert dict(summary.by_status) == {"created": 19, "invalid": 1}
    assert [(one["id"], one["code"]) for one in read_csv(tmp_path / "r.csv")] == [("WX-3", "not_kept")]


async def test_a_database_that_refuses_everything_stops_the_import(house: House, tmp_path: Path) -> None:
    await alter(house, "ALTER TABLE incident RENAME TO gone")
    lines = await refused(house, rows_file(tmp_path, [row(n) for n in range(600)]))
    assert lines[0].startswith("数据库不可用或拒绝写入")
    assert "此前已导入 0 行" in lines[1]


async def alter(house: House, statement: str) -> None:
    async with house.doors.transaction() as connection:
        await connection.execute(text(statement))


async def test_the_rejects_never_replace_what_is_read(house: House, tmp_path: Path) -> None:
    path = rows_file(tmp_path, [row(1)])
    before = path.read_bytes()
    assert "相同" in (await refused(house, path, rejects=tmp_path / "." / "a.csv"))[0]
    assert path.read_bytes() == before


async def test_columns_that_no_field_takes_are_named_in_the_summary(house: House, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", csv_text([(*row(1), "张三")], (*COLUMNS, "姓名")))
    assert any("未使用的列：姓名" in line for line in (await imported(house, path)).lines())


@pytest.mark.skipif(not MESSAGES.exists(), reason="skipped: data not present")
async def test_real_messages_are_all_accounted_for_and_the_longest_are_rejected(house: House, tmp_path: Path) -> None:
    maps = ("留言编号=id", "留言主题=title", "留言时间=occurred_at", "留言详情=text")
    said = SaidOnCommandLine(maps=maps, sets=("source=网上", "area=清河街道"), system="liuyanban")
    summary = await imported(house, MESSAGES, said=said, dry_run=True, rejects=tmp_path / "r.csv")
    assert summary.rows == 4326
    assert summary.by_status["created"] + summary.by_status["invalid"] == 4326
    assert {one["code"] for one in read_csv(tmp_path / "r.csv")} == {"string_too_long"}
