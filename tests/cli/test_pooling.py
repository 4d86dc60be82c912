"""`weiyu pool`: what a district's own outcomes say about combining rules and model, and whether it judges by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.store.engine import new_id
from service.workflows.counting_scores import count_scores
from service.workflows.settling_forecasts import settle_forecasts
from tests.cli.conftest import Weiyu
from tests.journeys.conftest import ok
from tests.served import until
from tests.workflows.test_watching_models import BEGUN, DAY, Place, last_judgement, placed


@pytest.fixture
async def place(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(database_url, tmp_path, BEGUN) as empty:
        yield empty


async def lived(place: Place, matters: int, share: float) -> None:
    """So many matters of ten people, a share of which is a blocked road a week later; then time passes."""
    opened = await place.days(2, matters // 2, lambda body: body | {"people_affected": 10})
    await counted(place)
    place.clock.moment += 7 * DAY
    await place.send([place.blocked(matter) for matter in opened[: round(share * matters)]])
    place.clock.moment += 61 * DAY


async def counted(place: Place) -> None:
    parts = place.served.app.state.parts
    await count_scores(parts.doors, parts.engines, new_id())
    await settle_forecasts(parts.doors, place.clock())


async def judged(place: Place) -> dict[str, Any]:
    why = await last_judgement(place)
    assert why["score"]["pooled"], "a matter large enough to be scored"
    return why


async def test_before_outcomes_suffice_nothing_is_learned_and_it_is_said(place: Place, weiyu: Weiyu) -> None:
    await lived(place, 40, 0.5)
    await counted(place)

    refused = await asyncio.to_thread(weiyu, "pool", "learn", "--use", "--reason", "试用")

    assert refused.returncode == 1
    assert "暂不学习" in refused.stdout + refused.stderr
    assert (await judged(place))["score"]["pooled"]["learned"] is False


async def test_a_district_in_which_more_comes_than_the_model_says_learns_it_and_judges_by_it(
    place: Place, weiyu: Weiyu
) -> None:
    await lived(place, 260, 0.4)
    await lived(place, 100, 0.4)
    await counted(place)
    before = await judged(place)
    assert before["score"]["pooled"]["learned"] is False

    looked = await asyncio.to_thread(weiyu, "pool", "learn")
    still = await judged(place)
    used = await asyncio.to_thread(weiyu, "pool", "learn", "--use", "--reason", "本地结果已足")

    assert looked.returncode == used.returncode == 0, looked.stderr + used.stderr
    assert [line.split()[0] for line in looked.stdout.splitlines()] == [
        "只用规则", "只用模型", "合并（约定权重）", "合并（学得）"
    ]  # fmt: skip
    assert still["score"]["pooled"]["learned"] is False

    async def learned() -> bool:
        return bool((await judged(place))["score"]["pooled"]["learned"])

    await until(learned, every=0.3)
    why = await judged(place)
    (reason,) = [one for one in why["reasons"] if one["code"] == "pooled"]
    assert why["score"]["pooled"]["both"] > why["probability"]
    assert "按本地结果学得" in reason["text"]
    assert "据此定级" in why["in_words"]["pooled"]
    event = ok(await place.admin.get("/v1/models/events"))[0]
    assert (event["kind"], event["reason"]) == ("pooled", "本地结果已足")

    assert (await asyncio.to_thread(weiyu, "pool", "stated", "--reason", "复核")).returncode == 0

    async def stated() -> bool:
        return not await learned()

    await until(stated, every=0.3)


async def test_levels_are_not_changed_without_a_reason(place: Place, weiyu: Weiyu) -> None:
    refused = await asyncio.to_thread(weiyu, "pool", "learn", "--use")
    assert refused.returncode == 1
    assert "--reason" in refused.stdout + refused.stderr
