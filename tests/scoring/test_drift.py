"""PSI against its definition, bins that bear odd data, limits that act as they say."""

from __future__ import annotations

import random
from dataclasses import replace
from math import log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from service.scoring.drift import CATEGORY, SCORE, Met, Moved, Reference, moved, renamed, total
from service.scoring.features import NAMES
from service.scoring.standing import Calibration, Limits, Seen, Volume, noticed

DICE = random.Random(3)
LIMITS = Limits(200, 0.1, 0.25, 0.2, 0.5, 2, 100, 1.3, 1.7, 365, 730)
CALM = Calibration(400, 20.0, 20, 19.0)


def met(category: str = "labour.wage_arrears", **given: float | None) -> Met:
    return Met({**dict.fromkeys(NAMES, 0.0), **given}, 0.1, category)


def seen(**changes: Any) -> Seen:
    calm = Seen(500, frozenset(NAMES), {}, (), Volume(100, 100.0), CALM, 30)
    return replace(calm, **changes)


def codes(one: Seen) -> list[tuple[str, bool]]:
    return [(each.code, each.grave) for each in noticed(one, LIMITS)]


def test_psi_is_the_sum_of_its_definition_less_what_chance_gives() -> None:
    before, now = [600, 300, 100, 0], [300, 300, 400, 0]
    smooth = [[(n + 0.5) / 1002 for n in counts] for counts in (before, now)]
    by_hand = sum((n - b) * log(n / b) for b, n in zip(*smooth, strict=True))

    one = moved(before, now)

    assert one.noise == pytest.approx(2 * (1 / 1000 + 1 / 1000))
    assert one.psi == pytest.approx(by_hand - one.noise)


def test_two_samples_of_one_population_have_nearly_no_psi_and_a_shifted_one_has() -> None:
    def sample(shift: float) -> list[Met]:
        return [met(people_log=DICE.gauss(3 + shift, 0.7)) for _ in range(1000)]

    reference = Reference.of(sample(0))
    same, shifted = (reference.count(sample(shift))["people_log"] for shift in (0.0, 0.7))

    assert len(reference.edges["people_log"]) == 10  # nine deciles, and the second smallest value
    assert moved(reference.counts["people_log"], same).psi < 0.03
    assert moved(reference.counts["people_log"], shifted).psi > 0.5


def test_a_feature_that_is_nearly_always_the_same_still_shows_that_it_moved() -> None:
    rare = [met(missed_clocks_log=log(1 + (place % 50 == 0) * place)) for place in range(1000)]

    reference = Reference.of(rare)
    often = reference.count([met(missed_clocks_log=log(200))] * 300 + [met()] * 300)

    assert moved(reference.counts["missed_clocks_log"], often["missed_clocks_log"]).psi > 0.25


def test_what_goes_missing_is_a_bin_of_its_own() -> None:
    reference = Reference.of([met(people_log=place % 7) for place in range(700)])

    half = reference.count([met(people_log=place % 7 if place % 2 else None) for place in range(700)])

    one = moved(reference.counts["people_log"], half["people_log"])
    assert (one.missing_before, one.missing) == (0.0, 0.5)
    assert one.psi > 0.25


@given(
    first=some.lists(some.one_of(some.none(), some.floats(-50, 50)), min_size=1, max_size=60),
    later=some.lists(some.one_of(some.none(), some.floats(-1e6, 1e6)), min_size=1, max_size=60),
)
@settings(max_examples=150, deadline=None)
def test_any_values_are_counted_once_each_and_give_a_finite_psi(
    first: list[float | None], later: list[float | None]
) -> None:
    reference = Reference.of([met(people_log=value) for value in first])
    read = Reference.read(reference.kept())

    counts = read.count([met(people_log=value) for value in later])

    assert {sum(bins) for bins in counts.values()} == {len(later)}
    assert {sum(bins) for bins in total([counts, counts]).values()} == {2 * len(later)}
    one = moved(reference.counts["people_log"], counts["people_log"])
    assert 0 <= one.psi < 100


def test_a_renamed_category_is_told_from_one_that_became_rare() -> None:
    reference = Reference.of([met("a")] * 500 + [met("b")] * 300 + [met("c")] * 200)

    gone_to_new = reference.count([met("a")] * 150 + [met("x")] * 90 + [met("c")] * 60)
    gone_to_known = reference.count([met("a")] * 240 + [met("c")] * 60)
    spread = reference.count([met("a")] * 190 + [met("x")] * 25 + [met("c")] * 85)
    too_few = reference.count([met("a")] * 30 + [met("x")] * 18 + [met("c")] * 12)

    assert [renamed(reference, now) for now in (gone_to_new, gone_to_known, spread, too_few)] == [["b"], ["b"], [], []]


def test_all_is_well_when_nothing_moved() -> None:
    assert codes(seen(inputs={name: Moved(0.09, 0.01, 0.1, 0.1) for name in (*NAMES, SCORE, CATEGORY)})) == []


@pytest.mark.parametrize(
    ("name", "psi", "said"),
    [
        ("people_log", 0.12, [("psi.people_log", False)]),
        ("people_log", 0.3, [("psi.people_log", True)]),
        ("present_log", 0.3, [("psi.present_log", False)]),  # no weight in this model
        (SCORE, 0.3, [("psi.score", True)]),
        (CATEGORY, 0.9, [("psi.category", False)]),
        ("wage_season", 0.9, []),
        ("place_load", 0.9, []),
    ],
)
def test_a_moved_input_warns_and_past_the_limit_ends_judging_if_the_score_rests_on_it(
    name: str, psi: float, said: list[tuple[str, bool]]
) -> None:
    used = frozenset(NAMES) - {"present_log"}
    assert codes(seen(used=used, inputs={name: Moved(psi, 0.01, 0.0, 0.0)})) == said


def test_too_few_scores_are_not_compared() -> None:
    assert codes(seen(scores=199, inputs={"people_log": Moved(3.0, 0.1, 0.9, 0.0)})) == []


@pytest.mark.parametrize(
    ("forecasts", "expected", "came", "said"),
    [
        (400, 20.0, 24, []),
        (400, 60.0, 80, [("calibration", False)]),
        (400, 20.0, 40, [("calibration", True)]),
        (400, 60.0, 0, [("calibration", True)]),
        (400, 2.0, 4, []),  # twice as many, by chance
        (99, 20.0, 60, []),
    ],
)
def test_calibration_must_be_off_by_much_and_not_by_chance(
    forecasts: int, expected: float, came: int, said: list[tuple[str, bool]]
) -> None:
    assert codes(seen(calibration=Calibration(forecasts, expected, came, expected * 0.95))) == said


def test_volume_warns_both_ways_and_not_of_a_handful() -> None:
    told = [codes(seen(volume=Volume(last, usual))) for last, usual in ((40, 100.0), (210, 100.0), (1, 3.0), (9, 3.0))]
    assert told == [[("volume", False)], [("volume", False)], [], [("volume", False)]]


def test_age_warns_and_then_ends_judging() -> None:
    assert [codes(seen(age_days=days)) for days in (364, 365, 730)] == [[], [("stale", False)], [("stale", True)]]
