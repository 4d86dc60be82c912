"""The trial of the learner: fit, predict, measure beside its rivals. One set of defaults for every table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from service.scoring.evaluate import (
    Marks,
    Numbers,
    auc,
    average_precision,
    brier,
    calibration_error_by_chance,
    calibration_error_equal_widths,
    log_loss,
)
from service.scoring.learning.conformal import COVERAGE, Judged, covered
from service.scoring.learning.events import Rows
from service.scoring.learning.learned import Learned, Predicted
from service.scoring.learning.learner import fit
from service.scoring.learning.rivals import RIVALS, Rival
from service.scoring.learning.suspects import suspects
from service.scoring.learning.table import TableRefused
from service.scoring.learning.trial import Order, Part, Trial, joined, known_before, prepared, years_of
from service.scoring.learning.windows import past_of

MEASURES = {
    "auc": auc,
    "average_precision": average_precision,
    "brier": brier,
    "log_loss": log_loss,
    "ece": calibration_error_equal_widths,
}
LEARNER = "learner"
FEWEST_TRAINED = 2
STRETCHES = 4  # of TEST's time, for the cells whose coverage is told


@dataclass(frozen=True, slots=True)
class Stage:
    """One fit, and the rows of TEST it predicts."""

    name: str
    known: Part
    rows: Rows


def evaluate_table(order: Order, rivals: Mapping[str, Rival] = RIVALS) -> dict[str, Any]:
    """Everything about one trial, ready for JSON; writes `order.out` when given. Raises TableRefused."""
    trial = prepared(order)
    stages = _stages(trial)
    fits = [fit(stage.known.events, _labels(stage.known), trial.settings) for stage in stages]
    told = _joined([_predict(trial, s, learned) for s, learned in zip(stages, fits, strict=True)], stages)
    said = {LEARNER: told.probability, **_rivals_say(trial, stages, rivals)}
    if order.out:
        _write(order.out, trial, told)
    return {
        "label": order.label,
        "train": _size(trial.train),
        "test": _size(trial.test),
        "rolling": "yearly" if order.rolling else None,
        "horizon_days": round(trial.settings.horizon, 3),
        "seed": order.seed,
        "monotone": dict(trial.settings.monotone),
        "models": _measured(trial.test.labels, said),
        "ece_by_chance_95": _rounded(calibration_error_by_chance(told.probability, order.seed)),
        "interval": _interval(trial, told),
        "outside": round(float(np.mean([bool(why) for why in told.outside])), 4),
        "chosen": [_chosen(stage, learned) for stage, learned in zip(stages, fits, strict=True)],
        "left_out": dict(fits[0].left_out),
        "warnings": trial.warnings + _warnings(trial, stages),
    }


def _stages(trial: Trial) -> list[Stage]:
    """One for all of TEST, or one a year, each taught by everything before it whose labels were settled."""
    everything = np.arange(len(trial.test.events))
    if not trial.order.rolling:
        return [_stage(trial, "", trial.train, everything)]
    whole = joined(trial.train, trial.test)
    return [_stage(trial, str(year), whole, rows) for year, rows in years_of(trial.test)]


def _stage(trial: Trial, name: str, part: Part, rows: Rows) -> Stage:
    first = float(trial.test.events.times[rows].min())
    known = known_before(part, first, trial.settings.horizon)
    taught = part.take(known)
    labels = _labels(taught)
    if len(known) < FEWEST_TRAINED or labels.all() or not labels.any():
        raise TableRefused(
            f"{trial.order.train}：在 TEST{f' {name} 年' if name else ''}第一行之前且标签已定的训练行只有 "
            f"{len(known)} 行、{int(labels.sum())} 个正例，无从学习；请核对切分时间和 --horizon。"
        )
    return Stage(name, taught, rows)


def _predict(trial: Trial, stage: Stage, learned: Learned) -> Predicted:
    """What happened before the stage's rows is known, settled label or not."""
    asked = trial.test.take(stage.rows).events
    before = [part.take(np.flatnonzero(part.events.times < asked.times.min())) for part in (trial.train, trial.test)]
    times = np.concatenate([part.events.times for part in before])
    groups = [group for part in before for group in part.events.groups or ()]
    return learned.predict(asked, past_of(times, groups if asked.groups is not None else None))


def _joined(told: Sequence[Predicted], stages: Sequence[Stage]) -> Predicted:
    """All stages' predictions in the order of TEST's rows."""
    order = np.argsort(np.concatenate([stage.rows for stage in stages]), kind="stable").tolist()
    classes = [name for each in told for name in each.classes]
    outside = [why for each in told for why in each.outside]
    return Predicted(
        np.concatenate([each.probability for each in told])[order],
        np.concatenate([each.low for each in told])[order],
        np.concatenate([each.high for each in told])[order],
        [classes[row] for row in order],
        [outside[row] for row in order],
    )


def _rivals_say(trial: Trial, stages: Sequence[Stage], rivals: Mapping[str, Rival]) -> dict[str, Numbers]:
    said = {name: np.zeros(len(trial.test.events)) for name in rivals}
    for stage in stages:
        asked = trial.test.take(stage.rows).events
        for name, rival in rivals.items():
            said[name][stage.rows] = rival(stage.known.events, _labels(stage.known), asked)
    return said


def _measured(labels: Marks | None, said: Mapping[str, Numbers]) -> dict[str, dict[str, float | None]] | None:
    if labels is None:
        return None
    return {
        name: {measure: _rounded(of(labels, probability)) for measure, of in MEASURES.items()}
        for name, probability in said.items()
    }


def _interval(trial: Trial, told: Predicted) -> dict[str, float | None]:
    """Stated coverage, mean width, and on how many cells of TEST it held."""
    width = float((told.high - told.low).mean())
    told_of = {"coverage": COVERAGE, "mean_width": round(width, 4), "held": None}
    if trial.test.labels is not None:
        ranks = np.argsort(np.argsort(trial.test.events.times, kind="stable"), kind="stable")
        judged = Judged(told.probability, trial.test.labels, ranks * STRETCHES // len(ranks), told.classes)
        held = covered(judged, told.low, told.high)
        told_of["held"] = None if held is None else round(held, 3)
    return told_of


def _chosen(stage: Stage, learned: Learned) -> dict[str, Any]:
    losses = {way: round(loss, 5) for way, loss in learned.chosen.losses.items()}
    calibration = {"slope": round(learned.calibration.slope, 3), "offset": round(learned.calibration.offset, 3)}
    year = {"year": int(stage.name)} if stage.name else {}
    rows = {"rows": len(stage.known.events)}
    return year | rows | asdict(learned.chosen) | {"losses": losses, "calibration": calibration}


def _warnings(trial: Trial, stages: Sequence[Stage]) -> list[str]:
    told = [
        f"列“{name}”单独就能分开标签（AUC {value:.3f}）：很可能是事后才知道的内容，请核对，必要时 --drop {name}。"
        for name, value in suspects(stages[0].known.events, _labels(stages[0].known)).items()
    ]
    purged = len(trial.train.events) - len(stages[0].known.events)
    if purged > 0 and not trial.order.rolling:
        told.append(f"TRAIN 末尾 {purged} 行的标签在 TEST 开始时尚未确定（--horizon），未用于训练。")
    small = [stage for stage in stages if not len(stage.known.events) >= 100]
    return told + ["训练行不足 100：不作选择，只用分组历史或基础率。" for _ in small[:1]]


def _size(part: Part) -> dict[str, Any]:
    rate = None if part.labels is None else round(float(part.labels.mean()), 4)
    return {"file": part.table.name, "rows": len(part.events), "base_rate": rate}


def _write(out: Path, trial: Trial, told: Predicted) -> None:
    """A row per row of TEST, named by its line in the file."""
    rows = zip(trial.test.table.lines, told.probability, told.low, told.high, told.outside, strict=True)
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "probability", "low", "high", "outside"])
            for line, probability, low, high, why in rows:
                writer.writerow([line, f"{probability:.6f}", f"{low:.6f}", f"{high:.6f}", "；".join(why)])
    except OSError as error:
        raise TableRefused(f"{out}：无法写入（{error.strerror}）。") from None


def _labels(part: Part) -> Marks:
    return part.labels if part.labels is not None else np.zeros(0, dtype=bool)


def _rounded(value: float) -> float | None:
    return round(value, 5) if isfinite(value) else None
