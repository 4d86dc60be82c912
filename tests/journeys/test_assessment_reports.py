"""Reports of assessments over HTTP: every chapter in order, figures as in the result, nothing empty, nothing run."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import pytest
from docx import Document

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.stepping import passing, prepared
from tests.journeys.test_assessments import AREAS, FACTORS, OLD_TOWN, assessed, condition, taken_up
from tests.served import Served, load_areas

TITLE = "清河<script>alert(1)</script>&片区"
CHAPTERS = [
    "一、基本情况", "（一）拟决策事项概况", "（二）所在地社会矛盾情况", "（三）评估依据", "（四）评估主体",
    "（五）评估过程和方法",
    "二、评估内容", "（一）风险调查和公众参与", "1. 公众参与（只计数量）", "2. 意见采纳情况", "3. 抽样调查",
    "（二）合法性审查",
    "1. 未满足的审查事项", "2. 无法判断的审查事项", "3. 未发现问题的审查事项",
    "（三）风险识别", "（四）风险估计（措施前）",
    "（五）风险防范和化解措施", "（六）落实措施后的风险等级", "三、评估结论", "（一）主要风险因素",
    "（二）合法性、合理性、可行性、可控性结论", "（三）风险等级", "（四）评估建议", "（五）决策意见",
    "（六）评审意见和不同意见",
    "（七）应急预案建议", "（八）实施后评估", "附件", "（一）证据清单和散列值", "（二）版本和校验",
]  # fmt: skip
Rows = list[list[str]]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
async def office(served: Served, admin: httpx.AsyncClient) -> str:
    await load_areas(served.database_url, AREAS)
    made = ok(await admin.post("/v1/departments", json={"name": "区征收办", "area": "330102000000"}), 201)
    return str(made["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="区征收办")


def tables_of(file: bytes) -> dict[str, Rows]:
    """Header in the Word file → the rows of all tables under such a header."""
    found: dict[str, Rows] = {}
    for table in Document(BytesIO(file)).tables:
        cells = [[cell.text for cell in row.cells] for row in table.rows]
        found.setdefault("|".join(cells[0]), []).extend(cells[1:])
    return found


def page_of(answer: httpx.Response) -> ElementTree.Element:
    assert answer.status_code == 200, answer.text
    return ElementTree.fromstring(answer.text.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314


def headings(file: bytes) -> list[str]:
    return [each.text for each in Document(BytesIO(file)).paragraphs if each.style.name.startswith("Heading")]


async def begun(planner: httpx.AsyncClient, office: str, **given: Any) -> dict[str, Any]:
    return await assessed(planner, await taken_up(planner, office, name=TITLE), **given)


async def word_of(client: httpx.AsyncClient, draft: dict[str, Any]) -> bytes:
    answer = await client.get(f"/v1/assessments/{draft['id']}/report.docx")
    assert answer.status_code == 200, answer.text
    assert f"filename*=UTF-8''{quote(draft.get('title', TITLE), safe='')}" in answer.headers["content-disposition"]
    return answer.content


async def test_the_word_file_has_every_chapter_in_order_and_no_empty_table(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, office: str
) -> None:
    file = await word_of(reader, await begun(planner, office))
    assert headings(file) == CHAPTERS
    assert all(len(table.rows) > 1 for table in Document(BytesIO(file)).tables)
    texts = [each.text for each in Document(BytesIO(file)).paragraphs]
    assert "无。没有登记公众参与的轮次。" in texts
    assert any("未核实" in text for text in texts)


async def test_its_figures_are_those_of_the_result(planner: httpx.AsyncClient, office: str) -> None:
    """0.9 × 0.9 = 0.81 is 重大; with filed evidence it falls to 0.3 × 0.3 = 0.09, 较小; a measure without its
    evidence lowers nothing."""
    evidence = await filed(planner, office)
    project, evidence_id = evidence["project_id"], evidence["id"]
    heavy = [one | {"p": 0.9, "q": 0.9, "p_after": 0.3, "q_after": 0.3} for one in FACTORS]
    measures = [
        {"measure_id": "m1", "title": "逐户答复", "targets": [FACTORS[0]["factor_id"]], "department_id": office,
         "due_on": "2026-12-01", "evidence_id": evidence_id},
        {"measure_id": "m2", "title": "另开便道", "targets": [FACTORS[1]["factor_id"]], "department_id": office,
         "due_on": "2026-12-05"},
    ]  # fmt: skip
    draft = await assessed(planner, project, factors=heavy, measures=measures)
    found = tables_of(await word_of(planner, draft))
    weights = [f"{one['weight']:.4g}" for one in draft["result"]["after"]["factors"]]
    assert found["序号|风险因素|p 前|p 后|q 前|q 后|R 前|R 后|级别前|级别后|权重 w"] == [
        ["1", "补偿标准", "0.9", "0.3", "0.9", "0.3", "0.81", "0.09", "重大", "较小", weights[0]],
        ["2", "交通出行", "0.9", "0.9", "0.9", "0.9", "0.81", "0.81", "重大", "重大", weights[1]],
    ]
    assert found["措施|针对|责任单位|期限|完成证据"] == [
        ["逐户答复", "补偿标准", "区征收办", "2026年12月1日", "已归档"],
        ["另开便道", "交通出行", "区征收办", "2026年12月5日", "未归档"],
    ]
    assert found["证据|种类|日期|是否计入|SHA-256"] == [["答复台账", "会议纪要", "2026年11月20日", "是", "cd" * 32]]
    assert found["编号|审查事项|性质|依据|处理"]
    assert [row[0] for row in found["评估项|结论|理由"]] == ["合法性", "合理性", "可行性", "可控性"]


async def filed(planner: httpx.AsyncClient, office: str) -> dict[str, Any]:
    project = await taken_up(planner, office, name=TITLE)
    filing = {
        "kind": "minutes",
        "title": "答复台账",
        "dated": "2026-11-20",
        "department_id": office,
        "sha256": "cd" * 32,
    }
    evidence: dict[str, Any] = ok(await planner.post(f"/v1/projects/{project}/evidence", json=filing), 201)
    return evidence | {"project_id": project}


async def test_the_page_shows_what_was_entered_and_runs_nothing(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, office: str
) -> None:
    draft = await begun(planner, office)
    answer = await reader.get(f"/v1/assessments/{draft['id']}/report.html")
    page = page_of(answer)
    assert page.find(".//h1").text == TITLE  # type: ignore[union-attr]
    assert page.find(".//script") is None
    assert [each.text for each in page.iter() if each.tag in ("h2", "h3", "h4")] == CHAPTERS
    assert all(body.findall("tr") for body in page.iter("tbody"))
    figures = [each.text for each in page.iter("figcaption")]
    assert figures == ["图 1　风险矩阵（措施前）", "图 2　措施前后单因素风险 R 对照", "图 3　风险矩阵（措施后）"]
    assert len([*page.iter(f"{SVG}svg")]) == 3
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_draft_says_so_until_it_is_submitted_and_dissent_is_told(
    planner: httpx.AsyncClient, office: str
) -> None:
    draft = await begun(planner, office)
    path = f"/v1/assessments/{draft['id']}"
    header = Document(BytesIO(await word_of(planner, draft))).sections[0].header.paragraphs[0].text
    assert header.startswith("草稿")

    await prepared(planner, draft)
    submitted = ok(await planner.post(f"{path}/submit"))
    ok(await planner.post(f"{path}/review", json=passing()))
    ok(await planner.patch(f"/v1/projects/{draft['project_id']}", json={"name": "改了名的项目"}))
    ok(
        await planner.post(
            f"{path}/decide", json={"advice": "proceed", "role": "常务会议", "conditions": [condition(office)]}
        )
    )
    file = await word_of(planner, draft)
    assert "草稿" not in Document(BytesIO(file)).sections[0].header.paragraphs[0].text
    found = tables_of(file)
    assert ["区发改局", "建议延长签约期"] in found["单位|意见"]
    assert ["名称", TITLE] in found["项目|内容"], "the name as it was frozen"
    told = [each.text for each in Document(BytesIO(file)).paragraphs]
    assert "决策主体：区人民政府（常务会议）；决策所依据的风险等级：低。" in told
    assert found["序号|条件|责任单位|期限"] == [["1", "公布分户补偿", "区征收办", "2099年1月1日"]]
    assert ["评估结果 SHA-256", submitted["result_hash"]] in found["项目|内容"]


async def test_a_fact_that_lacks_is_told_by_its_label_and_a_doubt_about_a_source_once(
    planner: httpx.AsyncClient, office: str
) -> None:
    facts = {name: value for name, value in OLD_TOWN.items() if name != "funds_ready"}
    project = await taken_up(planner, office, name=TITLE, facts=facts)
    texts = [cell for rows in tables_of(await word_of(planner, await assessed(planner, project))).values()
             for row in rows for cell in row]  # fmt: skip
    assert "缺少：补偿费用足额到位" in texts
    assert not [text for text in texts if "funds_ready" in text or "（未核实）（未核实）" in text]


async def test_participation_is_told_in_numbers(planner: httpx.AsyncClient, office: str) -> None:
    project = await taken_up(planner, office, name=TITLE)
    asked = {"form": "hearing", "began_on": "2026-06-01", "ended_on": "2026-06-02", "affected": 320, "reached": 300,
             "in_favour": 280, "against": 8, "concerns": ["签约期太短"], "taken_up": "延长十日"}  # fmt: skip
    ok(await planner.post(f"/v1/projects/{project}/participation", json=asked), 201)
    found = tables_of(await word_of(planner, await assessed(planner, project)))
    assert found["形式|起止|涉及|覆盖|赞成|有条件赞成|反对|备注"] == [
        ["听证", "2026年6月1日至2026年6月2日", "320", "300", "280", "未填", "8", "—"]
    ]
    assert found["形式|反映的主要意见|采纳和答复"] == [["听证", "签约期太短", "延长十日"]]


async def test_an_election_has_the_same_chapters_and_no_grade(planner: httpx.AsyncClient, office: str) -> None:
    project = await taken_up(planner, office, name="上坪村换届", kind="village_election", facts={})
    raised = {"title": "流动村民登记未完成", "department_id": office, "due_on": "2026-12-01"}
    ok(await planner.post(f"/v1/projects/{project}/issues", json=raised), 201)
    file = await word_of(planner, (await assessed(planner, project)) | {"title": "上坪村换届"})
    assert headings(file) == CHAPTERS
    found = tables_of(file)
    assert found["序号|问题"][0] == ["1", "流动村民登记未完成：由区征收办办理，2026-12-01 前办结"]
    assert found["事项|责任单位|期限|状态|说明"] == [["流动村民登记未完成", "区征收办", "2026年12月1日", "未决", "—"]]
    assert not [name for name in found if name.startswith("风险因素")]


async def test_one_who_may_not_see_the_project_gets_no_report(planner: httpx.AsyncClient, office: str) -> None:
    draft = await begun(planner, office)
    for kind in ("docx", "html"):
        path = f"/v1/assessments/{draft['id']}/report.{kind}"
        assert (await planner.get(path, headers={"authorization": "Bearer wy_x_y"})).status_code == 401
        assert (await planner.get(path.replace(draft["id"], office))).status_code == 404
