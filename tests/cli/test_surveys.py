"""Questionnaires from the terminal."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psycopg

from tests.cli.conftest import Weiyu
from tests.makers import VILLAGE

ROWS = "态度,知晓,主要关切\n" + "支持,知晓,补偿标准\n" * 40


def put_project(database_url: str) -> str:
    office, project = str(uuid4()), str(uuid4())
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO department VALUES (%s, '街道办', false, NULL, now())", [office])
        connection.execute(
            "INSERT INTO project VALUES (%s, '旧城改建', 'house_expropriation', %s, 'pre_decision', %s, '{}', '{}', 1,"
            " now(), now())",
            [project, VILLAGE, office],
        )
    return project


def test_a_questionnaire_is_checked_without_a_database_and_imported_with_its_doubts(
    weiyu: Weiyu, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "问卷.csv"
    file.write_text(ROWS, "utf-8")
    checked = weiyu("survey", "check", file, WEIYU_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert checked.returncode == 0, checked.stderr
    assert "答卷 40 份：支持 40，有条件支持 0，反对 0，未表态 0" in checked.stderr

    project = put_project(database_url)
    order = ("--project", project, "--asked", "40", "--began-on", "2026-10-01")
    done = weiyu("survey", "import", file, *order)
    assert done.returncode == 0, done.stderr
    assert "存疑：40 人应答，无一人反对" in done.stderr
    assert "已经导入过" in weiyu("survey", "import", file, *order).stderr


def test_a_table_with_names_is_refused_by_place(weiyu: Weiyu, tmp_path: Path) -> None:
    file = tmp_path / "问卷.csv"
    file.write_text("态度,姓名\n支持,某某\n", "utf-8")
    refused = weiyu("survey", "check", file)
    assert refused.returncode == 1
    assert f"{file}:1:2: B 列的列名含“姓名”" in refused.stderr
