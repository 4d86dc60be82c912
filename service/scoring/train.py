"""Training: simulated districts → examples → a line in log-odds → artefact and card. Never imported to serve.

Split forward in time by the opening of matters, with a gap of one horizon so that every training label was known before
the next part began; some districts are never trained on. Same seed, districts and days: same artefact, same card.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from service.domain.problems import Problem
from service.scoring.artefact import CARD_FILE, FORMAT, MODEL_FILE
from service.scoring.card import card_text, summary_text
from service.scoring.comparison import Rivals, Split, compared
from service.scoring.definitions import FEATURES
from service.scoring.evaluate import Marks, Numbers
from service.scoring.features import NAMES, feature_schema_hash
from service.scoring.replay import HORIZON_DAYS, Example
from service.scoring.replay import examples as examples_of
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.parameters import SimulationParameters, numbered, plain
from service.scoring.simulation.wording import KINDS_FILE

SHIPPED_SEED, SHIPPED_DISTRICTS, SHIPPED_DAYS = 7, 10, 640  # what `models/` holds was trained with these
GENERATION = "0.2"  # of learner and simulator together; the recipe's hash follows it in the version
# The last simulated day: three weeks after a Spring Festival, so that half of its season is settled and tested.
LAST_DAY = datetime(2026, 3, 11, tzinfo=timezone(timedelta(hours=8)))
WARM_UP = 0.1  # of the days: the places have no history yet
TRAIN_UNTIL, CALIBRATE_UNTIL = 0.6, 0.77
UNSEEN_SHARE = 0.25  # of the districts
REGULARISATION = 0.3  # C of the logistic regression, on standardised columns
FEWEST_POSITIVES = 5  # in each part; with fewer, two calibration numbers mean nothing


@dataclass(frozen=True, slots=True)
class Fitted:
    """The trained line and its calibration; `kept` are the column numbers that survived the check of signs."""

    pipeline: Pipeline
    kept: tuple[int, ...]
    slope: float
    offset: float

    def log_odds(self, table: Numbers) -> Numbers:
        """Calibrated log-odds of rows [n, len(NAMES)], NaN where missing."""
        line: Numbers = self.pipeline.decision_function(table[:, list(self.kept)])
        return self.slope * line + self.offset

    def probability(self, table: Numbers) -> Numbers:
        odds: Numbers = 1.0 / (1.0 + np.exp(-self.log_odds(table)))
        return odds


def train(out_folder: Path, seed: int, districts: int, days: int) -> str:
    """Train, judge and write `out_folder`/escalation-<version>/; the answer is a summary in Chinese.

    Raises Problem when the simulated stretch is too short to hold enough escalations. About 100 seconds for the
    shipped model.
    """
    lived = [simulate(numbered(number), seed, LAST_DAY - timedelta(days=days), days) for number in range(districts)]
    split, censored = _split(lived, max(round(districts * UNSEEN_SHARE), 1))
    _require_enough(split)
    fitted = fit(split)
    metrics = compared(split, _rivals(split, fitted), lived, seed)
    model = artefact_of(fitted, split, _version(seed, districts, days))
    trained_on = _trained_on(lived, split, censored, seed)
    return _write(out_folder, model, {"trained_on": trained_on, "metrics": metrics, "dropped": _dropped(fitted)})


def table_of(examples: list[Example]) -> Numbers:
    """Rows [n, len(NAMES)], NaN where missing."""
    rows = [example.row for example in examples]
    return np.array([[np.nan if row[name] is None else row[name] for name in NAMES] for row in rows], dtype=float)


def labels_of(examples: list[Example]) -> Marks:
    """Whether each escalated within the model's horizon; all must be settled."""
    return np.array([example.outcome() for example in examples], dtype=bool)


def fit(split: Split) -> Fitted:
    """Fit on the training part, calibrate (Platt) on the newest part before the test.

    A coefficient whose sign contradicts the feature's expected sign is evidence of collinearity, not of a world in
    which more people or a missed clock lower the risk: the worst such feature is dropped and the line fitted again,
    until none is left.
    """
    table, labels = table_of(split.training), labels_of(split.training)
    kept = list(range(len(NAMES)))
    while True:
        pipeline = _pipeline().fit(table[:, kept], labels)
        coefficients = pipeline[-1].coef_[0]
        agreement, column = min((FEATURES[c].sign * coefficients[place], c) for place, c in enumerate(kept))
        if agreement >= 0:
            break
        kept.remove(column)
    line = pipeline.decision_function(table_of(split.calibration)[:, kept])
    platt = LogisticRegression(C=1e6).fit(line.reshape(-1, 1), labels_of(split.calibration))
    return Fitted(pipeline, tuple(kept), float(platt.coef_[0, 0]), float(platt.intercept_[0]))


def artefact_of(fitted: Fitted, split: Split, version: str) -> dict[str, Any]:
    """The artefact as plain values: standardisation, missing indicators and calibration folded into one line."""
    impute, scale, line = (fitted.pipeline[place] for place in range(3))
    coefficients = fitted.slope * line.coef_[0] / scale.scale_
    constant = fitted.slope * line.intercept_[0] + fitted.offset - float(coefficients @ scale.mean_)
    indicators = dict(zip(impute.indicator_.features_.tolist(), coefficients[len(fitted.kept) :], strict=True))
    table = table_of(split.training)
    weights = {name: _weight(0.0, 0.0, table[:, column]) for column, name in enumerate(NAMES)}
    for place, column in enumerate(fitted.kept):
        missing = coefficients[place] * impute.statistics_[place] + indicators.get(place, 0.0)
        weights[NAMES[column]] = _weight(float(coefficients[place]), float(missing), table[:, column])
    return {
        "format": FORMAT,
        "version": version,
        "horizon_days": HORIZON_DAYS,
        "synthetic": True,
        "feature_schema_hash": feature_schema_hash(),
        "intercept": float(constant),
        "weights": weights,
    }


def _pipeline() -> Pipeline:
    return make_pipeline(
        SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=REGULARISATION, max_iter=5000, tol=1e-8),
    )


def _weight(per_unit: float, when_missing: float, column: NDArray[np.float64]) -> dict[str, float | None]:
    """`reference` is the usual state: the median of what is known, or missing where that is usual."""
    usual = None if np.isnan(column).mean() > 0.5 else float(np.nanmedian(column))
    return {"per_unit": per_unit, "when_missing": when_missing, "reference": usual}


def _split(lived: list[SimulatedDistrict], unseen: int) -> tuple[Split, int]:
    split, censored = Split(), 0
    for number, district in enumerate(lived):
        for example in examples_of(district):
            if example.outcome() is None:
                censored += 1
            else:
                _sort_in(split, example, district, number >= len(lived) - unseen)
    return split, censored


def _sort_in(split: Split, example: Example, district: SimulatedDistrict, unseen: bool) -> None:
    """Into the part in which its matter opened and its label was known; between the parts lies one horizon."""
    length = district.end - district.start
    warm, until, later = (district.start + share * length for share in (WARM_UP, TRAIN_UNTIL, CALIBRATE_UNTIL))
    known = example.at + timedelta(days=HORIZON_DAYS + district.parameters.label.settling_days)
    if example.opened_at < warm:
        split.left_out += 1
    elif unseen:
        split.unseen.append(example)
    elif known <= until:
        split.training.append(example)
    elif example.opened_at >= until and known <= later:
        split.calibration.append(example)
    elif example.opened_at >= later:
        split.later.append(example)
    else:
        split.left_out += 1


def _require_enough(split: Split) -> None:
    for part, examples in split.parts().items():
        positives = len({example.matter for example in examples if example.outcome()})
        if positives < FEWEST_POSITIVES:
            short = f"{part} 部分只有 {positives} 件升级事项，至少需要 {FEWEST_POSITIVES} 件"
            detail = f"模拟数据不足：{short}；请增加天数或区县数。"
            raise Problem(422, "too_few_escalations", detail)


def _rivals(split: Split, fitted: Fitted) -> Rivals:
    known = split.training + split.calibration
    column = NAMES.index("history_escalated")
    history = LogisticRegression(C=1e6).fit(table_of(known)[:, [column]], labels_of(known))
    return Rivals(
        model=lambda examples: fitted.probability(table_of(examples)),
        history=lambda examples: history.predict_proba(table_of(examples)[:, [column]])[:, 1],
        base_rate=float(labels_of(known).mean()),
    )


def _version(seed: int, districts: int, days: int) -> str:
    kinds = sha256(KINDS_FILE.read_bytes()).hexdigest()
    recipe = [seed, districts, days, plain(SimulationParameters()), kinds, feature_schema_hash(), REGULARISATION]
    return f"{GENERATION}-{sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]}"


def _dropped(fitted: Fitted) -> list[str]:
    return [name for column, name in enumerate(NAMES) if column not in fitted.kept]


def _trained_on(lived: list[SimulatedDistrict], split: Split, censored: int, seed: int) -> dict[str, Any]:
    return {
        "data": "synthetic",
        "label": plain(lived[0].parameters)["label"],
        "seed": seed,
        "districts": len(lived),
        "from": lived[0].start.date().isoformat(),
        "until": lived[0].end.date().isoformat(),
        "reports": sum(len(district.stream) for district in lived),
        "matters": sum(len(district.truth) for district in lived),
        "escalated": sum(t.escalated_at is not None for district in lived for t in district.truth.values()),
        "examples": {part: len(examples) for part, examples in split.parts().items()},
        "positives": {part: int(labels_of(examples).sum()) for part, examples in split.parts().items()},
        "censored": censored,
        "left_out": split.left_out,
    }


def _write(out_folder: Path, model: dict[str, Any], about: dict[str, Any]) -> str:
    folder = out_folder / f"escalation-{model['version']}"
    folder.mkdir(parents=True, exist_ok=True)
    content = (json.dumps(model, ensure_ascii=False, indent=1) + "\n").encode()
    said = {name: model[name] for name in ("version", "horizon_days", "synthetic", "feature_schema_hash")}
    card = {"file": MODEL_FILE, "sha256": sha256(content).hexdigest(), **said, **about}
    (folder / MODEL_FILE).write_bytes(content)
    (folder / CARD_FILE).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "card.md").write_text(card_text(card, model), "utf-8")
    return summary_text(card, folder)
