"""weiyu survey check | import."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from service.cli.common import REFUSED, SAY, database, foreseen, settings_from
from service.cli.working import parts
from service.main import now
from service.store.engine import Row
from service.store.projects import in_sight
from service.store.views import Sight
from service.workflows.answering import Actor
from service.workflows.files.survey_file import read_survey
from service.workflows.files.survey_tally import SurveyFile
from service.workflows.files.survey_text import told
from service.workflows.surveys import SurveyOrder, doubts_of, record_survey
from service.workflows.telling import Work

app = typer.Typer(help="问卷：核对、导入（只计数，不保存答卷）", no_args_is_help=True)
_TABLE = ".xlsx 或 .csv，每行一份答卷，或态度、人数两列的汇总表"
File = Annotated[Path, typer.Argument(help=_TABLE, exists=True, dir_okay=False)]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="不填则取答卷上的日期")]


@app.command()
def check(file: File) -> None:
    """只核对和计数，不连接数据库，不保存。"""
    with foreseen():
        _say(_read(file))


@app.command("import")
def import_(
    file: File,
    project: Annotated[UUID, typer.Option(help="项目编号")],
    asked: Annotated[int, typer.Option(min=1, help="应查人数")],
    began_on: Day = None,
    ended_on: Day = None,
    title: Annotated[str | None, typer.Option(help="材料名称")] = None,
    taken_up: Annotated[str | None, typer.Option(help="意见采纳情况")] = None,
) -> None:
    """计数后登记为一轮公众参与，并登记文件的 SHA-256。数据存疑时逐条提示，退出码仍为 0。"""
    began, ended = (day.date() if day else None for day in (began_on, ended_on))
    order = SurveyOrder(asked, began, ended, title, taken_up)
    settings = settings_from()

    async def run(url: str, counted: SurveyFile) -> tuple[Row, list[Any]]:
        async with parts(settings, url) as (doors, engines):
            work = Work(doors, engines, now())
            row, tally = await record_survey(work, Actor(Sight(None, None), "命令行"), project, order, counted)
            async with doors.engine.connect() as connection:
                seen = await in_sight(connection, project, Sight(None, None))
            assert seen is not None
            doubts = doubts_of(engines.methods, seen, [row], {row["id"]: tally}, engines.day(work.now))
            return row, [*doubts[row["id"]]]

    with foreseen(), database(settings) as url:
        counted = _read(file)
        row, doubts = asyncio.run(run(url, counted))
    _say(counted)
    SAY.print(f"已登记为公众参与 {row['id']}")
    for doubt in doubts:
        SAY.print(f"存疑：{doubt.text}", style="yellow")


def _read(file: Path) -> SurveyFile:
    try:
        return read_survey(str(file), file.read_bytes())
    except OSError as error:
        SAY.print(f"{file}: 读不到文件：{error.strerror}", style="red")
        raise typer.Exit(REFUSED) from None


def _say(counted: SurveyFile) -> None:
    for line in told(counted):
        SAY.print(line)
