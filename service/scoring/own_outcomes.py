"""A challenger from a district's own settled outcomes: older ones teach, the newest slice measures. Never imported to
serve: `python -m service.scoring.own_outcomes FOLDER` reads FOLDER/outcomes.json and writes model.json and card.json
there; what is foreseen to be wrong is said on stderr, with the exit code 3.

What is learned is the line of decision 0026, drawn away from the stated prior as far as outcomes say. With some dozens
of escalations it beats both the prior and a free fit; a bent line wants thousands of rows.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from service.domain.problems import Problem
from service.scoring.artefact import CARD_FILE, FORMAT, MODEL_FILE
from service.scoring.district import DistrictLine, Outcomes, fit_district, log_odds
from service.scoring.drawn import probability
from service.scoring.evaluate import Marks, Numbers, measure
from service.scoring.features import NAMES, Row, feature_schema_hash
from service.scoring.label_definition import load_definition
from service.scoring.learning.conformal import CELL, Conformal, Judged, conform
from service.scoring.learning.novelty import MARGIN
from service.scoring.own_files import OUTCOMES_FILE, OWN, REFUSED
from service.scoring.prior import Slope, load_prior

A_HAIR = 1e-6  # beyond the range that was seen, so that its very ends lie inside and knots stay apart
STRETCHES = 4  # of the newest slice's time, in which like cases are gathered for the interval
BINS = 5  # of the calibration: a slice holds some dozens of matters
SEED = 0  # of the dice that resample for intervals
AROUND = "stated"
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Slices:
    """Places of rows: those that teach, and those that measure. Between them lies all that a label looks ahead."""

    older: list[int]
    newest: list[int]


def learned_from(told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Model and card (without version and hash) from what `workflows.retraining` gathered.

    Raises Problem when a slice holds too few escalations to measure or to teach anything.
    """
    rows, prior = told["outcomes"], load_prior()
    slices = slices_of(rows, told["horizon_days"], told["newest_share"])
    for name, places in (("较早", slices.older), ("最新", slices.newest)):
        _require(name, _escalated([rows[place] for place in places]), told["least_each"])
    older = fit_district(_outcomes(rows, slices.older), {AROUND: prior.line}, prior.sure)
    whole = fit_district(_outcomes(rows, range(len(rows))), {AROUND: prior.line}, prior.sure)
    newest = [rows[place] for place in slices.newest]
    said = probability(log_odds([one["row"] for one in newest], older.line))
    judged = _judged(newest, said)
    model = {
        "format": FORMAT, "horizon_days": told["horizon_days"], "synthetic": told["synthetic"],
        "feature_schema_hash": feature_schema_hash(), **parts_of_line(whole, [one["row"] for one in rows]),
        "interval": _interval(conform(judged, "kind")), "kinds": sorted({one["kind"] for one in rows}),
    }  # fmt: skip
    card = {
        "trained_on": _trained_on(told, slices),
        "chosen": {"way": "drawn from the stated prior", **asdict(whole.chosen), "prior": prior.version,
                   "prior_sha256": prior.sha256, "share_of_prior": _share(whole, newest)},
        "metrics": _metrics(newest, said, float(_came([rows[place] for place in slices.older]).mean()))
        | {"calibration": _calibration(judged)},
    }  # fmt: skip
    return model, card


def slices_of(rows: Sequence[Mapping[str, Any]], horizon: int, newest_share: float) -> Slices:
    """The newest matters measure; of the others only what was settled before the first of these opened teaches."""
    opened = {one["matter"]: one["opened_at"] for one in rows}
    ordered = sorted(opened.values())
    first = ordered[min(int(len(ordered) * (1 - newest_share)), len(ordered) - 1)]
    ahead = (horizon + load_definition().settling_days) * _DAY
    newest = [place for place, one in enumerate(rows) if one["opened_at"] >= first]
    older = [place for place, one in enumerate(rows) if one["opened_at"] < first and one["at"] + ahead <= first]
    return Slices(older, newest)


def parts_of_line(learned: DistrictLine, rows: Sequence[Row]) -> dict[str, Any]:
    """`intercept` and `parts` as an artefact holds them: straight within what was seen, level beyond."""
    slopes = learned.line.slopes
    return {
        "intercept": learned.line.constant,
        "parts": {name: _part(slopes[name], [row[name] for row in rows]) for name in NAMES},
    }


def write(folder: Path, model: dict[str, Any], card: dict[str, Any]) -> str:
    """Write both files; the version is made of the last day it learned from and of the content. Gives the version."""
    until = card["trained_on"]["until"].replace("-", "")
    version = f"own-{until}-{sha256(_bytes(model)).hexdigest()[:8]}"
    content = _bytes({"version": version, **model})
    said = {name: model[name] for name in ("horizon_days", "synthetic", "feature_schema_hash")}
    vouched = {"file": MODEL_FILE, "sha256": sha256(content).hexdigest(), "version": version, **said, **card}
    (folder / MODEL_FILE).write_bytes(content)
    (folder / CARD_FILE).write_bytes(_bytes(vouched))
    return version


def main(folder: Path) -> int:
    """What the process does; 0, or REFUSED with the reason on stderr."""
    os.nice(10)  # whoever reports meanwhile must not wait for it
    try:
        write(folder, *learned_from(json.loads((folder / OUTCOMES_FILE).read_bytes())))
    except Problem as problem:
        sys.stderr.write(problem.detail)
        return REFUSED
    return 0


def _require(name: str, escalated: int, least: float) -> None:
    if escalated < least:
        detail = f"{name}一段的已知结果中只有 {escalated} 件升级事项，至少需要 {least:g} 件，才能学习并检验；未训练。"
        raise Problem(422, "too_few_outcomes", detail)


def _escalated(rows: Sequence[Mapping[str, Any]]) -> int:
    return len({one["matter"] for one in rows if one["escalated"]})


def _came(rows: Sequence[Mapping[str, Any]]) -> Marks:
    return np.array([one["escalated"] for one in rows], dtype=bool)


def _outcomes(rows: Sequence[Mapping[str, Any]], places: Sequence[int]) -> Outcomes:
    chosen = [rows[place] for place in places]
    opened = np.array([one["opened_at"] / _DAY for one in chosen], dtype=float)
    return Outcomes([one["row"] for one in chosen], _came(chosen), [one["matter"] for one in chosen], opened)


def _part(slope: Slope, values: Sequence[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (slope.usual, slope.usual)
    reach = MARGIN * (high - low) + A_HAIR
    ends = [low - reach, high + reach]
    return {
        "at": ends,
        "log_odds": [slope.part(end) for end in ends],
        "when_missing": slope.when_missing,
        "reference": float(np.median(known)) if 2 * len(known) >= len(values) else None,
        "within": ends,
        "gaps": len(known) < len(values),
    }


def _judged(rows: Sequence[Mapping[str, Any]], said: Numbers) -> Judged:
    ranks = np.argsort(np.argsort([one["at"] for one in rows], kind="stable"), kind="stable")
    return Judged(said, _came(rows), ranks * STRETCHES // len(rows), [one["kind"] for one in rows])


def _interval(conformal: Conformal) -> dict[str, Any]:
    return {"cell": CELL, "otherwise": conformal.otherwise, "by_kind": dict(conformal.widths)}


def _metrics(newest: Sequence[Mapping[str, Any]], said: Numbers, share: float) -> dict[str, Any]:
    """Against the prior alone and the older share for all; and against the model in use, where that had spoken."""
    prior = probability(log_odds([one["row"] for one in newest], load_prior().line))
    told = {"model": said, "stated_prior": prior, "base_rate": np.full(len(newest), share)}
    spoke = [place for place, one in enumerate(newest) if one["said"] is not None]
    there = [newest[place] for place in spoke]
    beside = {"model": said[spoke], "in_use": np.array([one["said"] for one in there], dtype=float)}
    return {
        "newest": {name: _measured(newest, each) for name, each in told.items()},
        "where_in_use_spoke": {name: _measured(there, each) for name, each in beside.items()} if there else {},
    }


def _measured(rows: Sequence[Mapping[str, Any]], said: Numbers) -> dict[str, Any]:
    measured = measure(_came(rows), said, [one["matter"] for one in rows], SEED)
    return {name: {end: _known(value) for end, value in asdict(one).items()} for name, one in measured.items()}


def _calibration(judged: Judged) -> list[dict[str, Any]]:
    bins = [each for each in np.array_split(np.argsort(judged.said, kind="stable"), BINS) if len(each)]
    return [
        {"examples": len(b), "said": _known(judged.said[b].mean()), "came": _known(judged.came[b].mean())} for b in bins
    ]


def _share(learned: DistrictLine, rows: Sequence[Mapping[str, Any]]) -> float | None:
    return _known(float(np.median([learned.share.of(one["row"]) for one in rows])))


def _trained_on(told: Mapping[str, Any], slices: Slices) -> dict[str, Any]:
    rows = told["outcomes"]
    parts = {"older": [rows[i] for i in slices.older], "newest": [rows[i] for i in slices.newest], "all": rows}
    days = [datetime.fromisoformat(told["epoch"]) + timedelta(seconds=one["at"]) for one in rows]
    return {
        "data": OWN,
        "label": {"version": load_definition().version, "horizon_days": told["horizon_days"]},
        "from": min(days).date().isoformat(),
        "until": max(days).date().isoformat(),
        "forecasts": len(rows),
        "matters": len({one["matter"] for one in rows}),
        "escalated": _escalated(rows),
        "examples": {name: len(part) for name, part in parts.items()},
        "positives": {name: int(_came(part).sum()) for name, part in parts.items()},
        "never_known": told["never_known"],
        "other_schema": told["other_schema"],
    }


def _known(value: float) -> float | None:
    """Four digits; JSON has no NaN."""
    return None if np.isnan(value) else round(float(value), 4)


def _bytes(plain: Mapping[str, Any]) -> bytes:
    return (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
