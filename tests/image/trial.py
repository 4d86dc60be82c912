"""What an image must do on a read-only root, unprivileged: migrate, make keys, start, answer, be healthy, stop."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.image.building import Root
from tests.image.dockerfile import Stage, health_command
from tests.makers import AREAS
from tests.served import ROOT

PORT = 8000  # the start command's own
PATIENCE = 40.0
STOP_SECONDS = 25.0
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def tried(root: Root, final: Stage, url: str) -> dict[str, str]:
    """What was seen, line by line; raises AssertionError for what must not be."""
    seen: dict[str, str] = {}
    root.freeze()
    database = {"WEIYU_DATABASE_URL": url}
    _refuses_without_a_database(root, final)
    seen["migrate"] = _does(root, ["weiyu", "migrate"], database).stderr.strip()
    _fill(root, database)
    keys = {name: _does(root, ["weiyu", "keys", "create", name, "--scope", scope], database).stdout.strip()
            for name, scope in (("reporter", "report"), ("reader", "read"))}  # fmt: skip
    with _started(root, final.last("CMD").command, database | {"WEIYU_PUSH_WORKERS": "0"}) as (server, began):
        _await_answer(server)
        seen["start to ready"] = f"{time.monotonic() - began:.2f} s"
        for number, answer in enumerate(_readme_lines(keys), 1):
            seen[f"README, curl line {number}"] = answer[:100]
        _does(root, health_command(final), {})
        seen["health check"] = "healthy"
        seen["resident memory"] = f"{_resident_mb(server.pid):.0f} MB"
        with _started(root, ["weiyu", "push"], database) as (pusher, _):
            time.sleep(3)
            assert pusher.poll() is None, "the pusher ended by itself"
            seen["resident memory of the pusher"] = f"{_resident_mb(pusher.pid):.0f} MB"
            seen["pusher stopped after"] = f"{_stopped(pusher):.2f} s"
        seen["stopped after"] = f"{_stopped(server):.2f} s"
    assert subprocess.run(root.call(health_command(final)), capture_output=True, check=False).returncode != 0
    assert "WEIYU_DATABASE_URL" in _refused(root, ["weiyu", "keys", "list"], {"WEIYU_DATA_DIR": "/tmp/data"})  # noqa: S108
    seen["training"] = _refused(root, ["weiyu", "train"], database).splitlines()[0][:100]
    return seen


def sizes(root: Root) -> dict[str, str]:
    """What the stage adds to its base, in MB."""
    parts = ("venv", "app", ".")
    return {
        f"size of {'all that is added' if part == '.' else '/' + part}": f"{_megabytes(root.added / part):.0f} MB"
        for part in parts
    }


def _megabytes(folder: Path) -> float:
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_size for file in files) / 1e6


def _refuses_without_a_database(root: Root, final: Stage) -> None:
    said = _refused(root, final.last("CMD").command, {})
    assert "WEIYU_DATABASE_URL" in said, said


def _refused(root: Root, words: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(root.call(words, **env), capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode not in (0, None), f"{words} was not refused"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def _does(root: Root, words: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(root.call(words, **env), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def _fill(root: Root, env: dict[str, str]) -> None:
    with (root.path / "tmp" / "areas.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("code", "name"), *AREAS.items()])
    _does(root, ["weiyu", "import", "areas", "/tmp/areas.csv"], env)  # noqa: S108  the image's own


@contextlib.contextmanager
def _started(root: Root, words: list[str], env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    began = time.monotonic()
    process = subprocess.Popen(root.call(words, **env))
    try:
        yield process, began
    finally:
        process.kill()
        process.wait()


def _await_answer(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            NO_PROXY.open(f"http://127.0.0.1:{PORT}/readyz", timeout=2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the server was not ready in time")


def _readme_lines(keys: dict[str, str]) -> list[str]:
    """The block of the README, word for word; the keys lie where `make run` would have put them."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"## The main job in three curl lines\n\n```sh\n(.*?)```", readme, re.DOTALL)
    assert block, "the README has no block of curl lines"
    folder = Path(os.environ["TMPDIR"])
    (folder / "var").mkdir(exist_ok=True)
    (folder / "var" / "demo-keys.json").write_text(json.dumps(keys), "utf-8")
    script = re.sub(r"^(?=curl )", 'printf "\\\\n\\\\x1e"\n', block[1], flags=re.MULTILINE)
    env = {**os.environ, "no_proxy": "*", "NO_PROXY": "*"}
    done = subprocess.run(["bash", "-e"], input=script, cwd=folder, env=env, capture_output=True, text=True, check=True)
    answers = [answer.strip() for answer in done.stdout.split("\x1e")[1:]]
    report, feed, why = [json.loads(answer) for answer in answers]
    assert report["warnings"], report
    assert "items" in feed, feed
    assert why["changes"], why
    assert why["judgement"]["findings"], why
    return answers


def _resident_mb(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _stopped(process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(STOP_SECONDS)
    assert code == 0, f"asked to stop, it ended with {code}"
    return time.monotonic() - began
