"""The `weiyu` command: one door for everything that is done from a terminal."""

from __future__ import annotations

import typer

from service.cli import files, keys, rules, serving

app = typer.Typer(
    help="Weiyu 未雨：区县矛盾纠纷预警与评估服务",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serving.serve)
app.command()(serving.demo)
app.command()(serving.migrate)
app.command()(rules.train)
app.add_typer(files.importing, name="import")
app.add_typer(files.exporting, name="export")
app.add_typer(keys.app, name="keys")
app.add_typer(rules.app, name="rules")
