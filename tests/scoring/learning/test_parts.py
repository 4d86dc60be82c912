"""The parts of the learner, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from service.scoring.evaluate import calibration_error_by_chance, calibration_error_equal_widths
from service.scoring.learning.calibration import calibrate, calibrated
from service.scoring.learning.conformal import Judged, conform, covered
from service.scoring.learning.kinds import Kind, kind_of, parts_of
from service.scoring.learning.lasting import lasting
from service.scoring.learning.line import Sought, fit_line, sigmoid
from service.scoring.learning.moments import calendar, day_of
from service.scoring.learning.rates import blocks_of, rates_before
from service.scoring.learning.reading import Frame
from service.scoring.learning.trees import Growing, boosted, forest_of
from service.scoring.learning.windows import IN_GROUP, past_of, windows

DICE = np.random.default_rng(5)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2024-05-01",
            "2024-05-01T00:00:00Z",
            "2024-05-01 00:00",
            "2024-05-01T08:00:00+08:00",
            "20240501",
            "2024/5/1",
        ),
        *("2024年5月1日", "2024.05.01", "2024-05-01 08:00:00 +08", "2024-05-01 00:00:00 UTC", "1714521600", " 2024-5 "),
    ],
)
def test_a_moment_is_read_however_it_is_written(written: str) -> None:
    assert day_of(written) == 19844.0


@pytest.mark.parametrize("written", ["", "soon", "2024-13-01", "2024-02-30", "12", "28-Jan-90", "99999999"])
def test_what_is_no_moment_is_none(written: str) -> None:
    assert day_of(written) is None


def test_the_calendar_knows_its_days() -> None:
    told = calendar(np.array([19844.75]))  # Wednesday, 1 May 2024, 18:00
    assert {name: float(values[0]) for name, values in told.items()} == {"month": 5, "weekday": 2, "hour": 18}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "", "NaN"] * 10, Kind.NUMBER),
        (["001", "002", "010"] * 10, Kind.CATEGORY),
        (["2024-05-01", "2024/5/3", ""] * 10, Kind.DATE),
        (["a;b", "b;c;a", "c"] * 10, Kind.LIST),
        (['["a", "b"]', "[]", '["c"]'] * 10, Kind.LIST),
        (["北区", "南区"] * 10, Kind.CATEGORY),
        ([f"the {n} workers of hall {n}" for n in range(100)], Kind.TEXT),
        ([f"x{n:05}" for n in range(100)], Kind.IGNORED),
        (["", "NA", "null"] * 10, Kind.IGNORED),
        (["same"] * 30, Kind.IGNORED),
    ],
)
def test_the_kind_of_a_column_is_told_from_its_cells(cells: list[str], kind: Kind) -> None:
    assert kind_of(cells).kind is kind


def test_a_list_is_read_in_every_spelling() -> None:
    assert [parts_of(cell) for cell in ("a; b", "a|b", '["a", "b"]', "['a', 'b']", "[]")] == [["a", "b"]] * 4 + [[]]


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("xy")), min_size=1, max_size=30), st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_windows_count_only_what_was_strictly_before(rows: list[tuple[int, str]], known: int) -> None:
    times, groups = np.array([float(time) for time, _ in rows]), [group for _, group in rows]
    before, later = slice(0, min(known, len(rows) - 1)), slice(min(known, len(rows) - 1), None)
    told = windows(past_of(times[before], groups[before]), times[later], groups[later])
    for place, row in enumerate(range(len(rows))[later]):
        earlier = [times[row] - t for t, g in zip(times, groups, strict=True) if t < times[row] and g == groups[row]]
        assert told[f"group_{IN_GROUP[1]:g}d"][place] == pytest.approx(np.log1p(np.exp(-np.array(earlier) / 30).sum()))
        since = told["group_since"][place]
        assert (np.isnan(since) and not earlier) or since == pytest.approx(min(earlier))


@pytest.mark.parametrize("horizon", [0.0, 30.0])
def test_rates_are_told_from_rows_that_were_settled_before(horizon: float) -> None:
    times, codes = np.sort(DICE.uniform(0, 1000, 600)), DICE.integers(0, 9, 600)
    labels = DICE.random(600) < 0.3
    blocks = blocks_of(times, horizon)
    told = rates_before(codes, labels, blocks)
    for block in range(len(blocks)):
        start = times[blocks.of == block].min()
        changed = np.where(times >= start - horizon, ~labels, labels)
        after = rates_before(codes, changed, blocks)
        assert np.array_equal(after[blocks.of == block], told[blocks.of == block])
    assert len(np.unique(told)) > 20


def test_a_number_that_only_tells_the_date_is_not_used() -> None:
    times = np.sort(DICE.uniform(0, 400, 300))
    columns = {
        "serial": times.round(),
        "free": DICE.random(300),
        "time:month": times % 12,
        "time:hour": DICE.random(300),
    }
    frame = Frame(np.column_stack([*columns.values()]), tuple(columns), np.zeros((300, 0), np.uint8), ())
    assert lasting(frame, times, ()) == ("free", "time:hour")
    assert lasting(frame, times, {"serial"}) == ("serial", "free", "time:hour")


def test_the_line_is_that_of_the_reference_library() -> None:
    table, labels = DICE.normal(size=(500, 6)), DICE.random(500) < 0.3
    weights = DICE.uniform(0.5, 2, 500)
    line = fit_line(Sought(table, labels, weights, 0.1, [0] * 6))
    known = LogisticRegression(C=0.1, tol=1e-10).fit(table, labels, weights)
    assert line.weights == pytest.approx(known.coef_[0], abs=1e-3)
    assert line.constant == pytest.approx(known.intercept_[0], abs=1e-3)


@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=6, max_size=6), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_a_weight_keeps_its_sign_and_the_others_are_the_best_beside_it(signs: list[int], seed: int) -> None:
    dice = np.random.default_rng(seed)
    table = dice.normal(size=(300, 6))
    labels = dice.random(300) < sigmoid(table @ dice.normal(size=6))
    sought = Sought(table, labels, np.ones(300), 0.5, signs)
    line = fit_line(sought)
    assert all(weight * sign >= 0 for weight, sign in zip(line.weights, signs, strict=True))
    at = np.append(line.weights, line.constant)
    for step in dice.normal(scale=0.05, size=(50, 7)):
        assert sought.loss(sought.within(at + step)) >= sought.loss(at) - 1e-3


@pytest.mark.parametrize("signs", [[0, 0, 0, 0], [1, -1, 0, 0]])
def test_trees_as_arrays_say_what_the_library_says(signs: list[int]) -> None:
    table = DICE.normal(size=(2000, 4)).round(1)
    table[DICE.random((2000, 4)) < 0.15] = np.nan
    labels = DICE.random(2000) < sigmoid(np.nan_to_num(table[:, 0]) - np.isnan(table[:, 2]) - 1)
    grown: HistGradientBoostingClassifier = boosted(Growing(40, 3, signs)).fit(table, labels)
    asked = DICE.normal(size=(500, 4)) * 3
    asked[DICE.random((500, 4)) < 0.3] = np.nan
    said = sigmoid(forest_of(grown).log_odds(asked))
    assert said == pytest.approx(grown.predict_proba(asked)[:, 1], abs=1e-6)


def test_calibration_takes_back_a_lasting_shift_and_leaves_a_passing_one() -> None:
    odds = DICE.normal(size=(4, 2000))
    lasting = [(part, DICE.random(2000) < sigmoid(part - 1)) for part in odds]
    passing = [(part, DICE.random(2000) < sigmoid(part + (1 if n % 2 else -1))) for n, part in enumerate(odds)]
    assert calibrated(lasting).offset == pytest.approx(-1, abs=0.2)
    assert calibrated(passing).offset == 0
    assert calibrate(odds[0], DICE.random(2000) < sigmoid(0.5 * odds[0])).slope == pytest.approx(0.5, abs=0.15)


def test_intervals_hold_as_often_as_stated_when_nothing_drifts() -> None:
    said = DICE.beta(2, 6, 12_000)
    came = DICE.random(12_000) < said
    stretches = np.arange(12_000) // 3000
    halves = [
        Judged(said[half], came[half], stretches[half], ["c"] * 6000) for half in (slice(6000), slice(6000, None))
    ]
    found = conform(halves[0], None)
    held = covered(halves[1], *found.ends(halves[1].said, halves[1].classes))
    assert held is not None
    assert 0.8 < held <= 1


def test_too_few_judged_rows_give_the_widest_interval() -> None:
    found = conform(Judged(np.full(99, 0.2), np.zeros(99, dtype=bool), np.zeros(99, dtype=np.intp), [""] * 99), None)
    low, high = found.ends(np.array([0.2]), [""])
    assert (low[0], high[0]) == (0, 1)


def test_the_error_by_chance_bounds_that_of_true_probabilities() -> None:
    probability = DICE.beta(1, 5, 1500)
    chance = calibration_error_by_chance(probability, 1)
    drawn = [calibration_error_equal_widths(DICE.random(1500) < probability, probability) for _ in range(200)]
    assert 0.88 < np.mean(np.array(drawn) <= chance) <= 1
    assert calibration_error_equal_widths(np.array([True, False]), np.array([0.95, 0.15])) == pytest.approx(0.1)
