"""Worked projects from draft to evaluation over HTTP; each docstring reasons the expected answer by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.stepping import passing, prepared
from tests.makers import report
from tests.served import Served, load_areas

TOWN = "990101001000"
AREAS = {"990000000000": "示例省", "990100000000": "示例市", "990101000000": "示例县", TOWN: "示例镇"}
BODIES = {"decider": "县人民政府", "assessor": "第三方评估公司", "implementer": "县自然资源局"}
CALM = {"expected": {"events": [], "participants": 10}}
ELECTION = {
    "committee_by_meeting": True, "committee_recusal_settled": True, "voter_list_on": "2026-10-20",
    "election_on": "2026-11-20", "nominated_lawfully": True, "candidates": 6, "seats": 5, "meeting_with_voters": True,
    "candidacy_checked": True, "runoff": False, "proxies_used": False, "secret_booth": True, "open_count": True,
    "result_on_spot": True, "audit_published_on": "2026-10-01", "women_elected": 1, "seat_kin_settled": True,
    "irregularity_reported": False,
}  # fmt: skip


@pytest.fixture
async def office(served: Served, admin: httpx.AsyncClient) -> str:
    await load_areas(served.database_url, AREAS)
    made = ok(await admin.post("/v1/departments", json={"name": "县政府办", "area": "990101000000"}), 201)
    return str(made["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="县政府办")


def factor(name: str, p: float, q: float) -> dict[str, Any]:
    return {"factor_id": name, "category": name.split(".")[0], "name": name, "p": p, "q": q}


async def begun(planner: httpx.AsyncClient, office: str, kind: str, facts: dict[str, Any], **given: Any) -> Any:
    made = {"name": f"示例{kind}", "kind": kind, "area": TOWN, "department_id": office, "facts": facts}
    project = ok(await planner.post("/v1/projects", json=made), 201)["id"]
    entered = {"bodies": BODIES, "given": given}
    return ok(await planner.post(f"/v1/projects/{project}/assessments", json=entered), 201)


async def carried_through(planner: httpx.AsyncClient, draft: dict[str, Any], advice: str, **more: Any) -> Any:
    """Decided on, carried out (or stopped) and evaluated; gives the decision."""
    decision = await decided_on(planner, draft, advice, **more)
    await ended(planner, draft, *(("implementing", "completed") if advice == "proceed" else ("stopped",)))
    return decision


async def decided_on(planner: httpx.AsyncClient, draft: dict[str, Any], advice: str, **more: Any) -> Any:
    """Planned, commissioned, asked about (an election is not), submitted, reviewed and decided; gives the decision."""
    path = f"/v1/assessments/{draft['id']}"
    if draft["track"] == "full":
        await prepared(planner, draft)
    ok(await planner.post(f"{path}/submit"))
    ok(await planner.post(f"{path}/review", json=passing()))
    decided = ok(await planner.post(f"{path}/decide", json={"advice": advice, **more}))
    if draft["track"] == "full":
        assert all(step["done"] for step in ok(await planner.get(f"{path}/steps"))["steps"])
    return decided["decision"]


async def ended(planner: httpx.AsyncClient, draft: dict[str, Any], *stages: str) -> Any:
    """Taken through these stages and evaluated by what the watch saw; gives the evaluation."""
    path = f"/v1/assessments/{draft['id']}"
    for stage in stages:
        ok(await planner.patch(f"/v1/projects/{draft['project_id']}", json={"stage": stage}))
    told = ok(await planner.post(f"{path}/evaluate", json={"text": "与预判相符"}))
    assert (told["state"], told["evaluation"]["from"]) == ("evaluated", "watch")
    assert ok(await planner.get(f"{path}/recompute"))["same"]
    return told["evaluation"]


def condition(office: str, text: str) -> dict[str, Any]:
    return {"text": text, "department_id": office, "due_on": "2099-01-01"}


async def met(planner: httpx.AsyncClient, draft: dict[str, Any]) -> list[str]:
    """Every condition met by evidence of its own; gives their states."""
    path = f"/v1/projects/{draft['project_id']}"
    for one in ok(await planner.get(f"{path}/conditions")):
        filing = {"kind": "account", "title": "落实台账", "dated": "2026-08-01", "department_id": one["department_id"],
                  "sha256": "ef" * 32}  # fmt: skip
        evidence = ok(await planner.post(f"{path}/evidence", json=filing), 201)["id"]
        ok(await planner.post(f"{path}/conditions/{one['id']}/meet", json={"evidence_id": evidence}))
    return [one["state"] for one in ok(await planner.get(f"{path}/conditions"))]


async def reported(served: Served, draft: dict[str, Any], category: str, text: str) -> None:
    reporter = await served.client(Scope.REPORT)
    happened = datetime.now(UTC).isoformat()  # after the decision, also around midnight
    body = report(area=TOWN, category=category, text=text, occurred_at=happened)
    body |= {"project_id": draft["project_id"]}
    ok(await reporter.post("/v1/incidents", json=body), 201)


def blocking(assessment: dict[str, Any]) -> list[str]:
    return [one["check_id"] for one in assessment["result"]["legal"]
            if one["severity"] == "block" and one["answer"] != "clear"]  # fmt: skip


async def test_land_expropriation_low(planner: httpx.AsyncClient, office: str, served: Served) -> None:
    """低, 可实施: the notice ran from 2 to 30 March 2026 (20 working days, at least 10), the plan from 1 May to 5 June
    (35 days); 6 of 300 members object, no majority; 3 % oppose (< 10 %). Compensation 0.5 × 0.3 = 0.15, 较小.
    Decided with two conditions, both met. A dispute about land compensation shows the predicted factor, unpaid workers
    of the contractor were not foreseen."""
    facts = {
        "notice_from": "2026-03-02", "notice_to": "2026-03-30", "notice_town": True, "notice_village": True,
        "notice_group": True, "survey_done": True, "risk_assessed": True, "assessed_with_collective": True,
        "assessed_with_members": True, "assessed_with_committee": True, "assessed_with_others": True,
        "assessment_done_on": "2026-04-20", "plan_on": "2026-04-28", "plan_notice_from": "2026-05-01",
        "plan_notice_to": "2026-06-05", "plan_notice_registration": True, "plan_notice_objections": True,
        "members": 300, "members_objecting": 6, "funds_measured": True, "land_funds_ready": True,
        "decision_on": "2026-07-01", "start_on": "2026-09-01",
    }  # fmt: skip
    given = {"factors": [factor("compensation.standard", 0.5, 0.3)],
             "survey": {"asked": 310, "answered": 300, "opposed": 9}, **CALM}  # fmt: skip
    draft = await begun(planner, office, "land_expropriation", facts, **given)
    assert (blocking(draft), draft["grade_zh"], draft["advice_zh"]) == ([], "低", "可实施")
    conditions = [condition(office, "补偿款专户到位"), condition(office, "逐户送达补偿清单")]
    assert not (await decided_on(planner, draft, "proceed", role="常务会议", conditions=conditions))["against"]
    assert await met(planner, draft) == ["met", "met"]
    await reported(served, draft, "land_resources.land_compensation", "三组村民反映青苗补偿少算")
    await reported(served, draft, "labour.wage_arrears", "平整场地的班组工资没有发")
    path = f"/v1/projects/{draft['project_id']}"
    held = {"held_on": "2026-11-20", "place_text": "三组晒谷场", "department_id": office, "households": 22,
            "people": 40, "matters_raised": 5, "settled_on_spot": 3}  # fmt: skip
    ok(await planner.post(f"{path}/receptions", json=held), 201)
    seen = ok(await planner.get(f"{path}/watch"))
    assert [(one["factor_id"], one["answer"]) for one in seen["factors"]] == [("compensation.standard", "showed_up")]
    assert ([one["category"] for one in seen["unforeseen"]], seen["conditions_met"]) == (["labour.wage_arrears"], 2)
    assert (await ended(planner, draft, "implementing", "completed"))["showed_up"] == ["compensation.standard"]


async def test_restructuring_middle(planner: httpx.AsyncClient, office: str) -> None:
    """中, 整改后复评: the staff plan passed and arrears are paid, but 60 of 300 (20 %, between 10 and 33 %) oppose, and
    40 people may gather (20 to 200). It is stopped for rework."""
    facts = {
        "state_owned": True, "risk_assessed": True, "assessment_done_on": "2026-03-01", "plan_deliberated": True,
        "staff_plan_passed": True, "staff_plan_passed_on": "2026-03-20", "audit_told": True, "arrears_exist": True,
        "arrears_paid": True, "housing_fund_misused": False, "staff": 420, "layoffs": 0, "merging": False,
        "decision_on": "2026-04-01", "start_on": "2026-05-01",
    }  # fmt: skip
    survey, expected = {"asked": 320, "answered": 300, "opposed": 60}, {"events": [], "participants": 40}
    given = {"factors": [factor("society.employment", 0.5, 0.5)], "survey": survey, "expected": expected}
    draft = await begun(planner, office, "restructuring", facts, **given)
    assert (blocking(draft), draft["grade_zh"], draft["advice_zh"]) == ([], "中", "整改后复评")
    assert not (await carried_through(planner, draft, "rework"))["against"]


async def test_a_plant_that_nobody_wants_high(planner: httpx.AsyncClient, office: str) -> None:
    """高, 不予实施: air and water 0.9 × 0.9 = 0.81 are two 重大 factors, and 180 of 300 (60 % > 33 %) oppose."""
    facts = {
        "major_decision": True, "may_harm_stability": True, "risk_assessed": True, "assessment_done_on": "2026-05-01",
        "comment_from": "2026-03-01", "comment_to": "2026-04-10", "report_department_views": True,
        "report_risk_points": True, "report_prevention": True, "report_handling_plan": True,
        "conclusion_uncontrollable": False, "legal_review_done": True, "legal_review_replaced": False,
        "legal_review_from": "2026-05-06", "legal_review_to": "2026-05-20", "discussed_collectively": True,
        "discussed_on": "2026-05-25", "views_recorded": True, "decision_on": "2026-06-01", "start_on": "2026-08-01",
    }  # fmt: skip
    given = {"factors": [factor("environment.air", 0.9, 0.9), factor("environment.water", 0.9, 0.9)],
             "survey": {"asked": 320, "answered": 300, "opposed": 180}, **CALM}  # fmt: skip
    draft = await begun(planner, office, "introduction", facts, **given)
    assert (blocking(draft), draft["grade_zh"], draft["advice_zh"]) == ([], "高", "不予实施")
    assert not (await carried_through(planner, draft, "refuse"))["against"]


async def test_village_election_ready(planner: httpx.AsyncClient, office: str, served: Served) -> None:
    """Ready: 700 of 1,200 voters voted (more than half), the lowest winner had 380 of 700 (more than half), the list of
    voters was out 31 days before; nothing is open. An election predicts no factors, so the dispute that came is not
    foreseen; the one condition was met, and the day of the vote somebody listened on the spot."""
    facts = ELECTION | {"voters_registered": 1200, "votes_cast": 700, "lowest_winning_votes": 380}
    draft = await begun(planner, office, "village_election", facts)
    assert (blocking(draft), draft["result"]["ready"], draft["grade"]) == ([], True, None)
    conditions = [condition(office, "唱票全程公开")]
    decision = await decided_on(planner, draft, "proceed", conditions=conditions)
    assert (decision["grade"], decision["against"]) == (None, False)
    assert await met(planner, draft) == ["met"]
    path = f"/v1/projects/{draft['project_id']}"
    held = {"held_on": "2026-11-20", "place_text": "村委会门前", "department_id": office, "people": 18,
            "matters_raised": 2, "settled_on_spot": 2}  # fmt: skip
    ok(await planner.post(f"{path}/receptions", json=held), 201)
    await reported(served, draft, "civil_affairs.election", "对委托投票的登记有异议")
    told = await ended(planner, draft, "implementing", "completed")
    assert (told["showed_up"], told["did_not"]) == ([], [])
    assert [one["category"] for one in told["watch"]["unforeseen"]] == ["civil_affairs.election"]


@pytest.mark.parametrize(("voted", "stands"), [(60, ["V07-JR"]), (61, [])])
async def test_community_election_by_representatives(
    planner: httpx.AsyncClient, office: str, voted: int, stands: list[str]
) -> None:
    """In representative mode more than two thirds of 90 must vote: 60 are exactly two thirds and not enough, 61 are."""
    facts = ELECTION | {
        "mode": "representatives", "deputies_entitled": 90, "deputies_list_on": "2026-10-20", "votes_cast": voted,
        "lowest_winning_votes": 40,
    }  # fmt: skip
    draft = await begun(planner, office, "community_election", facts)
    assert (blocking(draft), draft["result"]["ready"]) == (stands, not stands)
    reason = {"reason": "县选举委员会已同意重新投票"} if stands else {}
    assert (await carried_through(planner, draft, "proceed", **reason))["against"] is bool(stands)
