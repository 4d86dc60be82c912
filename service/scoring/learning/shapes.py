"""The columns of the line: each number bent at its quantiles, a mark where it is missing, and the flags.

A number whose direction is given is told by segments that may only rise with it, so that signs of weights are signs of
the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.reading import Frame

MANY_VALUES = 12  # a number with more is bent
BENDS = (0.2, 0.5, 0.8)  # quantiles
HEAVY_TAIL = 10.0  # times the median at the 99 % quantile: then the logarithm is looked at
FAR, FAR_OF_FEW = 4.0, 6.0  # standard deviations from the median beyond which a number counts no further
RARE = 0.5  # standard deviation of a column below which its weight is drawn to zero more strongly


@dataclass(frozen=True, slots=True)
class Shape:
    """One number's columns: min(max((log?(x) - centre) / scale, -limit), limit), and what lies above each knot."""

    name: str
    logged: bool
    centre: float
    scale: float
    limit: float
    knots: tuple[float, ...]
    marks_missing: bool
    sign: int


@dataclass(frozen=True, slots=True)
class Design:
    """All columns of the line: their shapes, and `mean` and `spread` [p] that they are standardised by."""

    shapes: tuple[Shape, ...]
    mean: Numbers
    spread: Numbers

    def table(self, frame: Frame) -> Numbers:
        """[n, p] standardised columns."""
        columns = raw_columns(self.shapes, frame)
        columns -= self.mean
        columns /= self.spread
        return columns

    def signs(self) -> list[int]:
        """[p] the sign each weight must have; 0 for any."""
        told = [sign for shape in self.shapes for sign in signs_of(shape)]
        return told + [0] * (len(self.mean) - len(told))


def design_of(frame: Frame, monotone: Mapping[str, int], may_log: bool = True, stiffness: float = 1.0) -> Design:
    """Shapes and standardisation from the training rows. Without `may_log` every part is made of straight pieces.

    `stiffness`: how many times smaller a bend is written than the column it bends, so that the ridge holds it the more.
    """
    named = zip(frame.number_names, frame.numbers.T, strict=True)
    shapes = tuple(shape for name, values in named if (shape := _shape(name, values, monotone.get(name, 0), may_log)))
    columns = raw_columns(shapes, frame)
    spread = columns.std(axis=0)
    kept = np.where(spread < RARE, np.sqrt(spread * RARE), spread)
    kept[_bends(shapes)] *= stiffness
    return Design(shapes, columns.mean(axis=0), np.where(spread < 1e-9, 1.0, kept))


def _bends(shapes: Sequence[Shape]) -> list[int]:
    """The places of the columns that bend another one."""
    told = [bend for shape in shapes for bend in [False, *[True] * _bends_of(shape), *[False] * shape.marks_missing]]
    return [place for place, bend in enumerate(told) if bend]


def raw_columns(shapes: Sequence[Shape], frame: Frame) -> Numbers:
    """[n, p] columns before standardisation: those of the shapes, then the flags."""
    place = {name: column for column, name in enumerate(frame.number_names)}
    told = [column for shape in shapes for column in columns_of(shape, frame.numbers[:, place[shape.name]])]
    return np.column_stack([*told, frame.flags.astype(float)])


def _shape(name: str, values: Numbers, sign: int, may_log: bool) -> Shape | None:
    known = values[~np.isnan(values)]
    different = np.unique(known)
    if len(different) < 2:
        return None
    bent = len(different) > MANY_VALUES
    heavy = np.percentile(known, 99) > HEAVY_TAIL * max(float(np.median(known)), 1e-9)
    logged = bool(may_log and bent and different[0] >= 0 and heavy)
    known = np.log1p(known) if logged else known
    centre, scale = float(np.median(known)), float(known.std()) or 1.0
    knots = [float((np.quantile(known, bend) - centre) / scale) for bend in BENDS] if bent else []
    limit = FAR if bent else FAR_OF_FEW
    return Shape(name, logged, centre, scale, limit, tuple(knots), len(known) < len(values), sign)


def columns_of(shape: Shape, values: Numbers) -> list[Numbers]:
    """The columns of one number, each [n], before standardisation."""
    gone = np.isnan(values)
    known = np.log1p(np.maximum(values, 0)) if shape.logged else values
    line = np.where(gone, 0.0, np.clip((known - shape.centre) / shape.scale, -shape.limit, shape.limit))
    if shape.sign:
        ends = [-shape.limit, *shape.knots, shape.limit] if shape.knots else []
        bends = [np.clip(line, low, high) for low, high in pairwise(ends)]
    else:
        bends = [np.where(gone, 0.0, np.maximum(line - knot, 0.0)) for knot in shape.knots]
    return [line, *bends, *([gone.astype(float)] if shape.marks_missing else [])]


def signs_of(shape: Shape) -> list[int]:
    """The sign each column's weight must have; 0 for any."""
    return [shape.sign] * (1 + _bends_of(shape)) + [0] * shape.marks_missing


def _bends_of(shape: Shape) -> int:
    """How many columns bend it: segments between the ends where its direction is given."""
    return len(shape.knots) + bool(shape.knots and shape.sign)
