from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from service.scoring.learning.numbered import Numbered
from service.scoring.replay import Example
from service.scoring.replay import examples as examples_of
from service.scoring.simulate import SimulatedDistrict, simulate
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.train import fit
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
def taught() -> list[Example]:
    """Settled examples of 240 days: enough to run the learner on, not to judge it."""
    lived = simulate(SimulationParameters(), seed=6, start=NOON - timedelta(days=240), days=240)
    return [example for example in examples_of(lived) if example.outcome() is not None]


@pytest.fixture(scope="session")
def learned(taught: list[Example]) -> Numbered:
    return fit(taught, 0)


@pytest.fixture
def parameters() -> SimulationParameters:
    return replace(SimulationParameters(), county="990102", name="示例二区（虚构）")
