from __future__ import annotations

from math import log, log1p
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scoring.definitions import FEATURES, GROUPS
from service.scoring.features import NAMES, Row, features
from service.scoring.prior import PRIOR_FILE, PriorError, line_of, load_prior
from service.scoring.prior_share import PriorShare, columns, share_text
from tests.scoring.makers import snapshot

PRIOR = load_prior()
SIGNED = [feature for feature in FEATURES if feature.sign]
values = st.one_of(st.none(), st.floats(-5, 8))
rows = st.fixed_dictionaries(dict.fromkeys(NAMES, values))


def usual_row() -> Row:
    return {name: slope.usual for name, slope in PRIOR.line.slopes.items()}


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = PRIOR_FILE.read_text("utf-8")
    assert text.count(old) == 1
    file = tmp_path / "prior.yaml"
    file.write_text(text.replace(old, new), "utf-8")
    return file


def test_the_usual_matter_escalates_at_the_stated_base_rate() -> None:
    assert PRIOR.line.log_odds(usual_row()) == pytest.approx(log(0.05 / 0.95))


def test_ten_points_double_the_odds() -> None:
    more = usual_row() | {"signal_disruption": 1.0}
    assert PRIOR.line.log_odds(more) - PRIOR.line.log_odds(usual_row()) == pytest.approx(log(2))


def test_twice_the_people_bring_the_points_of_one_doubling() -> None:
    row = usual_row()
    odds = [PRIOR.line.log_odds(row | {"people_log": log1p(20) + times * log(2)}) for times in (0, 1, 2)]
    assert odds[1] - odds[0] == pytest.approx(0.6 * log(2))
    assert odds[2] - odds[1] == pytest.approx(0.6 * log(2))


@given(rows, st.sampled_from(SIGNED), st.floats(0, 3))
def test_risk_moves_only_in_the_stated_direction(row: Row, feature, more: float) -> None:
    before = row | {feature.name: row[feature.name] or 0.0}
    after = before | {feature.name: before[feature.name] + more}
    assert feature.sign * (PRIOR.line.log_odds(after) - PRIOR.line.log_odds(before)) >= -1e-9


@given(rows)
def test_the_groups_add_up_to_the_log_odds(row: Row) -> None:
    groups = PRIOR.line.groups(row)
    assert set(groups) <= set(GROUPS)
    assert PRIOR.line.constant + sum(groups.values()) == pytest.approx(PRIOR.line.log_odds(row))


@given(rows)
def test_plain_values_say_the_same_and_come_back(row: Row) -> None:
    plain = PRIOR.line.plain()
    parts = [
        weight["when_missing"] if row[name] is None else weight["per_unit"] * row[name]
        for name, weight in plain["weights"].items()
    ]
    assert plain["intercept"] + sum(parts) == pytest.approx(PRIOR.line.log_odds(row), abs=1e-9)
    assert line_of(plain["intercept"], plain["weights"], PRIOR.line).log_odds(row) == pytest.approx(
        PRIOR.line.log_odds(row), abs=1e-9
    )


def test_every_stated_number_has_a_reason_and_is_marked_unverified() -> None:
    assert PRIOR.unverified
    assert set(PRIOR.reasons) <= set(NAMES)
    assert all(PRIOR.reasons.values())
    assert {name for name in NAMES if name not in PRIOR.reasons} <= set(PRIOR.silent)


def test_points_against_the_direction_of_a_feature_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PriorError, match="missed_clocks_log"):
        load_prior(
            changed(
                tmp_path,
                "missed_clocks_log: {step: doubling, points: 5",
                "missed_clocks_log: {step: doubling, points: -5",
            )
        )


def test_points_of_an_unknown_feature_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PriorError, match="came_by_letter"):
        load_prior(changed(tmp_path, "  age_log:", "  came_by_letter:"))


def test_a_feature_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PriorError, match="reason"):
        load_prior(changed(tmp_path, ", reason: 近一周反映增多}", "}"))


def test_columns_are_steps_from_the_usual_marks_of_the_missing_and_one() -> None:
    told = columns(
        usual_row() | {"people_log": log1p(20) + log(2), "present_log": None}, PRIOR.line.usual, PRIOR.line.steps
    )
    expected = [0.0] * (2 * len(NAMES)) + [1.0]
    expected[NAMES.index("people_log")] = 1.0
    expected[len(NAMES) + NAMES.index("present_log")] = 1.0
    assert told == pytest.approx(expected)


def test_a_share_is_the_mean_of_the_directions_a_row_reaches_into() -> None:
    none = [0.0, 0.0]
    directions = [none] * (2 * len(NAMES)) + [[3.0, 1.0]]
    share = PriorShare([1.0, 0.0], directions, PRIOR.line.usual, PRIOR.line.steps)
    assert share.of(usual_row()) == pytest.approx(0.9)


def test_people_are_told_how_much_is_prior() -> None:
    assert share_text(1.0) == "这个概率完全来自先验：本地还没有已知结果"
    assert share_text(0.428) == "这个概率约 43% 来自先验，其余来自本地已知结果"


def test_a_matter_as_known_in_service_has_a_prior() -> None:
    assert -8 < PRIOR.line.log_odds(features(snapshot())) < 3
