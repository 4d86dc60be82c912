"""The Word report as a reader's program lays it out: every chapter, every table with rows, no page without text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from docx import Document

from service.domain.words import Scope
from tests.journeys.conftest import ok
from tests.journeys.stepping import prepared
from tests.journeys.test_assessment_reports import CHAPTERS, headings, tables_of
from tests.journeys.test_assessments import AREAS, FACTORS, assessed, taken_up
from tests.journeys.test_emergency_plans import STEPS, plan
from tests.journeys.test_surveys import imported, sheets, workbook
from tests.journeys.test_worked_projects import ELECTION
from tests.served import Served, load_areas

WRITER, READER = shutil.which("soffice"), shutil.which("pdftotext")
needs_writer = pytest.mark.skipif(
    WRITER is None or READER is None,
    reason="needs LibreOffice Writer (soffice) and pdftotext: Debian libreoffice-writer-nogui, poppler-utils",
)


@pytest.fixture
async def office(served: Served, admin: httpx.AsyncClient) -> str:
    await load_areas(served.database_url, AREAS)
    return str(ok(await admin.post("/v1/departments", json={"name": "区征收办", "area": "330102000000"}), 201)["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="区征收办")


async def renewal(planner: httpx.AsyncClient, office: str) -> bytes:
    """A worked project: survey by the file, a hearing without a voice against, an emergency plan, measures."""
    project = await taken_up(planner, office, name="清河片区旧城改建")
    survey = ok(await imported(planner, project, workbook(sheets()), taken_up="安置房源已公布"), 201)
    hearing = {"form": "hearing", "began_on": "2026-06-01", "affected": 320, "reached": 60, "against": 0}
    ok(await planner.post(f"/v1/projects/{project}/participation", json=hearing), 201)
    ok(await planner.put(f"/v1/projects/{project}/emergency-plan", json=plan(office)))
    measure = {"measure_id": "m1", "title": "逐户答复", "targets": [FACTORS[0]["factor_id"]], "department_id": office,
               "due_on": "2026-12-01"}  # fmt: skip
    given = {"factors": [one | {"p_after": 0.3, "q_after": 0.3} for one in FACTORS], "measures": [measure],
             "survey": {"participation_id": survey["id"]}}  # fmt: skip
    draft = await assessed(planner, project, **given)
    await prepared(planner, draft)
    ok(await planner.post(f"/v1/assessments/{draft['id']}/submit"))
    return await report(planner, draft)


async def nearly_nothing(planner: httpx.AsyncClient, office: str) -> bytes:
    project = await taken_up(planner, office, name="某项目", kind="construction", facts={})
    entered = {"bodies": {"decider": "甲", "assessor": "乙", "implementer": "丙"}}
    return await report(planner, ok(await planner.post(f"/v1/projects/{project}/assessments", json=entered), 201))


async def election(planner: httpx.AsyncClient, office: str) -> bytes:
    project = await taken_up(planner, office, name="上坪村换届", kind="village_election", facts=ELECTION)
    return await report(planner, await assessed(planner, project))


async def report(planner: httpx.AsyncClient, draft: dict[str, Any]) -> bytes:
    answer = await planner.get(f"/v1/assessments/{draft['id']}/report.docx")
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_the_report_tells_survey_doubts_and_emergency_plan(planner: httpx.AsyncClient, office: str) -> None:
    file = await renewal(planner, office)
    found = tables_of(file)
    rounds = {row[0]: row[-1] for row in found["形式|起止|涉及|覆盖|赞成|有条件赞成|反对|备注"]}
    assert rounds["问卷"] == "—"
    assert rounds["听证"].startswith("60 人应答，无一人反对")
    assert ["安置房源", "100"] in found["关切|份数"]
    assert ["年龄段", "18-35", "60", "20", "10", "10"] in found["问题|回答|支持|有条件支持|反对|未表态"]
    assert found["职责|单位"][-1] == ["总协调", "区征收办"]
    assert found["等级|步骤"] == [["黄", f"1. {STEPS['yellow'][0]}"],
                                ["橙", f"1. {STEPS['orange'][0]}\n2. {STEPS['orange'][1]}"],
                                ["红", f"1. {STEPS['red'][0]}\n2. {STEPS['red'][1]}"]]  # fmt: skip
    assert found["单位|值班电话"] == [["区征收办", "0571-88886666"]]
    charts = [part for part in Document(BytesIO(file)).part.package.iter_parts() if "/charts/" in part.partname]
    assert len(charts) == 1


@needs_writer
async def test_on_paper_every_chapter_stands_in_order_and_no_page_or_table_is_empty(
    planner: httpx.AsyncClient, office: str, tmp_path: Path
) -> None:
    """Three at once, for the program takes seconds to start: a full one, one with nearly nothing, an election."""
    made = {"full": await renewal(planner, office), "bare": await nearly_nothing(planner, office),
            "election": await election(planner, office)}  # fmt: skip
    for name, pages in on_paper(made, tmp_path).items():
        whole = re.sub(r"\s", "", "".join(pages))
        at = 0
        for heading in CHAPTERS:
            at = whole.find(re.sub(r"\s", "", heading), at)
            assert at >= 0, f"{name}: {heading}"
        assert headings(made[name]) == CHAPTERS
        assert all(len(table.rows) > 1 for table in Document(BytesIO(made[name])).tables)
        bare = [number for number, page in enumerate(pages, 1) if len(re.sub(r"\s", "", page)) < 60]
        assert bare == [], f"{name}: pages {bare} have next to no text"
        assert all(("草稿" in page) is (name != "full") for page in pages)


def on_paper(files: dict[str, bytes], folder: Path) -> dict[str, list[str]]:
    """The text of each page of each file, as LibreOffice lays it out."""
    for name, content in files.items():
        (folder / f"{name}.docx").write_bytes(content)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [str(WRITER), "--headless", profile, "--convert-to", "pdf", "--outdir", str(folder)]
    command += [str(folder / f"{name}.docx") for name in files]
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return {name: pages_of(folder / f"{name}.pdf") for name in files}


def pages_of(file: Path) -> list[str]:
    read = subprocess.run([str(READER), "-layout", str(file), "-"], capture_output=True, text=True, check=True)
    return read.stdout.split("\f")[:-1]
