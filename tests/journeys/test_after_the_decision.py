"""A project while it is carried out: receptions, what happens against what was predicted, and the way to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.shared import fields, refused
from tests.journeys.site import Site, on_site
from tests.journeys.test_assessments import FACTORS
from tests.makers import at

STATION = {"factor_id": "technique.scheme", "category": "technique", "name": "工程方案", "p": 0.3, "q": 0.3}
VILLAGE = "330102001001"


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with on_site(database_url, tmp_path) as running:
        yield running


def reception(site: Site, **changes: Any) -> dict[str, Any]:
    plain = {"held_on": "2026-11-23", "place_text": "清河片区项目部", "department_id": site.office, "households": 14,
             "people": 31, "matters_raised": 9, "settled_on_spot": 6}  # fmt: skip
    return plain | changes


async def test_an_assessment_follows_its_project_into_implementation_and_to_its_end(site: Site) -> None:
    draft = await site.assessed()
    project = draft["project_id"]
    await site.decided(draft)
    refused(
        await site.planner.post(f"/v1/assessments/{draft['id']}/evaluate", json={"text": "无"}), 409, "not_completed"
    )
    await site.stage(project, "implementing")
    assert await site.assessments(project) == [(1, "implementing")]
    refused(
        await site.planner.post(f"/v1/assessments/{draft['id']}/evaluate", json={"text": "无"}), 409, "not_completed"
    )
    await site.stage(project, "completed")
    assert await site.assessments(project) == [(1, "implementing")]
    ok(await site.planner.post(f"/v1/assessments/{draft['id']}/evaluate", json={"text": "无"}))
    assert await site.assessments(project) == [(1, "evaluated")]
    assert await site.broken() == ()


async def test_what_is_decided_while_the_project_goes_on_is_carried_out_at_once(site: Site) -> None:
    draft = await site.assessed()
    await site.stage(draft["project_id"], "implementing")
    assert (await site.decided(draft))["state"] == "implementing"


async def test_a_project_stopped_before_it_began_can_be_evaluated(site: Site) -> None:
    draft = await site.assessed()
    await site.decided(draft, advice="refuse")
    await site.stage(draft["project_id"], "stopped")
    ok(await site.planner.post(f"/v1/assessments/{draft['id']}/evaluate", json={"text": "未实施"}))


async def test_a_day_of_reception_is_kept_in_numbers_and_once(site: Site) -> None:
    project = (await site.assessed())["project_id"]
    path = f"/v1/projects/{project}/receptions"
    kept = ok(await site.planner.post(path, json=reception(site, note="13812345678 反映补偿")), 201)
    assert "13812345678" not in kept["note"]
    assert (kept["households"], kept["people"], kept["department"]) == (14, 31, "区征收办")
    refused(await site.planner.post(path, json=reception(site, people=32)), 409, "reception_recorded")
    ok(await site.planner.post(path, json=reception(site, held_on="2026-11-20", people=None)), 201)
    assert [one["held_on"] for one in await site.get(project, "receptions")] == ["2026-11-20", "2026-11-23"]
    assert (await site.actions(project)).count("reception recorded") == 2
    assert await site.broken() == ()


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"held_on": "2026-11-24"}, "invalid_reception", "held_on"),
        ({"settled_on_spot": 10}, "invalid_request", "body"),
        ({"people": -1}, "invalid_request", "people"),
        ({"place_text": ""}, "invalid_request", "place_text"),
        ({"visitor": "张某"}, "invalid_request", "visitor"),
        ({"department_id": "00000000-0000-7000-8000-000000000000"}, "invalid_project", "department_id"),
    ],
)
async def test_a_day_of_reception_that_cannot_be_is_refused(
    site: Site, changes: dict[str, Any], code: str, field: str
) -> None:
    project = (await site.assessed())["project_id"]
    answer = await site.planner.post(f"/v1/projects/{project}/receptions", json=reception(site, **changes))
    assert field in fields(refused(answer, 422, code))


async def test_the_watch_holds_tied_matters_against_the_predicted_factors(site: Site) -> None:
    """补偿标准 is shown by demolition, 交通出行 by traffic, 工程方案 by nothing; an unpaid wage is none of them."""
    draft = await site.assessed()
    project = draft["project_id"]
    refused(await site.planner.get(f"/v1/projects/{project}/watch"), 409, "not_decided")
    given = draft["given"] | {"factors": [*draft["given"]["factors"], STATION]}
    ok(await site.planner.patch(f"/v1/assessments/{draft['id']}", json={"given": given}))
    await site.decided(draft)
    ok(await site.planner.post(f"/v1/projects/{project}/receptions", json=reception(site)), 201)
    first = await site.report(project, text="工地渣土车堵住学校门口的路")
    site.pass_days(1)
    await site.report(None, matter_id=first["matter_id"], text="渣土车还在堵路")
    await site.report(project, category="labour.wage_arrears", text="班组工资没有发")
    await site.report(None, category="urban_rural.demolition", text="别处的拆迁")

    seen = await site.get(project, "watch")
    assert {one["factor_id"]: one["answer"] for one in seen["factors"]} == {
        "compensation.standard": "did_not", "society.traffic": "showed_up", "technique.scheme": "not_watchable",
    }  # fmt: skip
    [traffic] = [one["counts"] for one in seen["factors"] if one["answer"] == "showed_up"]
    assert (traffic["matters"], traffic["reports"]) == (1, 2)
    assert traffic["days"] == [{"day": "2026-11-23", "reports": 1}, {"day": "2026-11-24", "reports": 1}]
    assert sum(traffic["levels"].values()) == 1
    assert [(one["category"], one["counts"]["matters"]) for one in seen["unforeseen"]] == [("labour.wage_arrears", 1)]
    assert (seen["counts"]["matters"], seen["since"], seen["unverified"]) == (2, "2026-11-23", True)
    assert seen["receptions"] == {"days": 1, "households": 14, "people": 31, "matters_raised": 9, "settled_on_spot": 6}


async def test_a_matter_of_one_project_that_a_report_ties_to_another_is_seen_by_both(site: Site) -> None:
    first, second = await site.assessed(), await site.assessed()
    for draft in (first, second):
        await site.decided(draft)
    road = await site.report(first["project_id"], text="两个工地的渣土车都走这条路")
    await site.report(second["project_id"], matter_id=road["matter_id"], text="渣土车还在走这条路")
    for draft in (first, second):
        counts = (await site.get(draft["project_id"], "watch"))["counts"]
        assert (counts["matters"], counts["reports"]) == (1, 2)


async def test_what_happened_before_the_decision_or_was_a_false_alarm_is_not_held_against_it(site: Site) -> None:
    draft = await site.assessed()
    await site.report(draft["project_id"], text="决策之前的道路拥堵")
    site.pass_days(1)
    await site.decided(draft)
    alarm = await site.report(draft["project_id"], category="urban_rural.demolition", text="误报的拆迁")
    answering = await site.served.client(Scope.RESPOND, department_id=site.office)
    ok(await answering.post(f"/v1/matters/{alarm['matter_id']}/close", json={"outcome": "false_alarm"}))
    seen = await site.get(draft["project_id"], "watch")
    assert (seen["counts"]["matters"], seen["unforeseen"]) == (0, [])


async def test_a_key_of_one_town_watches_only_the_matters_of_that_town(site: Site) -> None:
    project = (draft := await site.assessed())["project_id"]
    await site.decided(draft)
    await site.report(project, text="本街道的道路")
    elsewhere = "330102002000"
    from_elsewhere = at(site.clock(), area=elsewhere, category="urban_rural.transport", text="邻街道的道路")
    site.execute(
        "INSERT INTO area (code, name, valid_from) VALUES ('330102002000', '邻街道（测试）', '2000-01-01');"
        " UPDATE reference_version SET version = version + 1"
    )
    reporter = await site.served.client(Scope.REPORT)
    ok(await reporter.post("/v1/incidents", json=from_elsewhere | {"project_id": project}), 201)
    narrow = await site.served.client(Scope.READ, area="330102001000")
    seen = ok(await narrow.get(f"/v1/projects/{project}/watch"))
    assert seen["counts"]["matters"] == 1
    assert (await site.get(project, "watch"))["counts"]["matters"] == 2
    other = await site.served.client(Scope.READ, area=elsewhere)
    refused(await other.get(f"/v1/projects/{project}/watch"), 404, "not_found")


async def test_an_evaluation_without_an_answer_takes_what_the_watch_saw_and_says_so(site: Site) -> None:
    draft = await site.assessed(factors=[*FACTORS, STATION])
    await site.decided(draft)
    await site.report(draft["project_id"], text="渣土车堵路")
    await site.stage(draft["project_id"], "implementing", "completed")
    path = f"/v1/assessments/{draft['id']}/evaluate"
    told = ok(await site.planner.post(path, json={"text": "见系统对照"}))["evaluation"]
    assert (told["from"], told["showed_up"]) == ("watch", ["society.traffic"])
    assert (told["did_not"], told["unknown"]) == (["compensation.standard"], ["technique.scheme"])
    assert told["watch"]["matters"] == 1
    page = (await site.planner.get(f"/v1/assessments/{draft['id']}/report.html")).text
    assert "已经出现的风险因素：交通出行；没有出现的：补偿标准；不能由事项看出的：工程方案" in page
    assert "由系统对照关联事项得出" in page
    assert await site.broken() == ()


async def test_what_was_entered_by_hand_counts_and_the_watch_stands_beside_it(site: Site) -> None:
    draft = await site.assessed()
    await site.decided(draft)
    await site.report(draft["project_id"], text="渣土车堵路")
    await site.stage(draft["project_id"], "implementing", "completed")
    path = f"/v1/assessments/{draft['id']}/evaluate"
    strange = await site.planner.post(path, json={"text": "无", "showed_up": ["society.religion"]})
    assert fields(refused(strange, 422, "invalid_step")) == {"showed_up": "missing"}
    told = ok(await site.planner.post(path, json={"text": "无", "showed_up": []}))["evaluation"]
    assert (told["from"], told["showed_up"], told["unknown"]) == ("entered", [], [])
    assert told["watch"]["showed_up"] == ["society.traffic"]


async def test_evaluations_feed_the_prior_beside_the_expert_value(site: Site) -> None:
    """交通出行 was predicted twice and showed up once: Wilson 95 % from 9.5 % to 90.5 %; 补偿标准 never showed up."""
    for shown in ([], ["society.traffic"]):
        draft = await site.assessed()
        await site.decided(draft)
        await site.stage(draft["project_id"], "implementing", "completed")
        ended = {"text": "已完成", "showed_up": shown}
        ok(await site.planner.post(f"/v1/assessments/{draft['id']}/evaluate", json=ended))
    fared = (await site.get(draft["project_id"], "prior"))["predictions"]
    assert (fared["area"], fared["assessments"]) == ("", 2), "fewer than ten in any area: all that are in sight"
    found = {one["factor_id"]: one for one in fared["factors"]}
    traffic = found["society.traffic"]
    assert (traffic["predicted"], traffic["showed_up"], traffic["share"]) == (2, 1, 0.5)
    assert (round(traffic["low"], 3), round(traffic["high"], 3)) == (0.095, 0.905)
    assert found["compensation.standard"]["showed_up"] == 0
    assert {one["category"]: one["showed_up"] for one in fared["categories"]} == {"compensation": 0, "society": 1}

    # As the county would stand with ten evaluated ones.
    site.execute(
        "INSERT INTO assessment SELECT (jsonb_populate_record(NULL::assessment, to_jsonb(a) || jsonb_build_object("
        "'id', gen_random_uuid(), 'number', n))).* FROM (SELECT * FROM assessment ORDER BY id LIMIT 1) a,"
        " generate_series(2, 9) n"
    )
    fared = (await site.get(draft["project_id"], "prior"))["predictions"]
    assert (fared["area"], fared["assessments"]) == ("330102000000", 10)

    narrow = await site.served.client(Scope.READ, area=VILLAGE)
    refused(await narrow.get(f"/v1/projects/{draft['project_id']}/prior"), 404, "not_found")
    site.execute("UPDATE assessment SET state = 'decided'")
    assert (await site.get(draft["project_id"], "prior"))["predictions"]["factors"] == []
