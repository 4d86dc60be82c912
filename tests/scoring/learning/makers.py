"""Made-up tables: every number in them is drawn by dice, none is of a real event."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from service.scoring.evaluate import Marks
from service.scoring.learning.events import Events
from service.scoring.learning.moments import day_of

START = datetime(2015, 1, 1, tzinfo=UTC)


def made(number: int, seed: int = 1, noise: bool = False) -> dict[str, list[str]]:
    """`number` events in four years: risk rises with `people`, falls with `distance`, depends on kind and town."""
    dice = np.random.default_rng(seed)
    people, distance = dice.lognormal(3, 1, number), dice.uniform(0, 50, number)
    kinds, towns = dice.choice(["pay", "land", "noise"], number), dice.integers(0, 12, number)
    odds = -3 + 0.8 * np.log(people) - 0.06 * distance + (kinds == "pay") + 0.1 * towns
    odds = np.full(number, -1.0) if noise else odds
    days = np.sort(dice.uniform(0, 4 * 365, number))
    gaps = dice.random(number) < 0.1
    return {
        "start": [(START + timedelta(days=day)).isoformat() for day in days],
        "people": ["" if gap else f"{value:.0f}" for gap, value in zip(gaps, people, strict=True)],
        "distance": [f"{value:.2f}" for value in distance],
        "kind": kinds.tolist(),
        "asks": [";".join(dice.choice(["a", "b", "c"], 2)) for _ in range(number)],
        "due": [
            (START + timedelta(days=day + wait)).date().isoformat() for day, wait in zip(days, distance, strict=True)
        ],
        "reference": [f"x{row:06}" for row in dice.permutation(number)],
        "town": [f"town {town}" for town in towns],
        "label": [str(int(mark)) for mark in dice.random(number) < 1 / (1 + np.exp(-odds))],
    }


def part(columns: Mapping[str, Sequence[str]], first: int, last: int | None = None) -> dict[str, list[str]]:
    """Rows first … last."""
    return {name: list(cells[first:last]) for name, cells in columns.items()}


def events_of(columns: Mapping[str, Sequence[str]]) -> tuple[Events, Marks]:
    """As the learner takes it."""
    times = np.array([day_of(cell) for cell in columns["start"]], dtype=float)
    kept = {name: cells for name, cells in columns.items() if name not in ("start", "label")}
    return Events(kept, times, columns["town"]), np.array([cell == "1" for cell in columns["label"]])


def with_cells(events: Events, **cells: Sequence[str]) -> Events:
    """The same events with other cells."""
    return replace(events, columns={**events.columns, **cells})


def written(path: Path, columns: Mapping[str, Sequence[str]]) -> Path:
    """A CSV file, gzipped when its name says so."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    content = text.getvalue().encode("utf-8-sig")
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
