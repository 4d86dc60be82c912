"""`make evidence`: the learner and its rivals on public events, split at fixed days → docs/model-evidence.md.

`python -m benchmarks.evidence [NAME …]` runs only the lines whose names begin so ("viol30 2009-01-01 yearly"); the page
keeps the others' last figures, with their day.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.evidence_page import page
from benchmarks.evidence_tasks import SPLITS, Task, tasks, write_split
from service.scoring.learning.events import Events
from service.scoring.learning.kinds import Kind, kind_of
from service.scoring.learning.reading import NUMBERS
from service.scoring.learning.rivals import RIVALS
from service.scoring.learning.trial import Order
from service.scoring.learning.verdict import evaluate_table

KEPT = Path("benchmarks/evidence.json")
DATA = Path("../shared/data")
PAGE = Path("docs/model-evidence.md")
MOST_VALUES = 200  # of a category; the rest counts as missing, as the libraries allow at most 255


def main(arguments: list[str]) -> int:
    asked = argparse.ArgumentParser(description="The learner on real events")
    asked.add_argument("wanted", nargs="*", metavar="TASK")
    asked.add_argument("--data", type=Path, default=DATA)
    data, wanted = (given := asked.parse_args(arguments)).data, given.wanted
    if not data.is_dir():
        print("skipped: data not present")
        return 0
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    for task in tasks(data):
        rolled = [(SPLITS[task.data][1], True)] if task.refitted else []
        for split, rolling in [*((split, False) for split in SPLITS[task.data]), *rolled]:
            name = f"{task.name} {split}{' yearly' if rolling else ''}"
            if not wanted or any(name.startswith(each) for each in wanted):
                _keep(name, _judged(task, split, rolling))
    return 0


def _judged(task: Task, split: str, rolling: bool) -> dict[str, Any]:
    began = time.process_time()
    with TemporaryDirectory() as folder:
        train, test = write_split(task.rows(), split, task.horizon, Path(folder))
        order = Order(train, test, task.label, "start", task.group, horizon=float(task.horizon), rolling=rolling)
        verdict = evaluate_table(order, RIVALS if rolling else {**RIVALS, **DEFAULTS})
    sizes = {part: {name: verdict[part][name] for name in ("rows", "base_rate")} for part in ("train", "test")}
    told = {name: verdict[name] for name in ("models", "ece_by_chance_95", "interval", "outside", "chosen", "warnings")}
    seconds = round(time.process_time() - began, 1)
    return {"task": task.name, "about": task.about, "split": split, "rolling": rolling, "cpu": seconds, **sizes, **told}


def _keep(name: str, told: dict[str, Any]) -> None:
    kept: dict[str, Any] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    kept[name] = {**told, "day": datetime.now(UTC).date().isoformat()}
    KEPT.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    order = [task.name for task in tasks(DATA)]
    shown = sorted(kept.values(), key=lambda row: (order.index(row["task"]), row["rolling"], row["split"]))
    PAGE.write_text(page(shown), "utf-8")
    learner = told["models"]["learner"]
    print(f"{name}: AUC {learner['auc']:.3f}, log loss {learner['log_loss']:.4f}, {told['cpu']} s of CPU", flush=True)


def histogram_boosting(before: Events, labels: np.ndarray, later: Events) -> np.ndarray:
    """scikit-learn's HistGradientBoostingClassifier as it comes; categories as such."""
    tables, categories = _coded(before, later)
    model = HistGradientBoostingClassifier(categorical_features=categories, random_state=0)
    return model.fit(tables[0], labels).predict_proba(tables[1])[:, 1]


def light_gbm(before: Events, labels: np.ndarray, later: Events) -> np.ndarray:
    """LightGBM's LGBMClassifier as it comes; categories as such."""
    tables, categories = _coded(before, later)
    places = np.flatnonzero(categories).tolist()
    model = lightgbm.LGBMClassifier(verbose=-1, random_state=0)
    return model.fit(tables[0], labels, categorical_feature=places).predict_proba(tables[1])[:, 1]


DEFAULTS = {"histogram_boosting": histogram_boosting, "lightgbm": light_gbm}


def _coded(before: Events, later: Events) -> tuple[list[np.ndarray], list[bool]]:
    """Both tables as floats, NaN where missing, and which columns are codes of categories."""
    kinds = {name: kind_of(cells).kind for name, cells in before.columns.items()}
    used = {name: kind for name, kind in kinds.items() if kind is not Kind.IGNORED}
    columns: list[list[np.ndarray]] = [[], []]
    for name, kind in used.items():
        known = _common(before.columns[name])
        for place, events in enumerate((before, later)):
            cells = events.columns[name]
            if kind in (Kind.NUMBER, Kind.DATE):
                columns[place].append(NUMBERS[kind](cells, events.times))
            else:
                columns[place].append(np.array([known.get(cell, np.nan) for cell in cells]))
    return [np.column_stack(part) for part in columns], [kind not in (Kind.NUMBER, Kind.DATE) for kind in used.values()]


def _common(cells: Any) -> Mapping[str, float]:
    values, counts = np.unique(np.array(list(cells), dtype=object).astype(str), return_counts=True)
    common = values[np.argsort(-counts, kind="stable")][:MOST_VALUES]
    return {value: float(code) for code, value in enumerate(common)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
