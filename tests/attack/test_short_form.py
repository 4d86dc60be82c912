"""The attack in short: three strokes, one of each kind. `make attack-kill` strikes often and at random."""

from __future__ import annotations

import pytest

from tests.attack.axe import Stroke, attack

PLAN = (
    Stroke("right after a commit", "database and all servers", delay=0, rest=1),
    Stroke("while a receiver holds its answer", "all pushers", delay=0.002, rest=1),
    Stroke("after a push arrived", "a pusher", delay=0.004, rest=1),
)


@pytest.mark.slow
async def test_whatever_is_killed_no_answered_report_is_lost_and_nothing_is_doubled() -> None:
    outcome = await attack(PLAN, seed=3)

    assert not outcome.differences, "\n".join([*outcome.differences, outcome.logs])
    counts = outcome.counts
    assert counts["reports sent"] == counts["reports answered"] == counts["incidents stored"] > 50
    assert counts["pushes owed"] == counts["pushes delivered"] + counts["pushes given up"] > 0
    assert counts["server starts"] >= 4, "two at first, two after strokes"
    assert counts["pusher starts"] >= 5, "two at first, three after strokes"
    # Held until the pusher was dead: received, never noted, hence pushed again.
    assert counts["of these, repeats with the same id"] > 0
