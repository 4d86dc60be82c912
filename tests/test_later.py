"""What is loaded at its first use: names that no checker of imports sees, held to the same contracts here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from service.later import later, loaded
from tests.source import ROOT, modules

PLACE = re.compile(r"service(\.\w+)+:\w+")
NOT_TO_SERVE = (
    "aiosmtplib", "alembic", "apprise", "docx", "lxml", "numpy", "openpyxl", "sklearn", "service.scoring.simulate",
)  # fmt: skip


def named() -> Iterator[tuple[str, str]]:
    """(room of who names it, `module:name`) of everything under service/ that is loaded by its name."""
    for module in modules("service"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and PLACE.fullmatch(node.value):
                yield room(module.path.removesuffix(".py").replace("/", ".")), node.value


def room(module: str) -> str:
    return module.partition(":")[0].split(".")[1]


def layers() -> dict[str, int]:
    """Room → how deep it lies, from the contract of imports."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    written = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    return {name.strip("() "): depth for depth, layer in enumerate(written) for name in layer.split("|")}


@pytest.mark.parametrize(("where", "place"), sorted(set(named())))
def test_what_is_loaded_by_name_is_there_and_lies_no_higher_than_who_names_it(where: str, place: str) -> None:
    assert loaded(place) is not None
    depth = layers()
    assert room(place) == where or depth[room(place)] > depth[where]


def test_nothing_is_loaded_by_its_name_in_another_place() -> None:
    assert {place for _, place in named()} >= {
        "service.workflows.demo:trickle",
        "service.workflows.files.report_docx:docx_of",
        "service.cli.serving:serve",
    }
    by_name = {m.path for m in modules("service") if "import_module" in m.text or "__import__" in m.text}
    assert by_name == {"service/later.py"}


def test_the_first_call_loads_and_passes_everything_on() -> None:
    assert later("json:dumps")({"b": 1, "a": 2}, sort_keys=True) == '{"a": 2, "b": 1}'


def test_a_server_does_not_load_what_it_need_not() -> None:
    asked = f"import sys, service.cli.serving; print([name for name in {NOT_TO_SERVE} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("asked", ["app.resolve_command(None, ['serve'])", "common.rest_collector()"])
def test_the_collector_works_again_after_a_start(asked: str) -> None:
    code = f"import gc; from service.cli import app, common; gc.disable(); {asked}; print(gc.isenabled())"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"
