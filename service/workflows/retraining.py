"""A challenger from the service's own settled forecasts: gathered here, learned in a process of its own, taken in.

Nothing here promotes. Whatever fails on the way leaves registry, champion and challenger as they were.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.problems import Problem
from service.scoring.artefact import CARD_FILE, MODEL_FILE
from service.scoring.features import NAMES
from service.scoring.labels import Label
from service.scoring.own_card import is_own
from service.scoring.own_files import OUTCOMES_FILE, REFUSED
from service.store import forecasts, models
from service.store.engine import Row
from service.workflows.models import SERVICE, Act
from service.workflows.watching_models import Watch

LOG = logging.getLogger(__name__)
MODULE = "service.scoring.own_outcomes"  # runs as a process; it alone loads numpy
NEEDED = "numpy"
MOST = 20_000  # newest forecasts: some years of a county, some 20 MB for a moment in the process that serves
TIME_LIMIT = timedelta(minutes=10)  # a thousand outcomes take seconds
INVENTED = "99"  # no province has this code: areas of the simulator and of the demo
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ELSEWHERE = "请在装有训练部分的环境（代码目录里 make setup）对同一数据库执行 weiyu models retrain。"
NOTHING_NEW = ("too_few_outcomes", "model_known")
FAILED = "retraining_failed"
ON_SCHEDULE = "定期用本地已知结果训练"


@dataclass(frozen=True, slots=True)
class Least:
    """How much must be known, and what share of matters measures."""

    matters: float
    escalated: float
    each: float
    newest_share: float

    @classmethod
    def of(cls, watch: Watch) -> Least:
        names = ("least_matters", "least_escalated", "least_each", "newest_share")
        return cls(*(watch.limit(f"model.retrain_{name}") for name in names))


async def retrain_when_due(watch: Watch) -> Row | None:
    """Make a challenger if it is time for one; None where it is not, or where it could not be made.

    Why it failed is kept among the events of models, once. That too little, or nothing new, is known is no failure.
    """
    async with watch.models.doors.engine.connect() as connection:
        champion = await models.in_role(connection, "champion")
        if champion is None or not await _is_due(connection, watch):
            return None
    try:
        return await retrain(watch, Act(SERVICE, watch.now, ON_SCHEDULE))
    except Problem as problem:
        LOG.info("no challenger was trained", extra={"why": problem.detail})
        if problem.code not in NOTHING_NEW:
            await _note_once(watch, champion["version"], problem.detail)
        return None


async def retrain(watch: Watch, act: Act) -> Row:
    """Learn from what is settled by now and take the result in as challenger; the challenger before is retired.

    Raises Problem 409 (the same was taken in before), 422 (too few outcomes), 503 (no library to train with, or the
    training failed); then nothing has changed.
    """
    gathered = await gather(watch)
    if find_spec(NEEDED) is None:
        raise Problem(503, "no_training_library", f"训练需要 {NEEDED}，运行环境不带它；{_ELSEWHERE}")
    with tempfile.TemporaryDirectory(prefix="weiyu-retraining-") as name:
        folder = Path(name)
        (folder / OUTCOMES_FILE).write_text(json.dumps(gathered), "utf-8")
        await _run(folder)
        content, card = ((folder / file).read_bytes() for file in (MODEL_FILE, CARD_FILE))
    return await watch.models.take(content, card, act)


async def gather(watch: Watch) -> dict[str, Any]:
    """Everything the training is told. Raises Problem 409 or 422, saying how much is known and how much is needed."""
    async with watch.models.doors.engine.connect() as connection:
        champion = await models.in_role(connection, "champion")
        if champion is None:
            raise Problem(409, "no_model", "还没有在用的模型。")
        horizon = champion["horizon_days"]
        rows = await forecasts.outcomes(connection, champion["version"], horizon, MOST)
    known = [row for row in rows if row["label"] != Label.NOT_YET_KNOWN]
    usable = [row for row in known if row["features"] is not None and row["features"].keys() == set(NAMES)]
    least = Least.of(watch)
    _must_suffice(usable, least)
    return {
        "epoch": EPOCH.isoformat(),
        "horizon_days": horizon,
        "synthetic": any(row["area"].startswith(INVENTED) for row in usable),
        "never_known": len(rows) - len(known),
        "other_schema": len(known) - len(usable),
        "newest_share": least.newest_share,
        "least_each": least.each,
        "outcomes": [_outcome(row) for row in usable],
    }


def _must_suffice(rows: Sequence[Row], least: Least) -> None:
    matters = len({row["matter_id"] for row in rows})
    escalated = len({row["matter_id"] for row in rows if row["label"] == Label.YES})
    if matters < least.matters or escalated < least.escalated:
        detail = (
            f"已见分晓的事项有 {matters} 件，其中升级 {escalated} 件；用本地结果训练至少需要 {least.matters:g} 件，"
            f"其中升级 {least.escalated:g} 件（thresholds.yaml 的 model.retrain_*）。未训练，在用模型不变。"
        )
        raise Problem(422, "too_few_outcomes", detail)


def _outcome(row: Row) -> dict[str, Any]:
    """Instants as seconds, so that what is learned does not depend on how they are written."""
    at, opened = (row[name].timestamp() for name in ("at", "opened_at"))
    told = {"matter": str(row["matter_id"]), "kind": row["kind"], "row": row["features"], "said": row["said"]}
    return {**told, "at": at, "opened_at": opened, "escalated": row["label"] == Label.YES}


async def _run(folder: Path) -> None:
    """The training in a process of its own, ended when it takes too long or when whoever waits for it goes."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", MODULE, str(folder), stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(TIME_LIMIT.total_seconds()):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise Problem(503, "training_failed", f"训练超过 {TIME_LIMIT.seconds // 60} 分钟，已中止。") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode(errors="replace").strip()
    if process.returncode == REFUSED:
        raise Problem(422, "too_few_outcomes", text)
    if process.returncode:
        LOG.error("training failed", extra={"code": process.returncode, "said": text})
        raise Problem(503, "training_failed", f"训练没有完成：{text.splitlines()[-1] if text else process.returncode}")


async def _is_due(connection: AsyncConnection, watch: Watch) -> bool:
    """A challenger somebody took in is on trial and stays; one of our own has its time before the next."""
    known = [(row, is_own(json.loads(row["card"]))) for row in await models.everything(connection)]
    if any(row["role"] == "challenger" and not own for row, own in known):
        return False
    made = max((row["taken_at"] for row, own in known if own), default=None)
    return made is None or watch.now - made >= timedelta(days=watch.limit("model.retrain_every_days"))


async def _note_once(watch: Watch, version: str, why: str) -> None:
    async with watch.models.doors.transaction() as connection:
        told = next((one for one in await models.events(connection, 500) if one["kind"] == FAILED), None)
        if told is None or told["reason"] != why:
            await models.note(connection, Act(SERVICE, watch.now, why).of(FAILED, version))
