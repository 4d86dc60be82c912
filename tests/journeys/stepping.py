"""The steps of a 稳评 as an office takes them: plan, commission, rounds of asking, a review that may pass."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.journeys.conftest import ok

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
METHODS = ["notice", "questionnaire", "symposium"]


def ago(days: int, today: date = TODAY) -> str:
    """The day so many days ago, or (negative) ahead."""
    return (today - timedelta(days=days)).isoformat()


def plan(today: date = TODAY, **changes: Any) -> dict[str, Any]:
    """Sixty days of asking, until yesterday."""
    days = {"from_on": ago(60, today), "to_on": ago(1, today)}
    return {"scope": "项目涉及的全部住户和商户", "methods": METHODS} | days | changes


def commission(today: date = TODAY, **changes: Any) -> dict[str, Any]:
    return {"on": ago(61, today), "office": "委托单位（测试）", "body": "decider"} | changes


def round_(form: str, first: int, last: int, today: date = TODAY, **changes: Any) -> dict[str, Any]:
    """A round of asking from so many days ago to so many days ago."""
    days = {"began_on": ago(first, today), "ended_on": ago(last, today)}
    return {"form": form, "affected": 320, "reached": 310} | days | changes


def rounds(today: date = TODAY) -> list[dict[str, Any]]:
    """Those that every ordinary form asks for."""
    return [
        round_(form, *days, today) for form, *days in (("notice", 50, 20), ("survey", 30, 20), ("dialogue", 15, 15))
    ]


def passing(today: date = TODAY, **changes: Any) -> dict[str, Any]:
    """A review with three opinions, one of them dissenting, valid for a year."""
    opinions = [
        {"office": "区信访局", "text": "同意"},
        {"office": "区司法局", "text": "程序合法"},
        {"office": "区发改局", "text": "建议延长签约期", "dissents": True},
    ]
    filed = {"filing_number": "测评备〔2026〕7号", "valid_until": ago(-365, today)}
    return {"outcome": "passed", "opinions": opinions, **filed} | changes


async def asked(planner: httpx.AsyncClient, project: str, *held: dict[str, Any]) -> None:
    """Record rounds of asking the public; without any, those that every ordinary form asks for."""
    for one in held or rounds():
        ok(await planner.post(f"/v1/projects/{project}/participation", json=one), 201)


async def prepared(planner: httpx.AsyncClient, assessment: dict[str, Any], today: date = TODAY) -> None:
    """Take a draft through plan, commission and survey, all of them in the months before `today`."""
    entered = {"plan": plan(today), "commission": commission(today)}
    ok(await planner.patch(f"/v1/assessments/{assessment['id']}", json=entered))
    await asked(planner, assessment["project_id"], *rounds(today))
