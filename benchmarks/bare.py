"""What our routes are held against: the same framework, the same key check, no work behind it.

`python -m benchmarks.bare` serves on $PORT with the keys of $BENCH_DATABASE: an echo of the validated report, and the
warnings route answering with constants: the bytes in $BENCH_PAGE, or 304 to whoever sends If-None-Match.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query, Request, Response

from service.api.access import READERS, may
from service.domain.incidents import IncidentReport
from service.domain.levels import Level
from service.domain.words import Scope
from service.store.engine import open_engine
from service.store.keys import KeyBook, Viewer

ETAG = {"etag": '"constant"', "cache-control": "private, no-cache"}
PAGE = Path(os.environ["BENCH_PAGE"]).read_bytes() if "BENCH_PAGE" in os.environ else b"{}"


@contextlib.asynccontextmanager
async def _life(served: FastAPI) -> AsyncIterator[None]:
    engine = open_engine(os.environ["BENCH_DATABASE"], 2)
    served.state.parts = SimpleNamespace(keys=KeyBook(engine), clock=lambda: datetime.now(UTC))
    yield
    await engine.dispose()


app = FastAPI(lifespan=_life, docs_url=None, redoc_url=None, openapi_url=None)


@app.post("/v1/incidents", status_code=201)
async def post_incident(report: IncidentReport, _: Annotated[Viewer, may(Scope.REPORT)]) -> IncidentReport:
    return report


@app.get("/v1/warnings")
async def get_warnings(
    _: Annotated[Viewer, may(*READERS)],
    request: Request,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,  # noqa: ARG001  (the real route's parameters, read and checked)
    limit: Annotated[int, Query(ge=1, le=500)] = 50,  # noqa: ARG001
    level: Annotated[Level | None, Query()] = None,  # noqa: ARG001
    area: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,  # noqa: ARG001
    category: Annotated[list[str] | None, Query()] = None,  # noqa: ARG001
) -> Response:
    if request.headers.getlist("if-none-match"):
        return Response(status_code=304, headers=ETAG)
    return Response(PAGE, headers=ETAG, media_type="application/json")


def run(served: FastAPI) -> None:
    """As `weiyu serve` runs its own."""
    uvicorn.run(
        served, host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None, access_log=False, server_header=False
    )


if __name__ == "__main__":
    run(app)
