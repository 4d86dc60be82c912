"""Tasks of the learner from public event data beside the checkout: TRAIN and TEST as CSV, split at fixed days.

Features are what was known when the event began. What was written afterwards (notes, the state's response, the end, the
final size) is left out, and so is every other label.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, radians
from pathlib import Path

import numpy as np

Row = dict[str, str]

AFTERWARDS_MM = {"id", "end", "size", "participants", "participants_category", "location"}
AFTERWARDS_SCAD = {
    *("eventid", "id", "startdate", "enddate", "duration", "eday", "emo", "eyr", "escalation", "ndeath", "repress"),
    *("notes", "issuenote", "coder", "acd_questionable", "geo_comments", "stday", "stmo", "styr", "nsource"),
    *("female_event", "lgbtq_issue", "npart"),
}
CELL_METRES, METRES_PER_DEGREE, LATITUDE = 300, 111_320, 48.78
MORE, AHEAD_DAYS = 3, 14
CELLS = "≥ 3 more reports in the same 300 m cell and category within 14 days"
WINDOWS = (7, 14, 30, 90, 365)
# Fixed before any of them was run; TEST is everything from the day on.
SPLITS = {
    "mm": ("2006-01-01", "2009-01-01", "2012-01-01"),
    "scad": ("2000-01-01", "2002-01-01", "2004-01-01"),
    "cells": ("2023-01-01", "2023-07-01", "2024-01-01"),
}


@dataclass(frozen=True, slots=True)
class Task:
    """`horizon` days that the label looks ahead: TRAIN ends so long before a split."""

    name: str
    about: str
    data: str
    rows: Callable[[], list[Row]]
    label: str
    group: str
    horizon: int
    refitted: bool  # also judged with a fit per year, from the middle split on


def tasks(data: Path) -> list[Task]:
    """All tasks, in the order of the page."""

    def protests(label: str, quiet: bool) -> Callable[[], list[Row]]:
        return lambda: _protests(data, label, quiet)

    mm = [
        ("viol30", "a violent protest in the country within 30 days of a non-violent one", True, 30, True),
        ("viol14", "the same within 14 days", True, 14, False),
        ("violent", "this protest turns violent", False, 0, False),
        ("bigger30", "a larger protest (≥ 1,000) within 30 days", False, 30, False),
        ("lethal", "a lethal response", False, 0, False),
    ]
    return [
        *(
            Task(name, about, "mm", protests(f"LABEL_{name}", quiet), f"LABEL_{name}", "country", days, refitted)
            for name, about, quiet, days, refitted in mm
        ),
        Task("scad", "a SCAD event escalates", "scad", lambda: _conflicts(data), "escalates", "countryname", 0, True),
        Task("cells", CELLS, "cells", lambda: _reports(data), "more", "cell", 14, True),
    ]


def write_split(rows: Iterable[Row], split: str, horizon: int, folder: Path) -> tuple[Path, Path]:
    """TRAIN and TEST of a split, as files."""
    until = (datetime.fromisoformat(split) - timedelta(days=horizon)).isoformat()[:10]
    listed = list(rows)
    parts = {
        "train": [row for row in listed if row["start"] < until],
        "test": [row for row in listed if row["start"] >= split],
    }
    for name, part in parts.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(part[0]))
            writer.writeheader()
            writer.writerows(part)
    return folder / "train.csv", folder / "test.csv"


def _read(file: Path) -> Iterator[Row]:
    with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _protests(data: Path, label: str, quiet: bool) -> list[Row]:
    rows = _read(data / "protests_mm/tasks_1990_2013.csv.gz")
    kept = [row for row in rows if not quiet or float(row["LABEL_violent"]) == 0]
    return [
        {name: cell for name, cell in row.items() if name == label or not _left_out(name)} for row in kept if row[label]
    ]


def _left_out(name: str) -> bool:
    return name.startswith("LABEL_") or name in AFTERWARDS_MM


def _conflicts(data: Path) -> list[Row]:
    told = []
    for row in _read(data / "social_conflict_scad/events_1990_2007.csv.gz"):
        start = f"{int(row['styr'])}-{int(row['stmo']):02}-{max(int(row['stday']), 1):02}"
        known = {name: cell for name, cell in row.items() if name not in AFTERWARDS_SCAD}
        told.append({"start": start, "escalates": str(int(float(row["escalation"] or 0) > 0)), **known})
    return sorted(told, key=lambda row: row["start"])


def _reports(data: Path) -> list[Row]:
    """Reports with counts of earlier ones in the same cell, category and both; the last days have no label yet."""
    rows = [row for row in _read(data / "city_reports_stuttgart/reports_2020_2024.csv.gz") if row["lat"] and row["lon"]]
    rows.sort(key=lambda row: row["first_seen_at_timestamp"])
    days = np.array([datetime.fromisoformat(row["first_seen_at_timestamp"]).timestamp() / 86_400 for row in rows])
    cells = [_cell(row) for row in rows]
    categories = [row["category"] for row in rows]
    both = [f"{cell}|{category}" for cell, category in zip(cells, categories, strict=True)]
    columns: dict[str, np.ndarray] = {"more": np.zeros(len(rows))}
    for name, groups in (("same", both), ("cell", cells), ("category", categories)):
        columns |= _counts(name, groups, days)
    for places in _places(both).values():
        times = days[places]
        until = np.searchsorted(times, times + AHEAD_DAYS, "right")
        columns["more"][places] = until - np.arange(len(times)) - 1 >= MORE
    settled = np.flatnonzero(days < days.max() - AHEAD_DAYS)
    return [_report(rows[n], cells[n], {name: column[n] for name, column in columns.items()}) for n in settled]


def _report(row: Row, cell: str, counts: Mapping[str, float]) -> Row:
    known = {name: row[name] for name in ("first_seen_weekday", "first_seen_hour", "category", "lat", "lon")}
    told = {name: "" if np.isnan(value) else f"{value:g}" for name, value in counts.items()}
    return {"start": row["first_seen_at_timestamp"], **known, "cell": cell, **told}


def _cell(row: Row) -> str:
    east = float(row["lon"]) * cos(radians(LATITUDE)) * METRES_PER_DEGREE / CELL_METRES
    return f"{round(east)}_{round(float(row['lat']) * METRES_PER_DEGREE / CELL_METRES)}"


def _counts(name: str, groups: list[str], days: np.ndarray) -> dict[str, np.ndarray]:
    told = {f"{name}_{window}d": np.zeros(len(days)) for window in WINDOWS}
    told[f"{name}_since"] = np.full(len(days), np.nan)
    for places in _places(groups).values():
        times = days[places]
        for window in WINDOWS:
            told[f"{name}_{window}d"][places] = np.arange(len(times)) - np.searchsorted(times, times - window)
        told[f"{name}_since"][places] = np.diff(times, prepend=np.nan)
    return told


def _places(groups: list[str]) -> dict[str, list[int]]:
    places = defaultdict(list)
    for place, group in enumerate(groups):
        places[group].append(place)
    return places
