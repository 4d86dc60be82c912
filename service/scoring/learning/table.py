"""A table of events from a CSV file: UTF-8 with or without mark, plain or gzipped. All cells are text until asked."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.domain.problems import Problem
from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.moments import day_of

GZIP_MARK = b"\x1f\x8b"
TRUE, FALSE = {"1", "1.0", "true", "yes", "是"}, {"0", "0.0", "false", "no", "否"}


class TableRefused(Problem):
    """A table that cannot be used. `detail` says in Chinese where (file:line:column) and what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__(422, "table_refused", detail)


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` name → cells, all of one length; `lines[row]` is the line of the file on which the row begins."""

    name: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]

    def place(self, row: int, column: str) -> str:
        """file:line:column of a cell; columns count from 1, as a spreadsheet does."""
        return f"{self.name}:{self.lines[row]}:{list(self.columns).index(column) + 1}"

    def take(self, rows: Sequence[int]) -> Table:
        """The same columns, only these rows, in this order."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return Table(self.name, columns, [self.lines[row] for row in rows])


def read_table(path: Path) -> Table:
    """The table of a file. TableRefused when it cannot be read, is not UTF-8, or a row has too many or few cells."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for row in reader:
            if row and header:
                _same_length(path, line, row, header)
                rows.append(row)
                lines.append(line)
            elif row:
                header = _checked(path, row)
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableRefused(f"{path}:{line}:1 不是合规的 CSV（{error}）；请检查引号是否成对。") from None
    if not rows:
        raise TableRefused(f"{path}:1:1 没有数据行；第一行应为列名，其后每行一个事件。")
    return Table(str(path), dict(zip(header, zip(*rows, strict=True), strict=True)), lines)


def times_of(table: Table, column: str) -> Numbers:
    """Days since 1970-01-01 UTC of each row; TableRefused at the first cell that is no moment."""
    cells = _column(table, column, "--time")
    known = {cell: day_of(cell) for cell in set(cells)}
    for row, cell in enumerate(cells):
        if known[cell] is None:
            said = f"“{cell}”不是可识别的时间" if cell.strip() else "时间为空"
            wanted = "2024-05-01、2024-05-01T08:30:00+08:00、2024/5/1、20240501"
            raise TableRefused(f"{table.place(row, column)} {said}；请写成 {wanted} 这样的形式。")
    return np.array([known[cell] for cell in cells], dtype=float)


def labels_of(table: Table, column: str) -> Marks:
    """True where the label is 1, true, yes or 是; TableRefused at the first cell that is no label."""
    cells = _column(table, column, "--label")
    said = [cell.strip().lower() for cell in cells]
    for row, word in enumerate(said):
        if word not in TRUE and word not in FALSE:
            wrong = f"标签“{cells[row]}”无法识别" if word else "标签为空"
            raise TableRefused(f"{table.place(row, column)} {wrong}；标签只能是 0/1、true/false、yes/no、是/否。")
    return np.array([word in TRUE for word in said], dtype=bool)


def _column(table: Table, column: str, option: str) -> Sequence[str]:
    if column not in table.columns:
        has = "、".join(table.columns)
        raise TableRefused(f"{table.name}:1:1 没有 {option} 指定的列“{column}”；现有列：{has}。")
    return table.columns[column]


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content.startswith(GZIP_MARK):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise TableRefused(f"{path}:1:1 无法读取：{getattr(error, 'strerror', None) or error}。") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableRefused(f"{path}:{line}:1 不是 UTF-8 文字；请另存为 UTF-8 编码的 CSV。") from None


def _checked(path: Path, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    for place, name in enumerate(names):
        if not name:
            raise TableRefused(f"{path}:1:{place + 1} 列名为空；请给每一列起名。")
        if name in names[:place]:
            raise TableRefused(f"{path}:1:{place + 1} 列名“{name}”重复；请改名或删去一列。")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise TableRefused(f"{path}:1:1 只有一列；列之间须用逗号分隔。")
    return names


def _same_length(path: Path, line: int, row: list[str], header: list[str]) -> None:
    if len(row) != len(header):
        where = f"{path}:{line}:{min(len(row), len(header)) + 1}"
        raise TableRefused(f"{where} 本行有 {len(row)} 格，列名有 {len(header)} 个；含逗号的格须加引号。")
