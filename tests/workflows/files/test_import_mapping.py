from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.workflows.files.import_mapping import Mapping, SaidOnCommandLine, read_mapping, settle
from service.workflows.files.table_files import open_table
from service.workflows.files.table_rows import FileRefused
from tests.workflows.files.table_makers import MAPS, csv_text, row, write

WHOLE = """\
format: weiyu-mapping-1
system: liuyanban
timezone: Asia/Urumqi
columns:
  编号: id
  标题: title
  时间: occurred_at
  内容: text
set: {area: 990101001001, source: 网上}
values:
  category: {城市管理: 城管执法}
"""


def mapping_of(tmp_path: Path, text: str, **said: object) -> Mapping:
    return read_mapping(write(tmp_path / "m.yaml", text), SaidOnCommandLine(**said))  # type: ignore[arg-type]


def faults(tmp_path: Path, text: str, **said: object) -> list[str]:
    with pytest.raises(FileRefused) as refused:
        mapping_of(tmp_path, text, **said)
    return [line.removeprefix(f"{tmp_path}/") for line in refused.value.lines]


def settled(mapping: Mapping, path: Path) -> Mapping:
    with open_table(path) as table:
        settle(mapping, table)
    return mapping


def test_a_mapping_file_keeps_everything(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, WHOLE)
    assert mapping.system_name == "liuyanban"
    assert mapping.zone(ZoneInfo("Asia/Shanghai")) == ZoneInfo("Asia/Urumqi")
    assert {column: said.text for column, said in mapping.columns.items()}["时间"] == "occurred_at"
    assert mapping.fixed["area"].text == "990101001001"
    assert mapping.values["category"]["城市管理"].text == "城管执法"


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, WHOLE, maps=["备注=title", "标题=place_text"], sets=["source=来访"], system="other")
    assert mapping.system_name == "other"
    assert mapping.columns["标题"].text == "place_text"
    assert mapping.fixed["source"].text == "来访"


def test_a_column_may_have_an_equals_sign_in_its_name() -> None:
    mapping = read_mapping(None, SaidOnCommandLine(maps=["a=b=id"], system="s"))
    assert mapping.columns.keys() == {"a=b"}


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("  标题: title", "  标题: titel", "m.yaml:6:7:", "did you mean title?"),
        ("set: {area", "set: {arae", "m.yaml:9:7:", "did you mean area?"),
        ("values:\n  category", "values:\n  categroy", "m.yaml:11:3:", "did you mean category?"),
        ("system:", "sistem:", "m.yaml:2:1:", "did you mean ‘system’?"),
        ("mapping-1", "mapping-2", "m.yaml:1:9:", "weiyu-mapping-1"),
        ("source: 网上", "source: true", "m.yaml:9:35:", "加引号"),
        ("Urumqi", "Urumtschi", "m.yaml:3:11:", "没有时区"),
        ("  内容: text", "  内容: title", "m.yaml:8:7:", "同一字段 title"),
        ("set: {area", "set: {id", "m.yaml:9:7:", "自己的编号"),
        ("  标题: title", "  标题: [title]", "m.yaml:6:7:", "应为文字"),
        ("columns:", "columns: x\nset2:", "m.yaml:4:10:", "应为键和值"),
    ],
)
def test_a_fault_is_named_at_its_place(tmp_path: Path, old: str, new: str, place: str, says: str) -> None:
    assert old in WHOLE
    found = faults(tmp_path, WHOLE.replace(old, new))
    assert any(line.startswith(place) and says in line for line in found), found


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, WHOLE.replace("title", "titel").replace("Urumqi", "X"))) == 2


def test_a_mapping_without_a_system_gets_one_name_for_all_such_files(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(WHOLE.replace("system: liuyanban\n", ""), "utf-8")
    assert read_mapping(file, SaidOnCommandLine()).system_name == "文件导入"


def test_an_unknown_column_is_named_with_the_columns_of_the_file(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, WHOLE.replace("  标题:", "  主标题:"))
    with pytest.raises(FileRefused) as refused:
        settled(mapping, write(tmp_path / "a.csv", csv_text([row(1)])))
    line = refused.value.lines[0]
    assert line.startswith(f"{tmp_path}/m.yaml:6:3:")
    assert "是否想写“标题”" in line
    assert "编号、标题、时间、内容、地点" in line


def test_a_required_field_without_column_or_value_is_named(tmp_path: Path) -> None:
    mapping = read_mapping(None, SaidOnCommandLine(maps=MAPS[1:], sets=["source=网上"], system="s"))
    with pytest.raises(FileRefused) as refused:
        settled(mapping, write(tmp_path / "a.csv", csv_text([row(1)])))
    assert [line.split(" ")[1] for line in refused.value.lines] == ["id"]


def test_without_any_mapping_columns_named_like_fields_are_taken(tmp_path: Path) -> None:
    mapping = read_mapping(None, SaidOnCommandLine(system="s"))
    header = "id,area,text,occurred_at,source,姓名"
    settled(mapping, write(tmp_path / "a.csv", f"{header}\n1,2,3,4,5,6\n"))
    assert list(mapping.columns) == ["id", "area", "text", "occurred_at", "source"]
