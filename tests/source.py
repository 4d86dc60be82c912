"""The source read as data: files of the checkout, modules, functions. For the tests that guard the house."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = {".git", ".venv", "var", "build", "__pycache__", "weiyu.egg-info"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
DEEPER = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class Module:
    """One Python file; `path` is relative to the checkout, with slashes."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


@dataclass(frozen=True)
class Function:
    """One function of a module. `arguments` leaves out self and cls, `lines` runs from `def` to the last line."""

    place: str
    node: FunctionNode
    lines: int
    arguments: int
    nesting: int


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """All modules below these folders, in order of their paths."""
    return tuple(_module(file) for file in sorted(f for folder in folders for f in (ROOT / folder).rglob("*.py")))


def functions(*folders: str) -> list[Function]:
    """Every function and method below these folders, nested ones too."""
    return [function for module in modules(*folders) for function in _inside(module.tree, f"{module.path}::")]


def decorators(node: FunctionNode) -> list[str]:
    """The decorators as written, without their arguments: `router.get`, `property`."""
    return [ast.unparse(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list]


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of every import; the name is empty for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


@cache
def checkout_files() -> tuple[Path, ...]:
    """What git tracks or would track; without git (an unpacked copy) everything but what the commands make."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [file for file in ROOT.rglob("*") if not _made(file.relative_to(ROOT))]
    return tuple(sorted(file for file in found if file.is_file()))


@cache
def _module(file: Path) -> Module:
    text = file.read_text("utf-8")
    return Module(file.relative_to(ROOT).as_posix(), text, ast.parse(text))


def _made(path: Path) -> bool:
    return any(part in NOT_OURS or part.endswith("_cache") or part == ".hypothesis" for part in path.parts)


def _inside(node: ast.AST, prefix: str, in_class: bool = False) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield _function(child, prefix, in_class)
            yield from _inside(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _inside(child, f"{prefix}{child.name}.", in_class=True)
        else:
            yield from _inside(child, prefix, in_class)


def _function(node: FunctionNode, prefix: str, in_class: bool) -> Function:
    given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    bound = in_class and "staticmethod" not in decorators(node)
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    return Function(prefix + node.name, node, lines, len(given) - bound, _depth(node.body))


def _depth(body: list[ast.stmt]) -> int:
    return max((_depth_of(statement) for statement in body), default=0)


def _depth_of(statement: ast.AST) -> int:
    """Blocks inside each other. `elif` is no deeper than its `if`; functions inside count for themselves."""
    if isinstance(statement, SCOPES):
        return 0
    inside = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt | ast.ExceptHandler)]
    inside += [part for case in getattr(statement, "cases", []) for part in case.body]
    if isinstance(statement, ast.If) and [*map(type, statement.orelse)] == [ast.If]:
        inside.remove(statement.orelse[0])
        return max(1 + max(map(_depth_of, inside), default=0), _depth_of(statement.orelse[0]))
    return isinstance(statement, DEEPER) + max(map(_depth_of, inside), default=0)
