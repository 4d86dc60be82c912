from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.scoring.definitions import FEATURES
from service.scoring.district import Outcomes, Way, fit_district, log_odds, out_of_fold, outcomes_of, parts
from service.scoring.drawn import Drawn, fit_drawn, probability
from service.scoring.features import NAMES, Row
from service.scoring.prior import PriorLine, line_of, load_prior
from service.scoring.prior_share import share_from
from service.scoring.replay import Example

PRIOR = load_prior()
STATED = {"stated": PRIOR.line}
SIGNED = {feature.name: feature.sign for feature in FEATURES if feature.sign}


def drawn_rows(count: int, seed: int) -> list[Row]:
    """Each value some steps from the usual one, some head-counts missing."""
    dice = np.random.default_rng(seed)
    steps = dice.normal(0, 1, (count, len(NAMES)))
    gone = dice.random(count) < 0.2
    return [
        {
            name: PRIOR.line.slopes[name].usual + PRIOR.line.slopes[name].step * value
            for name, value in zip(NAMES, row, strict=True)
        }
        | ({"people_log": None} if missing else {})
        for row, missing in zip(steps, gone, strict=True)
    ]


def outcomes(count: int, truth: PriorLine, seed: int = 3) -> Outcomes:
    """Matters of one row each that escalate as `truth` says."""
    rows = drawn_rows(count, seed)
    came = np.random.default_rng(seed + 1).random(count) < probability(log_odds(rows, truth))
    return Outcomes(rows, came, [f"m{place}" for place in range(count)], np.arange(count, dtype=float))


def moved(constant: float = 0.0, **per_step: float) -> PriorLine:
    """The stated line with another constant and other weights per step."""
    slopes = {
        name: replace(PRIOR.line.slopes[name], per_unit=weight / PRIOR.line.slopes[name].step)
        for name, weight in per_step.items()
    }
    return PriorLine(PRIOR.line.constant + constant, {**PRIOR.line.slopes, **slopes})


def distance(one: Sequence[Row], line: PriorLine, truth: PriorLine) -> float:
    """Mean distance in log-odds."""
    return float(np.abs(log_odds(one, line) - log_odds(one, truth)).mean())


def test_without_outcomes_the_line_is_the_prior_and_all_of_a_score_is_prior() -> None:
    own = fit_district(outcomes(0, PRIOR.line), STATED, PRIOR.sure)
    rows = drawn_rows(20, 5)
    assert log_odds(rows, own.line) == pytest.approx(log_odds(rows, PRIOR.line), abs=1e-9)
    assert [own.share.of(row) for row in rows] == pytest.approx([1.0] * 20, abs=1e-9)


def test_the_line_moves_to_the_truth_as_outcomes_arrive() -> None:
    truth, rows = moved(1.2, signal_harm=0.0, people_log=1.2, age_log=-0.6), drawn_rows(200, 9)
    lines = [fit_district(outcomes(count, truth), STATED, PRIOR.sure).line for count in (200, 1500)]
    off = [distance(rows, line, truth) for line in (PRIOR.line, *lines)]
    assert off == sorted(off, reverse=True)
    assert off[-1] < 0.4 * off[0]


def test_the_share_of_the_prior_falls_as_outcomes_arrive() -> None:
    rows = drawn_rows(30, 5)
    lines = [fit_district(outcomes(count, PRIOR.line), STATED, PRIOR.sure) for count in (30, 200, 1200)]
    shares = [float(np.mean([own.share.of(row) for row in rows])) for own in lines]
    assert 1 > shares[0] > shares[1] > shares[2]
    assert shares[2] < 0.5


def test_a_kind_of_matter_the_district_has_not_seen_stays_prior() -> None:
    known = outcomes(400, PRIOR.line)
    never = Outcomes([row | {"wage_season": 0.0} for row in known.rows], known.escalated, known.matters, known.opened)
    own = fit_district(never, STATED, PRIOR.sure)
    usual = {name: PRIOR.line.slopes[name].usual for name in NAMES}
    assert own.share.of(usual | {"wage_season": 1.0}) > own.share.of(usual) + 0.05


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.floats(-3, 3))
def test_no_weight_ever_turns_its_sign_and_shares_stay_between_0_and_1(seed: int, count: int, off: float) -> None:
    against = moved(off, **{name: -0.8 * sign for name, sign in SIGNED.items()})
    own = fit_district(outcomes(count, against, seed), STATED, PRIOR.sure)
    assert all(sign * own.line.slopes[name].per_unit >= 0 for name, sign in SIGNED.items())
    assert all(0 <= own.share.of(row) <= 1 for row in drawn_rows(5, seed))


def test_rows_of_one_matter_weigh_as_one() -> None:
    once = outcomes(60, moved(2.0))
    often = Outcomes(
        [row for row in once.rows for _ in range(4)],
        np.repeat(once.escalated, 4),
        [matter for matter in once.matters for _ in range(4)],
        np.repeat(once.opened, 4),
    )
    rows = drawn_rows(20, 8)
    lines = [fit_district(each, STATED, PRIOR.sure).line for each in (once, often)]
    assert log_odds(rows, lines[0]) == pytest.approx(log_odds(rows, lines[1]), abs=1e-6)


def test_the_line_that_foretells_better_is_drawn_towards() -> None:
    truth = moved(1.5, people_log=1.5, reports_log=0.9)
    either = {"stated": PRIOR.line, "elsewhere": truth}
    assert fit_district(outcomes(400, truth), either, PRIOR.sure).chosen.around == "elsewhere"
    assert fit_district(outcomes(400, PRIOR.line), either, PRIOR.sure).chosen.around == "stated"


def test_with_few_outcomes_the_first_line_holds_as_stated() -> None:
    either = {"stated": PRIOR.line, "elsewhere": moved(1.5)}
    own = fit_district(outcomes(19, moved(1.5)), either, PRIOR.sure)
    assert (own.chosen, own.losses, own.matters) == (Way("stated", 1.0), {}, 19)


def test_an_outcome_does_not_reach_its_own_out_of_fold_score() -> None:
    known, way = outcomes(100, moved(1.0)), Way("stated", 1.0)
    turned = replace(known, escalated=np.where(parts(known) == 2, ~known.escalated, known.escalated))
    before, after = (out_of_fold(each, PRIOR.line, PRIOR.sure, way) for each in (known, turned))
    assert np.array_equal(before[parts(known) == 2], after[parts(known) == 2])
    assert not np.allclose(before[parts(known) != 2], after[parts(known) != 2])


def test_parts_of_time_hold_whole_matters_in_order() -> None:
    known = Outcomes(drawn_rows(10, 1), np.zeros(10, dtype=bool), list("eeddccbbaa"), np.repeat(np.arange(5.0), 2))
    assert parts(known).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_only_settled_examples_are_outcomes(examples: list[Example]) -> None:
    known = outcomes_of(examples)
    settled = [each for each in examples if each.outcome() is not None]
    assert 0 < len(known) == len(settled) < len(examples)
    assert known.escalated.tolist() == [each.outcome() for each in settled]
    assert known.opened[0] == settled[0].opened_at.timestamp() / timedelta(days=1).total_seconds()


def test_a_drawn_fit_is_where_its_loss_is_flat() -> None:
    dice = np.random.default_rng(1)
    table, labels = dice.normal(size=(200, 4)), dice.random(200) < 0.3
    half = dice.normal(size=(4, 4))
    sought = Drawn(table, labels, 0.7, dice.normal(size=4), half @ half.T + np.eye(4), [0, 0, 0, 0])
    assert sought.gradient(fit_drawn(sought)) == pytest.approx(np.zeros(4), abs=1e-4)


def test_what_is_written_down_says_the_same_again() -> None:
    own = fit_district(outcomes(60, moved(1.0)), STATED, PRIOR.sure)
    plain = json.loads(json.dumps(own.plain(), allow_nan=False))
    line, share, rows = (
        line_of(plain["intercept"], plain["weights"], PRIOR.line),
        share_from(plain["share"]),
        drawn_rows(9, 4),
    )
    assert log_odds(rows, line) == pytest.approx(log_odds(rows, own.line), abs=1e-9)
    assert [share.of(row) for row in rows] == [own.share.of(row) for row in rows]


def test_shares_of_other_features_are_refused() -> None:
    plain = fit_district(outcomes(0, PRIOR.line), STATED, PRIOR.sure).share.plain()
    with pytest.raises(ValueError, match="other features"):
        share_from(plain | {"usual": plain["usual"][1:]})


def test_what_serves_a_district_loads_no_numerical_library() -> None:
    code = (
        "import sys, service.scoring.prior_share, service.scoring.pooling, service.scoring.prior as p; p.load_prior();"
    )
    code += "sys.exit(bool({'numpy', 'scipy', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
