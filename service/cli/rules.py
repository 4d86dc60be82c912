"""weiyu rules check | test | explain | laws."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service.cli.common import settings_from
from service.domain.catalogue import load_catalogue
from service.rules import cli_text
from service.rules.facts import matter_vocabulary
from service.rules.law import cli_text as law_text
from service.rules.law.book import LAW_BOOK, LawBook, load_law
from service.rules.law.page import page
from service.rules.rulebook import INCIDENT_RULEBOOK
from service.workflows.workdays import is_workday

app = typer.Typer(help="规则库：核对、测试、解释", no_args_is_help=True)
Files = Annotated[list[Path] | None, typer.Argument(help="规则库或法规核对的总表，缺省为正在使用的")]


@app.command()
def check(files: Files = None) -> None:
    """核对规则库和法规核对：每处错误给出 文件:行:列。"""
    books, laws = _sorted(files)
    told = [cli_text.check(books, [matter_vocabulary(load_catalogue())])] if books else []
    _tell(*told, *(law_text.summed_up(partial(_law, file)) for file in laws))


@app.command(name="test")
def run_tests(files: Files = None) -> None:
    """运行每条规则自带的测试。"""
    books, laws = _sorted(files)
    told = [cli_text.test(books, [matter_vocabulary(load_catalogue())])] if books else []
    _tell(*told, *(law_text.own_tests(partial(_law, file)) for file in laws))


@app.command()
def explain(
    target: Annotated[str, typer.Argument(help="规则编号（D01 这样的行号给出该行各条）或规则库文件")],
    facts: Annotated[Path | None, typer.Option(help="事实（JSON）；给出则显示逐条判断过程", exists=True)] = None,
) -> None:
    """用中文解释规则；给出事实时说明每个条件的判断过程。"""
    law = _law(LAW_BOOK)
    if law.found(target):
        today = datetime.now(settings_from().timezone).date()
        _tell(law_text.explained(law, target, facts, today))
    _tell(cli_text.explain(target, _sorted(None)[0], [matter_vocabulary(load_catalogue())], facts))


@app.command()
def laws(out: Annotated[Path | None, typer.Option(help="写入的文件，缺省为屏幕")] = None) -> None:
    """法规核对一览：按法规、条文列出每条核对。"""
    text = page(_law(LAW_BOOK))
    if out is None:
        _tell((0, text))
    else:
        out.write_text(text, "utf-8")


def _sorted(files: list[Path] | None) -> tuple[list[Path], list[Path]]:
    """Rulebooks about matters, and indexes of law books."""
    if not files:
        return [settings_from().rulebook or INCIDENT_RULEBOOK], [LAW_BOOK]
    laws = [file for file in files if law_text.is_law_index(file)]
    return [file for file in files if file not in laws], laws


def _law(file: Path) -> LawBook:
    return load_law(file, is_workday=is_workday)


def _tell(*told: tuple[int, str]) -> None:
    print("\n".join(text for _, text in told))
    raise typer.Exit(max(code for code, _ in told))
