"""Whatever else Apprise carries, by a list of schemes: in a process of its own, every connection past our guard."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from importlib.util import find_spec
from typing import ClassVar

from pydantic import BaseModel

from service.delivery.channels.robots import NoOptions
from service.delivery.parcel import Parcel, Proof, Tools
from service.delivery.reading import read
from service.delivery.result import Answer, PushResult, Verdict, result_of
from service.domain.problems import Problem

# Services that a message is handed to. None that runs a command, opens a file, or posts a form to any host of choice:
# those would be ways around what a webhook must prove.
SCHEMES = frozenset(
    {
        "bark", "barks", "gotify", "gotifys", "matrix", "matrixs", "mmost", "mmosts", "ntfy", "ntfys",
        "pushdeer", "pushdeers", "pushplus", "rocket", "rockets", "schan", "slack", "tgram", "wxpusher", "wxteams",
        "zulip",
    }
)  # fmt: skip
AT_ONCE = 2  # processes; each takes a second and some 60 MB while it lasts
_KEPT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT")  # of the environment: no proxy among it


class AppriseChannel:
    """One process per push: slow, and of no weight while nothing is sent this way."""

    Options: ClassVar[type[BaseModel]] = NoOptions
    proof: ClassVar[Proof] = Proof.CODE
    makes_secret: ClassVar[bool] = False
    url_is_secret: ClassVar[bool] = True

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._places = asyncio.Semaphore(AT_ONCE)

    async def check(self, url: str) -> None:
        if find_spec("apprise") is None:
            detail = "本机未安装 apprise；请管理员执行 pip install 'weiyu[apprise]' 后重启服务。"
            raise Problem(422, "channel_missing", detail)
        if not _allowed(url):
            raise Problem(422, "endpoint_scheme", f"apprise 地址只能用这些协议：{'、'.join(sorted(SCHEMES))}。")

    async def push(self, parcel: Parcel) -> PushResult:
        answer, started = Answer(), time.perf_counter()
        try:
            await self.check(parcel.address.url)
            async with self._places, asyncio.timeout(self._tools.total_seconds):
                await self._send(parcel, answer)
        except Problem as problem:
            answer.error = problem.code
        except TimeoutError:
            answer.error = "timeout"
        answer.verdict = answer.verdict or Verdict.RETRY
        return result_of(answer, round((time.perf_counter() - started) * 1000), parcel.now_unix)

    async def _send(self, parcel: Parcel, answer: Answer) -> None:
        reading = read(parcel.body)
        below = "\n".join([*reading.lines, *([reading.link] if reading.link else [])])
        job = {
            "url": parcel.address.url, "title": reading.title, "body": below or reading.title,
            "allow": self._tools.guard.allowed,
        }  # fmt: skip
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service.delivery.apprise_child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )  # fmt: skip
        try:
            said, _ = await child.communicate(json.dumps(job).encode())
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        _note(said, answer)


def _note(said: bytes, answer: Answer) -> None:
    try:
        told = json.loads(said)
    except ValueError:
        answer.error = "connection_lost"
        return
    answer.head += told["log"].encode()[:500]
    answer.verdict = Verdict.DELIVERED if told["sent"] else Verdict.RETRY
    answer.error = None if told["sent"] else told["denied"] or "refused_by_gateway"


def _allowed(url: str) -> bool:
    scheme, separator, rest = url.partition("://")
    return bool(separator and rest) and scheme.lower() in SCHEMES and url.isprintable() and " " not in url
