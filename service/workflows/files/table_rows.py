"""What every kind of table file is read into: rows of plain cells, where a broken cell spoils only its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Protocol


class FileRefused(Exception):
    """A file, or what was said about it, cannot be used. `lines` are Chinese and say what would be right."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a cell or a row cannot be read: a stable code and a Chinese reason that never repeats what stood there."""

    code: str
    reason: str


Cell = str | int | float | bool | datetime | date | time | Broken | None  # None: the cell is empty


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `line` is where it starts in the file, from 1; with a `fault` the whole row is unreadable."""

    line: int
    cells: Sequence[Cell]
    fault: Broken | None = None


class Rows(Protocol):
    """The rows of an open file, the header among them."""

    padded: bool  # whether empty cells at the end of a row may be missing

    def __iter__(self) -> Iterator[Row]:
        """Raises FileRefused where the file itself is damaged."""

    def part(self) -> float | None:
        """How much of the file is read, 0 to 1; None when that cannot be known."""


def at(path: Path, line: int, column: int, message: str) -> str:
    """One line about a place in a file."""
    return f"{path}:{line}:{column}: {message}"


def text_of(cell: Cell) -> str:
    """A cell as text: a number without the .0 that workbooks add, nothing for an empty or broken cell."""
    if cell is None or isinstance(cell, Broken):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def letter(column: int) -> str:
    """What a spreadsheet calls a column, A for 0. Here, so that no server loads a spreadsheet library for it."""
    higher, own = divmod(column, 26)
    return (letter(higher - 1) if higher else "") + chr(ord("A") + own)


@contextmanager
def reachable(path: Path, trouble: str) -> Iterator[None]:
    """What the system refuses about a file is said with `trouble` (Chinese) and as the system names it."""
    try:
        yield
    except OSError as error:
        raise FileRefused([f"{path}: {trouble}：{error.strerror or error}"]) from None
