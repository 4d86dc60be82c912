"""What was learned from rows of numbers as one bent line: knots and log-odds of each column, calibration folded in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.conformal import CELL
from service.scoring.learning.novelty import MARGIN
from service.scoring.learning.numbered import Numbered
from service.scoring.learning.shapes import Shape, columns_of, signs_of

A_HAIR = 1e-9  # beyond the range that was seen, so that its very ends lie inside


def plain_parts(learned: Numbered, table: Numbers) -> dict[str, Any]:
    """`intercept`, `parts` and `interval` as an artefact holds them; `table` gives the usual value of each column.

    Raises ValueError when what was chosen is no line.
    """
    if learned.line is None or learned.chosen.way != "line":
        raise ValueError(f"no line: {learned.chosen.way}")
    parts, slope = {}, learned.calibration.slope
    shapes = dict(_placed(learned))
    for column, name in enumerate(learned.names):
        bent = _bent(learned, *shapes[name]) if name in shapes else ([0.0], [0.0], 0.0)
        parts[name] = _part(learned, column, table[:, column]) | dict(
            zip(("at", "log_odds", "when_missing"), bent, strict=True)
        )
    centre = learned.calibration.centre
    intercept = slope * (learned.line.constant - centre) + centre + learned.calibration.offset
    interval = {"cell": CELL, "otherwise": learned.conformal.otherwise, "by_kind": dict(learned.conformal.widths)}
    return {"intercept": float(intercept), "parts": parts, "interval": interval}


def _part(learned: Numbered, column: int, values: Numbers) -> dict[str, Any]:
    low, high = learned.ranges[column]
    reach = MARGIN * (high - low) + A_HAIR
    usual = None if np.isnan(values).mean() > 0.5 else float(np.nanmedian(values))
    return {"reference": usual, "within": [float(low - reach), float(high + reach)], "gaps": bool(learned.gaps[column])}


def _placed(learned: Numbered) -> Iterator[tuple[str, tuple[Shape, int]]]:
    """Each shape with the place of its first column."""
    first = 0
    for shape in learned.design.shapes:
        yield shape.name, (shape, first)
        first += len(signs_of(shape))


def _bent(learned: Numbered, shape: Shape, first: int) -> tuple[list[float], list[float], float]:
    """Knots, log-odds at the knots, and log-odds when missing."""
    knots = sorted({-shape.limit, shape.limit, *(k for k in shape.knots if abs(k) < shape.limit)})
    at = shape.centre + shape.scale * np.array(knots)
    raw = np.column_stack(columns_of(shape, np.append(at, np.nan)))
    places = slice(first, first + raw.shape[1])
    design, line = learned.design, learned.line
    assert line is not None  # plain_parts has seen to it
    told = ((raw - design.mean[places]) / design.spread[places]) @ line.weights[places] * learned.calibration.slope
    return at.tolist(), told[:-1].tolist(), float(told[-1])
