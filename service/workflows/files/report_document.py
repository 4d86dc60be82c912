"""A report as values, before it is a file: headings, paragraphs, tables and a matrix, in the order they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from service.text.redaction import mask

_NUMERALS = "零一二三四五六七八九"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML cannot hold


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1–3; its number is given by `numbered`, unless it is not `counted`, such as 附件."""

    level: int
    text: str
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph; a `note` warns (未核实, 存疑) and is set apart."""

    text: str
    note: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with at least one row; every row has a cell for every column of `header`."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]  # relative, one for each column

    def __post_init__(self) -> None:
        if not self.rows or any(len(row) != len(self.header) for row in (*self.rows, self.widths)):
            raise ValueError(f"表 {self.caption} 没有行，或行、列不齐")


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of the matrix: the class that shades it, and the factors that lie in it."""

    risk: str  # RiskClass value
    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """A factor in the matrix; `number` is its own in the tables, `x` is q and `y` is p, both 0–1."""

    number: int
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """p × q: `rows` are the bands of p from the highest down, `columns` those of q from the lowest up.

    `row_edges` and `column_edges`: where each band ends, 0–1, in the same order.
    """

    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    row_edges: tuple[float, ...]
    column_edges: tuple[float, ...]
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Bars:
    """Pairs of bars, 0–1, one pair for each name; None: not known, no bar."""

    caption: str
    names: tuple[str, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]  # name → a value for each of `names`

    def __post_init__(self) -> None:
        if not self.names or any(len(values) != len(self.names) for _, values in self.series):
            raise ValueError(f"图 {self.caption} 没有内容，或数目不齐")


Block = Heading | Paragraph | Table | Matrix | Bars


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report. `mark`: what every page says at its head, such as 草稿."""

    title: str
    kind: str
    cover: tuple[tuple[str, str], ...]
    mark: str
    draft: bool
    blocks: tuple[Block, ...]


BAR_SHADES = ("A6A6A6", "2F5597")
"""Of the first and the second series of bars; apart in black print too."""

SHADES: Mapping[str, str] = {
    "major": "E06666", "large": "F4B183", "ordinary": "FFE699", "small": "DDEBF7", "tiny": "F2F2F2",
}  # fmt: skip
"""The shade of each risk class, RRGGBB; pale enough that black print stays readable on it."""


def table(caption: str, columns: Mapping[str, int], rows: Iterable[Sequence[str]], why: str) -> Block:
    """A table of `columns` (heading → relative width); without rows a paragraph that says 无 and `why`."""
    kept = tuple(tuple(row) for row in rows)
    return Table(caption, tuple(columns), kept, tuple(columns.values())) if kept else nothing(why)


def nothing(why: str) -> Paragraph:
    return Paragraph(f"无。{why}")


def numbered(blocks: Iterable[Block]) -> Iterator[Block]:
    """Headings with 一、（一） and 1. in front; tables and figures with 表 1, 图 1."""
    at, tables, figures = [0, 0, 0], 0, 0
    for block in blocks:
        if isinstance(block, Heading):
            at[block.level - 1] += block.counted
            at[block.level :] = [0] * (3 - block.level)
            number = _number(block.level, at[block.level - 1]) if block.counted else ""
            yield Heading(block.level, number + block.text, block.counted)
        elif isinstance(block, Table):
            tables += 1
            yield Table(f"表 {tables}　{block.caption}", block.header, block.rows, block.widths)
        elif isinstance(block, Matrix | Bars):
            figures += 1
            yield replace(block, caption=f"图 {figures}　{block.caption}")
        else:
            yield block


def told(text: object) -> str:
    """What somebody entered, as a report may print it: personal numbers masked, nothing a file cannot hold."""
    return mask(printable(str(text)))


def printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text)


def chinese(number: int) -> str:
    """1–99 in Chinese numerals."""
    tens, ones = divmod(number, 10)
    ten = "" if not tens else "十" if tens == 1 else f"{_NUMERALS[tens]}十"
    return ten + (_NUMERALS[ones] if ones or not tens else "")


def _number(level: int, number: int) -> str:
    return (f"{chinese(number)}、", f"（{chinese(number)}）", f"{number}. ")[level - 1]
