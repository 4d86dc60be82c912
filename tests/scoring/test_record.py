"""The published record against forecasts counted one by one."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import Any

import pytest

from service.scoring.record import months

EDGES = (0.05, 0.1, 0.2, 0.3, 0.5)
MONTH = date(2026, 5, 1)


def cell(probability: float, label: str, *, settled: bool = True, **changes: Any) -> dict[str, Any]:
    """One forecast as a cell of its own."""
    plain = {"month": MONTH, "version": "a", "level": "yellow", "settled": settled, "label": label, "forecasts": 1}
    more = {"bin": bisect_right(EDGES, probability), "expected": probability, "squares": probability**2}
    return {**plain, **more, **changes}


def test_brier_and_calibration_are_those_of_the_forecasts_one_by_one() -> None:
    made = [(0.02, False), (0.04, True), (0.15, False), (0.25, True), (0.7, True), (0.9, False)]

    (month,) = months([cell(p, "yes" if came else "no") for p, came in made], EDGES)

    assert month.brier == pytest.approx(sum((p - came) ** 2 for p, came in made) / 6)
    assert month.brier_of_share == 0.25
    assert month.expected == pytest.approx(2.06)
    assert [(low, high, one.forecasts, one.came) for low, high, one in month.calibration] == [
        (0.0, 0.05, 2, 1), (0.05, 0.1, 0, 0), (0.1, 0.2, 1, 0), (0.2, 0.3, 1, 1), (0.3, 0.5, 0, 0), (0.5, 1.0, 2, 1)
    ]  # fmt: skip


def test_open_and_lost_windows_count_in_no_comparison() -> None:
    cells = [cell(0.1, "no"), cell(0.2, "yes", settled=False), cell(0.3, "not_yet_known", settled=False)]

    (month,) = months([*cells, cell(0.4, "not_yet_known")], EDGES)

    assert (month.forecasts, month.came_so_far, month.not_yet_known, month.unknown) == (4, 1, 1, 1)
    assert (month.compared.forecasts, month.compared.came, month.brier) == (1, 0, pytest.approx(0.01))


def test_each_month_and_model_stands_by_itself_and_without_an_outcome_nothing_is_claimed() -> None:
    june = date(2026, 6, 1)
    cells = [cell(0.1, "not_yet_known", month=june, settled=False), cell(0.1, "no"), cell(0.1, "no", version="b")]

    found = months(cells, EDGES)

    assert [(one.month, one.version) for one in found] == [(MONTH, "a"), (MONTH, "b"), (june, "a")]
    assert (found[-1].brier, found[-1].brier_of_share, found[-1].compared.share) == (None, None, None)


def test_precision_is_told_per_level_the_model_spoke_for() -> None:
    cells = [cell(0.1, "no"), cell(0.1, "yes"), cell(0.4, "yes", level="orange"), cell(0.4, "no", level=None)]

    (month,) = months(cells, EDGES)

    assert [(level, one.share) for level, one in month.levels] == [("orange", 1.0), ("yellow", 0.5)]
