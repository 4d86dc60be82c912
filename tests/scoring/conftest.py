from __future__ import annotations

from dataclasses import replace

import pytest

from service.scoring.comparison import Split
from service.scoring.replay import Example
from service.scoring.replay import examples as examples_of
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.train import Fitted, fit
from tests.scoring.makers import NOON


@pytest.fixture(scope="session")
def district() -> SimulatedDistrict:
    """120 simulated days before NOON."""
    return simulate(SimulationParameters(), seed=5, start=NOON.replace(month=2), days=120)


@pytest.fixture(scope="session")
def examples(district: SimulatedDistrict) -> list[Example]:
    return examples_of(district)


@pytest.fixture(scope="session")
def settled(examples: list[Example]) -> list[Example]:
    """Those of which it is known what came of them."""
    return [example for example in examples if example.outcome() is not None]


@pytest.fixture(scope="session")
def small_split(settled: list[Example]) -> Split:
    """A split good enough to run the learner on, not to judge it."""
    half = len(settled) // 2
    return Split(training=settled[:half], calibration=settled[half:], later=settled[half:], unseen=settled[:half])


@pytest.fixture(scope="session")
def fitted(small_split: Split) -> Fitted:
    return fit(small_split)


@pytest.fixture
def parameters() -> SimulationParameters:
    return replace(SimulationParameters(), county="990102", name="示例二区（虚构）")
