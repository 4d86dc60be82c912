"""How predictions of evaluated assessments fared, to stand beside the expert's own. They never take its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import chain_of, county_of
from service.rules.method.prior import prior
from service.store import following
from service.store.engine import Row
from service.store.views import Sight
from service.workflows.parts import Engines

EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class Fared:
    """How often something was predicted and showed up; `low` and `high` the 95 % Wilson interval of the share."""

    category: str
    factor_id: str | None  # None: any factor of the category
    predicted: int
    showed_up: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of `assessments` evaluated ones of the same kind in `area` (12 digits, '' everywhere in sight)."""

    area: str
    assessments: int
    categories: tuple[Fared, ...]
    factors: tuple[Fared, ...]


async def predictions_like(
    connection: AsyncConnection, engines: Engines, project: Row, sight: Sight, on: date
) -> Predictions:
    """From the smallest area around the project that has enough evaluated assessments; else from all in sight."""
    around = [*chain_of(county_of(project["area"])), EVERYWHERE]
    counts = await following.evaluated_at(connection, project["kind"], around, sight)
    least = engines.thresholds.value("project.prior_assessments", project["area"], on)
    enough = zip(around, counts, strict=True)
    area, count = next((each for each in enough if each[1] >= least), (EVERYWHERE, counts[-1]))
    rows = await following.predictions(connection, project["kind"], area, sight)
    return Predictions(area, count, _fared(rows, of_categories=True), _fared(rows, of_categories=False))


def _fared(rows: Sequence[Row], *, of_categories: bool) -> tuple[Fared, ...]:
    return tuple(_one(row) for row in rows if (row["factor_id"] is None) is of_categories)


def _one(row: Row) -> Fared:
    found = prior(row["predicted"], row["showed_up"])
    return Fared(row["category"], row["factor_id"], found.count, found.escalated, found.share, found.low, found.high)
