"""Training: simulated districts → examples → a bent line in log-odds → artefact and card. Never imported to serve.

Split forward in time by the opening of matters, with a gap of one horizon so that every training label was known before
the test began; some districts are never trained on. Inside the training part the learner chooses by forward-chaining.
Same seed, districts and days: same artefact, same card.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from service.domain.problems import Problem
from service.scoring.artefact import CARD_FILE, FORMAT, MODEL_FILE
from service.scoring.card import card_text, summary_text
from service.scoring.comparison import Judging, Split, compared
from service.scoring.definitions import FEATURES
from service.scoring.evaluate import Marks, Numbers
from service.scoring.features import NAMES, feature_schema_hash
from service.scoring.label_definition import load_definition
from service.scoring.learning.events import Settings
from service.scoring.learning.numbered import STIFFNESS, STRENGTHS, Numbered, NumberRows, fit_numbers
from service.scoring.learning.parts import plain_parts
from service.scoring.replay import HORIZON_DAYS, Example
from service.scoring.replay import examples as examples_of
from service.scoring.rivals import rivals_of
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.parameters import SimulationParameters, numbered, plain
from service.scoring.simulation.wording import KINDS_FILE

SHIPPED_SEED, SHIPPED_DISTRICTS, SHIPPED_DAYS = 7, 10, 640  # what `models/` holds was trained with these
GENERATION = "0.3"  # of learner and simulator together; the recipe's hash follows it in the version
# The last simulated day: three weeks after a Spring Festival, so that half of its season is settled and tested.
LAST_DAY = datetime(2026, 3, 11, tzinfo=timezone(timedelta(hours=8)))
WARM_UP = 0.1  # of the days: the places have no history yet
LATER_FROM = 0.77  # of the days: what opens from here on is the test
UNSEEN_SHARE = 0.25  # of the districts
FEWEST_POSITIVES = 5  # escalated matters in each part; with fewer no figure of the card means anything
# What can be served: trees cost a hundred times the line for each score and its reasons. They are judged all the same,
# and the card says what they would bring.
SERVED = ("base", "history", "line")
SIGNS = {feature.name: feature.sign for feature in FEATURES if feature.sign}
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def train(out_folder: Path, seed: int, districts: int, days: int) -> str:
    """Train, judge and write `out_folder`/escalation-<version>/; the answer is a summary in Chinese.

    Raises Problem when the simulated stretch is too short to hold enough escalations. About 100 seconds for the
    shipped model.
    """
    lived = [simulate(numbered(number), seed, LAST_DAY - timedelta(days=days), days) for number in range(districts)]
    split, censored = split_of(lived, max(round(districts * UNSEEN_SHARE), 1))
    _require_enough(split)
    learned = {days_: fit(split.training, seed, days_) for days_ in load_definition().horizons}
    model = artefact_of(learned[HORIZON_DAYS], split.training, _version(seed, districts, days))
    judging = Judging(learned, rivals_of(table_of(split.training), labels_of(split.training)), rows_of)
    about = {
        "trained_on": _trained_on(lived, split, censored, seed),
        "chosen": _chosen(learned[HORIZON_DAYS]),
        "metrics": compared(split, judging, lived, seed),
    }
    return _write(out_folder, model, about)


def table_of(examples: Sequence[Example]) -> Numbers:
    """Rows [n, len(NAMES)], NaN where missing."""
    rows = [example.row for example in examples]
    return np.array([[np.nan if row[name] is None else row[name] for name in NAMES] for row in rows], dtype=float)


def labels_of(examples: Sequence[Example], horizon: int = HORIZON_DAYS) -> Marks:
    """Whether each escalated within the horizon; all must be settled."""
    return np.array([example.outcome(horizon) for example in examples], dtype=bool)


def rows_of(examples: Sequence[Example]) -> NumberRows:
    """The rows as the learner reads them; intervals are told by first-level category."""
    times = np.array([(example.at - _EPOCH) / timedelta(days=1) for example in examples], dtype=float)
    kinds = [example.snapshot.first_level for example in examples]
    return NumberRows(table_of(examples), times, kinds, [example.matter for example in examples])


def fit(examples: Sequence[Example], seed: int, horizon: int = HORIZON_DAYS) -> Numbered:
    """The learner on settled examples. Raises Problem when there are too few to judge on."""
    ahead = horizon + load_definition().settling_days
    labels = labels_of(examples, horizon)
    try:
        return fit_numbers(rows_of(examples), labels, NAMES, Settings(SIGNS, ahead, seed), SERVED)
    except ValueError as error:
        detail = "模拟数据不足：按时间前推检验时，前面的时段里升级的事项太少；请增加天数或区县数。"
        raise Problem(422, "too_few_escalations", detail) from error


def artefact_of(learned: Numbered, examples: Sequence[Example], version: str) -> dict[str, Any]:
    """The artefact as plain values: bends, standardisation and calibration folded into knots of log-odds.

    Raises Problem when nothing better than the history of the place was found.
    """
    if learned.chosen.way != "line":
        detail = f"按时间前推检验，模型不优于“{learned.chosen.way}”，没有可供使用的模型；请增加天数或区县数。"
        raise Problem(422, "no_better_than_history", detail)
    return {
        "format": FORMAT,
        "version": version,
        "horizon_days": HORIZON_DAYS,
        "synthetic": True,
        "feature_schema_hash": feature_schema_hash(),
        **plain_parts(learned, table_of(examples)),
        "kinds": sorted({example.snapshot.first_level for example in examples}),
    }


def split_of(lived: list[SimulatedDistrict], unseen: int) -> tuple[Split, int]:
    """Settled examples by part, the last `unseen` districts apart, and how many are not settled."""
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
    warm, later = (district.start + share * length for share in (WARM_UP, LATER_FROM))
    known = example.at + timedelta(days=HORIZON_DAYS + district.parameters.label.settling_days)
    if example.opened_at < warm:
        split.left_out += 1
    elif unseen:
        split.unseen.append(example)
    elif known <= later:
        split.training.append(example)
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


def _version(seed: int, districts: int, days: int) -> str:
    kinds = sha256(KINDS_FILE.read_bytes()).hexdigest()
    recipe = [seed, districts, days, plain(SimulationParameters()), kinds, feature_schema_hash(), STRENGTHS, STIFFNESS]
    return f"{GENERATION}-{sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]}"


def _chosen(learned: Numbered) -> dict[str, Any]:
    losses = {way: round(loss, 5) for way, loss in learned.chosen.losses.items()}
    numbers = {name: round(value, 4) for name, value in asdict(learned.calibration).items()}
    return {**asdict(learned.chosen), "losses": losses, "calibration": numbers}


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
