"""What is learned from a service's own outcomes is served as it was learned, and measured on what it had not seen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from service.domain.problems import Problem
from service.scoring.artefact import parts_of
from service.scoring.district import fit_district, log_odds, outcomes_of
from service.scoring.label_definition import load_definition
from service.scoring.own_outcomes import learned_from, parts_of_line, slices_of
from service.scoring.prior import load_prior
from service.scoring.replay import HORIZON_DAYS, Example
from service.scoring.scorer import Scorer, sigmoid

DAY = 86400.0


def told(examples: list[Example], **more: Any) -> dict[str, Any]:
    """As the service gathers it."""
    outcomes = [
        {
            "matter": one.matter, "kind": one.snapshot.first_level, "row": one.row, "said": None,
            "at": one.at.timestamp(), "opened_at": one.opened_at.timestamp(), "escalated": one.outcome(),
        }
        for one in examples
    ]  # fmt: skip
    rest = {"epoch": "1970-01-01T00:00:00+00:00", "horizon_days": HORIZON_DAYS, "synthetic": True, "never_known": 0}
    return {**rest, "other_schema": 0, "newest_share": 0.25, "least_each": 5, "outcomes": outcomes, **more}


def test_the_served_model_agrees_with_the_line_that_was_learned(taught: list[Example]) -> None:
    prior, rows = load_prior(), [one.row for one in taught]
    learned = fit_district(outcomes_of(taught), {"stated": prior.line}, prior.sure)
    shell = {"version": "own", "horizon_days": HORIZON_DAYS, "synthetic": True, "kinds": []}
    interval = {"cell": 50, "otherwise": None, "by_kind": {}}

    plain = {**shell, "interval": interval, **parts_of_line(learned, rows)}
    served = Scorer(parts_of(json.loads(json.dumps(plain))))

    said = np.array([served.score_row(row).probability for row in rows], dtype=float)
    assert np.abs(said - [sigmoid(each) for each in log_odds(rows, learned.line)]).max() <= 1e-6
    assert not any(served.score_row(row).outside for row in rows)


def test_all_that_teaches_was_settled_before_the_first_matter_that_measures_opened(taught: list[Example]) -> None:
    rows = told(taught)["outcomes"]

    slices = slices_of(rows, HORIZON_DAYS, 0.25)

    ahead = (HORIZON_DAYS + load_definition().settling_days) * DAY
    older, newest = ([rows[place] for place in places] for places in (slices.older, slices.newest))
    assert max(one["at"] for one in older) + ahead <= min(one["opened_at"] for one in newest)
    assert {one["matter"] for one in older}.isdisjoint({one["matter"] for one in newest})
    share = len({one["matter"] for one in newest}) / len({one["matter"] for one in rows})
    assert share == pytest.approx(0.25, abs=0.01)


def test_what_measures_does_not_teach_what_is_measured(taught: list[Example]) -> None:
    """Turning every outcome of the newest slice changes how well the older slice foretells, not what it foretells."""
    given = told(taught)
    newest = set(slices_of(given["outcomes"], HORIZON_DAYS, 0.25).newest)
    turned = [one | {"escalated": one["escalated"] != (place in newest)} for place, one in enumerate(given["outcomes"])]

    (_, card), (_, other) = learned_from(given), learned_from(given | {"outcomes": turned})

    assert [b["said"] for b in card["metrics"]["calibration"]] == [b["said"] for b in other["metrics"]["calibration"]]
    assert (
        card["metrics"]["newest"]["model"]["auc"]["value"] > 0.5 > other["metrics"]["newest"]["model"]["auc"]["value"]
    )


def test_the_model_in_use_is_compared_where_it_had_spoken(taught: list[Example]) -> None:
    given = told(taught)
    half = [one | {"said": 0.1 if place % 2 else None} for place, one in enumerate(given["outcomes"])]

    _, silent = learned_from(given)
    _, spoken = learned_from(given | {"outcomes": half})

    assert silent["metrics"]["where_in_use_spoke"] == {}
    assert spoken["metrics"]["where_in_use_spoke"]["in_use"]["auc"]["value"] == 0.5


def test_slices_without_enough_escalations_are_refused_with_the_number(taught: list[Example]) -> None:
    with pytest.raises(Problem, match=r"较早一段的已知结果中只有 .* 件升级事项，至少需要 900 件"):
        learned_from(told(taught, least_each=900))
