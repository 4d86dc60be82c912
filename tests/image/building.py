"""Runs the steps of a stage in a root of its own: an overlay whose upper folder is what the image adds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

from tests.image.dockerfile import Context, Stage, Step

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How packages are reached from here is this machine's affair, as it is an engine's.
PASSED_ON = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")


class StepFailed(Exception):
    """A step of the Dockerfile that did not work; begins with its line."""


class Root:
    """One stage's file system. Needs root and a mount namespace of its own, with which every mount goes."""

    def __init__(self, folder: Path) -> None:
        self.added, self.path = folder / "added", folder / "root"
        self.env: dict[str, str] = {"PATH": f"{sys.base_prefix}/bin:{SYSTEM_PATH}", "HOME": "/root"}
        self.user, self.workdir = "root", "/"
        for part in (self.added, self.path, folder / "work"):
            part.mkdir(parents=True)
        layers = f"lowerdir=/,upperdir={self.added},workdir={folder / 'work'}"
        mount("-t", "overlay", "overlay", "-o", layers, str(self.path))
        mount("--bind", "/proc", str(self.path / "proc"))
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(self.path / "dev"))
        for device in ("null", "zero", "random", "urandom"):  # these only: nothing in here reaches a real disk
            (self.path / "dev" / device).touch()
            mount("--bind", f"/dev/{device}", str(self.path / "dev" / device))
        (self.path / "dev" / "shm").mkdir(mode=0o1777)
        mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(self.path / "tmp"))
        self._open_the_way(Path(sys.base_prefix))

    def inside(self, path: str) -> Path:
        """Where a path of the image lies on this machine."""
        return self.path / os.path.join(self.workdir, path).lstrip("/")

    def call(self, words: Sequence[str], **more: str) -> list[str]:
        """The arguments that run a command in here, as the user, in the working folder, with nothing else given."""
        given = [f"{name}={value}" for name, value in {**self.env, **more}.items()]
        powerless = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
        become = [*powerless, f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        who = [] if self.user == "root" else become
        return ["chroot", str(self.path), "env", "-i", "-C", self.workdir, *given, *who, *words]

    def freeze(self) -> None:
        """From here on nothing is written but below /tmp."""
        mount("-o", "remount,ro", str(self.path))

    def _open_the_way(self, python: Path) -> None:
        """The Python of a base image is open to everybody; ours may lie in somebody's home."""
        for folder in [*reversed(python.parents), python][1:]:
            there = self.path / str(folder).lstrip("/")
            if not there.stat().st_mode & 0o001:
                there.chmod(there.stat().st_mode | 0o011)


def build(stages: list[Stage], context: Context, folder: Path) -> Root:
    """All stages in order; the last one's root. Raises StepFailed naming the line."""
    roots: dict[str, Root] = {}
    for stage in stages:
        roots[stage.name] = Root(folder / stage.name)
        for step in stage.steps:
            print(f"  {step.place}", file=sys.stderr, flush=True)
            try:
                _run(step, roots[stage.name], context, roots)
            except (OSError, subprocess.CalledProcessError, KeyError) as error:
                said = getattr(error, "stderr", b"") or b""
                raise StepFailed(f"{step.place}\n{error}\n{said.decode(errors='replace')[-3000:]}") from None
    return roots[stages[-1].name]


def _run(step: Step, root: Root, context: Context, roots: dict[str, Root]) -> None:
    match step.word:
        case "RUN":
            passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
            subprocess.run(root.call(step.command, **passed), check=True, stdout=sys.stderr, stderr=subprocess.PIPE)
        case "COPY":
            _copy(step, root, context, roots)
        case "WORKDIR":
            root.inside(step.rest).mkdir(parents=True, exist_ok=True)
            root.workdir = os.path.join(root.workdir, step.rest)
        case "ENV":
            root.env |= {name: Template(value).safe_substitute(root.env) for name, value in step.pairs.items()}
        case "USER":
            root.user = step.rest


def _copy(step: Step, root: Root, context: Context, roots: dict[str, Root]) -> None:
    stage, sources, target = step.copied
    for source in sources:
        if stage is not None:
            there = roots[stage].inside(source)
            root.inside(target).mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", f"{there}/.", str(root.inside(target))], check=True, stderr=subprocess.PIPE)
            continue
        files = context.files(source)
        if not files:
            raise FileNotFoundError(f"nothing of the context is {source}")
        for name in files:
            below = os.path.relpath(name, source) if (context.root / source).is_dir() else os.path.basename(name)
            to = root.inside(os.path.join(target, below)) if target.endswith("/") else root.inside(target)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(context.root / name, to)


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, stderr=subprocess.PIPE)
