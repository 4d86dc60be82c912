"""`python -m tests.image`: build and try the image; exit code 1 and the line of the Dockerfile when a step fails."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from service.store.embedded import EmbeddedServer
from tests.conftest import server_folder
from tests.image.building import StepFailed, build
from tests.image.dockerfile import BadDockerfile, Context, read_dockerfile
from tests.image.trial import sizes, tried
from tests.served import ROOT

INSIDE = "--in-a-mount-namespace"


def main() -> int:
    if sys.platform != "linux" or os.geteuid() != 0:
        print("This needs Linux and root: it mounts file systems. With an engine: docker build .", file=sys.stderr)
        return 2
    if INSIDE not in sys.argv:
        return _outside()
    try:
        seen = _built_and_tried(Path(sys.argv[-1]))
    except (BadDockerfile, StepFailed, AssertionError) as failed:
        print(f"FAILED: {failed}", file=sys.stderr)
        return 1
    for name, value in seen.items():
        print(f"  {name:34} {value}")
    return 0


def _outside() -> int:
    """The folder is made and deleted where nothing is mounted in it: all mounts go with the namespace."""
    with server_folder() as folder:
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.image"]
        return subprocess.run([*command, INSIDE, str(folder)], cwd=ROOT, check=False).returncode


def _built_and_tried(folder: Path) -> dict[str, str]:
    stages = read_dockerfile((ROOT / "Dockerfile").read_text("utf-8"))
    context = Context(ROOT, (ROOT / ".dockerignore").read_text("utf-8"))
    os.environ["TMPDIR"] = str(folder)
    began = time.monotonic()
    root = build(stages, context, folder / "image")
    stand_in = f"this system with Python {platform.python_version()}, in place of {stages[-1].base}"
    seen = {"base": stand_in, "built in": f"{time.monotonic() - began:.0f} s", **sizes(root)}
    with EmbeddedServer(folder / "data", tcp=True) as server:
        return seen | tried(root, stages[-1], server.url)


if __name__ == "__main__":
    sys.exit(main())
