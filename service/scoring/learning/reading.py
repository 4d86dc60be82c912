"""Columns of text become columns of numbers and of flags; how, is settled once, on the training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.events import Events
from service.scoring.learning.kinds import Kind, Sorted, kind_of, missing, number_of, parts_of, words_of
from service.scoring.learning.moments import calendar, day_of
from service.scoring.learning.rates import Blocks, coded, learned_rates, rates_before
from service.scoring.learning.windows import Past, windows

COMMON_ROWS, COMMON_WORDS = 15, 20  # training rows a value or a word must stand in to get a flag of its own
MOST_VALUES, MOST_WORDS = 100, 150
RATED_VALUES = 8  # a column of more different values is also told by the rates of its values
NOTHING = "∅"  # how a missing cell counts among values

Flags = NDArray[np.uint8]
WORDS: Mapping[Kind, Callable[[str], list[str]]] = {
    Kind.CATEGORY: lambda cell: [cell],
    Kind.LIST: parts_of,
    Kind.TEXT: words_of,
}


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is read. `flags`: values or words that get a flag; `rates`: value → log-odds over the base."""

    name: str
    kind: Kind
    flags: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    rated: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """`numbers` [n, a] with NaN where missing, `flags` [n, b] of 0 and 1, and their names."""

    numbers: Numbers
    number_names: tuple[str, ...]
    flags: Flags
    flag_names: tuple[str, ...]

    def only(self, numbers: Sequence[str]) -> Frame:
        """The same rows with only these numbers; all flags."""
        places = [self.number_names.index(name) for name in numbers]
        return Frame(self.numbers[:, places], tuple(numbers), self.flags, self.flag_names)


def plan(events: Events) -> tuple[list[Column], dict[str, Sorted]]:
    """How each column is read, and the columns that are left out, with the reason."""
    columns, left_out = [], {}
    for name, cells in events.columns.items():
        told = _row_number(cells, events.times) or kind_of(cells)
        if told.kind is Kind.IGNORED:
            left_out[name] = told
        else:
            columns.append(_column(name, told.kind, cells))
    return columns, left_out


def training_frame(
    columns: Sequence[Column], events: Events, labels: Marks, blocks: Blocks
) -> tuple[Frame, list[Column]]:
    """The frame of the training rows, with rates from before each row; and the columns with the rates of all rows."""
    rates, rated = {}, []
    for column in columns:
        if column.rated:
            values, codes = coded(values_of(column, events))
            rates[column.name] = rates_before(codes, labels, blocks)
            final = learned_rates(codes, labels, len(values)).tolist()
            column = _with_rates(column, dict(zip(values, final, strict=True)))
        rated.append(column)
    return _frame(columns, events, rates, {}), rated


def frame_of(columns: Sequence[Column], events: Events, past: Past) -> Frame:
    """The frame of new rows: what the columns learned, and `past` events before them."""
    rates = {}
    for column in columns:
        if column.rated:
            known = [column.rates.get(value, 0.0) for value in values_of(column, events)]
            rates[column.name] = np.array(known, dtype=float)
    return _frame(columns, events, rates, past)


def _frame(columns: Sequence[Column], events: Events, rates: Mapping[str, Numbers], past: Past) -> Frame:
    numbers: dict[str, Numbers] = {}
    flags: dict[str, Flags] = {}
    for column in columns:
        cells = events.columns[column.name]
        if column.kind in WORDS:
            flags[column.name] = _flags(column, cells)
        if column.kind in NUMBERS:
            numbers[column.name] = NUMBERS[column.kind](cells, events.times)
    numbers |= {f"time:{name}": values for name, values in calendar(events.times).items()}
    numbers |= {f"before:{name}": values for name, values in windows(past, events.times, events.groups).items()}
    numbers |= {f"rate:{name}": values for name, values in rates.items()}
    return Frame(
        np.column_stack([*numbers.values()]),
        tuple(numbers),
        np.hstack([np.zeros((len(events), 0), np.uint8), *flags.values()]),
        tuple(f"{column.name}={flag}" for column in columns for flag in column.flags),
    )


def _column(name: str, kind: Kind, cells: Sequence[str]) -> Column:
    if kind not in WORDS:
        return Column(name, kind)
    values = Counter(NOTHING if missing(cell) else cell.strip() for cell in cells)
    words: Counter[str] = Counter()
    for value, count in values.items():
        words.update(dict.fromkeys([value] if value == NOTHING else WORDS[kind](value), count))
    enough, most = (COMMON_ROWS, MOST_VALUES) if kind is Kind.CATEGORY else (COMMON_WORDS, MOST_WORDS)
    common = [word for word, count in words.most_common(most) if enough <= count < len(cells)]
    return Column(name, kind, tuple(common), rated=len(values) > RATED_VALUES)


def _with_rates(column: Column, rates: Mapping[str, float]) -> Column:
    return Column(column.name, column.kind, column.flags, rates, column.rated)


def values_of(column: Column, events: Events) -> list[str]:
    """The cells of a column as values; what is missing is NOTHING."""
    return [NOTHING if missing(cell) else cell.strip() for cell in events.columns[column.name]]


def _flags(column: Column, cells: Sequence[str]) -> Flags:
    """[n, flags]: read once per different cell."""
    values, codes = coded(cells)
    table = np.zeros((len(values), len(column.flags)), np.uint8)
    places = {flag: place for place, flag in enumerate(column.flags)}
    for row, cell in enumerate(values):
        words = [NOTHING] if missing(cell) else WORDS[column.kind](cell.strip())
        table[row, [places[word] for word in words if word in places]] = 1
    return table[codes]


def _as_numbers(cells: Sequence[str], _: Numbers) -> Numbers:
    known = {cell: float("nan") if missing(cell) else number_of(cell) for cell in set(cells)}
    return np.array([known[cell] for cell in cells], dtype=float)


def _as_days_before(cells: Sequence[str], times: Numbers) -> Numbers:
    """Days from the date to the event: a date itself would only say how late it is."""
    known = {cell: None if missing(cell) else day_of(cell) for cell in set(cells)}
    before: Numbers = times - np.array([known[cell] for cell in cells], dtype=float)
    return before


def _as_length(cells: Sequence[str], _: Numbers) -> Numbers:
    known = {cell: 0 if missing(cell) else len(parts_of(cell)) for cell in set(cells)}
    return np.array([known[cell] for cell in cells], dtype=float)


NUMBERS: Mapping[Kind, Callable[[Sequence[str], Numbers], Numbers]] = {
    Kind.NUMBER: _as_numbers,
    Kind.DATE: _as_days_before,
    Kind.LIST: _as_length,
}


def _row_number(cells: Sequence[str], times: Numbers) -> Sorted | None:
    """A whole number that differs in every row and rises with time counts rows, and is left out."""
    if len(set(cells)) < max(len(cells), 20) or not all(cell.strip().isdigit() for cell in cells):
        return None
    ranks = [np.argsort(np.argsort(values)) for values in (np.array(cells, dtype=float), times)]
    rising = abs(np.asarray(np.corrcoef(ranks))[0, 1]) > 0.99
    return Sorted(Kind.IGNORED, "每行不同且随时间递增，视为编号") if rising else None
