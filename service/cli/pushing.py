"""weiyu push: a process that only empties the outbox."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime

from service.cli.common import SAY, database, foreseen, refuse, settings_from
from service.cli.signals import stop_on_signals
from service.logs import log_to
from service.pushing import push_until
from service.settings import Settings


def push() -> None:
    """Push what is owed until asked to stop; pushes under way are let finish."""
    settings = settings_from()
    if not settings.push_workers:
        refuse(["weiyu push 是发送进程，WEIYU_PUSH_WORKERS 须不小于 1（0 只用于服务进程）。"])
    stop_on_signals()
    with foreseen(), database(settings) as url:
        log_to(sys.stderr)
        asyncio.run(_push(settings, url))


async def _push(settings: Settings, url: str) -> None:
    asked_to_stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked_to_stop.set))
    SAY.print("发送进程已启动  （Ctrl-C 停止）")
    pusher = await push_until(asked_to_stop, settings, url, lambda: datetime.now(UTC))
    SAY.print(f"发送进程已停止：送达 {pusher.counts['delivered']}，放弃 {pusher.counts['given_up']}")
