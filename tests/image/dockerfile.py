"""Read a Dockerfile and a .dockerignore as far as ours go; what goes further is refused with its line."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

KNOWN = {"FROM", "RUN", "COPY", "WORKDIR", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}


class BadDockerfile(Exception):
    """An instruction that cannot be read; the text begins with `Dockerfile:line`."""


@dataclass(frozen=True)
class Step:
    """One instruction: `line` is where it begins, `rest` is its text with continuations joined."""

    line: int
    word: str
    rest: str

    @property
    def place(self) -> str:
        return f"Dockerfile:{self.line}: {self.word} {self.rest[:80]}"

    @property
    def command(self) -> list[str]:
        """The argument list of RUN or CMD, in either form."""
        if self.rest.lstrip().startswith("["):
            words: list[str] = json.loads(self.rest)
            return words
        return ["/bin/sh", "-c", self.rest]

    @property
    def copied(self) -> tuple[str | None, list[str], str]:
        """(stage, sources, target) of a COPY."""
        words = shlex.split(self.rest)
        stage = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
        *sources, target = [word for word in words if not word.startswith("--")]
        return stage, sources, target

    @property
    def pairs(self) -> dict[str, str]:
        """NAME=value of an ENV."""
        pairs = (word.partition("=") for word in shlex.split(self.rest))
        return {name: value for name, _, value in pairs}


@dataclass
class Stage:
    """From one FROM to the next."""

    name: str
    base: str
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> Step:
        return next(step for step in reversed(self.steps) if step.word == word)


def read_dockerfile(text: str) -> list[Stage]:
    stages: list[Stage] = []
    for step in _steps(text):
        if step.word not in KNOWN:
            raise BadDockerfile(f"{step.place}: not known here")
        if step.word == "FROM":
            base, _, name = re.fullmatch(r"(\S+)(\s+AS\s+(\S+))?", step.rest, re.IGNORECASE).groups()  # type: ignore[union-attr]
            stages.append(Stage(name or str(len(stages)), base))
        elif not stages:
            raise BadDockerfile(f"{step.place}: before the first FROM")
        else:
            stages[-1].steps.append(step)
    return stages


def health_command(stage: Stage) -> list[str]:
    """The argument list of the health check."""
    return Step(0, "CMD", stage.last("HEALTHCHECK").rest.partition("CMD")[2].strip()).command


def _steps(text: str) -> list[Step]:
    found, begun, parts = [], 0, []  # type: list[Step], int, list[str]
    for number, line in enumerate(text.splitlines(), 1):
        if not parts and (not line.strip() or line.lstrip().startswith("#")):
            continue
        begun = begun if parts else number
        parts.append(line.rstrip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            word, _, rest = " ".join(parts).partition(" ")
            found.append(Step(begun, word.upper(), rest.strip()))
            parts = []
    return found


class Context:
    """The files a build may copy: the checkout as .dockerignore narrows it. The last rule that fits decides."""

    def __init__(self, root: Path, rules: str) -> None:
        self.root = root
        lines = [line.strip() for line in rules.splitlines()]
        self._rules = [line for line in lines if line and not line.startswith("#")]

    def has(self, path: str) -> bool:
        """Whether a file of the checkout (relative, with slashes) is part of the context."""
        kept = True
        for rule in self._rules:
            pattern, keeps = rule.removeprefix("!").strip("/"), rule.startswith("!")
            if any(_fits(part, pattern) for part in _with_parents(path)):
                kept = keeps
        return kept and (self.root / path).exists()

    def files(self, source: str) -> list[str]:
        """All files of the context at or below a source of COPY."""
        base = self.root / source.rstrip("/")
        inside = [base] if base.is_file() else sorted(base.rglob("*"))
        names = (file.relative_to(self.root).as_posix() for file in inside if file.is_file())
        return [name for name in names if self.has(name)]


def _with_parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return any(_fits("/".join(path.split("/")[start:]), pattern[3:]) for start in range(path.count("/") + 1))
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)
