"""Whether a case lies outside what was seen: a value never met, a number beyond the range, a gap where none was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.events import Events
from service.scoring.learning.kinds import Kind
from service.scoring.learning.reading import NUMBERS, Column, values_of

MARGIN = 0.05  # of the range that was seen
NEWEST = 0.8  # quantile of time after which a value counts as new in training
NEW_SHARE = 0.02  # of the newest rows: a column with more new values brings new ones all the time


@dataclass(frozen=True, slots=True)
class Seen:
    """`ranges` number column → (low, high, ever missing); `values` category column → what it held."""

    ranges: Mapping[str, tuple[float, float, bool]]
    values: Mapping[str, frozenset[str]]

    def reasons(self, columns: Sequence[Column], events: Events) -> list[tuple[str, ...]]:
        """For each row why it lies outside, in Chinese; empty where it does not."""
        told: list[list[str]] = [[] for _ in range(len(events))]
        for column in columns:
            if column.name in self.ranges:
                self._beyond(column, events, told)
            elif column.name in self.values:
                self._unmet(column, events, told)
        return [tuple(reasons) for reasons in told]

    def _beyond(self, column: Column, events: Events, told: list[list[str]]) -> None:
        low, high, gaps = self.ranges[column.name]
        numbers = NUMBERS[column.kind](events.columns[column.name], events.times)
        reach = MARGIN * (high - low)
        for row in np.flatnonzero((numbers < low - reach) | (numbers > high + reach)):
            told[row].append(f"{column.name} = {numbers[row]:g}，超出训练时的 {low:g}–{high:g}")
        for row in np.flatnonzero(np.isnan(numbers)) if not gaps else ():
            told[row].append(f"{column.name} 缺失，训练时从不缺失")

    def _unmet(self, column: Column, events: Events, told: list[list[str]]) -> None:
        met = self.values[column.name]
        for row, value in enumerate(values_of(column, events)):
            if value not in met:
                told[row].append(f"{column.name} = {value}，训练时没有出现过")


def seen_in(columns: Sequence[Column], events: Events) -> Seen:
    """What the training rows held."""
    ranges = {c.name: _range(c, events) for c in columns if c.kind in (Kind.NUMBER, Kind.DATE)}
    late = events.times > np.quantile(events.times, NEWEST)
    values = {}
    for column in (c for c in columns if c.kind is Kind.CATEGORY):
        held = values_of(column, events)
        before = {value for value, new in zip(held, late, strict=True) if not new}
        if np.mean([value not in before for value, new in zip(held, late, strict=True) if new] or [False]) <= NEW_SHARE:
            values[column.name] = frozenset(held)
    return Seen(ranges, values)


def _range(column: Column, events: Events) -> tuple[float, float, bool]:
    numbers: Numbers = NUMBERS[column.kind](events.columns[column.name], events.times)
    return float(np.nanmin(numbers)), float(np.nanmax(numbers)), bool(np.isnan(numbers).any())
