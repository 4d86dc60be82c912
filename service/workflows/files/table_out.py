"""CSV that Excel opens: as a file, or as a text to answer with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.workflows.files.table_rows import reachable

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class CsvOut:
    """Writes rows of a CSV; a cell that a spreadsheet would run as a formula is defused with a leading quote."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def row(self, cells: Sequence[object]) -> None:
        self._writer.writerow([_defused(cell) for cell in cells])


@contextmanager
def csv_out(path: Path, header: Sequence[str]) -> Iterator[CsvOut]:
    """A CSV (UTF-8 with mark, CRLF, as Excel wants it) that stands at `path` when it is whole, or not at all."""
    unfinished = path.with_name(path.name + ".part")
    try:
        with reachable(path, "写不了文件"), unfinished.open("w", encoding="utf-8-sig", newline="") as file:
            out = CsvOut(csv.writer(file))
            out.row(header)
            yield out
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A small CSV as text, with the same mark, line ends and defused cells."""
    file = io.StringIO(newline="")
    out = CsvOut(csv.writer(file))
    out.row(header)
    for row in rows:
        out.row(row)
    return "\ufeff" + file.getvalue()


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
