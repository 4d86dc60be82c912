from __future__ import annotations

from dataclasses import replace

import pytest

from service.scoring.comparison import Split
from service.scoring.replay import Example, replay
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
    return replay(district).examples


@pytest.fixture(scope="session")
def small_split(examples: list[Example]) -> Split:
    """A split good enough to run the learner on, not to judge it."""
    half = len(examples) // 2
    return Split(training=examples[:half], calibration=examples[half:], later=examples[half:], unseen=examples[:half])


@pytest.fixture(scope="session")
def fitted(small_split: Split) -> Fitted:
    return fit(small_split)


@pytest.fixture
def parameters() -> SimulationParameters:
    return replace(SimulationParameters(), county="990102", name="示例二区（虚构）")
