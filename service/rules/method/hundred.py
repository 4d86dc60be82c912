"""The 100-point table: points of risk per item, the opinion item by shares and intensities, the total's grade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.domain.assessing import Criterion, Grade
from service.rules.method.cuts import MethodError
from service.rules.method.given import HundredGiven, OpinionShare
from service.rules.method.preset import HundredItem, HundredTable

DIGITS = 6


@dataclass(frozen=True, slots=True)
class HundredScore:
    """`points` by item of what is answered; `scaled` is `total` brought from `most` to 100; more is worse.

    While items are missing, total and grade are lower bounds.
    """

    points: Mapping[str, float]
    by_criterion: Mapping[Criterion, float]
    total: float
    most: float
    scaled: float
    grade: Grade
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def hundred_points(table: HundredTable, given: HundredGiven) -> HundredScore:
    """Raises MethodError for an unknown item, option or intensity, or a share outside 0–1."""
    _check_items(table, given)
    answers = {item.item_id: item_points(table, item, given) for item in table.items}
    points = {name: found for name, found in answers.items() if found is not None}
    total = round(sum(points.values()), DIGITS)
    scaled = round(100 * total / table.most, DIGITS)
    return HundredScore(
        points=points,
        by_criterion={each: _dimension(table, points, each) for each in Criterion},
        total=total,
        most=table.most,
        scaled=scaled,
        grade=table.cuts.grade(scaled),
        missing=tuple(name for name, found in answers.items() if found is None),
        notes=table.notes,
    )


def item_points(table: HundredTable, item: HundredItem, given: HundredGiven) -> float | None:
    """Points of one item, None while it is unanswered. Raises MethodError."""
    if item.opinion:
        return None if given.opinion is None else _opinion(table, item, given.opinion)
    option = given.options.get(item.item_id)
    if option is None:
        return None
    if option not in item.options:
        raise MethodError(f"hundred.{item.item_id}", f"没有选项 ‘{option}’，可用 {'、'.join(item.options)}")
    return item.options[option]


def _check_items(table: HundredTable, given: HundredGiven) -> None:
    known = {item.item_id for item in table.items if not item.opinion}
    strange = sorted(set(given.options) - known)
    if strange:
        raise MethodError("hundred", f"百分表没有可选的项 {'、'.join(strange)}")


def _opinion(table: HundredTable, item: HundredItem, rows: tuple[OpinionShare, ...]) -> float:
    """most × Σ aᵢ·bᵢ, never above most."""
    where = f"hundred.{item.item_id}"
    for row in rows:
        if row.intensity not in table.intensities:
            raise MethodError(where, f"没有强度 ‘{row.intensity}’，可用 {'、'.join(table.intensities)}")
        if not 0 <= row.share <= 1:
            raise MethodError(where, f"反对比例要在 0 与 1 之间，得到 {row.share}")
    summed = sum(row.share * table.intensities[row.intensity] for row in rows)
    return min(round(item.most * summed, DIGITS), item.most)


def _dimension(table: HundredTable, points: Mapping[str, float], criterion: Criterion) -> float:
    own = (points.get(item.item_id, 0) for item in table.items if item.criterion is criterion)
    return round(sum(own), DIGITS)
