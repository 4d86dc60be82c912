"""`python -m tests.attack.fault_pusher`: `weiyu push` under a clock and a name service that the fault run steers.

`FAULT_CLOCK` names a file with the seconds by which the clock is off. Names under `.second-look.example` lead to
loopback at this process's first look and to a private address at every later one.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.delivery.guard import system_resolver
from service.pushing import push_until
from service.settings import read_settings

SECOND_LOOK = ".second-look.example"
STARTED = "发送进程已启动"
_looks: Counter[str] = Counter()


def off_clock(file: Path) -> datetime:
    """Now, by a clock that is off by what the file says."""
    return datetime.now(UTC) + timedelta(seconds=float(file.read_text("utf-8") or 0))


async def resolve(host: str) -> Sequence[str]:
    """Loopback first, then an address that nobody may push to, among a good one."""
    if not host.endswith(SECOND_LOOK):
        return await system_resolver(host)
    _looks[host] += 1
    return ["127.0.0.1"] if _looks[host] == 1 else ["127.0.0.1", "10.0.0.1"]


async def main() -> None:
    settings = read_settings(os.environ)
    file = Path(os.environ["FAULT_CLOCK"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(STARTED, flush=True)
    await push_until(stop, settings, str(settings.database_url), lambda: off_clock(file), resolve)


if __name__ == "__main__":
    asyncio.run(main())
