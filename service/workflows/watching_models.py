"""Whether the model still fits: looked at every hour, kept per day, and past a limit judging goes back to the rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.scoring.artefact import ModelRefused, read_artefact
from service.scoring.drift import CATEGORY, Moved, Reference, moved, renamed, total
from service.scoring.label_definition import load_definition
from service.scoring.standing import Calibration, Limits, Noticed, Seen, Standing, Volume, noticed
from service.store import forecasts, models, scores
from service.store.engine import Row
from service.workflows.counting_scores import EVERYWHERE
from service.workflows.models import SERVICE, Act, Models, hand_over
from service.workflows.parts import Engines

WEEK, WEEKS_BEFORE = timedelta(days=7), 4


@dataclass(frozen=True, slots=True)
class Watch:
    """What a look needs: the engines for limits and days, the registry, and the moment."""

    engines: Engines
    models: Models
    now: datetime

    @property
    def day(self) -> date:
        return self.engines.day(self.now)

    def limit(self, name: str) -> float:
        """A threshold in force today."""
        return self.engines.thresholds.value(name, EVERYWHERE, self.day)


async def watch_model(watch: Watch) -> Standing | None:
    """Look at the champion, keep what was found, and act on it; None where there is no champion."""
    async with watch.models.doors.transaction() as connection:
        await models.lock(connection)
        champion = await models.in_role(connection, "champion")
        if champion is None:
            return None
        seen, shown = await _seen(connection, watch, champion)
        found = noticed(seen, Limits.read(watch.limit))
        standing = await _act(connection, watch, champion, found)
        kept = {"day": watch.day, "version": champion["version"], "at": watch.now, "standing": standing}
        noted = [asdict(one) | {"accepted": one.code in champion["accepted"]} for one in found]
        await scores.keep_drift(connection, kept | {"found": shown | {"noticed": noted}})
    await watch.models.follow()
    return standing


async def _act(connection: AsyncConnection, watch: Watch, champion: Row, found: Sequence[Noticed]) -> Standing:
    """What an administrator knew of when handing judging back ends it no second time."""
    if champion["handed_over_because"] is not None:
        return Standing.HANDED_TO_RULES
    grave = [one for one in found if one.grave and one.code not in champion["accepted"]]
    if grave:
        await hand_over(connection, champion, Act(SERVICE, watch.now, "；".join(one.text for one in grave)))
        return Standing.HANDED_TO_RULES
    if not found:
        return Standing.SOUND
    codes = {one.code for one in found}
    last = next((row for row in await scores.drift(connection, 1) if row["version"] == champion["version"]), None)
    told = {one["code"] for one in last["found"]["noticed"]} if last else set()
    if codes - told:  # once for each thing, not every hour
        act = Act(SERVICE, watch.now, "；".join(one.text for one in found if one.code not in told))
        await models.note(connection, act.of("warned", champion["version"], codes=sorted(codes - told)))
    return Standing.WARNED


async def _seen(connection: AsyncConnection, watch: Watch, champion: Row) -> tuple[Seen, dict[str, Any]]:
    """What limits are held against, and the same as plain values for whoever reads it."""
    inputs, gone, compared = await _inputs(connection, watch, champion)
    volume, weeks = await _volume(connection, watch)
    calibration, unknown = await _calibration(connection, watch, champion)
    learned = learned_until(champion)
    seen = Seen(compared["scores"], _used(champion), inputs, gone, volume, calibration, (watch.day - learned).days)
    shown = {
        "compared": compared,
        "inputs": {name: _rounded(asdict(one)) for name, one in inputs.items()},
        "renamed": gone,
        "volume": {"ratio": round(volume.ratio, 3) if volume else None, "weeks": weeks},
        "calibration": _rounded(asdict(calibration) | {"ratio": calibration.ratio, "by": calibration.deviations})
        | {"unknown": unknown},
        "learned_until": learned.isoformat(),
        "age_days": seen.age_days,
    }
    return seen, shown


async def _inputs(
    connection: AsyncConnection, watch: Watch, champion: Row
) -> tuple[dict[str, Moved], tuple[str, ...], dict[str, Any]]:
    """How far each input moved in so many whole days and today, as far as it was read."""
    since = watch.day - timedelta(days=watch.limit("model.drift_window_days"))
    days = await scores.tallies(connection, champion["version"], since, watch.day)
    number = sum(row["scores"] for row in days)
    compared = {"from": since, "until": watch.day, "scores": number, "reference_scores": None,
                "gathered": len(champion["sample"] or ())}  # fmt: skip
    if champion["reference"] is None:
        return {}, (), compared
    reference = Reference.read(champion["reference"])
    compared["reference_scores"] = reference.scores
    if number < watch.limit("model.drift_least_scores"):
        return {}, (), compared
    now = total(row["counts"] for row in days)
    inputs = {name: moved(before, now[name]) for name, before in reference.counts.items()}
    inputs[CATEGORY] = replace(inputs[CATEGORY], missing=0.0, missing_before=0.0)  # its last bin holds the rare ones
    return inputs, tuple(renamed(reference, now)), compared


async def _volume(connection: AsyncConnection, watch: Watch) -> tuple[Volume | None, list[int]]:
    """Reports of the last seven whole days and a week of the four before; None when one of these had no reports."""
    days = [watch.day - WEEK * back for back in range(WEEKS_BEFORE + 1, -1, -1)]
    *before, last = weeks = await scores.report_counts(connection, days)
    return (Volume(last, sum(before) / WEEKS_BEFORE) if all(before) else None), weeks


async def _calibration(connection: AsyncConnection, watch: Watch, champion: Row) -> tuple[Calibration, int]:
    settling = timedelta(days=champion["horizon_days"] + load_definition().settling_days)
    since = watch.now - settling - timedelta(days=watch.limit("model.calibration_days"))
    row = await forecasts.settled_since(connection, champion["version"], since)
    return Calibration(row["forecasts"], row["expected"], row["came"], row["variance"]), row["unknown"]


def learned_until(model: Row) -> date:
    """The last day of what a model learned from, by its card; the day it was taken in where the card does not say."""
    trained: Any = json.loads(model["card"]).get("trained_on")
    try:
        return date.fromisoformat(trained["until"])
    except (KeyError, TypeError, ValueError):
        taken: datetime = model["taken_at"]
        return taken.date()


def _used(champion: Row) -> frozenset[str]:
    try:
        return read_artefact(champion["artefact"], champion["card"]).scorer.used
    except ModelRefused:
        return frozenset()


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}
