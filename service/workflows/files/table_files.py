"""Rows of a table file (.csv, .csv.gz, .xlsx)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from service.workflows.files.table_csv import csv_rows, gzipped_csv_rows
from service.workflows.files.table_rows import Broken, FileRefused, Row, Rows, at, reachable
from service.workflows.files.table_xlsx import xlsx_rows

_OPENERS: dict[str, Callable[[Path, BinaryIO], AbstractContextManager[Rows]]] = {
    ".csv.gz": gzipped_csv_rows,
    ".csv": csv_rows,
    ".xlsx": xlsx_rows,
}


class Table:
    """A table file open for reading: its columns, then its rows, once. `columns` has "" for a column without a name."""

    def __init__(self, path: Path, rows: Rows) -> None:
        self.path = path
        self._rows, self._iterator = rows, iter(rows)
        header = next(self._iterator, None)
        if header is None:
            raise FileRefused([at(path, 1, 1, "文件是空的；第一行应为列名。")])
        self.columns = _names(path, header)

    def rows(self) -> Iterator[Row]:
        """The rows under the header, each with one cell per column; empty rows are passed over."""
        width, padded = len(self.columns), self._rows.padded
        for row in self._iterator:
            if row.fault is not None or (len(row.cells) == width and any(cell is not None for cell in row.cells)):
                yield row
            elif any(cell is not None for cell in row.cells):
                yield _fitted(row, width, padded)

    def part(self) -> float | None:
        """How much of the file is read, 0 to 1; None when that cannot be known."""
        return self._rows.part()


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """A table file by the end of its name. Raises FileRefused saying what would be right."""
    opener = _opener(path)
    with reachable(path, "读不到文件"), path.open("rb") as file, opener(path, file) as rows:
        yield Table(path, rows)


@contextmanager
def table_in(path: Path, file: BinaryIO) -> Iterator[Table]:
    """The same for an open file, such as one in memory; `path` is only its name."""
    with _opener(path)(path, file) as rows:
        yield Table(path, rows)


def _opener(path: Path) -> Callable[[Path, BinaryIO], AbstractContextManager[Rows]]:
    name = path.name.lower()
    opener = next((opener for ending, opener in _OPENERS.items() if name.endswith(ending)), None)
    if opener is None:
        raise FileRefused([f"{path}: 只能读 {'、'.join(_OPENERS)} 文件；旧格式 .xls 请另存为 .xlsx 或 UTF-8 CSV。"])
    return opener


def like(word: str, known: Sequence[str]) -> str:
    """`，是否想写“x”(did you mean x?)` with the known word most like this one; empty when none is like it."""
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"，是否想写“{near[0]}”(did you mean {near[0]}?)" if near else ""


def _names(path: Path, header: Row) -> tuple[str, ...]:
    if header.fault is not None:
        raise FileRefused([at(path, header.line, 1, header.fault.reason)])
    errors, names = [], []
    for column, cell in enumerate(header.cells, start=1):
        if isinstance(cell, Broken):
            errors.append(at(path, header.line, column, f"列名{cell.reason}"))
        name = "" if cell is None else str(cell)
        if name and name in names:
            errors.append(at(path, header.line, column, f"列名“{name}”重复，请改名。"))
        names.append(name)
    if errors:
        raise FileRefused(errors)
    return tuple(names)


def _fitted(row: Row, width: int, padded: bool) -> Row:
    cells = list(row.cells)
    while len(cells) > width and cells[-1] is None:
        cells.pop()
    if len(cells) > width:
        return Row(
            row.line,
            (),
            Broken("too_many_cells", f"有 {len(cells)} 个单元格，表头只有 {width} 列；含逗号的内容要加引号。"),
        )
    if len(cells) < width and not padded:
        return Row(
            row.line, (), Broken("too_few_cells", f"只有 {len(cells)} 个单元格，表头有 {width} 列；这一行可能被截断。")
        )
    return Row(row.line, cells + [None] * (width - len(cells)))
