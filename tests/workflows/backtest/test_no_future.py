"""Nothing after a moment reaches what was judged at it: the future is altered, and the rows stay the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.domain.words import Outcome
from service.workflows.backtest.history import Ended, Event, History, Received, in_order
from tests.workflows.backtest.playing import Said, said, written

DAYS = 7
PLAYS = 3  # each plays a district anew


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return written(tmp_path_factory.mktemp("district"), DAYS)


@pytest.fixture(scope="module")
def before(cluster: str, history: History, tmp_path_factory: pytest.TempPathFactory) -> Said:
    return said(cluster, history, tmp_path_factory.mktemp("data"))


def altered(history: History, cut: datetime, dice: Random) -> History:
    """Another future: events shuffled in time, dropped, graver, with other outcomes."""
    past = [event for event in history.events if event.at <= cut]
    coming = [_otherwise(event, cut, dice) for event in history.events if event.at > cut if dice.random() < 0.8]
    return replace(history, events=in_order([*past, *coming]))


def _otherwise(event: Event, cut: datetime, dice: Random) -> Event:
    at = cut + timedelta(seconds=dice.randrange(1, 5 * 86_400))
    if isinstance(event, Ended):
        return replace(event, at=at, happened_at=at, outcome=dice.choice(list(Outcome)))
    if isinstance(event, Received):
        worse = {"signals": ["gathering_under_way", "injury"], "people_affected": dice.randrange(5, 5000)}
        report = event.report.model_copy(update={**worse, "occurred_at": at - timedelta(minutes=5)})
        return replace(event, at=at, report=report)
    return replace(event, at=at)


def test_whatever_comes_later_what_was_judged_until_then_stays_to_the_last_bit(
    cluster: str, history: History, before: Said, tmp_path: Path
) -> None:
    @settings(max_examples=PLAYS, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(part=st.floats(0.3, 0.9), seed=st.integers(0, 2**32))
    def stay(part: float, seed: int) -> None:
        cut = history.start + part * timedelta(days=DAYS)
        after = said(cluster, altered(history, cut, Random(seed)), tmp_path)
        assert len(before.until(cut)) > 5
        assert any(row["features"] for _, row in before.until(cut))
        assert after.until(cut) == before.until(cut)
        assert after.rows != before.rows, "the future was really another one"

    stay()
