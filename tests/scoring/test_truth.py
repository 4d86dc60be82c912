from __future__ import annotations

from datetime import timedelta
from math import log, sqrt
from random import Random

import pytest

from service.scoring.labels import Label
from service.scoring.replay import Example
from service.scoring.replay import examples as examples_of
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.parameters import numbered
from service.scoring.simulation.truth import TrueRisk, true_risks
from tests.scoring.makers import NOON

Known = list[tuple[Example, tuple[TrueRisk, ...]]]


@pytest.fixture(scope="module")
def known() -> Known:
    """One look at each matter, of a number drawn beforehand: choosing the last would choose by what came of it."""
    found: Known = []
    for number in range(4):
        lived, dice = simulate(numbered(number), 11, NOON, 120), Random(f"{number}")
        looks: dict[str, list[Example]] = {}
        for example in examples_of(lived):
            if example.outcome() is not None:
                looks.setdefault(example.matter, []).append(example)
        drawn = [(of_one, dice.randrange(6)) for of_one in looks.values()]
        sample = [of_one[place] for of_one, place in drawn if place < len(of_one)]
        found += [(e, true_risks(lived.truth[e.matter], e.at, lived.parameters, dice, 6)) for e in sample]
    return found


def test_the_true_probability_is_that_of_the_label(known: Known) -> None:
    """As many escalate as were to be expected, within three standard errors, for each horizon."""
    for place, days in enumerate((7, 14, 30)):
        risks = [told[place].probability for _, told in known]
        came = sum(example.labels[days] is Label.YES for example, _ in known)
        assert abs(came - sum(risks)) < 3 * sqrt(sum(risk * (1 - risk) for risk in risks)), days


def test_the_true_probability_beats_the_base_rate(known: Known) -> None:
    came = [bool(example.outcome()) for example, _ in known]
    base = sum(came) / len(came)
    own = [
        _loss(yes, min(max(told[-1].probability, 1e-4), 1 - 1e-4)) for yes, (_, told) in zip(came, known, strict=True)
    ]
    assert sum(own) < 0.9 * sum(_loss(yes, base) for yes in came)


def test_a_longer_horizon_is_never_safer(known: Known) -> None:
    for _, told in known:
        assert [risk.days for risk in told] == [7, 14, 30]
        assert 0 <= told[0].probability <= told[1].probability <= told[2].probability <= 1


def test_more_continuations_narrow_the_error(district: SimulatedDistrict, examples: list[Example]) -> None:
    one = max(examples, key=lambda e: e.snapshot.people_max or 0)
    few, many = (true_risks(district.truth[one.matter], one.at, district.parameters, Random(1), n) for n in (10, 300))
    assert many[-1].error < few[-1].error / 2


def test_a_moment_that_is_no_half_day_is_refused(district: SimulatedDistrict, examples: list[Example]) -> None:
    one = examples[0]
    with pytest.raises(ValueError, match="half day"):
        true_risks(district.truth[one.matter], one.at + timedelta(hours=1), district.parameters, Random(1))


def _loss(yes: bool, risk: float) -> float:
    return -log(risk if yes else 1 - risk)
