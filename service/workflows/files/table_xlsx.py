"""Workbooks (.xlsx): the first sheet, row by row. Formulas and error values are broken cells: paste them as values.

Memory grows with the workbook's table of distinct texts, which is bounded here; a CSV has no such table.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils import column_index_from_string

from service.workflows.files.table_rows import Broken, Cell, FileRefused, Row, at

MOST_UNPACKED = 4 << 30  # bytes of all parts of a workbook together
MOST_TEXTS = 512 << 20  # bytes of its table of distinct texts, which is kept in memory
TEXTS = "xl/sharedStrings.xml"
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
)


class XlsxRows:
    """The rows of the first sheet of a workbook."""

    padded = True

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._line = 0
        with _named(path, 1), _quiet():
            _check_size(path, file)
            self._book = openpyxl.load_workbook(file, read_only=True, keep_links=False)
            self._sheet: Any = self._book.worksheets[0]
            self._count: int | None = self._sheet.max_row
            self._sheet.reset_dimensions()  # what a file says of its size is often wrong, and would cut rows off

    def __iter__(self) -> Iterator[Row]:
        rows = self._sheet.iter_rows()
        while True:
            with _named(self._path, self._line + 1), _quiet():
                row = next(rows, None)
            if row is None:
                return
            self._line += 1
            yield Row(self._line, [_cell(cell) for cell in row])

    def part(self) -> float | None:
        return min(1.0, self._line / self._count) if self._count else None

    def close(self) -> None:
        self._book.close()


@contextmanager
def xlsx_rows(path: Path, file: BinaryIO) -> Iterator[XlsxRows]:
    rows = XlsxRows(path, file)
    try:
        yield rows
    finally:
        rows.close()


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        return Broken("formula", "是公式，请在 Excel 中“选择性粘贴为数值”后再导出。")
    if cell.data_type == "e":
        return Broken("excel_error", "是 Excel 错误值（如 #REF!），或超出范围的日期。")
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float | datetime | date | time):
        return value
    return Broken("unknown_cell", "不是文字、数字或日期。")


def refuse_traps(path: Path, file: BinaryIO, most_unpacked: int) -> None:
    """For a small sheet that people filled in by hand: refuse what would be read otherwise than it looks.

    A merged cell reads as one answer and many empty ones, a hidden first sheet is not the one that was looked at.
    `most_unpacked`: bytes of all parts together; a zip may unpack to a thousand times its size.
    """
    with _named(path, 1), _quiet(), zipfile.ZipFile(file) as archive:
        if sum(info.file_size for info in archive.infolist()) > most_unpacked:
            raise FileRefused([at(path, 1, 1, f"工作簿解压后超过 {most_unpacked >> 20} MiB，请另存为 UTF-8 CSV。")])
        book = openpyxl.load_workbook(file, read_only=True, keep_links=False)
        sheet: Any = book.worksheets[0]
        if sheet.sheet_state != "visible":
            raise FileRefused([at(path, 1, 1, "第一张工作表是隐藏的；请删除隐藏的工作表，把答卷放在第一张。")])
        merged = _MERGED.search(archive.read(sheet._worksheet_path.lstrip("/")))
        if merged:
            line, column = int(merged["line"]), column_index_from_string(merged["column"].decode())
            raise FileRefused([at(path, line, column, "有合并单元格；请取消合并，并在每一行填写各自的内容。")])
    file.seek(0)


_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"'](?P<column>[A-Z]{1,3})(?P<line>\d{1,7})")


def _check_size(path: Path, file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    if sum(sizes.values()) > MOST_UNPACKED or sizes.get(TEXTS, 0) > MOST_TEXTS:
        raise FileRefused([at(path, 1, 1, "工作簿太大，请另存为 UTF-8 CSV（可压缩为 .csv.gz）后导入。")])


@contextmanager
def _named(path: Path, line: int) -> Iterator[None]:
    """openpyxl meets a damaged file with whatever its parts raise."""
    try:
        yield
    except _DAMAGE as error:
        raise FileRefused([at(path, line, 1, f"不是有效的 .xlsx 文件，或已损坏：{error}")]) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """What openpyxl says about styles and validation it does not know is nothing to whoever imports data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
