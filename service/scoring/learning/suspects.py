"""Columns that tell the label too well by themselves: most likely they were written after the event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from service.scoring.evaluate import Marks, Numbers, auc
from service.scoring.learning.events import Events
from service.scoring.learning.kinds import missing, number_of
from service.scoring.learning.rates import coded

TOO_GOOD = 0.98  # AUC of one column alone
ROWS_PER_VALUE = 20  # a column of more values than rows / this could tell every label by chance


def suspects(events: Events, labels: Marks) -> Mapping[str, float]:
    """Column → AUC, of those above TOO_GOOD in the training rows."""
    found = {name: _alone(cells, labels) for name, cells in events.columns.items()}
    return {name: value for name, value in found.items() if value > TOO_GOOD}


def _alone(cells: Sequence[str], labels: Marks) -> float:
    values, codes = coded(cells)
    if len(values) < 2:
        return 0.5
    told = []
    if len(values) * ROWS_PER_VALUE <= len(labels):
        told.append(auc(labels, _rates(codes, labels)))
    numbers = np.array([float("nan") if missing(value) else number_of(value) for value in values])
    if np.isnan(numbers).mean() < 0.5:
        value = auc(labels, np.nan_to_num(numbers, nan=float(np.nanmedian(numbers)))[codes])
        told.append(max(value, 1 - value))
    return max(told, default=0.5)


def _rates(codes: np.ndarray[tuple[int], np.dtype[np.intp]], labels: Marks) -> Numbers:
    rates: Numbers = np.bincount(codes, labels) / np.bincount(codes)
    return rates[codes]
