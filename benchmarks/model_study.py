"""Simulated districts never seen: the learner beside its rivals, the same learner taught by 200 other districts, the
shipped model and the true probability. Writes docs/model-study.md.

Each of 20 seeds is a world of its own: three districts teach, two others are judged. All of it is synthetic.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.model_study_page import MODELS, page
from benchmarks.results import ROOT
from service.scoring.artefact import load_model
from service.scoring.comparison import true_probability
from service.scoring.evaluate import Marks, Numbers, log_loss
from service.scoring.features import NAMES
from service.scoring.label_definition import load_definition
from service.scoring.learning.events import Settings
from service.scoring.learning.numbered import Numbered, NumberRows, fit_numbers
from service.scoring.replay import HORIZON_DAYS, Example, examples
from service.scoring.rivals import rivals_of
from service.scoring.scorer import Scorer
from service.scoring.simulate import simulate
from service.scoring.simulation.life import MatterTruth
from service.scoring.simulation.parameters import SimulationParameters, numbered
from service.scoring.train import LAST_DAY, SERVED, SIGNS, labels_of, rows_of

SEEDS = 20
TAUGHT, JUDGED = 3, 2  # districts of a world
TAUGHT_DAYS, JUDGED_DAYS, WARM_UP = 280, 200, 60  # days; those of the warm-up give history and no rows
OTHERS, OTHER_DAYS, OTHER_SEED = 200, 180, 900
FIRST_OTHER = 100  # number of the first of those districts: no world holds them
TRUE_SAMPLE = 150  # rows of each seed whose true probability is worked out
PAGE = ROOT / "docs" / "model-study.md"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of several districts with their labels at the model's horizon."""

    rows: NumberRows
    labels: Marks


def study(others: Rows) -> dict[str, Any]:
    """Everything that the page tells, as plain values."""
    large = learned(others)
    shipped = load_model(ROOT / "models")
    seeds = []
    for seed in range(1, SEEDS + 1):
        seeds.append({"seed": seed, **_world(seed, large, shipped)})
        print(json.dumps(seeds[-1]), flush=True)
    return {"seeds": seeds, "others": {"districts": OTHERS, "days": OTHER_DAYS, "rows": len(others.labels)}}


def learned(taught: Rows) -> Numbered:
    ahead = HORIZON_DAYS + load_definition().settling_days
    return fit_numbers(taught.rows, taught.labels, NAMES, Settings(SIGNS, ahead, 0), SERVED)


def other_rows(cache: Path | None) -> Rows:
    """The rows of the 200 other districts, from `cache` when it holds them: making them takes some minutes."""
    if cache is None or not cache.is_file():
        told = rows_together(_districts(OTHER_SEED, FIRST_OTHER, OTHERS, OTHER_DAYS))
        if cache is not None:
            np.savez(cache, T=told.rows.table, L=told.labels, W=told.rows.times, K=told.rows.kinds, M=told.rows.cases)
        return told
    held = np.load(cache)
    labels = held["L"] if held["L"].ndim == 1 else held["L"][:, -1]
    return Rows(NumberRows(held["T"], held["W"], held["K"].tolist(), held["M"].tolist()), labels)


def rows_together(parts: Iterator[tuple[int, list[Example]]]) -> Rows:
    """One district after another, so that only numbers are held."""
    told = [(rows_of(found), labels_of(found)) for _, found in parts if found]
    rows = NumberRows(
        np.vstack([rows.table for rows, _ in told]),
        np.concatenate([rows.times for rows, _ in told]),
        [kind for rows, _ in told for kind in rows.kinds],
        [case for rows, _ in told for case in rows.cases],
    )
    return Rows(rows, np.concatenate([labels for _, labels in told]))


def _districts(seed: int, first: int, count: int, days: int) -> Iterator[tuple[int, list[Example]]]:
    for number in range(first, first + count):
        lived = simulate(numbered(number), seed, LAST_DAY - timedelta(days=days), days)
        warm = lived.start + timedelta(days=WARM_UP)
        yield number, [one for one in examples(lived) if one.opened_at >= warm and one.outcome() is not None]


def _world(seed: int, large: Numbered, shipped: Scorer) -> dict[str, Any]:
    taught = rows_together(_districts(seed, 0, TAUGHT, TAUGHT_DAYS))
    judged, sample, true = _judged(seed)
    labels, rows = labels_of(judged), rows_of(judged)
    said = {
        "learner": learned(taught).predict(rows).probability,
        "shipped": _served(shipped, judged),
        "of_200": large.predict(rows).probability,
        **{name: rival(rows.table) for name, rival in rivals_of(taught.rows.table, taught.labels).items()},
    }
    on_sample = {name: log_loss(labels[sample], said[name][sample]) for name in MODELS}
    on_sample["true"] = log_loss(labels[sample], true)
    losses = {name: log_loss(labels, probability) for name, probability in said.items()}
    return {
        "taught": len(taught.labels),
        "judged": len(labels),
        "came": float(labels.mean()),
        "losses": {name: round(loss, 5) for name, loss in losses.items()},
        "sample": {name: round(loss, 5) for name, loss in on_sample.items()},
        "distance": {name: round(float(np.abs(said[name][sample] - true).mean()), 4) for name in MODELS},
    }


def _judged(seed: int) -> tuple[list[Example], np.ndarray[Any, np.dtype[np.intp]], Numbers]:
    """Rows of the districts judged, places of a sample of them, and the true probability of each of the sample."""
    told: list[Example] = []
    truths: dict[str, MatterTruth] = {}
    for number in range(TAUGHT, TAUGHT + JUDGED):
        lived = simulate(numbered(number), seed, LAST_DAY - timedelta(days=JUDGED_DAYS), JUDGED_DAYS)
        warm = lived.start + timedelta(days=WARM_UP)
        told += [one for one in examples(lived) if one.opened_at >= warm and one.outcome() is not None]
        truths |= lived.truth
    dice, p = Random(seed), SimulationParameters()
    sample = np.array(sorted(dice.sample(range(len(told)), TRUE_SAMPLE)))
    true = [true_probability(truths[told[row].matter], told[row], p, dice) for row in sample]
    return told, sample, np.array(true)


def _served(shipped: Scorer, judged: Sequence[Example]) -> Numbers:
    return np.array([score.probability for score in shipped.score([one.snapshot for one in judged])], dtype=float)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cache", type=Path, help="where the rows of the 200 other districts are kept between runs")
    told = study(other_rows(asked.parse_args().cache))
    PAGE.write_text(page(told), "utf-8")


if __name__ == "__main__":
    main()
