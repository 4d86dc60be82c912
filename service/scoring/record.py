"""The published record: what was forecast against what happened, month by month and model by model. Pure.

It rests on the first score of each matter in a month. Only windows that have settled are compared; what is not known
yet, and what never will be, stands apart and is neither a yes nor a no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from typing import Any

from service.scoring.labels import Label

WAYS = ("rules", "model", "both")
Cell = Mapping[str, Any]  # month, version, bin, level, settled, label, forecasts, expected, squares


@dataclass(frozen=True, slots=True)
class Compared:
    """Settled forecasts of which it is known what came; `expected` is the sum of their probabilities."""

    forecasts: int
    expected: float
    came: int

    @property
    def share(self) -> float | None:
        """The share that came; None without forecasts."""
        return self.came / self.forecasts if self.forecasts else None


@dataclass(frozen=True, slots=True)
class Month:
    """One model in one month. `brier_of_share`: the Brier score of who says the month's own share of every matter."""

    month: date
    version: str
    forecasts: int
    expected: float  # the sum of all probabilities, settled or not
    came_so_far: int
    not_yet_known: int
    unknown: int  # settled, and nobody can say
    compared: Compared
    brier: float | None
    brier_of_share: float | None
    calibration: tuple[tuple[float, float, Compared], ...]  # from probability, to probability
    levels: tuple[tuple[str, Compared], ...]  # what the model spoke for; the share that came is its precision


@dataclass(frozen=True, slots=True)
class Way:
    """One way to foretell the same matters: `rules` alone, `model` alone, or `both` as one probability.

    `levels` are those the rules spoke for, the model spoke for, or the service judged.
    """

    name: str
    compared: Compared
    brier: float
    log_loss: float  # nats a forecast
    levels: tuple[tuple[str, Compared], ...]


def months(cells: Iterable[Cell], edges: Sequence[float]) -> list[Month]:
    """Months in order, oldest first; `edges` are those between the bins of the cells."""
    ordered = sorted(cells, key=_whose)
    return [_month(*whose, list(inside), (0.0, *edges, 1.0)) for whose, inside in groupby(ordered, _whose)]


def by_way(cells: Iterable[Cell]) -> dict[tuple[date, str], list[Way]]:
    """By month and model: rules alone, model alone, both, on the same settled forecasts; in the order of WAYS."""
    found: dict[tuple[date, str], dict[str, list[Cell]]] = {}
    for cell in cells:
        found.setdefault(_whose(cell), {}).setdefault(cell["way"], []).append(cell)
    return {whose: [_way(name, ways[name]) for name in WAYS if name in ways] for whose, ways in found.items()}


def _way(name: str, cells: Sequence[Cell]) -> Way:
    log_loss = sum(cell["loss"] for cell in cells) / _count(cells)
    return Way(name, _compared(cells), _brier(cells) or 0.0, log_loss, _by_level(cells))


def _whose(cell: Cell) -> tuple[date, str]:
    return cell["month"], cell["version"]


def _month(month: date, version: str, cells: list[Cell], ends: Sequence[float]) -> Month:
    known = [cell for cell in cells if _is_known(cell)]
    compared, share = _compared(known), _compared(known).share
    return Month(
        month=month,
        version=version,
        forecasts=_count(cells),
        expected=sum(cell["expected"] for cell in cells),
        came_so_far=_count(cell for cell in cells if cell["label"] == Label.YES),
        not_yet_known=_count(cell for cell in cells if not cell["settled"] and cell["label"] != Label.YES),
        unknown=_count(cell for cell in cells if cell["settled"] and not _is_known(cell)),
        compared=compared,
        brier=_brier(known),
        brier_of_share=None if share is None else share * (1 - share),
        calibration=tuple(
            (low, high, _compared(cell for cell in known if cell["bin"] == place))
            for place, (low, high) in enumerate(pairwise(ends))
        ),
        levels=_by_level(known),
    )


def _by_level(known: Sequence[Cell]) -> tuple[tuple[str, Compared], ...]:
    levels = sorted({cell["level"] for cell in known if cell["level"]})
    return tuple((level, _compared(cell for cell in known if cell["level"] == level)) for level in levels)


def _is_known(cell: Cell) -> bool:
    return bool(cell["settled"]) and cell["label"] != Label.NOT_YET_KNOWN


def _count(cells: Iterable[Cell]) -> int:
    return sum(cell["forecasts"] for cell in cells)


def _compared(cells: Iterable[Cell]) -> Compared:
    taken = list(cells)
    came = _count(cell for cell in taken if cell["label"] == Label.YES)
    return Compared(_count(taken), sum(cell["expected"] for cell in taken), came)


def _brier(known: Sequence[Cell]) -> float | None:
    """Mean of (p - came)²: with p² and p summed per cell, a yes adds 1 - 2p."""
    if not known:
        return None
    squares = sum(cell["squares"] for cell in known)
    yes = sum(cell["forecasts"] - 2 * cell["expected"] for cell in known if cell["label"] == Label.YES)
    return float((squares + yes) / _count(known))
