"""The learner as a whole, on made-up events."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.scoring.evaluate import auc, log_loss
from service.scoring.learning.events import Events, Settings
from service.scoring.learning.learned import Learned
from service.scoring.learning.learner import fit
from service.scoring.learning.plain import learned_from, plain_of
from tests.scoring.learning.makers import events_of, made, part, with_cells
from tests.source import ROOT

WHOLE = made(1700)
LATER, TRUTH = events_of(part(WHOLE, 1300))


@pytest.fixture(scope="module")
def learned() -> Learned:
    return fit(*events_of(part(WHOLE, 0, 1300)), Settings(monotone={"people": 1, "distance": -1}))


def test_it_learns_what_there_is_to_learn(learned: Learned) -> None:
    said = learned.predict(LATER).probability
    base = np.full(len(TRUTH), 0.5 * TRUTH.mean() + 0.5 * said.mean())
    assert auc(TRUTH, said) > 0.68
    assert log_loss(TRUTH, said) < log_loss(TRUTH, base) - 0.02
    assert learned.chosen.way in {"line", "trees", "blend"}


def test_on_noise_it_says_the_base_rate() -> None:
    noise = made(500, noise=True)
    later, truth = events_of(part(noise, 350))
    said = fit(*events_of(part(noise, 0, 350)), Settings()).predict(later).probability
    assert log_loss(truth, said) < log_loss(truth, np.full(len(truth), truth.mean())) + 0.015


def test_the_same_input_gives_the_same_result(learned: Learned) -> None:
    again = fit(*events_of(part(WHOLE, 0, 1300)), Settings(monotone={"people": 1, "distance": -1}))
    assert np.array_equal(again.predict(LATER).probability, learned.predict(LATER).probability)


def test_the_order_of_rows_says_nothing(learned: Learned) -> None:
    order = np.random.default_rng(2).permutation(len(TRUTH))
    shuffled = learned.predict(_taken(LATER, order)).probability
    assert shuffled == pytest.approx(learned.predict(LATER).probability[order], abs=1e-12)


def test_the_future_changes_no_prediction(learned: Learned) -> None:
    """Other cells, groups and moments after an event leave its probability, interval and novelty as they are."""
    half = len(TRUTH) // 2
    dice = np.random.default_rng(3)
    whole = learned.predict(LATER)
    future = _taken(LATER, np.concatenate([np.arange(half), half + dice.permutation(half)]))
    moved = replace(future, times=np.concatenate([LATER.times[:half], LATER.times[half:] + dice.uniform(0, 900, half)]))
    for changed in (moved, _taken(LATER, np.arange(half))):
        told = learned.predict(changed)
        assert np.array_equal(told.probability[:half], whole.probability[:half])
        assert np.array_equal(told.low[:half], whole.low[:half])
        assert list(told.outside)[:half] == list(whole.outside)[:half]


def test_the_past_does_change_predictions(learned: Learned) -> None:
    assert not np.array_equal(learned.predict(LATER, {}).probability, learned.predict(LATER).probability)


@given(st.integers(0, 399), st.floats(0, 1e5), st.floats(0, 1e5), st.sampled_from(["people", "distance"]))
@settings(max_examples=60, deadline=None)
def test_risk_only_moves_the_way_it_was_told_to(
    learned: Learned, row: int, one: float, other: float, name: str
) -> None:
    low, high = sorted((one, other))
    asked = _taken(LATER, np.array([row]))
    said = [learned.predict(with_cells(asked, **{name: [f"{cell!r}"]})).probability[0] for cell in (low, high)]
    rises = said[1] - said[0]
    assert (rises if name == "people" else -rises) >= -1e-12


def test_what_was_learned_survives_as_json_and_speaks_without_sklearn(learned: Learned) -> None:
    text = json.dumps(plain_of(learned), allow_nan=False)
    again = learned_from(json.loads(text))
    assert again.predict(LATER).probability == pytest.approx(learned.predict(LATER).probability, abs=1e-12)
    assert again.predict(LATER).outside == learned.predict(LATER).outside
    check = "import sys, service.scoring.learning.plain; print({'sklearn', 'scipy', 'joblib'} & {*sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "set()"


def test_a_case_outside_what_was_seen_says_why(learned: Learned) -> None:
    asked = _taken(LATER, np.array([0, 1]))
    strange = replace(with_cells(asked, people=["9000000", "20"], kind=["pay", "war"]), groups=["town 1", "Atlantis"])
    first, second = learned.predict(strange).outside
    assert "people = 9e+06" in "".join(first)
    assert "kind = war" in "".join(second)
    assert "Atlantis" in "".join(second)


def test_intervals_hold_the_probability(learned: Learned) -> None:
    told = learned.predict(LATER)
    assert ((told.low <= told.probability) & (told.probability <= told.high)).all()
    assert 0 < (told.high - told.low).mean() < 1


def test_labels_of_one_class_are_refused() -> None:
    with pytest.raises(ValueError, match="one class"):
        fit(LATER, np.ones(len(TRUTH), dtype=bool), Settings())


def _taken(events: Events, rows: np.ndarray) -> Events:
    columns = {name: [cells[row] for row in rows] for name, cells in events.columns.items()}
    return Events(columns, events.times[rows], [(events.groups or ())[row] for row in rows])
