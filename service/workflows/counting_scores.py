"""Scores are read once, in order: into counts per day and model, and into the forecasts of the published record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.scoring.drift import Met, Reference, total
from service.scoring.labels import Label
from service.store import models, scores
from service.store.engine import Row
from service.store.partitions import first_id_at
from service.workflows.parts import Doors, Engines

AT_ONCE = 500  # judgements in one transaction: some 20 ms of work
MOST_BATCHES = 100  # in one round; the next round comes a minute later
SETTLING = timedelta(minutes=2)  # an id is made before its transaction commits: a younger one may still be on its way
EVERYWHERE = "000000000000"  # one model judges everywhere, so its limits are those of the whole country
NOTHING: Row = dict.fromkeys(("model_level", "rule_level", "level", "by_rules", "by_both"))
LOOK_AGAIN = timedelta(days=7)  # at a forecast whose window is open: a yes is known early, and only shown


@dataclass(frozen=True, slots=True)
class Said:
    """What one model said of one matter in one judgement; `judged` False: in shadow, with nothing `beside`."""

    version: str
    matter_id: UUID
    at: datetime
    judged: bool
    beside: Row  # levels of model, rules and judge, probabilities of the rules and of both, as a forecast has them
    area: str
    met: Met


def settled_before(wall_clock: datetime) -> UUID:
    """Judgements with a smaller id can be seen. Ids carry the wall clock, whatever time the service goes by."""
    return first_id_at(wall_clock - SETTLING)


async def count_scores(doors: Doors, engines: Engines, before: UUID) -> int:
    """Read every score with an id below `before` that was not read yet; gives how many."""
    number = 0
    for _ in range(MOST_BATCHES):
        async with doors.transaction() as connection:
            after = await scores.read_to(connection)
            rows = await scores.between(connection, after, before, AT_ONCE)
            for version, said in _by_version(rows).items():
                await _count(connection, engines, version, said)
            read_to = rows[-1]["id"] if len(rows) == AT_ONCE else max(after, UUID(int=before.int - 1))
            await scores.set_read_to(connection, read_to)
        number += len(rows)
        if len(rows) < AT_ONCE:
            break
    return number


def _by_version(rows: Iterable[Row]) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = {}
    for row in rows:
        for said in _said(row):
            found.setdefault(said.version, []).append(said)
    return found


def _said(row: Row) -> Iterable[Said]:
    spoken = [(each["version"], each["probability"], False) for each in row["shadows"]]
    if row["probability"] is not None:
        spoken.append((row["model_version"], row["probability"], True))
    for version, probability, judged in spoken:
        met = Met(row["features"], probability, row["category"])
        yield Said(version, row["matter_id"], row["at"], judged, _beside(row) if judged else NOTHING, row["area"], met)


def _beside(row: Row) -> Row:
    pooled = row["pooled"] or {}  # none in what was judged before it was kept
    levels = {name: row[name] for name in ("model_level", "rule_level", "level")}
    return levels | {"by_rules": pooled.get("rules"), "by_both": pooled.get("both")}


async def _count(connection: AsyncConnection, engines: Engines, version: str, said: Sequence[Said]) -> None:
    model = await models.by_version(connection, version)
    if model is None:
        return  # judged before there was a registry, by a model that is gone
    before = {name: model[name] for name in ("sample", "reference")}
    for day, of_day in groupby(sorted(said, key=lambda one: one.at), lambda one: engines.day(one.at)):
        first = {one.matter_id: one for one in reversed(list(of_day))}
        rows = [_forecast(one, day, model["horizon_days"]) for one in first.values()]
        fresh = await scores.foretell(connection, rows)
        met = [first[matter_id].met for matter_id in first if matter_id in fresh]
        reference = await _reference(connection, engines, model, (day, met))
        if reference is not None:
            await _tally(connection, reference, (day, version), met)
    if any(model[name] is not kept for name, kept in before.items()):
        await models.amend(connection, version, {name: model[name] for name in before})


def _forecast(said: Said, day: date, horizon: int) -> Row:
    return {
        "month": day.replace(day=1), "matter_id": said.matter_id, "version": said.version, "judged": said.judged,
        "at": said.at, "probability": said.met.probability, "area": said.area, **said.beside,
        "category": said.met.category, "horizon_days": horizon, "label": Label.NOT_YET_KNOWN, "counted_on": day,
        "check_at": said.at + LOOK_AGAIN,
    }  # fmt: skip


async def _reference(
    connection: AsyncConnection, engines: Engines, model: Row, on: tuple[date, Sequence[Met]]
) -> Reference | None:
    """The reference of a model, if there was one before these; until then they are gathered in its row for it."""
    if model["reference"] is not None:
        return Reference.read(model["reference"])
    day, met = on
    value = engines.thresholds.value
    warm = timedelta(days=value("model.drift_warm_up_days", EVERYWHERE, day))
    begun = await scores.first_judged_at(connection)
    if begun is None or day < engines.day(begun) + warm or not met:
        return None
    sample = [*(model["sample"] or ()), *([one.features, one.probability, one.category] for one in met)]
    if len(sample) < value("model.drift_reference_scores", EVERYWHERE, day):
        model["sample"] = sample
    else:
        made = await asyncio.to_thread(Reference.of, [Met(*one) for one in sample])
        model |= {"sample": None, "reference": made.kept()}
    return None


async def _tally(
    connection: AsyncConnection, reference: Reference, whose: tuple[date, str], met: Sequence[Met]
) -> None:
    (day, version), counts = whose, await asyncio.to_thread(reference.count, met)
    before = await scores.tally(connection, day, version)
    if before is not None:
        counts = total([before["counts"], counts])
    number = len(met) + (before["scores"] if before else 0)
    await scores.keep_tally(connection, {"day": day, "version": version, "scores": number, "counts": counts})
