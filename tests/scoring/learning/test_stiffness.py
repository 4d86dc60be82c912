"""Straight first: bends are held the more, and another strength must win by more than chance."""

from __future__ import annotations

import numpy as np
import pytest

from service.scoring.evaluate import Numbers
from service.scoring.learning.chaining import BEYOND_CHANCE, first_as_good
from service.scoring.learning.line import Sought, fit_line, sigmoid
from service.scoring.learning.numbered import STIFFNESS, STRENGTHS, frame_of
from service.scoring.learning.shapes import design_of

NAMES = tuple("abcdef")


def _off(rows: int, stiffness: float, truth: Numbers, table: Numbers, strength: float = STRENGTHS[0]) -> float:
    """Mean distance of what is said to the truth, in log-odds, taught by the first `rows`."""
    labels = np.random.default_rng(8).random(rows) < sigmoid(truth[:rows])
    frame = frame_of(NAMES, table)
    design = design_of(frame, {}, may_log=False, stiffness=stiffness)
    told = design.table(frame)
    line = fit_line(Sought(told[:rows], labels, np.ones(rows), strength, design.signs()))
    return float(np.abs(line.log_odds(told) - truth).mean())


@pytest.fixture(scope="module")
def table() -> Numbers:
    return np.random.default_rng(7).normal(size=(60_000, len(NAMES)))


def test_few_rows_of_a_straight_truth_are_told_straighter(table: Numbers) -> None:
    truth = table @ np.linspace(0.1, 0.6, len(NAMES)) - 2
    assert _off(1500, STIFFNESS, truth, table) < 0.85 * _off(1500, 1.0, truth, table)


def test_many_rows_of_a_bent_truth_bend_it_all_the_same(table: Numbers) -> None:
    truth = 2 * np.abs(table[:, 0]) - 3
    straight = float(np.abs(truth - truth.mean()).mean())
    assert _off(len(table), STIFFNESS, truth, table, max(STRENGTHS)) < 0.15 * straight


def test_of_segments_that_only_rise_all_but_the_column_itself_are_held(table: Numbers) -> None:
    frame = frame_of(NAMES, np.where(table > 2.5, np.nan, table))
    loose, stiff = (design_of(frame, {"a": 1}, may_log=False, stiffness=each) for each in (1.0, STIFFNESS))
    assert (stiff.spread / loose.spread).round(9).tolist() == [
        *[1, 7, 7, 7, 7, 1],  # a: four segments between its ends, and the mark of what is missing
        *[1, 7, 7, 7, 1] * 5,
    ]


def test_what_comes_first_is_kept_unless_another_wins_by_more_than_chance() -> None:
    dice = np.random.default_rng(9)
    first = dice.random(400)
    noise = dice.normal(scale=0.1, size=400)
    cases = np.arange(400)
    by_chance, surely = first - 0.004 + noise - noise.mean(), first - 0.02 + noise - noise.mean()
    assert first_as_good({"first": first, "other": by_chance}, cases, BEYOND_CHANCE) == "first"
    assert first_as_good({"first": first, "other": surely}, cases, BEYOND_CHANCE) == "other"


def test_looks_at_one_case_are_one_piece_of_evidence() -> None:
    dice = np.random.default_rng(10)
    noise = dice.normal(scale=0.1, size=40)
    first, other = np.zeros(40), noise - noise.mean() - 0.02
    tenfold = {"first": np.repeat(first, 10), "other": np.repeat(other, 10)}
    assert first_as_good(tenfold, np.repeat(np.arange(40), 10), BEYOND_CHANCE) == "first"
    assert first_as_good(tenfold, np.arange(400), BEYOND_CHANCE) == "other"
