"""What every command shares: settings, the database, clear errors."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console

from service.domain.problems import Problem
from service.rules.positions import LoadFailure
from service.settings import Settings, SettingsError, read_settings
from service.store.embedded import EmbeddedServer, EmbeddedServerError
from service.store.engine import DatabaseUrlError
from service.store.schema import SchemaMismatch, check
from service.workflows.files.table_rows import FileRefused

SAY = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
REFUSED = 1
MISUSED = 2


def settings_from(**given: Any) -> Settings:
    """Settings from the environment, with what the command line gave on top. PORT counts as WEIYU_PORT."""
    environment = {**os.environ}
    if environment.get("PORT"):
        environment.setdefault("WEIYU_PORT", environment["PORT"])
    environment |= {f"WEIYU_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    try:
        return read_settings(environment)
    except SettingsError as error:
        SAY.print(f"设置有误：\n{error}", style="red")
        raise typer.Exit(MISUSED) from None


@contextmanager
def database(settings: Settings, migrated: bool = True) -> Iterator[str]:
    """The configured database, or the embedded server while this lasts; refuses a schema of another version."""
    if settings.database_url:
        if migrated:
            check(settings.database_url)
        yield settings.database_url
        return
    with EmbeddedServer(settings.data_dir) as server:
        if server.place.note:
            SAY.print(server.place.note)
        if migrated:
            check(server.url)
        yield server.url


def rest_collector() -> None:
    """What is loaded by now stays for good, and of what is remembered hardly anything is ever in a cycle.

    Python's own pace walks all open matters again for every few reports: 0.4 of 1.2 ms a report with 10,000 of them.
    """
    gc.freeze()  # with what little garbage the start left: collecting it first would cost a tenth of a second
    gc.enable()
    gc.set_threshold(5_000, 20, 1_000)


@contextmanager
def foreseen() -> Iterator[None]:
    """Foreseen errors become clear lines and an exit code; the rest may crash."""
    try:
        yield
    except Problem as problem:
        refuse([problem.detail, *(f"  {error.field}: {error.detail}" for error in problem.errors)])
    except FileRefused as refused:
        refuse(refused.lines)
    except (EmbeddedServerError, SchemaMismatch, DatabaseUrlError, LoadFailure) as error:
        refuse([str(error)])


def refuse(lines: Sequence[str]) -> NoReturn:
    """Say why not, and end with the exit code for that."""
    for line in lines:
        SAY.print(line, style="red")
    raise typer.Exit(REFUSED)
