"""How busy it has been before each event: in its group and everywhere. Only strictly earlier events ever count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.events import Rows

IN_GROUP = (7.0, 30.0, 90.0, 365.0, 1500.0)  # days in which an event's weight falls to 1/e
EVERYWHERE = (7.0, 30.0, 365.0)
EVERYONE = ""  # the group that holds all events

Past = Mapping[str, Sequence[float]]


def past_of(times: Numbers, groups: Sequence[str] | None) -> dict[str, list[float]]:
    """Group → times of its events, sorted; all events stand under EVERYONE."""
    past = {EVERYONE: np.sort(times).tolist()}
    for group, rows in members(groups or ()).items():
        past[_key(group)] = np.sort(times[rows]).tolist()
    return past


def windows(past: Past, times: Numbers, groups: Sequence[str] | None) -> dict[str, Numbers]:
    """Name → [n]: log of decayed counts of earlier events, and days since the last one (NaN: the first).

    Everywhere only how much busier it was lately than before is told: how busy it was at all grows with whoever keeps
    the records, and would stand for the date.

    `past` are events known beforehand; the n events themselves count for those after them.
    """
    everyone = np.arange(len(times))
    found = _surges(_columns("all", EVERYWHERE, [(past.get(EVERYONE, ()), everyone)], times))
    if groups is not None:
        parts = [(past.get(_key(group), ()), rows) for group, rows in members(groups).items()]
        found |= _columns("group", IN_GROUP, parts, times)
    return found


def _surges(counted: Mapping[str, Numbers]) -> dict[str, Numbers]:
    short, middle, long = (counted[f"all_{scale:g}d"] for scale in EVERYWHERE)
    return {"surge_week": short - middle, "surge_month": middle - long}


def members(groups: Sequence[str]) -> dict[str, Rows]:
    """Group → its rows."""
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return {group: np.array(found, dtype=np.intp) for group, found in rows.items()}


def _key(group: str) -> str:
    return f"={group}"


def _columns(
    name: str, scales: Sequence[float], parts: Sequence[tuple[Sequence[float], Rows]], times: Numbers
) -> dict[str, Numbers]:
    table = np.zeros((len(times), len(scales) + 1))
    for known, rows in parts:
        table[rows] = _swept(np.asarray(known, dtype=float), times[rows], scales)
    names = [f"{name}_{scale:g}d" for scale in scales] + [f"{name}_since"]
    return {each: table[:, place] for place, each in enumerate(names)}


def _swept(known: Numbers, asked: Numbers, scales: Sequence[float]) -> Numbers:
    """[len(asked), len(scales) + 1]: what had happened before each asked moment, the moment itself left out."""
    moments, place, counts = np.unique(np.concatenate([known, asked]), return_inverse=True, return_counts=True)
    told: list[list[float]] = []
    weights, last = [0.0] * len(scales), float("nan")
    for moment, count in zip(moments.tolist(), counts.tolist(), strict=True):
        if told:
            weights = [weight * exp((last - moment) / scale) for weight, scale in zip(weights, scales, strict=True)]
        told.append([*weights, moment - last])
        weights = [weight + count for weight in weights]
        last = moment
    table = np.array(told)
    table[:, :-1] = np.log1p(table[:, :-1])
    return table[place[len(known) :]]
