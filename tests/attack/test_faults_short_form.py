"""The fault run in short: four kills, each step of the clock once. `make attack-faults` kills fifty times."""

from __future__ import annotations

import pytest

from tests.attack.fault_run import run


@pytest.mark.slow
async def test_no_fault_of_a_receiver_no_kill_and_no_wrong_clock_loses_or_parks_a_push() -> None:
    found = await run(kills=4, seed=5)

    assert not found.wrong, "\n".join(found.wrong)
    counts = found.counts
    assert counts["kills"] == counts["steps of the clock"] == 4
    assert counts["pusher starts"] >= 5
    assert counts["pushes owed"] == counts["pushes delivered"] + counts["pushes given up"] > 50
    assert counts["pushes given up"] > 0
