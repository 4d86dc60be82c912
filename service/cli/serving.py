"""weiyu serve."""

from __future__ import annotations

import gc
import sys
from socket import socket
from typing import Annotated, Any

import typer
import uvicorn

from service.cli.common import SAY, database, foreseen, rest_collector, settings_from
from service.cli.signals import stop_on_signals
from service.logs import log_to
from service.main import Weiyu, create_app
from service.settings import Settings

DRAIN_SECONDS = 8  # requests under way may finish for this long; containers are killed after ten
Host = Annotated[str | None, typer.Option(help="监听地址，缺省 127.0.0.1")]
Port = Annotated[int | None, typer.Option(help="监听端口，缺省 8000 或环境变量 PORT")]


def serve(host: Host = None, port: Port = None) -> None:
    """Serve a migrated database."""
    settings = settings_from(host=host, port=port)
    stop_on_signals()
    with foreseen(), database(settings) as url:
        run(create_app(settings, url), settings)


class _Server(uvicorn.Server):
    """Ends the app's streams as soon as the service is asked to stop; they would hold it up otherwise."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        gc.disable()  # until all that stays is there
        await super().startup(sockets)
        rest_collector()

    def handle_exit(self, sig: int, frame: Any) -> None:
        served = self.config.app
        if isinstance(served, Weiyu):
            served.stop_streams()
        super().handle_exit(sig, frame)


def run(weiyu: Weiyu, settings: Settings) -> None:
    """Serve until asked to stop."""
    log_to(sys.stderr)
    config = uvicorn.Config(
        weiyu, settings.host, settings.port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS, lifespan="on",
    )  # fmt: skip
    SAY.print(f"服务地址 {settings.link_base}  （Ctrl-C 停止）")
    _Server(config).run()
