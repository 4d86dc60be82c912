"""Questionnaires by the file over HTTP: only counts are left, what tells of a person is refused, doubts are said."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import httpx
import openpyxl
import psycopg
import pytest

from service.domain.words import Scope
from service.store import trail
from service.store.engine import open_engine
from tests.journeys.conftest import ok
from tests.journeys.shared import refused
from tests.journeys.stepping import prepared
from tests.journeys.test_assessments import AREAS, BODIES, FACTORS, GIVEN, OLD_TOWN, TOWN
from tests.served import Served, load_areas

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEAD = ("序号", "填写日期", "知晓", "态度", "主要关切", "年龄段")
Rows = list[tuple[Any, ...]]


@pytest.fixture
async def office(served: Served, admin: httpx.AsyncClient) -> str:
    await load_areas(served.database_url, AREAS)
    return str(ok(await admin.post("/v1/departments", json={"name": "区征收办", "area": "330102000000"}), 201)["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="区征收办")


@pytest.fixture
async def project(planner: httpx.AsyncClient, office: str) -> str:
    made = {"name": "清河片区旧城改建", "kind": "house_expropriation", "area": TOWN, "department_id": office,
            "facts": OLD_TOWN}  # fmt: skip
    return str(ok(await planner.post("/v1/projects", json=made), 201)["id"])


def sheets() -> Rows:
    """300 sheets: 6 of each ten in favour, 2 conditional, 1 against, 1 blank."""
    attitudes = ["支持"] * 6 + ["有条件支持"] * 2 + ["反对", None]
    bands = ["18-35", "36-60", "60以上"]
    concerns = ["补偿标准；施工噪声", "安置房源", None]
    return [
        (n + 1, date(2026, 10, 1 + n % 20), "知晓" if n % 4 else "不知晓", attitudes[n % 10], concerns[n // 10 % 3],
         bands[n // 100])
        for n in range(300)
    ]  # fmt: skip


def workbook(rows: Rows, head: tuple[str, ...] = HEAD) -> bytes:
    book = openpyxl.Workbook()
    for cells in (head, *rows):
        book.worksheets[0].append(list(cells))
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def table(*lines: tuple[Any, ...]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(lines)
    return file.getvalue().encode()


async def imported(
    planner: httpx.AsyncClient, project: str, content: bytes, kind: str = XLSX, **asked: Any
) -> httpx.Response:
    query = {"asked": 320} | asked
    path = f"/v1/projects/{project}/participation/import"
    return await planner.post(path, content=content, params=query, headers={"content-type": kind})


async def test_a_table_of_answer_sheets_becomes_counts_and_a_hash(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, project: str
) -> None:
    """300 sheets: 180 for, 60 conditional, 30 against, 30 blank; 100 each with one of two lists of concerns or none."""
    made = ok(await imported(planner, project, workbook(sheets()), taken_up="安置房源已公布"), 201)
    numbers = {name: made[name] for name in ("form", "affected", "reached", "in_favour", "conditional", "against")}
    assert numbers == {"form": "survey", "affected": 320, "reached": 270, "in_favour": 180, "conditional": 60,
                       "against": 30}  # fmt: skip
    assert (made["began_on"], made["ended_on"]) == ("2026-10-01", "2026-10-20")
    assert sorted(made["concerns"]) == sorted(["补偿标准（100 份）", "施工噪声（100 份）", "安置房源（100 份）"])
    survey = made["survey"]
    assert (survey["sheets"], survey["unanswered"], survey["aware"], survey["unaware"]) == (300, 30, 225, 75)
    assert [band["answer"] for band in survey["bands"]] == ["18-35", "36-60", "60以上"]
    assert survey["bands"][0]["counts"] == {"in_favour": 60, "conditional": 20, "against": 10, "unanswered": 10}
    evidence = ok(await reader.get(f"/v1/projects/{project}/evidence"))
    assert [(one["kind"], one["sha256"], one["id"]) for one in evidence] == [
        ("questionnaire", survey["sha256"], made["evidence_id"])
    ]
    assert ok(await reader.get(f"/v1/projects/{project}/participation")) == [made]


async def test_the_same_file_is_counted_once(planner: httpx.AsyncClient, project: str) -> None:
    content = workbook(sheets())
    ok(await imported(planner, project, content), 201)
    refused(await imported(planner, project, content), 409, "survey_known")


async def test_an_aggregated_table_is_accepted(planner: httpx.AsyncClient, project: str) -> None:
    content = table(("态度", "人数"), ("支持", 250), ("有条件支持", 30), ("反对", 12), ("未表态", 8))
    made = ok(await imported(planner, project, content, "text/csv", began_on="2026-10-01"), 201)
    assert (made["in_favour"], made["conditional"], made["against"], made["reached"]) == (250, 30, 12, 292)
    assert (made["survey"]["per_sheet"], made["survey"]["identical"], made["doubts"]) == (False, None, [])


async def test_an_assessment_takes_its_survey_from_the_round(
    planner: httpx.AsyncClient, project: str, served: Served
) -> None:
    """30 of 270 who took a side oppose: 11.1 %, 中 by the bands of 10 and 33 %."""
    made = ok(await imported(planner, project, workbook(sheets())), 201)
    entered = {"bodies": BODIES, "given": GIVEN | {"survey": {"participation_id": made["id"]}, "factors": FACTORS}}
    draft = ok(await planner.post(f"/v1/projects/{project}/assessments", json=entered), 201)
    survey = draft["given"]["survey"]
    assert (survey["asked"], survey["answered"], survey["opposed"]) == (320, 270, 30)
    assert survey["identical"] == made["survey"]["identical"]
    reasons = {one["code"]: one["grade"] for one in draft["result"]["after"]["reasons"]}
    assert reasons["opposition"] == "middle"

    unlike = GIVEN | {"survey": {"participation_id": made["id"], "opposed": 3}}
    answer = await planner.patch(f"/v1/assessments/{draft['id']}", json={"given": unlike})
    refused(answer, 422, "invalid_survey")
    await prepared(planner, draft)
    ok(await planner.post(f"/v1/assessments/{draft['id']}/submit"))
    assert ok(await planner.get(f"/v1/assessments/{draft['id']}/recompute"))["same"]
    engine = open_engine(served.database_url, 1)
    async with engine.connect() as connection:
        assert [one for each in await trail.projects(connection) for one in await trail.broken(connection, each)] == []
    await engine.dispose()


async def test_a_survey_whose_evidence_was_withdrawn_is_not_taken(planner: httpx.AsyncClient, project: str) -> None:
    made = ok(await imported(planner, project, workbook(sheets())), 201)
    ok(await planner.post(f"/v1/projects/{project}/evidence/{made['evidence_id']}/withdraw"))
    entered = {"bodies": BODIES, "given": {"survey": {"participation_id": made["id"]}}}
    refused(await planner.post(f"/v1/projects/{project}/assessments", json=entered), 422, "invalid_survey")


@pytest.mark.parametrize(
    ("rows", "asked", "codes"),
    [
        ([("支持", "是", "补偿")] * 40, 40, ["zero_opposition", "identical"]),
        ([("支持", "是", "补偿"), ("反对", "否", "噪声")] * 20, 40, ["identical"]),
        ([("支持", "是", "补偿"), ("反对", "否", "噪声"), ("有条件支持", "是", "房源")] * 10, 300, ["coverage"]),
        ([("支持", "是", "补偿"), ("反对", "否", "噪声"), ("有条件支持", "是", "房源")] * 10, 30, []),
    ],
)
async def test_what_is_too_good_is_doubtful_data(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, project: str, rows: Rows, asked: int, codes: list[str]
) -> None:
    content = table(("态度", "知晓", "主要关切"), *rows)
    made = ok(await imported(planner, project, content, "text/csv", asked=asked, began_on="2026-10-01"), 201)
    assert [one["code"] for one in made["doubts"]] == codes
    assert ok(await reader.get(f"/v1/projects/{project}/participation"))[0]["doubts"] == made["doubts"]


async def test_a_round_recorded_by_hand_is_doubted_too(planner: httpx.AsyncClient, project: str) -> None:
    path = f"/v1/projects/{project}/participation"
    hearing = {"form": "hearing", "began_on": "2026-06-01", "affected": 320, "reached": 60, "against": 0}
    assert [one["code"] for one in ok(await planner.post(path, json=hearing), 201)["doubts"]] == ["zero_opposition"]
    wrong = hearing | {"against": 61}
    assert [one["code"] for one in ok(await planner.post(path, json=wrong), 201)["doubts"]] == ["counts"]


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ([("姓名", "态度"), ("李某", "支持")], "答卷.csv:1:1"),
        ([("态度", "联系电话"), ("支持", "无")], "答卷.csv:1:2"),
        ([("态度", "家庭住址"), ("支持", "某路")], "答卷.csv:1:2"),
        ([("态度", "签名"), ("支持", "√")], "答卷.csv:1:2"),
        ([("态度", "Phone"), ("支持", "")], "答卷.csv:1:2"),
        ([("态度", "备注"), ("支持", ""), ("反对", "13812345678")], "答卷.csv:3:2"),
        ([("态度", "序号"), ("支持", "110101199003070038")], "答卷.csv:2:2"),
        ([("态度", "甲"), ("支持", "王小明"), ("支持", "李四"), ("反对", "张三丰")], "答卷.csv:1:2"),
        ([("态度", "甲"), *[("支持", f"第{n}户") for n in range(30)]], "答卷.csv:1:2"),
        ([("态度", ""), ("支持", "某某")], "答卷.csv:2:2"),
        ([("支持", "13812345678"), ("反对", "13912345678")], "答卷.csv:1:2"),
    ],
)
async def test_what_tells_of_a_person_refuses_the_file_by_place_and_leaves_nothing(
    planner: httpx.AsyncClient, project: str, served: Served, lines: Rows, place: str
) -> None:
    answer = await imported(planner, project, table(*lines), "text/csv", began_on="2026-10-01")
    told = [error["detail"] for error in refused(answer, 422, "survey_refused")["errors"]]
    assert any(one.startswith(f"{place}: ") for one in told), told
    assert not any(
        word in answer.text for word in ("13812345678", "13912345678", "110101199003070038", "王小明", "某路")
    )
    with psycopg.connect(served.database_url) as connection:
        for name in ("participation", "evidence", "survey"):
            assert connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() == (0,)


def with_formula() -> bytes:
    return workbook([("支持",), ('=IF(1,"支持","反对")',)], ("态度",))


def with_merged_cells() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for cells in (("态度", "知晓"), ("支持", "知晓"), (None, "知晓")):
        sheet.append(cells)
    sheet.merge_cells("A2:A3")
    return saved(book)


def with_hidden_first_sheet() -> bytes:
    book = openpyxl.Workbook()
    hidden = book.worksheets[0]
    hidden.append(["态度"])
    hidden.append(["支持"])
    book.create_sheet("第二张").append(["态度"])
    book.active = 1
    hidden.sheet_state = "hidden"
    return saved(book)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (with_formula(), "答卷.xlsx:3:1: A 列：是公式"),
        (with_merged_cells(), "答卷.xlsx:2:1: 有合并单元格"),
        (with_hidden_first_sheet(), "隐藏"),
        (b"PK\x03\x04 broken", "不是有效的 .xlsx"),
        (b"", "文件是空的"),
        ("态度\n".encode(), "没有答卷"),
        ("态度\n喜欢\n".encode(), "答卷.csv:2:1: A 列的态度无法识别"),
        ("甲\n支持\n".encode(), "没有“态度”列"),
        ("总体态度,对补偿的态度\n支持,反对\n".encode(), "有 2 列像是态度"),
        ("态度,人数\n支持,三\n".encode(), "答卷.csv:2:2"),
        ("态度,人数\n支持,3\n赞成,4\n".encode(), "出现两次"),
        ("态度,日期\n支持,去年\n".encode(), "答卷.csv:2:2: B 列应为日期"),
    ],
)
async def test_a_table_that_reads_otherwise_than_it_looks_is_refused(
    planner: httpx.AsyncClient, project: str, content: bytes, told: str
) -> None:
    body = refused(await imported(planner, project, content, "application/octet-stream"), 422, "survey_refused")
    assert told in body["errors"][0]["detail"]


async def test_a_workbook_that_unpacks_to_a_thousand_times_its_size_is_refused(
    planner: httpx.AsyncClient, project: str
) -> None:
    content = workbook([("支持", "空" * 30_000 + str(n)) for n in range(500)], ("态度", "主要关切"))
    assert len(content) < 1_000_000
    body = refused(await imported(planner, project, content), 422, "survey_refused")
    assert "解压后超过" in body["errors"][0]["detail"]


async def test_days_of_a_workbook_that_counts_from_1904_are_the_same_days(
    planner: httpx.AsyncClient, project: str
) -> None:
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    for cells in (("填写日期", "态度"), (date(2026, 10, 7), "支持"), (date(2026, 10, 9), "反对")):
        book.worksheets[0].append(list(cells))
    made = ok(await imported(planner, project, saved(book)), 201)
    assert (made["began_on"], made["ended_on"]) == ("2026-10-07", "2026-10-09")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid_survey"),
        ({"began_on": "2026-10-09", "ended_on": "2026-10-01"}, "invalid_survey"),
        ({"began_on": "2026-10-01", "asked": 1}, "invalid_survey"),
        ({"began_on": "gestern"}, "invalid_request"),
        ({"began_on": "2026-10-01", "asked": 0}, "invalid_request"),
    ],
)
async def test_what_the_file_does_not_say_must_be_given(
    planner: httpx.AsyncClient, project: str, query: dict[str, Any], code: str
) -> None:
    content = table(("态度", "人数"), ("支持", 2), ("反对", 1))
    refused(await imported(planner, project, content, "text/csv", **query), 422, code)


async def test_a_million_equal_heads_are_not_all_told(planner: httpx.AsyncClient, project: str) -> None:
    answer = await imported(planner, project, b"a" + b",a" * 1_000_000, "text/csv")
    assert len(refused(answer, 422, "survey_refused")["errors"]) == 50


async def test_other_bodies_and_other_keys_are_turned_away(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, project: str
) -> None:
    refused(await imported(planner, project, b"{}", "application/json"), 415, "unsupported_media_type")
    refused(await imported(reader, project, workbook(sheets())), 403, "scope_missing")
    refused(await imported(planner, project, b" " * 5_500_000, "text/csv"), 422, "survey_refused")


async def test_the_template_can_be_filled_in_and_imported(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, project: str
) -> None:
    answer = await reader.get("/v1/survey-template.xlsx")
    assert answer.headers["content-type"] == XLSX
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    for n in range(12):
        book.worksheets[0].append([n, date(2026, 10, 1), "知晓", "支持" if n % 2 else "反对", None, "18-35", "产权人"])
    made = ok(await imported(planner, project, saved(book)), 201)
    assert (made["in_favour"], made["against"]) == (6, 6)
