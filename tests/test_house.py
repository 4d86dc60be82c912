"""Guards the house instead of a function: budgets, borders, and what this service must never become."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from itertools import chain
from typing import Any

import pytest
from alembic.config import Config
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel
from sqlmodel import SQLModel

from alembic import command
from service.domain.catalogue import load_catalogue
from service.main import create_app
from service.rules.facts import EVERYDAY_SOURCES, matter_vocabulary
from service.rules.law.book import load_law
from service.scoring.features import NAMES
from service.settings import Settings
from service.workflows.workdays import is_workday
from tests.source import ROOT, Function, checkout_files, decorators, functions, imported, modules

# What stands over a budget, with the reason: "service/x.py" or "service/x.py::function" → why. Stale entries fail.
OVER_BUDGET: dict[str, str] = {}
# "service/x.py::function imports y" → why not at the top of the file. Stale entries fail.
HIDDEN_IMPORTS: dict[str, str] = {}

MODULE_LINES, FUNCTION_LINES, ARGUMENTS, NESTING = 300, 40, 5, 3
MEDIAN_LINES, P90_LINES = 8, 20  # ratchets: may be lowered, never raised

# Whose parameters are declarations that a framework reads, not a call that somebody writes.
DECLARED = re.compile(r"router\.\w+|\w+\.(command|callback)")
ENGINES = (
    *("service/domain/", "service/rules/", "service/text/", "service/scoring/", "service/delivery/routing.py"),
    *("service/delivery/routes.py", "service/delivery/silences.py", "service/delivery/notifying.py"),
    *("service/delivery/inhibition.py", "service/delivery/hearing.py", "service/delivery/times.py"),
)
CLOCKS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.monotonic",
}
CODE_AT_LOAD = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
DATABASE_TYPES = {("sqlalchemy.ext.asyncio", "AsyncConnection"), ("sqlalchemy.ext.asyncio", "AsyncEngine")}

PERSON = {
    *("person", "persons", "personal", "individual", "citizen", "resident", "petitioner", "applicant", "complainant"),
    *(
        "claimant",
        "visitor",
        "reporter",
        "worker",
        "surname",
        "forename",
        "nickname",
        "birthday",
        "birthdate",
        "gender",
    ),
    *("phone", "telephone", "mobile", "wechat", "identity", "passport", "idcard", "face", "fingerprint", "plate"),
}
PERSON_PAIRS = ("id_number", "id_card", "user_id", "user_name", "full_name", "home_address", "ip_address")
# things that may have a name
NAMED_TABLES = {"project", "area", "department", "api_key", "rulebook", "lease", "service_secret"}
PETITIONING = {"petition", "petitions", "xinfang", "visit", "visits", "superior", "higher", "letter", "appeal"}


# ---- budgets


def test_no_module_is_longer_than_a_sitting() -> None:
    _none(_over({m.path: m.lines for m in modules("service")}, MODULE_LINES))


def test_no_function_is_longer_than_a_page() -> None:
    _none(_over({f.place: f.lines for f in functions("service")}, FUNCTION_LINES))


def test_most_functions_are_short() -> None:
    lines = [f.lines for f in functions("service")]
    assert statistics.median(lines) <= MEDIAN_LINES
    assert statistics.quantiles(lines, n=10)[8] <= P90_LINES


def test_no_function_takes_more_arguments_than_a_hand_holds() -> None:
    called = [f for f in functions("service") if not _is_declared(f)]
    _none(_over({f.place: f.arguments for f in called}, ARGUMENTS))


def test_no_function_nests_deeper_than_three_blocks() -> None:
    _none(_over({f.place: f.nesting for f in functions("service")}, NESTING))


def test_every_exception_from_the_budgets_is_still_needed() -> None:
    measured = {m.path: m.lines > MODULE_LINES for m in modules("service")} | {
        f.place: f.lines > FUNCTION_LINES or f.arguments > ARGUMENTS or f.nesting > NESTING
        for f in functions("service")
    }
    _none([place for place in OVER_BUDGET if not measured.get(place)])


def test_modules_and_public_classes_say_what_they_are() -> None:
    silent = [m.path for m in modules("service") if m.text and not ast.get_docstring(m.tree)]
    for module in modules("service"):
        classes = [node for node in module.tree.body if isinstance(node, ast.ClassDef)]
        public = [node for node in classes if not node.name.startswith("_")]
        silent += [f"{module.path}::{node.name}" for node in public if not ast.get_docstring(node)]
    _none(silent)


# ---- borders


def test_imports_keep_the_contracts() -> None:
    # In a process of its own: the linter changes the logging and the path of the one it runs in.
    check = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True, no_logo=True))"
    linted = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_only_the_types_of_the_database_library_leave_the_store() -> None:
    outside = [m for m in modules("service") if not m.path.startswith("service/store/")]
    speaking = {
        f"{m.path} imports {name or module}"
        for m in outside
        for module, name in imported(m.tree)
        if module.split(".")[0] == "sqlalchemy" and (module, name) not in DATABASE_TYPES
    }
    _none(speaking)


def test_no_import_hides_in_a_function() -> None:
    hidden = {f"{f.place} imports {module}" for f in functions("service") for module, _ in imported(f.node)}
    assert hidden == set(HIDDEN_IMPORTS)


def test_engines_are_told_the_time() -> None:
    engines = [m for m in modules("service") if m.path.startswith(ENGINES) and m.path != "service/scoring/train.py"]
    asking = [f"{m.path}: {called}" for m in engines for called in _called(m.tree) if called.endswith(tuple(CLOCKS))]
    _none(asking)


def test_nothing_that_runs_code_while_loading_is_used() -> None:
    loading = [
        f"{m.path} imports {module}"
        for m in modules("service", "alembic", "benchmarks", "tests")
        for module, _ in imported(m.tree)
        if module.split(".")[0] in CODE_AT_LOAD
    ]
    _none(loading)


def test_tests_replace_no_part_of_ours() -> None:
    mocking = [
        f"{m.path} uses {word}"
        for m in modules("tests")
        for word in {*chain(*imported(m.tree)), *_arguments(m.tree)}
        if word.split(".")[-1] in {"mock", "mocker", "pytest_mock"}
    ]
    _none(mocking)


def test_the_migrations_folder_does_not_shadow_its_library() -> None:
    _none(str(file) for file in (ROOT / "alembic").rglob("__init__.py"))


def test_models_are_data() -> None:
    code = {".py", ".pyc", ".pkl", ".pickle", ".joblib", ".so", ".onnx_data"}
    _none([file.name for file in (ROOT / "models").rglob("*") if file.suffix in code])


def test_the_migrations_make_the_declared_tables(database_url: str) -> None:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    command.check(config)  # raises when a new migration would not be empty


# ---- the checkout


def test_no_file_names_a_registry_or_the_place_it_was_written_in() -> None:
    # In two pieces each, or this file would be the first to break the rule.
    pieces = (
        *("py~pi.org", "python~hosted", "registry.np~mjs", "crat~es.io", "deb.deb~ian", "dock~er.io", "gh~cr.io"),
        *("mirr~ors.", "proxy.gol~ang", "/opt/whe~els", "/opt/py~pi", ".libr~ary/"),
    )
    words = "|".join(re.escape(piece.replace("~", "")) for piece in pieces)
    forbidden = re.compile(words + r"|(?<![\w.-])/wo" + "rk/", re.IGNORECASE)
    texts = {file.relative_to(ROOT): file.read_bytes().decode("utf-8", "replace") for file in checkout_files()}
    _none([f"{name}: {found[0]}" for name, text in texts.items() if (found := forbidden.search(text))])


@pytest.mark.parametrize(("lock", "extras"), [("requirements.lock", ()), ("requirements-dev.lock", ("dev", "train"))])
def test_the_lock_holds_what_is_declared_and_no_address(lock: str, extras: tuple[str, ...]) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"https?://|file:/|--(index|extra|find|trusted)", text)
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    optional = project["project"]["optional-dependencies"]
    declared = project["project"]["dependencies"] + project["build-system"]["requires"]
    wanted = [Requirement(line) for line in chain(declared, *(optional[extra] for extra in extras))]
    versions = [(want, locked.get(canonicalize_name(want.name))) for want in wanted]
    _none([str(want) for want, version in versions if version is None or version not in want.specifier])


def test_what_runs_is_locked_without_the_training_libraries() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    _none(re.findall(r"^(?:numpy|scipy|scikit-learn|joblib)==.*", text, re.MULTILINE))


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    linked = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text("utf-8"))
    assert linked == sorted(page.name for page in folder.glob("[0-9]*.md"))


# ---- never a person, and petitioning is no signal


def test_no_column_is_about_a_person() -> None:
    columns = [(table.name, column.name) for table in SQLModel.metadata.tables.values() for column in table.columns]
    assert columns
    named = [f"{table}.name" for table, column in columns if column == "name" and table not in NAMED_TABLES]
    _none([f"{table}.{column}" for table, column in columns if _is_about_a_person(column)] + named)


def test_no_field_on_the_wire_is_about_a_person() -> None:
    app = create_app(Settings(), "postgresql://nobody@127.0.0.1/none")
    described = set(_property_names(app.openapi()))
    assert "people_affected" in described  # head-counts are there, so the description was read
    _none([name for name in sorted(described) if _is_about_a_person(name)])


def test_no_noun_and_no_shape_is_about_a_person() -> None:
    held = {f"{shape.__module__}.{shape.__name__}.{name}": name for shape, names in _shapes() for name in names}
    assert held
    _none([place for place, name in held.items() if _is_about_a_person(name)])


def test_no_fact_feature_or_signal_is_about_a_person_or_about_petitioning() -> None:
    catalogue = load_catalogue()
    law = load_law(is_workday=is_workday).library
    asked = {*matter_vocabulary(catalogue).facts, *NAMES, *catalogue.signals, *law.facts, *law.derived}
    assert {"people_affected", "age_log", "payment_overdue", "votes_cast", "comment_days"} <= asked
    _none([name for name in sorted(asked) if _is_about_a_person(name) or PETITIONING & {*name.split("_")}])
    assert not {"letter", "visit", "superior", "leader_mailbox"} & {*EVERYDAY_SOURCES}


# ---- how it is read


def _none(found: Iterable[str]) -> None:
    """Nothing was found; otherwise everything that was, a line each."""
    lines = "\n".join(sorted(found))
    assert not lines, "\n" + lines


def _over(measured: dict[str, int], limit: int) -> list[str]:
    over = {place: size for place, size in measured.items() if size > limit and place not in OVER_BUDGET}
    return [f"{place}: {size}, at most {limit}" for place, size in over.items()]


def _is_declared(function: Function) -> bool:
    return any(DECLARED.fullmatch(decorator) for decorator in decorators(function.node))


def _called(tree: ast.AST) -> list[str]:
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _arguments(tree: ast.AST) -> set[str]:
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _is_about_a_person(name: str) -> bool:
    return bool(PERSON & {*name.lower().split("_")}) or any(pair in name.lower() for pair in PERSON_PAIRS)


def _property_names(description: Any) -> Iterator[str]:
    """Names of properties and parameters anywhere in an OpenAPI description."""
    if isinstance(description, dict):
        properties = description.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        yield from [description["name"]] if "in" in description and "name" in description else []
    inside = description.values() if isinstance(description, dict) else description
    for part in inside if isinstance(description, dict | list) else ():
        yield from _property_names(part)


def _shapes() -> Iterator[tuple[type, tuple[str, ...]]]:
    """Every pydantic model and dataclass of ours, with its field names."""
    for module in [each for each in modules("service") if not each.path.endswith("__main__.py")]:
        loaded = import_module(module.path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        for shape in vars(loaded).values():
            if isinstance(shape, type) and issubclass(shape, BaseModel):
                yield shape, tuple(shape.model_fields)
            elif isinstance(shape, type) and is_dataclass(shape):
                yield shape, tuple(field.name for field in fields(shape))
