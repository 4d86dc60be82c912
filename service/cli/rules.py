"""weiyu rules check | test | explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.common import settings_from
from service.domain.catalogue import load_catalogue
from service.rules import cli_text
from service.rules.facts import matter_vocabulary
from service.rules.rulebook import INCIDENT_RULEBOOK

app = typer.Typer(help="规则库：核对、测试、解释", no_args_is_help=True)
Files = Annotated[list[Path] | None, typer.Argument(help="规则库文件，缺省为正在使用的")]


@app.command()
def check(files: Files = None) -> None:
    """核对规则库：每处错误给出 文件:行:列。"""
    _tell(cli_text.check(_or_current(files), [matter_vocabulary(load_catalogue())]))


@app.command(name="test")
def run_tests(files: Files = None) -> None:
    """运行每条规则自带的测试。"""
    _tell(cli_text.test(_or_current(files), [matter_vocabulary(load_catalogue())]))


@app.command()
def explain(
    target: Annotated[str, typer.Argument(help="规则编号或规则库文件")],
    facts: Annotated[Path | None, typer.Option(help="事实（JSON）；给出则显示逐条判断过程", exists=True)] = None,
) -> None:
    """用中文解释规则；给出事实时说明每个条件的判断过程。"""
    _tell(cli_text.explain(target, _or_current(None), [matter_vocabulary(load_catalogue())], facts))


def _or_current(files: list[Path] | None) -> list[Path]:
    return files or [settings_from().rulebook or INCIDENT_RULEBOOK]


def _tell(told: tuple[int, str]) -> None:
    code, text = told
    print(text)
    raise typer.Exit(code)
