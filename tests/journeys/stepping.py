"""The steps of a 稳评 as an office takes them: plan, commission, rounds of asking, a review that may pass."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.journeys.conftest import ok

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
METHODS = ["notice", "questionnaire", "symposium"]


def ago(days: int) -> str:
    """The day so many days ago, or (negative) ahead."""
    return (TODAY - timedelta(days=days)).isoformat()


def plan(**changes: Any) -> dict[str, Any]:
    """Sixty days of asking, until yesterday."""
    return {"scope": "项目涉及的全部住户和商户", "methods": METHODS, "from_on": ago(60), "to_on": ago(1)} | changes


def commission(**changes: Any) -> dict[str, Any]:
    return {"on": ago(61), "office": "委托单位（测试）", "body": "decider"} | changes


def round_(form: str, first: int, last: int, **changes: Any) -> dict[str, Any]:
    """A round of asking from so many days ago to so many days ago."""
    return {"form": form, "began_on": ago(first), "ended_on": ago(last), "affected": 320, "reached": 310} | changes


ROUNDS = (round_("notice", 50, 20), round_("survey", 30, 20), round_("dialogue", 15, 15))


def passing(**changes: Any) -> dict[str, Any]:
    """A review with three opinions, one of them dissenting, valid for a year."""
    opinions = [
        {"office": "区信访局", "text": "同意"},
        {"office": "区司法局", "text": "程序合法"},
        {"office": "区发改局", "text": "建议延长签约期", "dissents": True},
    ]
    filed = {"filing_number": "测评备〔2026〕7号", "valid_until": ago(-365)}
    return {"outcome": "passed", "opinions": opinions, **filed} | changes


async def asked(planner: httpx.AsyncClient, project: str, *rounds: dict[str, Any]) -> None:
    """Record rounds of asking the public; without any, those that every ordinary form asks for."""
    for one in rounds or ROUNDS:
        ok(await planner.post(f"/v1/projects/{project}/participation", json=one), 201)


async def prepared(planner: httpx.AsyncClient, assessment: dict[str, Any]) -> None:
    """Take a draft through plan, commission and survey."""
    entered = {"plan": plan(), "commission": commission()}
    ok(await planner.patch(f"/v1/assessments/{assessment['id']}", json=entered))
    await asked(planner, assessment["project_id"])
