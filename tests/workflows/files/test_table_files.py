from __future__ import annotations

import gzip
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from service.workflows.files.table_files import open_table
from service.workflows.files.table_out import csv_out
from service.workflows.files.table_rows import Broken, FileRefused, Row
from tests.workflows.files.table_makers import write, write_xlsx


def rows_in(path: Path) -> list[Row]:
    with open_table(path) as table:
        return list(table.rows())


def kept(path: Path) -> list[list[object]]:
    return [list(row.cells) for row in rows_in(path)]


def refusal(path: Path) -> tuple[str, ...]:
    with pytest.raises(FileRefused) as refused:
        rows_in(path)
    return refused.value.lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_text_reads_alike_in_every_usual_encoding(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "a.csv", "编号,内容\r\n1,欠薪三个月\r\n".encode(encoding))
    assert kept(path) == [["1", "欠薪三个月"]]


def test_a_gzipped_file_reads_like_the_plain_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", gzip.compress("编号,内容\n1,欠薪\n".encode()))
    assert kept(path) == [["1", "欠薪"]]


def test_a_mark_is_no_part_of_the_first_column_name(tmp_path: Path) -> None:
    with open_table(write(tmp_path / "a.csv", b"\xef\xbb\xbfid\n1\n")) as table:
        assert table.columns == ("id",)


def test_one_cell_with_broken_bytes_spoils_only_itself_and_does_not_change_the_encoding(tmp_path: Path) -> None:
    good = "1,欠薪\n2,欠薪\n".encode()
    broken, fine = kept(write(tmp_path / "a.csv", "编号,内容\n".encode() + b"0,\xe6\xac\n" + good))[:2]
    assert broken[0] == "0"
    assert isinstance(broken[1], Broken)
    assert broken[1].code == "bad_encoding"
    assert fine == ["1", "欠薪"]


def test_a_cell_with_a_nul_is_broken(tmp_path: Path) -> None:
    cell = kept(write(tmp_path / "a.csv", b"a,b\n1,x\0y\n"))[0][1]
    assert isinstance(cell, Broken)


def test_lines_are_counted_through_cells_of_several_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'a,b\n1,"x\ny\nz"\n2,w\n')
    assert [(row.line, row.cells[1]) for row in rows_in(path)] == [(2, "x\ny\nz"), (5, "w")]


def test_an_open_quote_spoils_its_row_and_none_of_those_it_would_swallow(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'a,b\n1,"x\n2,y\n3,z\n')
    rows = rows_in(path)
    assert [(row.line, row.fault.code if row.fault else list(row.cells)) for row in rows] == [
        (2, "bad_quoting"),
        (3, ["2", "y"]),
        (4, ["3", "z"]),
    ]


def test_an_open_quote_is_bounded_by_the_field_limit(tmp_path: Path) -> None:
    many = "".join(f"{n},yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n" for n in range(5000))
    rows = rows_in(write(tmp_path / "a.csv", f'a,b\n1,"x\n{many}'))
    assert rows[0].fault is not None
    assert rows[0].fault.code == "cell_too_long"
    assert [row.line for row in rows] == list(range(2, 5003))
    assert not any(row.fault for row in rows[1:])


@pytest.mark.parametrize("cell", ["x" * 200_000, "x" * 3_000_000, '"' + "x" * 3_000_000 + '"'])
def test_a_giant_cell_spoils_only_its_row(tmp_path: Path, cell: str) -> None:
    rows = rows_in(write(tmp_path / "a.csv", f"a,b\n1,{cell}\n2,y\n"))
    assert rows[0].fault is not None
    assert (rows[-1].line, list(rows[-1].cells)) == (3, ["2", "y"])


def test_a_cut_line_never_passes_for_whole(tmp_path: Path) -> None:
    wide = ",".join(["y" * 100_000] * 11)
    rows = rows_in(write(tmp_path / "a.csv", f"{','.join('abcdefghijk')}\n{wide}\n"))
    assert rows[0].fault is not None or any(isinstance(cell, Broken) for cell in rows[0].cells)


@pytest.mark.parametrize(("line", "code"), [("1,2,3", "too_many_cells"), ("1", "too_few_cells")])
def test_a_row_as_long_as_no_header_is_refused(tmp_path: Path, line: str, code: str) -> None:
    row = rows_in(write(tmp_path / "a.csv", f"a,b\n{line}\n"))[0]
    assert row.fault is not None
    assert row.fault.code == code


def test_empty_rows_are_no_rows(tmp_path: Path) -> None:
    assert kept(write(tmp_path / "a.csv", "a,b\n\n,\n , \n1,2\n\n")) == [["1", "2"]]


def test_a_truncated_gzip_is_refused_at_its_line(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n * n, n**3) for n in range(50_000)))
    line = refusal(write(tmp_path / "a.csv.gz", whole[: len(whole) // 2]))[0]
    place, message = line.removeprefix(f"{tmp_path}/a.csv.gz:").split(": ", 1)
    assert 10_000 < int(place.split(":")[0]) < 50_000
    assert "损坏" in message


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "文件是空的"),
        ("a.csv", "编号,内容\n".encode("utf-16"), "UTF-16"),
        ("a.csv", "a,a\n1,2\n", "“a”重复"),
        ("a.csv.gz", b"not gzip", "损坏"),
        ("a.xlsx", b"not a workbook", ".xlsx"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "另存为"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_is_wrong(
    tmp_path: Path, name: str, content: str | bytes, says: str
) -> None:
    assert says in refusal(write(tmp_path / name, content))[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv")[0].startswith(f"{tmp_path / 'none.csv'}: 读不到文件")


def test_a_workbook_gives_numbers_and_dates_as_such_and_formulas_as_broken(tmp_path: Path) -> None:
    moment = datetime(2019, 2, 28, 11, 25, 5)  # noqa: DTZ001  a workbook knows no zones
    path = write_xlsx(tmp_path / "a.xlsx", [["a", "b", "c", "d"], [188006, moment, "=1+1", " x "], [None, None, None]])
    number, day, formula, text = kept(path)[0]
    assert (number, day, text) == (188006, moment, "x")
    assert isinstance(formula, Broken)
    assert formula.code == "formula"
    assert len(kept(path)) == 1


def test_a_workbook_that_lies_about_its_size_is_read_to_the_end(tmp_path: Path) -> None:
    whole = write_xlsx(tmp_path / "a.xlsx", [["a", "b"], *([n, n] for n in range(20))])
    path = with_part_changed(whole, tmp_path / "b.xlsx", 'dimension ref="A1:B21"', 'dimension ref="A1:A2"')
    assert [row.cells[1] for row in rows_in(path)] == list(range(20))


def with_part_changed(source: Path, target: Path, old: str, new: str) -> Path:
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            after.writestr(name, content)
    return target


def test_how_much_is_read_grows_to_the_whole(tmp_path: Path) -> None:
    with open_table(write(tmp_path / "a.csv", "a\n" + "1\n" * 50_000)) as table:
        parts = [table.part() or 0 for _ in table.rows()]
    assert parts == sorted(parts)
    assert parts[0] < 0.5 < parts[-1] <= 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(tmp_path: Path, start: str) -> None:
    with csv_out(tmp_path / "out.csv", ["a"]) as out:
        out.row([f"{start}1+1"])
        out.row([-1])
    assert (tmp_path / "out.csv").read_bytes() == f"\ufeffa\r\n'{start}1+1\r\n-1\r\n".encode()


def test_a_file_that_could_not_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    write(tmp_path / "out.csv", "old")
    with pytest.raises(ZeroDivisionError), csv_out(tmp_path / "out.csv", ["a"]):
        1 / 0  # noqa: B018
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "old"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="写不了文件"), csv_out(tmp_path / "none" / "out.csv", ["a"]):
        pass
